package io.github.ptadapter.ptclient;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PtExceptionTest {

  @ParameterizedTest
  @CsvSource({
    "1,     1 ms",
    "300,   300 ms",
    "949,   949 ms",
    "1000,  1 s",
    "1500,  1.5 s",
    "1549,  1.5 s",
    "1950,  2 s",
    "30000, 30 s",
    "44995, 45 s",
    "60049, 60 s",
  })
  void writesTimesAsAPersonWould(long millis, String words) {
    assertThat(PtException.words(Duration.ofMillis(millis))).isEqualTo(words);
  }

  @Test
  void hasACodeOnlyWhereThePtGaveOne() {
    assertThat(new PtException(PtException.Reason.DIAL_REFUSED, "x", 0).socksCode()).hasValue(0);
    assertThat(new PtException(PtException.Reason.DIAL_BROKEN, "x").socksCode()).isEmpty();
    assertThat(new PtException(PtException.Reason.DIAL_BROKEN, "x").getStackTrace()).isEmpty();
  }
}
