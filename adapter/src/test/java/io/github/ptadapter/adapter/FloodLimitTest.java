package io.github.ptadapter.adapter;

import static io.github.ptadapter.adapter.FloodLimit.Verdict.DROP;
import static io.github.ptadapter.adapter.FloodLimit.Verdict.LAST;
import static io.github.ptadapter.adapter.FloodLimit.Verdict.PASS;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.ptadapter.adapter.FloodLimit.Verdict;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class FloodLimitTest {

  /** Near the point where a nanosecond clock turns over. */
  private final AtomicLong now = new AtomicLong(Long.MAX_VALUE - 1000);

  private final FloodLimit flood = new FloodLimit(now::get);

  @Test
  void letsABurstPassAndSaysWhenItEnds() {
    List<Verdict> verdicts = times(25, "kind");
    assertThat(verdicts.subList(0, 19)).containsOnly(PASS);
    assertThat(verdicts.get(19)).isEqualTo(LAST);
    assertThat(verdicts.subList(20, 25)).containsOnly(DROP);
  }

  @Test
  void letsALinePassEveryFiveSecondsAfterwards() {
    times(20, "kind");
    pass(Duration.ofMillis(4999));
    assertThat(flood.pass("kind")).isEqualTo(DROP);
    pass(Duration.ofMillis(1));
    assertThat(times(2, "kind")).containsExactly(LAST, DROP);
    pass(Duration.ofSeconds(10));
    assertThat(times(3, "kind")).containsExactly(PASS, LAST, DROP);
  }

  @Test
  void allowsNoMoreThanTheBurstAfterALongPause() {
    times(20, "kind");
    pass(Duration.ofDays(30));
    assertThat(times(21, "kind")).endsWith(PASS, LAST, DROP).filteredOn(PASS::equals).hasSize(19);
  }

  @Test
  void countsEachKindByItself() {
    times(21, "one kind");
    assertThat(flood.pass("another")).isEqualTo(PASS);
    assertThat(flood.pass("one kind")).isEqualTo(DROP);
  }

  private List<Verdict> times(int count, String kind) {
    return IntStream.range(0, count).mapToObj(_ -> flood.pass(kind)).toList();
  }

  private void pass(Duration time) {
    now.addAndGet(time.toNanos());
  }
}
