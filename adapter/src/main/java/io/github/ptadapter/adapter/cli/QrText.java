package io.github.ptadapter.adapter.cli;

import io.github.ptadapter.adapter.AdapterException;
import io.nayuki.qrcodegen.DataTooLongException;
import io.nayuki.qrcodegen.QrCode;

/** A QR code in half blocks: two rows of it in one of text. */
final class QrText {

  /** The light frame that readers need (ISO/IEC 18004, 6.3.8). */
  static final int FRAME = 4;

  private static final String BLACK_ON_WHITE = "\033[30;107m";
  private static final String NORMAL = "\033[0m";

  private QrText() {}

  /**
   * Draws a text.
   *
   * @param colours whether a terminal takes them; else the drawing is for light text on dark
   */
  static String draw(String text, boolean colours) throws AdapterException {
    QrCode code;
    try {
      code = QrCode.encodeText(text, QrCode.Ecc.LOW);
    } catch (DataTooLongException e) {
      throw AdapterException.config(
          "the link is too long for a QR code (" + text.length() + " characters)");
    }
    StringBuilder drawing = new StringBuilder();
    for (int y = -FRAME; y < code.size + FRAME; y += 2) {
      drawing.append(colours ? BLACK_ON_WHITE : "");
      for (int x = -FRAME; x < code.size + FRAME; x++) {
        // Ink is what a terminal draws in the colour of its text.
        boolean upper = code.getModule(x, y) == colours;
        // Below the last row there is only frame.
        boolean lower = code.getModule(x, y + 1) == colours;
        drawing.append(upper ? (lower ? '█' : '▀') : (lower ? '▄' : ' '));
      }
      drawing.append(colours ? NORMAL : "").append('\n');
    }
    return drawing.toString();
  }
}
