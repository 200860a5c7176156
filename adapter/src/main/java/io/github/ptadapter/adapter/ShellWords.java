package io.github.ptadapter.adapter;

import java.util.ArrayList;
import java.util.List;

/**
 * Splits a command line into words as a POSIX shell would: blanks separate, quotes and backslashes
 * protect; nothing is expanded.
 */
final class ShellWords {

  private ShellWords() {}

  /**
   * Splits.
   *
   * @throws IllegalArgumentException when a quote is left open or a backslash stands at the end
   */
  static List<String> split(String line) {
    List<String> words = new ArrayList<>();
    StringBuilder word = new StringBuilder();
    boolean inWord = false;
    char quote = 0;
    for (int i = 0; i < line.length(); i++) {
      char c = line.charAt(i);
      boolean escapes =
          c == '\\'
              && (quote == 0
                  || (quote == '"'
                      && i + 1 < line.length()
                      && "\"\\$`".indexOf(line.charAt(i + 1)) >= 0));
      if (escapes) {
        if (++i == line.length()) {
          throw new IllegalArgumentException("a backslash at the end");
        }
        word.append(line.charAt(i));
        inWord = true;
      } else if (quote != 0) {
        if (c == quote) {
          quote = 0;
        } else {
          word.append(c);
        }
      } else if (c == '"' || c == '\'') {
        quote = c;
        inWord = true;
      } else if (c == ' ') {
        if (inWord) {
          words.add(word.toString());
        }
        word.setLength(0);
        inWord = false;
      } else {
        word.append(c);
        inWord = true;
      }
    }
    if (quote != 0) {
      throw new IllegalArgumentException("a quote " + quote + " that is not closed");
    }
    if (inWord) {
      words.add(word.toString());
    }
    return words;
  }
}
