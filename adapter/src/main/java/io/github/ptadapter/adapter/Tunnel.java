package io.github.ptadapter.adapter;

import static java.util.concurrent.TimeUnit.NANOSECONDS;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.SocketChannel;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Two joined connections, the host's and the PT's, and the rules of their end.
 *
 * <p>A local end of input is not passed on, since most PTs answer it by dropping the answer that is
 * under way: it is held until the answer ends, or pauses for the drain timeout. Wherever a
 * connection is given up, its output is shut and its input read to the end first: closing with
 * unread input would reset it, and lose what the other end has not read yet.
 *
 * <p>Both connections belong to one event loop, and so do all fields.
 */
final class Tunnel {

  private static final Logger log = LoggerFactory.getLogger(Tunnel.class);

  /** Transports that grant a connection before they have contact with anybody. */
  private static final Set<String> GRANTED_BLINDLY =
      Set.of("snowflake", "meek_lite", "meek", "conjure");

  /** Who gives up sooner may just have changed his mind; a server that dislikes us is silent. */
  private static final Duration PATIENCE = Duration.ofSeconds(3);

  private final int number;
  private final SocketChannel local;
  private final PluginOptions options;
  private final RemoteHosts remotes;
  private final long opened = System.nanoTime();
  private @Nullable SocketChannel pt;
  private boolean joined;
  private boolean localInputEnded;
  private boolean localGone;
  private boolean ptEnded;
  private boolean endLogged;
  private long lastByte = opened;
  private long waitingForPt;
  private long bytesUp;
  private long bytesDown;

  Tunnel(int number, SocketChannel local, PluginOptions options, RemoteHosts remotes) {
    this.number = number;
    this.local = local;
    this.options = options;
    this.remotes = remotes;
  }

  /** The handler of the PT's connection; bytes may come before {@link #join}. */
  ChannelHandler ptSide() {
    return new PtSide();
  }

  /** The handler of the host's connection. */
  ChannelHandler localSide() {
    return new LocalSide();
  }

  /**
   * Starts the traffic towards the PT.
   *
   * @param early what the host has sent so far
   * @param inputEnded whether that was all
   */
  void join(List<ByteBuf> early, boolean inputEnded) {
    for (ByteBuf bytes : early) {
      bytesUp += bytes.readableBytes();
      pt().write(bytes);
    }
    pt().flush();
    local.config().setAutoRead(pt().isWritable());
    joined = true;
    if (!options.idleTimeout().isZero()) {
      watch(options.idleTimeout(), false);
    }
    if (inputEnded) {
      localInputEnded();
    }
  }

  private void localInputEnded() {
    localInputEnded = true;
    log.debug("#{}: the host has sent all", number);
    if (ptEnded) {
      closeLocalWhenFlushed();
    } else {
      pt().writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(_ -> startDrain());
    }
  }

  /**
   * The host's connection is gone altogether: what it sent still goes out, answers have no taker.
   */
  private void localGone() {
    if (!ptEnded && bytesDown == 0 && (isGrantedBlindly() || age().compareTo(PATIENCE) >= 0)) {
      warnOfSilence("the host gave up");
    }
    localInputEnded = true;
    localGone = true;
    if (pt().isActive()) {
      log.debug("#{}: the host is gone", number);
      // A PT that cannot get rid of its answer may not read what is still on its way to it.
      pt().config().setAutoRead(true);
      startDrain();
      pt().writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(_ -> pt().shutdownOutput());
    }
  }

  private void ptEnded() {
    ptEnded = true;
    if (!localGone && bytesDown == 0) {
      warnOfSilence("the PT closed it");
    }
    if (local.isActive()) {
      log.debug("#{}: the PT has ended the connection", number);
      local.config().setAutoRead(true);
      closeLocalWhenFlushed();
    }
  }

  /**
   * The grant was the last word of a PT, so what follows can only be guessed. Where a server has
   * answered before, and is really asked, the silence is of a target behind it: nothing to tell.
   */
  private void warnOfSilence(String end) {
    if (remotes.haveAnswered() && !isGrantedBlindly()) {
      return;
    }
    log.warn(
        "tunnel #{} brought no answer: {} after {}, without a byte from the server; probably {}",
        number,
        end,
        Durations.words(age()),
        isGrantedBlindly()
            ? "its broker or bridge cannot be reached: "
                + options.transport()
                + " grants a connection before it has contact"
            : "what is behind the server does not run, or refuses the password or the method");
  }

  private boolean isGrantedBlindly() {
    return GRANTED_BLINDLY.contains(options.transport().value());
  }

  private Duration age() {
    return Duration.ofNanos(System.nanoTime() - opened);
  }

  private void closeLocalWhenFlushed() {
    local
        .writeAndFlush(Unpooled.EMPTY_BUFFER)
        .addListener(_ -> {
          if (localInputEnded) {
            local.close();
          } else if (!local.isOutputShutdown()) {
            local.shutdownOutput();
            startDrain();
          }
        });
  }

  /** Closes everything as soon as nothing has come for the drain timeout. */
  private void startDrain() {
    lastByte = System.nanoTime();
    watch(options.drainTimeout(), true);
  }

  /**
   * Closes the tunnel when no byte has come for {@code limit}.
   *
   * @param onPt whether it is the PT that is waited for: while the host takes nothing we do not
   *     read from the PT, so that its silence is none
   */
  private void watch(Duration limit, boolean onPt) {
    if (isClosed()) {
      return;
    }
    long now = System.nanoTime();
    // Not writable is also what has its output shut: then there is nothing left that it could take.
    if (onPt && local.isActive() && !local.isOutputShutdown() && !local.isWritable()) {
      lastByte = now;
    }
    if (localGone && ptHasTakenBytes()) {
      lastByte = now;
    }
    long left = limit.toNanos() - (now - lastByte);
    if (left <= 0) {
      log.debug("#{} is closed: no byte for {}", number, Durations.words(limit));
      local.close();
      pt().close();
    } else {
      local.eventLoop().schedule(() -> watch(limit, onPt), left, NANOSECONDS);
    }
  }

  /** Tells whether less waits for the PT than at the last call. */
  private boolean ptHasTakenBytes() {
    @Nullable ChannelOutboundBuffer buffer = pt().unsafe().outboundBuffer();
    long waiting = buffer == null ? 0 : buffer.totalPendingWriteBytes();
    boolean taken = waiting < waitingForPt;
    waitingForPt = waiting;
    return taken;
  }

  private boolean isClosed() {
    return !local.isActive() && !pt().isActive();
  }

  private void logEnd() {
    if (isClosed() && !endLogged) {
      endLogged = true;
      log.debug(
          "#{} ended after {}: {} bytes up, {} bytes down",
          number,
          Durations.words(age()),
          bytesUp,
          bytesDown);
    }
  }

  private SocketChannel pt() {
    if (pt == null) {
      throw new IllegalStateException("bug: the PT's side is not there yet");
    }
    return pt;
  }

  /** What comes from the PT goes to the host. */
  private final class PtSide extends ChannelInboundHandlerAdapter {

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
      pt = (SocketChannel) ctx.channel();
      // Before its first read: later it has no effect.
      pt.config().setRecvByteBufAllocator(local.config().getRecvByteBufAllocator());
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
      ByteBuf bytes = (ByteBuf) message;
      if (!localGone) {
        // Bytes without a taker do not keep the tunnel.
        lastByte = System.nanoTime();
      }
      if (bytesDown == 0) {
        remotes.answered();
      }
      bytesDown += bytes.readableBytes();
      local.write(bytes);
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
      local.flush();
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext ctx) {
      local.config().setAutoRead(ctx.channel().isWritable());
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
      if (joined) {
        ptEnded();
        logEnd();
      }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
      log.debug("#{} lost the PT's connection: {}", number, cause.getMessage());
      ctx.close();
    }
  }

  /** What comes from the host goes to the PT. */
  private final class LocalSide extends ChannelInboundHandlerAdapter {

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
      ByteBuf bytes = (ByteBuf) message;
      if (ptEnded) {
        // Nobody takes it, and it must not keep the connection open.
        bytes.release();
        return;
      }
      lastByte = System.nanoTime();
      bytesUp += bytes.readableBytes();
      pt().write(bytes);
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
      pt().flush();
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext ctx) {
      pt().config().setAutoRead(ctx.channel().isWritable());
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
      if (event instanceof ChannelInputShutdownEvent) {
        localInputEnded();
      }
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
      localGone();
      logEnd();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
      log.debug("#{} lost the host's connection: {}", number, cause.getMessage());
      ctx.close();
    }
  }
}
