package io.github.ptadapter.adapter.cli;

/**
 * A text without what people use of JSON5 and JSON does not have: comments, and a comma before a
 * closing bracket.
 *
 * @param text with blanks in their place
 * @param line where the first of them was; 0 without any
 * @param what the first of them, for people
 */
record Relaxed(String text, int line, String what) {

  static Relaxed of(String text) {
    return new Reader(text).read();
  }

  private static final class Reader {
    private final String text;
    private final StringBuilder plain;
    private int firstAt = Integer.MAX_VALUE;
    private String what = "";

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
          end = until("\n", i);
          blank(i, end, "a comment");
        } else if (text.startsWith("/*", i)) {
          end = Math.min(text.length(), until("*/", i + 2) + 2);
          blank(i, end, "a comment");
        } else if (c == '"') {
          end = endOfString(i);
          comma = -1;
        } else if (c == ',') {
          comma = i;
        } else if (!Character.isWhitespace(c)) {
          if ((c == '}' || c == ']') && comma >= 0) {
            blank(comma, comma + 1, "a comma before a closing bracket");
          }
          comma = -1;
        }
        i = end;
      }
      int line =
          what.isEmpty()
              ? 0
              : 1 + (int) text.substring(0, firstAt).chars().filter(c -> c == '\n').count();
      return new Relaxed(plain.toString(), line, what);
    }

    private int until(String end, int from) {
      int at = text.indexOf(end, from);
      return at < 0 ? text.length() : at;
    }

    private int endOfString(int start) {
      int i = start + 1;
      while (i < text.length() && text.charAt(i) != '"') {
        i += text.charAt(i) == '\\' ? 2 : 1;
      }
      return i + 1;
    }

    private void blank(int from, int to, String found) {
      for (int i = from; i < to; i++) {
        if (text.charAt(i) != '\n') {
          plain.setCharAt(i, ' ');
        }
      }
      if (from < firstAt) {
        firstAt = from;
        what = found;
      }
    }
  }
}
