package io.github.ptadapter.adapter;

import io.netty.channel.SelectStrategy;
import io.netty.util.IntSupplier;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/**
 * Lets an event loop with a steady flow come round less often: PTs hand over what they decrypt in
 * small pieces, and to wake up for each costs more than to move it.
 *
 * <p>After some rounds in succession that each moved a fair amount, the loop waits for a moment, in
 * which the next pieces gather in the kernel. Connections that talk in small messages never come to
 * that; a large transfer, and what shares its loop, is late by half a millisecond. One of it
 * belongs to each event loop.
 */
final class BulkPace implements SelectStrategy {

  /** Long enough for several pieces, and short against any round trip through a network. */
  static final Duration PAUSE = Duration.ofNanos(500_000);

  /** Rounds that move less are of a conversation, which waits for our part of it. */
  static final int FLOW = 8 * 1024;

  /** Rounds that move more need no help. */
  static final int TORRENT = 512 * 1024;

  /** So many rounds with a flow make it a steady one. */
  static final int STEADY = 16;

  private final BulkReads reads;
  private final Runnable pause;
  private int steady;

  BulkPace(BulkReads reads) {
    this(reads, () -> LockSupport.parkNanos(PAUSE.toNanos()));
  }

  /** With a pause of its own, for tests. */
  BulkPace(BulkReads reads, Runnable pause) {
    this.reads = reads;
    this.pause = pause;
  }

  @Override
  public int calculateStrategy(IntSupplier selectNow, boolean hasTasks) throws Exception {
    if (hasTasks) {
      return selectNow.get();
    }
    int moved = reads.takeCount();
    if (moved < FLOW || moved > TORRENT) {
      steady = 0;
    } else if (steady < STEADY) {
      steady++;
    } else {
      pause.run();
    }
    return SELECT;
  }
}
