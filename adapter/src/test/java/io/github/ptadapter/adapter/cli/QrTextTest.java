package io.github.ptadapter.adapter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.zxing.BinaryBitmap;
import com.google.zxing.DecodeHintType;
import com.google.zxing.RGBLuminanceSource;
import com.google.zxing.common.GlobalHistogramBinarizer;
import com.google.zxing.qrcode.QRCodeReader;
import io.github.ptadapter.adapter.AdapterException;
import io.github.ptadapter.adapter.ExitCode;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class QrTextTest {

  private static final int BLACK = 0x000000;
  private static final int WHITE = 0xffffff;

  /** Pixels for each module, as a camera has more than one. */
  private static final int SCALE = 4;

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void anotherLibraryReadsIt(boolean colours) throws Exception {
    String link = "ss://YWVz@192.0.2.1:443/?plugin=pt-adapter%3Btransport%3Dobfs4#h";
    assertThat(read(QrText.draw(link, colours), colours)).isEqualTo(link);
  }

  @Test
  void tooLongALinkIsRefused() {
    Assertions.assertThatThrownBy(() -> QrText.draw("x".repeat(4000), false))
        .isInstanceOfSatisfying(
            AdapterException.class, e -> assertThat(e.code()).isEqualTo(ExitCode.CONFIG))
        .hasMessageContaining("too long for a QR code (4000 characters)");
  }

  private static String read(String drawing, boolean colours) throws Exception {
    List<String> rows = drawing.replaceAll("\033\\[[0-9;]*m", "").lines().toList();
    int width = rows.getFirst().length();
    int height = rows.size() * 2;
    int[] pixels = new int[width * SCALE * height * SCALE];
    for (int y = 0; y < height * SCALE; y++) {
      for (int x = 0; x < width * SCALE; x++) {
        char c = rows.get(y / SCALE / 2).charAt(x / SCALE);
        boolean ink = c == '█' || c == (y / SCALE % 2 == 0 ? '▀' : '▄');
        pixels[y * width * SCALE + x] = ink == colours ? BLACK : WHITE;
      }
    }
    return new QRCodeReader()
        .decode(
            new BinaryBitmap(
                new GlobalHistogramBinarizer(
                    new RGBLuminanceSource(width * SCALE, height * SCALE, pixels))),
            Map.of(DecodeHintType.PURE_BARCODE, true))
        .getText();
  }
}
