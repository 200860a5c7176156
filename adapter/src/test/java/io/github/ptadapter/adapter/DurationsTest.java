package io.github.ptadapter.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DurationsTest {

  @ParameterizedTest
  @CsvSource({
    "30,     30000",
    "30s,    30000",
    "500ms,  500",
    "2m,     120000",
    "1h,     3600000",
    "0,      0",
    "0ms,    0",
    "007s,   7000",
    "8760h,  31536000000",
  })
  void reads(String text, long millis) {
    assertThat(Durations.parse(text)).isEqualTo(Duration.ofMillis(millis));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "s",
        "-1",
        "-1s",
        "+1",
        "1.5s",
        "1,5s",
        "1 s",
        " 1s",
        "1s ",
        "1S",
        "1min",
        "1d",
        "1us",
        "0x10",
        "1e3",
        "∞",
        "١s",
        "ten",
        "12345678901s",
        "1s2s"
      })
  void refuses(String text) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Durations.parse(text))
        .withMessage("'" + text + "' is not a duration: write 500ms, 30s, 2m or 1h");
  }

  /** Whatever passes must fit the clocks, which count nanoseconds. */
  @ParameterizedTest
  @ValueSource(strings = {"8761h", "999999999h", "999999999m", "999999999s"})
  void refusesWhatNobodyMeans(String text) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Durations.parse(text))
        .withMessage("'" + text + "' is too long: the limit is a year (8760h)");
  }

  @Test
  void takesWhatTheClocksCanCount() {
    assertThat(Durations.parse("8760h").toNanos()).isPositive();
  }

  @ParameterizedTest
  @CsvSource({
    "0,       0 ms",
    "1,       1 ms",
    "999,     999 ms",
    "1000,    1 s",
    "1500,    1.5 s",
    "1599,    1.5 s",
    "1050,    1.0 s",
    "10000,   10 s",
    "10100,   10 s",
    "45000,   45 s",
    "3600000, 3600 s",
  })
  void writesAsAPersonWould(long millis, String words) {
    assertThat(Durations.words(Duration.ofMillis(millis))).isEqualTo(words);
  }
}
