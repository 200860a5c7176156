package io.github.ptadapter.adapter;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.NANOSECONDS;

import io.github.ptadapter.ptclient.Endpoint;
import io.github.ptadapter.ptclient.PtDialer;
import io.github.ptadapter.ptclient.PtException;
import io.github.ptadapter.ptclient.PtException.Reason;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.SocketChannel;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.ScheduledFuture;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A connection from the host until it has its tunnel: waits for the first byte, for the PT and for
 * the dial, then hands over to {@link Tunnel}.
 *
 * <p>A connection that sends nothing is never dialled: hosts probe our port so. All fields belong
 * to the connection's event loop.
 */
final class LocalConnection extends ChannelInboundHandlerAdapter {

  private static final Logger log = LoggerFactory.getLogger(LocalConnection.class);

  /** So much is read ahead of the tunnel, then the host has to wait. */
  private static final int MAX_EARLY_BYTES = 64 * 1024;

  /** A PT that dies closes its connections a moment before its death is known. */
  private static final Duration UNTIL_DEATH_IS_KNOWN = Duration.ofMillis(200);

  /** PTs that refuse later than that have reached something, and waited for its answer. */
  private static final Duration HANDSHAKE_LIMITS = Duration.ofSeconds(20);

  private static final String NO_HANDSHAKE =
      "the server is down or blocked, or its cert is another (it cannot be told which)";

  private static final Duration LAST_WORD = Duration.ofMillis(50);

  private final int number;
  private final SocketChannel local;
  private final PluginOptions options;
  private final RemoteHosts remotes;
  private final PtGate gate;
  private final @Nullable ReadyTunnels ready;
  private final long deadlineAfter;
  private final List<ByteBuf> early = new ArrayList<>();
  private int earlyBytes;
  private boolean inputEnded;
  private boolean handedOver;
  private long deadline;
  private String last = "the PT is not ready";
  private @Nullable ScheduledFuture<?> timer;
  private @Nullable Future<Channel> dial;
  private @Nullable Runnable leaveQueue;

  /**
   * @param ready where tunnels wait, if they are dialled ahead
   */
  LocalConnection(
      int number,
      SocketChannel local,
      PluginOptions options,
      RemoteHosts remotes,
      PtGate gate,
      @Nullable ReadyTunnels ready) {
    this.number = number;
    this.local = local;
    this.options = options;
    this.remotes = remotes;
    this.gate = gate;
    this.ready = ready;
    deadlineAfter = options.dialTimeout().toNanos();
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) {
    ByteBuf bytes = (ByteBuf) message;
    boolean first = earlyBytes == 0;
    early.add(bytes);
    earlyBytes += bytes.readableBytes();
    if (earlyBytes >= MAX_EARLY_BYTES) {
      local.config().setAutoRead(false);
    }
    if (first) {
      log.debug("#{} wants a tunnel", number);
      deadline = System.nanoTime() + deadlineAfter;
      timer = ctx.executor().schedule(this::timedOut, deadlineAfter, NANOSECONDS);
      awaitPt();
    }
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
    if (event instanceof ChannelInputShutdownEvent) {
      inputEnded = true;
      if (earlyBytes == 0) {
        log.debug("#{} ended without a byte", number);
        ctx.close();
      }
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    giveUp();
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    log.debug("#{} lost the host's connection: {}", number, cause.getMessage());
    ctx.close();
  }

  private void awaitPt() {
    // Even where the PT is ready: by then the loop has seen which of the ready tunnels have ended.
    gate.dialer()
        .thenAccept(dialer -> local.eventLoop().execute(() -> begin(dialer, remotes.inOrder())));
  }

  /** Takes a tunnel that is ready, or dials. */
  private void begin(PtDialer dialer, List<Endpoint> hosts) {
    SocketChannel pt =
        ready == null || !local.isActive() ? null : ready.take(dialer, hosts.getFirst());
    if (pt == null) {
      dial(dialer, hosts);
    } else {
      log.debug("#{} takes a tunnel that was ready", number);
      Tunnel tunnel = new Tunnel(number, local, options, remotes);
      pt.pipeline().addLast(tunnel.ptSide());
      handOver(tunnel);
    }
  }

  /** Tries the first of the hosts, as soon as not too many dials wait for its answer. */
  private void dial(PtDialer dialer, List<Endpoint> hosts) {
    Endpoint host = hosts.getFirst();
    Runnable turn = () -> local.eventLoop().execute(() -> dialNow(dialer, hosts));
    if (!remotes.slots().take(host, turn)) {
      leaveQueue = () -> remotes.slots().forget(host, turn);
      last = DialSlots.PER_SERVER + " earlier connections still wait for the server's answer";
      log.debug("#{} waits: {}", number, last);
    }
  }

  /** Dials with the host's share of the time that is left. */
  private void dialNow(PtDialer dialer, List<Endpoint> hosts) {
    Endpoint host = hosts.getFirst();
    long left = deadline - System.nanoTime();
    if (!local.isActive() || left <= 0) {
      remotes.slots().free(host);
      return;
    }
    Duration share = Duration.ofNanos(Math.max(1, left / hosts.size()));
    log.debug("#{} asks the PT for {}", number, host);
    Tunnel tunnel = new Tunnel(number, local, options, remotes);
    Future<Channel> attempt = dialer.dial(local.eventLoop(), host, share, tunnel.ptSide());
    dial = attempt;
    long begin = System.nanoTime();
    attempt.addListener(_ -> {
      remotes.slots().free(host);
      if (attempt.isSuccess()) {
        remotes.worked(host);
        if (local.isActive()) {
          handOver(tunnel);
        } else {
          attempt.getNow().close();
        }
      } else if (attempt.cause() instanceof PtException failure && local.isActive()) {
        failed(failure, Duration.ofNanos(System.nanoTime() - begin), dialer, hosts);
      }
    });
  }

  private void failed(PtException failure, Duration after, PtDialer dialer, List<Endpoint> hosts) {
    last = failure.getMessage();
    if (failure.reason() == Reason.DIAL_BROKEN) {
      local
          .eventLoop()
          .schedule(
              () -> {
                if (!local.isActive()) {
                  return;
                }
                if (gate.offers(dialer)) {
                  // It lives: some PTs hang up where others answer that they have no connection.
                  tryNext(failure, after, dialer, hosts);
                } else {
                  log.debug("#{} waits for the PT to come back: {}", number, last);
                  awaitPt();
                }
              },
              UNTIL_DEATH_IS_KNOWN.toMillis(),
              MILLISECONDS);
    } else {
      tryNext(failure, after, dialer, hosts);
    }
  }

  private void tryNext(PtException failure, Duration after, PtDialer dialer, List<Endpoint> hosts) {
    remotes.failed(hosts.getFirst());
    if (hosts.size() > 1) {
      log.debug("#{} tries the next server: {}", number, last);
      dial(dialer, hosts.subList(1, hosts.size()));
    } else {
      close(last + suspicion(failure, after));
    }
  }

  /** What is probably behind it, told apart from what the PT has said. */
  private String suspicion(PtException failure, Duration after) {
    boolean late = after.compareTo(HANDSHAKE_LIMITS) >= 0;
    return switch (failure.reason()) {
      case DIAL_REFUSED ->
          "; the PT says no more: probably "
              + (late ? NO_HANDSHAKE : "the server does not run, or its address or port is wrong")
              + throughProxy();
      case TIMED_OUT -> "; probably " + NO_HANDSHAKE + throughProxy();
      case ARGS_REJECTED -> ": check the plugin options";
      default -> "";
    };
  }

  private String throughProxy() {
    return options.proxy().isPresent() ? ", or the proxy does not let it through" : "";
  }

  private void timedOut() {
    if (dial != null && !dial.isDone()) {
      // A dial has no more time than that either, and is about to tell which step took too long.
      timer = local.eventLoop().schedule(this::timedOut, LAST_WORD.toMillis(), MILLISECONDS);
    } else {
      close("no tunnel within " + Durations.words(options.dialTimeout()) + ": " + last);
    }
  }

  private void close(String reason) {
    if (local.isActive()) {
      log.warn("tunnel #{} failed: {}", number, reason);
      local.close();
    }
  }

  private void handOver(Tunnel tunnel) {
    log.debug(
        "#{} has its tunnel after {}",
        number,
        Durations.words(Duration.ofNanos(System.nanoTime() - deadline + deadlineAfter)));
    handedOver = true;
    stopTimer();
    local.pipeline().replace(this, null, tunnel.localSide());
    tunnel.join(early, inputEnded);
  }

  private void giveUp() {
    if (handedOver) {
      return;
    }
    // A dial goes on: the PT would not notice its end, and it has to be counted.
    stopTimer();
    if (leaveQueue != null) {
      leaveQueue.run();
    }
    early.forEach(ByteBuf::release);
    early.clear();
  }

  private void stopTimer() {
    if (timer != null) {
      timer.cancel(false);
    }
  }
}
