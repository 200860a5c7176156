package io.github.ptadapter.ptclient;

import io.netty.util.LeakPresenceDetector;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Fails a test class that leaves a Netty buffer unreleased; the class must have shut its event
 * loops down in its own {@code @AfterAll}.
 *
 * <p>Needs {@code -Dio.netty.customResourceLeakDetector=io.netty.util.LeakPresenceDetector}, and
 * says so where it is missing.
 */
final class LeakPresenceExtension implements AfterAllCallback {

  private static final Duration PATIENCE = Duration.ofSeconds(5);

  @Override
  public void afterAll(ExtensionContext context) {
    // A check resets the counter: only the first one tells the truth, so the waiting is before it.
    LeakPresenceDetector.ResourceScope scope = new Scoped().scope();
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (scope.hasOpenResources() && System.nanoTime() < deadline) {
      LockSupport.parkNanos(Duration.ofMillis(1).toNanos());
    }
    LeakPresenceDetector.check();
  }

  /** Shows the scope that all tests share. */
  private static final class Scoped extends LeakPresenceDetector<Object> {
    Scoped() {
      super(Object.class);
    }

    ResourceScope scope() {
      return currentScope();
    }
  }
}
