package io.github.ptadapter.adapter.cli;

import io.github.ptadapter.adapter.AdapterException;
import io.github.ptadapter.adapter.StateDirectory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Text for people, and from them. */
final class Text {

  /** Links, options and configurations are much shorter. */
  private static final int MOST_BYTES = 1 << 20;

  /** What editors of Windows put before a text, and do not show. */
  static final String BYTE_ORDER_MARK = "\uFEFF";

  private Text() {}

  /** The text with a blank for everything that would begin a line or steer a terminal. */
  static String oneLine(String text) {
    StringBuilder line = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      line.append(Character.isISOControl(c) ? ' ' : c);
    }
    return line.toString();
  }

  /** Breaks a text into lines, between words. */
  static List<String> wrap(String text, int width) {
    List<String> lines = new ArrayList<>();
    StringBuilder line = new StringBuilder();
    for (String word : oneLine(text).split(" ", -1)) {
      if (!line.isEmpty() && line.length() + 1 + word.length() > width) {
        lines.add(line.toString());
        line.setLength(0);
      }
      line.append(line.isEmpty() ? "" : " ").append(word);
    }
    lines.add(line.toString());
    return lines;
  }

  /**
   * Reads a whole file, or standard input for {@code -}.
   *
   * @throws AdapterException when it cannot be read, or is no text
   */
  static String read(String file) throws AdapterException {
    String name = name(file);
    try {
      byte[] bytes;
      if (file.equals("-")) {
        bytes = System.in.readNBytes(MOST_BYTES + 1);
      } else {
        if (file.isEmpty()) {
          throw AdapterException.config("the name of a file is empty");
        }
        Path path = Path.of(file);
        if (Files.isDirectory(path)) {
          throw AdapterException.config("cannot read " + name + ": it is a directory");
        }
        try (var in = Files.newInputStream(path)) {
          bytes = in.readNBytes(MOST_BYTES + 1);
        }
      }
      if (bytes.length > MOST_BYTES) {
        throw AdapterException.config("cannot read " + name + ": it is longer than a megabyte");
      }
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw AdapterException.config("cannot read " + name + ": it is no text in UTF-8");
    } catch (IOException e) {
      throw AdapterException.config("cannot read " + StateDirectory.reason(e));
    } catch (InvalidPathException e) {
      throw AdapterException.config("cannot read %s: no file has such a name".formatted(name));
    }
  }

  /** Reads the first line of a file that holds one, such as a password or plugin options. */
  static String readLine(String file) throws AdapterException {
    String text = read(file);
    String bare = text.startsWith(BYTE_ORDER_MARK) ? text.substring(1) : text;
    String line = bare.lines().findFirst().orElse("");
    if (line.isBlank()) {
      throw AdapterException.config("there is nothing in the first line of " + name(file));
    }
    return line;
  }

  private static String name(String file) {
    return file.equals("-") ? "standard input" : file;
  }
}
