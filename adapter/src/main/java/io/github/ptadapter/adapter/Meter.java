package io.github.ptadapter.adapter;

import io.github.ptadapter.ptclient.PtMethods;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;

/** Follows a run for somebody who looks on; a plugin has none. */
public final class Meter {

  /** How far the PT is. */
  public enum State {
    /** Not ready yet. */
    STARTING,
    /** Ready. */
    READY,
    /** Was ready, has died, and is started again. */
    RESTARTING
  }

  private volatile State state = State.STARTING;
  private final AtomicInteger tunnels = new AtomicInteger();
  private final LongAdder up = new LongAdder();
  private final LongAdder down = new LongAdder();

  /** How far the PT is. */
  public State state() {
    return state;
  }

  /** Connections that have a tunnel, or wait for theirs. */
  public int tunnels() {
    return tunnels.get();
  }

  /** Bytes towards the server. */
  public long bytesUp() {
    return up.sum();
  }

  /** Bytes from the server. */
  public long bytesDown() {
    return down.sum();
  }

  /** The same user of a PT, with its state seen here. */
  PtSupervisor.User watching(PtSupervisor.User user) {
    return new PtSupervisor.User() {
      @Override
      public void ready(PtMethods methods) throws AdapterException {
        // Before its log line, below which the state is shown.
        state = State.READY;
        user.ready(methods);
      }

      @Override
      public void lost() throws AdapterException {
        state = State.RESTARTING;
        user.lost();
      }
    };
  }

  /** Counts one connection from the application. */
  public ChannelHandler counter() {
    return new Counter();
  }

  private final class Counter extends ChannelDuplexHandler {
    private boolean counted;

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
      if (!counted) {
        counted = true;
        tunnels.incrementAndGet();
      }
      up.add(((ByteBuf) message).readableBytes());
      ctx.fireChannelRead(message);
    }

    @Override
    public void write(ChannelHandlerContext ctx, Object message, ChannelPromise promise) {
      down.add(((ByteBuf) message).readableBytes());
      ctx.write(message, promise);
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
      if (counted) {
        tunnels.decrementAndGet();
      }
      ctx.fireChannelInactive();
    }
  }
}
