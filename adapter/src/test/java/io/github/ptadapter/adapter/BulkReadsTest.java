package io.github.ptadapter.adapter;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.RecvByteBufAllocator;
import io.netty.channel.socket.nio.NioSocketChannel;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

@SuppressWarnings("deprecation") // the handle that Netty itself still uses
class BulkReadsTest {

  private final BulkReads reads = new BulkReads();
  private final NioSocketChannel channel = new NioSocketChannel();
  private final RecvByteBufAllocator.Handle connection = reads.newHandle();
  private final RecvByteBufAllocator.Handle other = reads.newHandle();

  @AfterEach
  void close() {
    channel.unsafe().closeForcibly();
  }

  @Test
  void aConversationIsReadIntoSmallBuffers() {
    for (int round = 0; round < 100; round++) {
      ByteBuf bytes = read(connection, 300);
      assertThat(bytes.capacity()).isLessThan(BulkReads.ORDINARY);
      bytes.release();
    }
  }

  @Test
  void aFlowIsReadIntoTheOneLargeBuffer() {
    makeBusy(connection);
    makeBusy(other);
    ByteBuf large = read(connection, BulkReads.LARGE);
    assertThat(large.capacity()).isEqualTo(BulkReads.LARGE);
    assertThat(large.readableBytes()).isEqualTo(BulkReads.LARGE);

    ByteBuf meanwhile = read(other, BulkReads.ORDINARY);
    assertThat(meanwhile.capacity()).isEqualTo(BulkReads.ORDINARY);
    meanwhile.release();

    large.release();
    ByteBuf again = read(other, 5);
    assertThat(again.capacity()).isEqualTo(BulkReads.LARGE);
    assertThat(again.readableBytes()).isEqualTo(5);
    assertThat(again.memoryAddress()).isEqualTo(large.memoryAddress());
    again.release();
  }

  @Test
  void aFlowThatBecomesAConversationLeavesTheLargeBuffer() {
    makeBusy(connection);
    for (int round = 0; round < 10; round++) {
      read(connection, 300).release();
    }
    ByteBuf bytes = read(connection, 300);
    assertThat(bytes.capacity()).isLessThanOrEqualTo(BulkReads.ORDINARY);
    bytes.release();
  }

  @Test
  void countsWhatHasBeenReadSinceTheLastCall() {
    read(connection, 300).release();
    read(other, 20).release();
    assertThat(reads.takeCount()).isEqualTo(320);
    assertThat(reads.takeCount()).isZero();
    connection.lastBytesRead(-1);
    assertThat(reads.takeCount()).isZero();
  }

  private void makeBusy(RecvByteBufAllocator.Handle handle) {
    for (int round = 0; round < 10; round++) {
      ByteBuf bytes = handle.allocate(UnpooledByteBufAllocator.DEFAULT);
      bytes.release();
      fill(handle, bytes.capacity(), bytes.capacity());
    }
    reads.takeCount();
  }

  /** One round of the event loop in which so many bytes came. */
  private ByteBuf read(RecvByteBufAllocator.Handle handle, int count) {
    ByteBuf bytes = handle.allocate(UnpooledByteBufAllocator.DEFAULT);
    bytes.writeZero(count);
    fill(handle, bytes.capacity(), count);
    return bytes;
  }

  private void fill(RecvByteBufAllocator.Handle handle, int room, int count) {
    handle.reset(channel.config());
    handle.attemptedBytesRead(room);
    handle.lastBytesRead(count);
    handle.readComplete();
  }
}
