package io.github.ptadapter.adapter;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.embedded.EmbeddedChannel;
import org.junit.jupiter.api.Test;

class AcceptLimitTest {

  @Test
  void acceptsNoMoreThanThereAreDescriptorsForUntilOneHasEnded() {
    AcceptLimit limit = AcceptLimit.of(84, 0);
    assertThat(limit.connections()).isEqualTo(2);
    EmbeddedChannel listener = new EmbeddedChannel(limit);
    EmbeddedChannel first = new EmbeddedChannel();
    listener.writeInbound(first);
    assertThat(listener.config().isAutoRead()).isTrue();
    EmbeddedChannel second = new EmbeddedChannel();
    listener.writeInbound(second);
    assertThat(listener.config().isAutoRead()).isFalse();
    // One round of accepting may bring more; none of them is refused.
    EmbeddedChannel third = new EmbeddedChannel();
    listener.writeInbound(third);
    assertThat(listener.inboundMessages()).containsExactly(first, second, third);
    first.close();
    listener.runPendingTasks();
    assertThat(listener.config().isAutoRead()).isFalse();
    second.close();
    listener.runPendingTasks();
    assertThat(listener.config().isAutoRead()).isTrue();
  }

  @Test
  void leavesDescriptorsToOthersAndAlwaysHasOneConnection() {
    assertThat(AcceptLimit.of(1024, 64).connections()).isEqualTo(440);
    assertThat(AcceptLimit.of(20, 0).connections()).isEqualTo(1);
  }

  @Test
  void readsWhatTheKernelAllows() {
    assertThat(AcceptLimit.descriptors()).isBetween(256L, Long.MAX_VALUE);
  }
}
