package io.github.ptadapter.it;

import io.netty.buffer.ByteBufAllocator;

/**
 * Loses buffers of Netty, as a mistake in the plugin would: {@link LoadIT} runs it with the
 * plugin's libraries and Java options, to see that its log would tell.
 */
final class LeakProgram {

  private static final int BUFFERS = 60;
  private static final int PAUSE_MILLIS = 50;

  private LeakProgram() {}

  /** Runs for longer than it takes Java to find out, with those options. */
  public static void main(String[] args) throws InterruptedException {
    for (int i = 0; i < BUFFERS; i++) {
      ByteBufAllocator.DEFAULT.directBuffer(1).writeByte(i);
      Thread.sleep(PAUSE_MILLIS);
    }
  }
}
