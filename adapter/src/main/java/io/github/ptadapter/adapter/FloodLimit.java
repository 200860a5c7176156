package io.github.ptadapter.adapter;

import java.time.Duration;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;

/**
 * Keeps any one kind of log line from flooding the log: a burst, then one line every few seconds.
 *
 * <p>Kinds are the levels and constant patterns of the log calls, so there are few.
 */
final class FloodLimit {

  /** What to do with a line. */
  enum Verdict {
    PASS,
    /** Let it pass and say that others do not. */
    LAST,
    DROP
  }

  private static final int BURST = 20;
  private static final long REFILL_NANOS = Duration.ofSeconds(5).toNanos();

  private final ConcurrentHashMap<String, Kind> kinds = new ConcurrentHashMap<>();
  private final LongSupplier nanoTime;

  FloodLimit() {
    this(System::nanoTime);
  }

  /** With a clock, for tests. */
  FloodLimit(LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
  }

  Verdict pass(String kind) {
    long now = nanoTime.getAsLong();
    return kinds.computeIfAbsent(kind, k -> new Kind(now)).pass(now);
  }

  private static final class Kind {
    private int left = BURST;
    private long refilled;

    Kind(long now) {
      refilled = now;
    }

    synchronized Verdict pass(long now) {
      long refill = (now - refilled) / REFILL_NANOS;
      refilled += refill * REFILL_NANOS;
      left = (int) Math.min(BURST, left + refill);
      if (left == 0) {
        return Verdict.DROP;
      }
      left--;
      return left == 0 ? Verdict.LAST : Verdict.PASS;
    }
  }
}
