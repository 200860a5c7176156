package io.github.ptadapter.adapter;

import static java.util.concurrent.TimeUnit.NANOSECONDS;

import io.github.ptadapter.ptclient.Endpoint;
import io.github.ptadapter.ptclient.PtDialer;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoop;
import io.netty.channel.RecvByteBufAllocator;
import io.netty.channel.socket.SocketChannel;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.Future;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tunnels of one event loop that were dialled ahead of the connections that will want them.
 *
 * <p>There are as many as connections came lately, up to a limit. None lives for long, and it is
 * replaced only while connections come: so all are gone some time after the last of them. One that
 * the far side ends, or speaks in before it was spoken to, is never handed out.
 *
 * <p>All methods and fields belong to the event loop.
 */
final class ReadyTunnels {

  private static final Logger log = LoggerFactory.getLogger(ReadyTunnels.class);

  /**
   * How long things take.
   *
   * @param recent how long a connection counts as a sign that more will come
   * @param life how long a tunnel waits at least
   * @param spread how much longer it may wait, at random: they shall not all be replaced at once
   * @param pause how long nothing is dialled ahead after a failure
   */
  record Times(Duration recent, Duration life, Duration spread, Duration pause) {

    /**
     * Well below a minute, after which web servers and others on the way end what is silent; and
     * what was dialled ahead is gone half a minute after the last connection.
     */
    static final Times DEFAULT =
        new Times(
            Duration.ofSeconds(10),
            Duration.ofSeconds(15),
            Duration.ofSeconds(5),
            Duration.ofSeconds(10));
  }

  private final EventLoop loop;
  private final int limit;
  private final Duration dialTimeout;
  private final RemoteHosts remotes;
  private final PtGate gate;
  private final RecvByteBufAllocator reads;
  private final Times times;

  /** When connections came, the last ones up to the limit. */
  private final Deque<Long> wanted = new ArrayDeque<>();

  private final Deque<Held> ready = new ArrayDeque<>();
  private int dialling;
  private long pausedSince;
  private boolean paused;

  /**
   * @param reads how the PT's side of a tunnel is read: it is settled before its connection comes
   */
  ReadyTunnels(
      EventLoop loop,
      int limit,
      Duration dialTimeout,
      RemoteHosts remotes,
      PtGate gate,
      RecvByteBufAllocator reads) {
    this(loop, limit, dialTimeout, remotes, gate, reads, Times.DEFAULT);
  }

  /** With times of their own, for tests. */
  ReadyTunnels(
      EventLoop loop,
      int limit,
      Duration dialTimeout,
      RemoteHosts remotes,
      PtGate gate,
      RecvByteBufAllocator reads,
      Times times) {
    this.loop = loop;
    this.limit = limit;
    this.dialTimeout = dialTimeout;
    this.remotes = remotes;
    this.gate = gate;
    this.reads = reads;
    this.times = times;
  }

  /**
   * Takes the oldest tunnel, for a connection that has come.
   *
   * @param dialer of the present PT: tunnels of an earlier one are dropped
   * @param host where the tunnel shall lead
   * @return the PT's connection, with no handler for what it brings; null if there is none
   */
  @Nullable SocketChannel take(PtDialer dialer, Endpoint host) {
    if (wanted.size() == limit) {
      wanted.poll();
    }
    wanted.add(System.nanoTime());
    // The connection that has come goes first.
    loop.execute(this::topUp);
    for (Held held = ready.poll(); held != null; held = ready.poll()) {
      SocketChannel pt = held.release();
      if (pt.isActive() && held.dialer.equals(dialer) && held.host.equals(host)) {
        return pt;
      }
      pt.close();
    }
    return null;
  }

  private void topUp() {
    @Nullable PtDialer dialer = gate.dialer().getNow(null);
    if (dialer == null) {
      return;
    }
    long now = System.nanoTime();
    wanted.removeIf(came -> now - came >= times.recent().toNanos());
    paused = paused && now - pausedSince < times.pause().toNanos();
    Endpoint host = remotes.inOrder().getFirst();
    while (!paused && ready.size() + dialling < wanted.size() && remotes.slots().tryTake(host)) {
      dial(dialer, host);
    }
  }

  private void dial(PtDialer dialer, Endpoint host) {
    dialling++;
    Held held = new Held(dialer, host);
    Future<Channel> dial = dialer.dial(loop, host, dialTimeout, held);
    dial.addListener(_ -> {
      dialling--;
      remotes.slots().free(host);
      if (dial.isSuccess()) {
        held.startLife();
        ready.add(held);
        log.debug("a tunnel is ready, now {}", ready.size());
      } else {
        pause("no tunnel was got ready: " + dial.cause().getMessage());
      }
    });
  }

  private void pause(String reason) {
    log.debug("{}; a pause of {} follows", reason, Durations.words(times.pause()));
    paused = true;
    pausedSince = System.nanoTime();
  }

  /** A tunnel that waits for its connection. */
  private final class Held extends ChannelInboundHandlerAdapter {

    private final PtDialer dialer;
    private final Endpoint host;
    private @Nullable SocketChannel pt;
    private @Nullable Future<?> end;

    Held(PtDialer dialer, Endpoint host) {
      this.dialer = dialer;
      this.host = host;
    }

    void startLife() {
      long spread = ThreadLocalRandom.current().nextLong(times.spread().toNanos() + 1);
      end = loop.schedule(this::expired, times.life().toNanos() + spread, NANOSECONDS);
    }

    /** Leaves the connection to another handler. */
    SocketChannel release() {
      if (pt == null || end == null) {
        throw new IllegalStateException("bug: not dialled yet");
      }
      end.cancel(false);
      pt.pipeline().remove(this);
      return pt;
    }

    private void expired() {
      if (ready.remove(this)) {
        release().close();
        log.debug("a tunnel was ready for nobody, now {}", ready.size());
        topUp();
      }
    }

    private void spoilt(String reason) {
      if (ready.remove(this)) {
        release().close();
        pause(reason);
      }
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
      pt = (SocketChannel) ctx.channel();
      pt.config().setRecvByteBufAllocator(reads);
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
      ReferenceCountUtil.release(message);
      spoilt("a ready tunnel brought bytes before it was used");
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
      spoilt("a ready tunnel was ended by the far side");
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
      log.debug("a ready tunnel lost the PT's connection: {}", cause.getMessage());
      ctx.close();
    }
  }
}
