package io.github.ptadapter.adapter;

import static java.util.concurrent.TimeUnit.SECONDS;

import io.github.ptadapter.ptclient.ClientMethod;
import io.github.ptadapter.ptclient.Endpoint;
import io.github.ptadapter.ptclient.PtDialer;
import io.github.ptadapter.ptclient.PtException;
import io.github.ptadapter.ptclient.PtMethods;
import io.github.ptadapter.ptclient.SocksVersion;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.ImmediateEventExecutor;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.net.UnknownHostException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.UnsupportedAddressTypeException;
import java.nio.channels.spi.SelectorProvider;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The role beside ss-local: listens for the host and dials through the PT. */
public final class ClientRole implements PtSupervisor.User {

  private static final Logger log = LoggerFactory.getLogger(ClientRole.class);

  /** Hosts choose a port by binding it and letting go again: it may take a moment to be free. */
  private static final Duration BIND_LIMIT = Duration.ofSeconds(1);

  private static final Duration BIND_PAUSE = Duration.ofMillis(20);

  /** Connections that the kernel holds for us until we run; Java's own default is 50. */
  private static final int BACKLOG = 1024;

  private static final int MAX_EVENT_LOOPS = 2;

  private final SipEnvironment sip;
  private final PluginOptions options;
  private final Optional<Meter> meter;
  private final RemoteHosts remotes;
  private final PtGate gate = new PtGate();
  private final AtomicInteger open = new AtomicInteger();
  private final AtomicInteger accepted = new AtomicInteger();
  private @Nullable ServerSocketChannel listener;
  private volatile @Nullable EventLoopGroup group;

  /** Filled before the first connection comes, and only if tunnels shall be dialled ahead. */
  private final Map<EventLoop, ReadyTunnels> ready = new HashMap<>();

  /** Made at the start: making it takes a millisecond, which the end does not have. */
  private final Runnable frozen = LockSupport::park;

  ClientRole(SipEnvironment sip, PluginOptions options, Optional<Meter> meter)
      throws AdapterException {
    this.sip = sip;
    this.options = options;
    this.meter = meter;
    requireOfServer(sip.remotes());
    options
        .bridge()
        .filter(bridge -> !sip.remotes().contains(bridge.address()))
        .ifPresent(_ ->
            log.warn(
                "the bridge line's address differs from the server's address of the host:"
                    + " the host's is used"));
    remotes = new RemoteHosts(sip.remotes());
  }

  /** Refuses addresses that no client can connect to. */
  public static void requireOfServer(List<Endpoint> remotes) throws AdapterException {
    for (Endpoint remote : remotes) {
      if (remote.isWildcard()) {
        throw AdapterException.config(
            "the server's address is "
                + remote.host()
                + ", which only a server can have: add 'server' to the plugin options");
      }
    }
  }

  /**
   * Listens on {@code SS_LOCAL}. Uses the JDK alone, since loading Netty takes longer than hosts
   * like to wait; connections that come now are held by the kernel.
   */
  void bind() throws AdapterException, InterruptedException {
    long end = System.nanoTime() + BIND_LIMIT.toNanos();
    while (true) {
      try {
        InetAddress address = InetAddress.getByName(sip.local().host());
        ServerSocketChannel channel = ServerSocketChannel.open();
        try {
          channel.setOption(StandardSocketOptions.SO_REUSEADDR, true);
          channel.bind(new InetSocketAddress(address, sip.local().port()), BACKLOG);
          listener = channel;
          return;
        } catch (IOException | UnsupportedAddressTypeException e) {
          channel.close();
          throw e;
        }
      } catch (BindException e) {
        if (System.nanoTime() - end >= 0) {
          throw cannotListen(withRemedy(String.valueOf(e.getMessage())));
        }
        Thread.sleep(BIND_PAUSE);
      } catch (UnknownHostException e) {
        throw cannotListen("there is no such host");
      } catch (UnsupportedAddressTypeException e) {
        // Java saw at its start that there is no IPv6 at all.
        throw cannotListen("this machine has no IPv6");
      } catch (IOException | UnsupportedOperationException e) {
        throw cannotListen(String.valueOf(e.getMessage()));
      }
    }
  }

  /** Adds what to do, by the system's words: Java has one exception for all three. */
  private static String withRemedy(String words) {
    if (words.contains("ermission")) {
      return words + ": ports below 1024 are for root and CAP_NET_BIND_SERVICE";
    }
    return words.contains("assign")
        ? words + ": it is no address of this machine"
        : words + "; if another program, or a plugin left over, holds it, end that";
  }

  private AdapterException cannotListen(String why) {
    return new AdapterException(
        ExitCode.LISTEN,
        "cannot listen on %s (%s): %s".formatted(sip.local(), sip.names().local(), why));
  }

  /** Starts to accept connections; they wait for the PT. */
  void serve() {
    ServerSocketChannel bound = Objects.requireNonNull(listener, "bug: not bound yet");
    int threads = Math.min(MAX_EVENT_LOOPS, Runtime.getRuntime().availableProcessors());
    BulkReads reads = new BulkReads();
    EventLoopGroup loops =
        new MultiThreadIoEventLoopGroup(
            threads,
            NioIoHandler.newFactory(SelectorProvider.provider(), () -> new BulkPace(reads)));
    group = loops;
    if (options.prewarm() > 0) {
      prepareReadyTunnels(loops, threads, reads);
    }
    ServerBootstrap server = new ServerBootstrap();
    AcceptLimit limit = AcceptLimit.of(AcceptLimit.descriptors(), options.prewarm());
    if (limit.connections() < options.maxConnections()) {
      server.handler(limit);
    }
    server
        .group(loops)
        .channelFactory(() -> new NioServerSocketChannel(bound))
        // The channel is bound already: reading starts only when the pipeline is complete.
        .option(ChannelOption.AUTO_READ, false)
        .childOption(ChannelOption.TCP_NODELAY, true)
        .childOption(ChannelOption.RECVBUF_ALLOCATOR, reads)
        .childOption(ChannelOption.ALLOW_HALF_CLOSURE, true)
        .childHandler(
            new ChannelInitializer<SocketChannel>() {
              @Override
              protected void initChannel(SocketChannel channel) {
                accepted(channel);
              }
            })
        .register()
        .addListener((ChannelFuture registered) -> {
          Channel channel = registered.channel();
          channel.eventLoop().execute(() -> channel.config().setAutoRead(true));
        });
  }

  /** A tunnel's connections share an event loop, so each loop has its part of the ready ones. */
  private void prepareReadyTunnels(EventLoopGroup loops, int count, BulkReads reads) {
    int left = options.prewarm();
    int loopsLeft = count;
    for (EventExecutor loop : loops) {
      int share = Math.ceilDiv(left, loopsLeft);
      if (share > 0) {
        EventLoop own = (EventLoop) loop;
        ready.put(own, new ReadyTunnels(own, share, options.dialTimeout(), remotes, gate, reads));
      }
      left -= share;
      loopsLeft--;
    }
  }

  /**
   * Stops all event loops where they stand, for a program that ends itself at once: the JVM waits
   * up to 300 ms at its end for threads in a system call, so they are led out of theirs.
   */
  void freeze() {
    EventLoopGroup loops = group;
    if (loops != null) {
      for (EventExecutor loop : loops) {
        loop.execute(frozen);
      }
    }
  }

  /** Closes the listener and all connections, without waiting for the event loops to end. */
  Future<?> close() {
    try {
      if (listener != null) {
        listener.close();
      }
    } catch (IOException e) {
      log.debug("closing the listener failed: {}", e.getMessage());
    }
    EventLoopGroup loops = group;
    return loops == null
        ? ImmediateEventExecutor.INSTANCE.newSucceededFuture(null)
        : loops.shutdownGracefully(0, 1, SECONDS);
  }

  private void accepted(SocketChannel channel) {
    int number = accepted.incrementAndGet();
    if (open.incrementAndGet() > options.maxConnections()) {
      open.decrementAndGet();
      log.warn("a connection was refused: {} are open (max-connections)", options.maxConnections());
      channel.close();
      return;
    }
    channel.closeFuture().addListener(_ -> open.decrementAndGet());
    // Not a lambda: linking one would delay a plugin's first connection.
    if (meter.isPresent()) {
      channel.pipeline().addLast(meter.orElseThrow().counter());
    }
    channel
        .pipeline()
        .addLast(
            new LocalConnection(
                number, channel, options, remotes, gate, ready.get(channel.eventLoop())));
  }

  @Override
  public void ready(PtMethods methods) throws AdapterException {
    ClientMethod method =
        methods
            .client(options.transport())
            .orElseThrow(() -> new IllegalStateException("bug: ready without the one transport"));
    try {
      PtDialer dialer = new PtDialer(method, options.args());
      if (method.socks() == SocksVersion.SOCKS4) {
        requireIpV4(sip.remotes());
      }
      gate.open(dialer);
    } catch (PtException e) {
      throw AdapterException.config(e.getMessage());
    }
    log.info("ready: {} for connections to {}", options.transport(), sip.local());
  }

  private void requireIpV4(List<Endpoint> hosts) throws AdapterException {
    for (Endpoint host : hosts) {
      if (!host.isIpV4()) {
        throw AdapterException.config(
            "the PT offers %s by SOCKS4, which takes IPv4 addresses only: '%s' is none"
                .formatted(options.transport(), host.host()));
      }
    }
  }

  @Override
  public void lost() {
    gate.shut();
  }
}
