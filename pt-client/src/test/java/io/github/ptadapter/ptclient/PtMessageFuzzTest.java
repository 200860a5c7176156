package io.github.ptadapter.ptclient;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import com.fasterxml.jackson.databind.node.TextNode;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever a PT writes, it is a message, and soon. */
class PtMessageFuzzTest {

  private static final long SEED = 20261122;
  private static final int LINES = 50_000;

  /** What the parser gives a meaning to. */
  private static final String SPECIAL = " \t\r\0\"\\=,;:[]%.-_019azAZé\u2003\ud83d";

  private static final List<String> GOOD =
      Vectors.group("stdout_lines")
          .filter(row -> row.has("input"))
          .map(row -> row.path("input").textValue())
          .toList();

  @Test
  @Timeout(30)
  void randomBytes() {
    Random random = new Random(SEED);
    for (int i = 0; i < LINES; i++) {
      byte[] bytes = new byte[random.nextInt(80)];
      random.nextBytes(bytes);
      // Half of the lines get past the keyword.
      String keyword = i % 2 == 0 ? "" : keyword(GOOD.get(random.nextInt(GOOD.size()))) + " ";
      check(keyword + new String(bytes, i % 4 < 2 ? UTF_8 : ISO_8859_1), i);
    }
  }

  @Test
  @Timeout(30)
  void mutationsOfGoodLines() {
    Random random = new Random(SEED);
    for (int i = 0; i < LINES; i++) {
      StringBuilder line = new StringBuilder(GOOD.get(random.nextInt(GOOD.size())));
      for (int edits = 1 + random.nextInt(4); edits > 0; edits--) {
        mutate(line, random);
      }
      check(line.toString(), i);
    }
  }

  private static void mutate(StringBuilder line, Random random) {
    int at = random.nextInt(line.length() + 1);
    int end = Math.min(line.length(), at + random.nextInt(4));
    switch (random.nextInt(5)) {
      case 0 -> line.delete(at, end);
      case 1 -> line.insert(at, line.substring(at, end));
      case 2 -> line.insert(at, SPECIAL.charAt(random.nextInt(SPECIAL.length())));
      case 3 -> line.setLength(at);
      default -> {
        String other = GOOD.get(random.nextInt(GOOD.size()));
        line.insert(at, other, random.nextInt(other.length() + 1), other.length());
      }
    }
  }

  /** The longest lines, made of what is costly for a careless parser. */
  @ParameterizedTest
  @Timeout(10)
  @ValueSource(
      strings = {
        "LOG SEVERITY=debug MESSAGE=|\"",
        "LOG SEVERITY=debug MESSAGE=\"|\\1",
        "LOG SEVERITY=debug MESSAGE=\"|\\",
        "LOG |a=b ",
        "LOG |=",
        "STATUS |a ",
        "STATUS |a=\"\" ",
        "STATUS |a=\"\\\"",
        "SMETHOD a 127.0.0.1:1 |ARGS:a=b ",
        "SMETHOD a 127.0.0.1:1 ARGS:|a=b,",
        "SMETHOD a 127.0.0.1:1 ARGS:|\\\\",
        "CMETHOD |a",
        "CMETHOD a socks5 |1.",
        "CMETHOD a socks5 [|1:",
        "VERSION | ",
        "|\t ",
        "|A",
        "|\u0001",
      })
  void longestLines(String headAndRest) {
    int bar = headAndRest.indexOf('|');
    String rest = headAndRest.substring(bar + 1);
    String line =
        headAndRest.substring(0, bar) + rest.repeat(BoundedLines.MAX_BYTES / rest.length());
    long begin = System.nanoTime();
    assertThat(PtMessage.parse(line)).isNotNull();
    assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(Duration.ofSeconds(2));
  }

  private static void check(String line, int number) {
    try {
      if (PtMessage.parse(line) == null) {
        fail("no message from %s, line %d of seed %d", TextNode.valueOf(line), number, SEED);
      }
    } catch (RuntimeException e) {
      fail("seed %d, line %d: %s".formatted(SEED, number, TextNode.valueOf(line)), e);
    }
  }

  private static String keyword(String line) {
    int blank = line.indexOf(' ');
    return blank < 0 ? line : line.substring(0, blank);
  }
}
