package io.github.ptadapter.adapter;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.RecvByteBufAllocator;
import io.netty.channel.SelectStrategy;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

@SuppressWarnings("deprecation") // the handle that Netty itself still uses
class BulkPaceTest {

  private static final int READY = 7;

  private final BulkReads reads = new BulkReads();
  private final RecvByteBufAllocator.Handle connection = reads.newHandle();
  private final AtomicInteger pauses = new AtomicInteger();
  private final BulkPace pace = new BulkPace(reads, pauses::incrementAndGet);

  @Test
  void aSteadyFlowIsGatheredAndAConversationIsNot() throws Exception {
    rounds(BulkPace.STEADY, BulkPace.FLOW);
    assertThat(pauses).hasValue(0);
    rounds(5, BulkPace.FLOW);
    assertThat(pauses).hasValue(5);
    rounds(1, BulkPace.FLOW - 1);
    rounds(BulkPace.STEADY, BulkPace.FLOW);
    assertThat(pauses).hasValue(5);
    rounds(1, BulkPace.FLOW);
    assertThat(pauses).hasValue(6);
  }

  @Test
  void whatComesInLargePiecesIsNotHeldUp() throws Exception {
    rounds(10 * BulkPace.STEADY, BulkPace.TORRENT + 1);
    assertThat(pauses).hasValue(0);
  }

  @Test
  void anIdleLoopIsNotHeldUp() throws Exception {
    rounds(10 * BulkPace.STEADY, 0);
    assertThat(pauses).hasValue(0);
  }

  @Test
  void tasksGoFirst() throws Exception {
    rounds(BulkPace.STEADY, BulkPace.FLOW);
    connection.lastBytesRead(BulkPace.FLOW);
    assertThat(pace.calculateStrategy(() -> READY, true)).isEqualTo(READY);
    assertThat(pauses).hasValue(0);
  }

  private void rounds(int count, int bytes) throws Exception {
    for (int round = 0; round < count; round++) {
      connection.lastBytesRead(bytes);
      assertThat(pace.calculateStrategy(() -> READY, false)).isEqualTo(SelectStrategy.SELECT);
    }
  }
}
