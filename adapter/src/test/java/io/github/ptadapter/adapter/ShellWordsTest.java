package io.github.ptadapter.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ShellWordsTest {

  /** Words are joined by {@code |}; {@code <>} is an empty word. */
  @ParameterizedTest
  @CsvSource(
      delimiterString = "->",
      quoteCharacter = '~',
      textBlock =
          """
          /usr/bin/obfs4proxy                        -> /usr/bin/obfs4proxy
          obfs4proxy -enableLogging -logLevel DEBUG  -> obfs4proxy|-enableLogging|-logLevel|DEBUG
          a   b                                      -> a|b
          ~  a b  ~                                  -> a|b
          "/opt/my pt/obfs4proxy" -x                 -> /opt/my pt/obfs4proxy|-x
          '/opt/my pt/obfs4proxy' -x                 -> /opt/my pt/obfs4proxy|-x
          /opt/my\\ pt/obfs4proxy -x                  -> /opt/my pt/obfs4proxy|-x
          a"b c"d'e f'g                              -> ab cde fg
          a "" b                                     -> a|<>|b
          a ''                                       -> a|<>
          '"'"'"                                     -> "'
          "a\\"b"                                     -> a"b
          "a\\\\b"                                     -> a\\b
          "a\\$b\\`c"                                  -> a$b`c
          "a\\b"                                      -> a\\b
          'a\\b'                                      -> a\\b
          'a\\'                                       -> a\\
          a\\\\b                                       -> a\\b
          \\a\\"\\'                                     -> a"'
          $HOME `id` *.txt a;b|c&d >x #y                -> $HOME|`id`|*.txt|a;b||c&d|>x|#y
          日本 é                                       -> 日本|é
          """)
  void splits(String line, String words) {
    List<String> expected = new ArrayList<>();
    // A word may hold a | itself, but only in the one row that has none of the others.
    for (String word : words.replace("b||c", "b\0c").split("\\|", -1)) {
      expected.add(word.equals("<>") ? "" : word.replace('\0', '|'));
    }
    assertThat(ShellWords.split(line)).isEqualTo(expected);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", " ", "    "})
  void findsNoWordInBlanks(String line) {
    assertThat(ShellWords.split(line)).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = "->",
      quoteCharacter = '~',
      textBlock =
          """
          "a       -> a quote " that is not closed
          a 'b c   -> a quote ' that is not closed
          a"b'     -> a quote " that is not closed
          "a\\"     -> a quote " that is not closed
          a\\       -> a backslash at the end
          """)
  void refuses(String line, String reason) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> ShellWords.split(line))
        .withMessage(reason);
  }

  /** The shell itself is the judge; what it would expand is left out of the alphabet. */
  @Test
  @SuppressWarnings("OrphanedFormatString") // The format is the shell's.
  void splitsAsAShellDoes() throws Exception {
    long seed = System.nanoTime();
    System.out.println("seed " + seed);
    Random random = new Random(seed);
    List<String> lines = new ArrayList<>();
    while (lines.size() < 300) {
      StringBuilder line = new StringBuilder("x");
      for (int i = random.nextInt(15); i >= 0; i--) {
        line.append("ab  \\\\\"\"''-".charAt(random.nextInt(11)));
      }
      try {
        ShellWords.split(line.toString());
        lines.add(line.toString());
      } catch (IllegalArgumentException e) {
        // The shell would read on in the next line.
      }
    }
    StringBuilder script = new StringBuilder("show() { printf '%s|' \"$@\"; echo; }\n");
    lines.forEach(line -> script.append("show ").append(line).append('\n'));
    List<String> shell = run(script.toString()).lines().toList();
    assertThat(shell).hasSameSizeAs(lines);
    for (int i = 0; i < lines.size(); i++) {
      assertThat(String.join("|", ShellWords.split(lines.get(i))) + "|")
          .as("seed %d: %s", seed, lines.get(i))
          .isEqualTo(shell.get(i));
    }
  }

  private static String run(String script) throws IOException {
    Process shell = new ProcessBuilder("sh").redirectErrorStream(true).start();
    try (var stdin = shell.getOutputStream()) {
      stdin.write(script.getBytes(StandardCharsets.UTF_8));
    }
    return new String(shell.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
  }
}
