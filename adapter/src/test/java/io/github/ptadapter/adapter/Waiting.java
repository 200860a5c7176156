package io.github.ptadapter.adapter;

import static org.assertj.core.api.Assertions.fail;

import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;

/** Waits for conditions, with a limit that only a failure reaches. */
final class Waiting {

  static final Duration LIMIT = Duration.ofSeconds(10);

  private static final int ATTEMPTS = 5;

  private Waiting() {}

  /** How long the steps of a test really took. */
  static final class Pace {
    private long last = System.nanoTime();
    private long longest;

    synchronized void step() {
      long now = System.nanoTime();
      longest = Math.max(longest, now - last);
      last = now;
    }

    private synchronized boolean wasSlowerThan(Duration limit) {
      return longest > limit.toNanos();
    }
  }

  /** A test that must make its steps in time. */
  interface Attempt {
    void run(Pace pace) throws Exception;
  }

  /**
   * Repeats a test that fails while the machine is too slow for it.
   *
   * @param step the longest time that a step of the test, or nothing at all, may take
   */
  static void unlessTooSlow(Duration step, Attempt attempt) throws Exception {
    for (int i = 1; ; i++) {
      Pace pace = new Pace();
      Pace machine = new Pace();
      AtomicBoolean done = new AtomicBoolean();
      Thread heart =
          Thread.ofPlatform()
              .start(() -> {
                while (!done.get()) {
                  machine.step();
                  LockSupport.parkNanos(5_000_000);
                }
                machine.step();
              });
      try {
        attempt.run(pace);
        return;
      } catch (Exception | AssertionError e) {
        done.set(true);
        heart.join();
        if (i == ATTEMPTS || !(pace.wasSlowerThan(step) || machine.wasSlowerThan(step))) {
          throw e;
        }
      } finally {
        done.set(true);
      }
    }
  }

  static void until(String what, Callable<Boolean> condition) throws Exception {
    long end = System.nanoTime() + LIMIT.toNanos();
    while (!condition.call()) {
      if (System.nanoTime() - end > 0) {
        fail("not within " + LIMIT.toSeconds() + " s: " + what);
      }
      LockSupport.parkNanos(1_000_000);
    }
  }
}
