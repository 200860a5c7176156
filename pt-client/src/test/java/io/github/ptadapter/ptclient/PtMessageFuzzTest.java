package io.github.ptadapter.ptclient;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever a PT writes, it is a message, and soon. */
class PtMessageFuzzTest {

  /** What the parser gives a meaning to. */
  private static final String SPECIAL = " \t\r\0\"\\=,;:[]%.-_019azAZé\u2003\ud83d";

  private static final List<String> GOOD =
      Vectors.group("stdout_lines")
          .filter(row -> row.has("input"))
          .map(row -> row.path("input").textValue())
          .toList();

  @Test
  @Timeout(120)
  void anyLineIsAMessage() {
    new Fuzz(GOOD, SPECIAL).run(line -> requireNonNull(PtMessage.parse(line)));
  }

  @Test
  @Timeout(120)
  void anyArgumentsAreReadOrRefused() {
    List<String> good =
        Vectors.group("smethod_args").map(row -> Vectors.text(row.path("input"))).toList();
    new Fuzz(good, "=,\\;").run(args -> allowRefusal(() -> PtArgs.parseSmethodArgs(args)));
  }

  @Test
  @Timeout(120)
  void anyProxyIsReadOrRefused() {
    List<String> good =
        Vectors.group("upstream_proxies").map(row -> Vectors.text(row.path("input"))).toList();
    new Fuzz(good, "%:@/[]?#").run(url -> allowRefusal(() -> UpstreamProxy.parse(url)));
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

  /** A refusal of text is an IllegalArgumentException with a reason, and none of its kinds. */
  private static void allowRefusal(Supplier<Object> reader) {
    try {
      requireNonNull(reader.get());
    } catch (IllegalArgumentException e) {
      // Without assertThat, which takes longer than the reader.
      if (e.getClass() != IllegalArgumentException.class || e.getMessage().isBlank()) {
        throw e;
      }
    }
  }
}
