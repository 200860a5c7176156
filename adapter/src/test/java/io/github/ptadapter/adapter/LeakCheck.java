package io.github.ptadapter.adapter;

import io.netty.util.LeakPresenceDetector;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Fails a test class after which a Netty buffer is left.
 *
 * <p>All event loops must have ended by then: checking again later would say nothing, since a check
 * forgets what it has found.
 */
final class LeakCheck implements AfterAllCallback {

  @Override
  public void afterAll(ExtensionContext context) {
    LeakPresenceDetector.check();
  }
}
