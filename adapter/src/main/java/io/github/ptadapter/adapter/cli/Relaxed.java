package io.github.ptadapter.adapter.cli;

import java.util.EnumMap;
import java.util.Map;

/**
 * A text without what people use of JSON5 and shells and JSON does not have: comments, and a comma
 * before a closing bracket.
 *
 * @param text with blanks in their place
 * @param lines the line of the first of each kind
 */
record Relaxed(String text, Map<Kind, Integer> lines) {

  /** What JSON does not have. */
  enum Kind {
    /** From two slashes to the end of the line, or between slashes and asterisks. */
    COMMENT,
    /** From a number sign to the end of the line, which is no comment in JSON5 either. */
    HASH,
    /** Not closed. */
    OPEN_COMMENT,
    COMMA
  }

  static Relaxed of(String text) {
    return new Reader(text).read();
  }

  private static final class Reader {
    private final String text;
    private final StringBuilder plain;
    private final Map<Kind, Integer> lines = new EnumMap<>(Kind.class);

    Reader(String text) {
      this.text = text;
      plain = new StringBuilder(text);
    }

    Relaxed read() {
      // The last comma, while nothing but blanks and comments has come behind it.
      int comma = -1;
      int i = 0;
      while (i < text.length()) {
        char c = text.charAt(i);
        int end = i + 1;
        if (c == '#' || text.startsWith("//", i)) {
          int newline = text.indexOf('\n', i);
          end = newline < 0 ? text.length() : newline;
          blank(i, end, c == '#' ? Kind.HASH : Kind.COMMENT);
        } else if (text.startsWith("/*", i)) {
          int close = text.indexOf("*/", i + 2);
          end = close < 0 ? text.length() : close + 2;
          blank(i, end, close < 0 ? Kind.OPEN_COMMENT : Kind.COMMENT);
        } else if (c == '"') {
          end = endOfString(i);
          comma = -1;
        } else if (c == ',') {
          comma = i;
        } else if (!Character.isWhitespace(c)) {
          if ((c == '}' || c == ']') && comma >= 0) {
            blank(comma, comma + 1, Kind.COMMA);
          }
          comma = -1;
        }
        i = end;
      }
      return new Relaxed(plain.toString(), lines);
    }

    private int endOfString(int start) {
      int i = start + 1;
      while (i < text.length() && text.charAt(i) != '"') {
        i += text.charAt(i) == '\\' ? 2 : 1;
      }
      return i + 1;
    }

    private void blank(int from, int to, Kind found) {
      for (int i = from; i < to; i++) {
        if (text.charAt(i) != '\n') {
          plain.setCharAt(i, ' ');
        }
      }
      int line = 1 + (int) text.substring(0, from).chars().filter(c -> c == '\n').count();
      lines.putIfAbsent(found, line);
    }
  }
}
