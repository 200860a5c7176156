package io.github.ptadapter.adapter;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.AdaptiveRecvByteBufAllocator;
import io.netty.channel.RecvByteBufAllocator;
import io.netty.util.concurrent.FastThreadLocal;
import org.jspecify.annotations.Nullable;

/**
 * Decides into which buffer a connection is read: small ones for small flows, and for a busy one a
 * large buffer of which each event loop has just one.
 *
 * <p>Fewer and larger reads halve what a byte costs. The one large buffer stays in the CPU's cache,
 * and thousands of tunnels that stand still hold no more than they would with small ones: while the
 * large one waits to be written, connections are read into buffers of ordinary size.
 */
final class BulkReads extends AdaptiveRecvByteBufAllocator {

  /** The most that is read at once into a buffer that a slow tunnel may hold for long. */
  static final int ORDINARY = 64 * 1024;

  /** Half of it costs a tenth more CPU time, twice of it saves nothing: measured. */
  static final int LARGE = 1024 * 1024;

  private static final int MINIMUM = 64;
  private static final int FIRST = 2048;

  /** Has no leak detection: the large buffers are never given back. */
  private static final ByteBufAllocator UNTRACKED = new UnpooledByteBufAllocator(true, true);

  private final FastThreadLocal<Loop> loops =
      new FastThreadLocal<>() {
        @Override
        protected Loop initialValue() {
          return new Loop();
        }
      };

  BulkReads() {
    super(MINIMUM, FIRST, ORDINARY);
  }

  /** The bytes that this thread's event loop has read since the last call. */
  int takeCount() {
    Loop loop = loops.get();
    int count = loop.count;
    loop.count = 0;
    return count;
  }

  @Override
  @SuppressWarnings("deprecation") // of the method that is overridden
  public Handle newHandle() {
    return new RecvByteBufAllocator.DelegatingHandle(super.newHandle()) {

      @Override
      public ByteBuf allocate(ByteBufAllocator allocator) {
        ByteBuf large = guess() < ORDINARY ? null : loops.get().large();
        return large == null ? super.allocate(allocator) : large;
      }

      @Override
      public void lastBytesRead(int bytes) {
        super.lastBytesRead(bytes);
        if (bytes > 0) {
          loops.get().count += bytes;
        }
      }
    };
  }

  /** What belongs to one event loop. */
  private static final class Loop {

    private @Nullable ByteBuf buffer;
    private int count;

    /** The large buffer, unless somebody still holds it. */
    @Nullable ByteBuf large() {
      if (buffer == null) {
        buffer = UNTRACKED.directBuffer(LARGE, LARGE);
      }
      return buffer.refCnt() == 1 ? buffer.retainedDuplicate().clear() : null;
    }
  }
}
