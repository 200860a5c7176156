package io.github.ptadapter.adapter.cli;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static java.util.stream.Collectors.joining;

import io.github.ptadapter.adapter.AdapterException;
import io.github.ptadapter.adapter.Durations;
import io.github.ptadapter.adapter.ExitCode;
import io.github.ptadapter.adapter.cli.Doctor.Finding;
import io.github.ptadapter.adapter.cli.Step.Mark;
import io.github.ptadapter.ptclient.ClientMethod;
import io.github.ptadapter.ptclient.Endpoint;
import io.github.ptadapter.ptclient.PtArgs;
import io.github.ptadapter.ptclient.PtDialer;
import io.github.ptadapter.ptclient.PtException;
import io.github.ptadapter.ptclient.TransportName;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** The far side, looked at from a client: its port, a handshake, and what answers in the tunnel. */
final class FarSide implements AutoCloseable {

  /** The transports whose programs connect to the server's address themselves. */
  private static final Set<String> DIRECT = Set.of("obfs2", "obfs3", "obfs4", "scramblesuit");

  private static final String OBFS4 = "obfs4";

  private static final String SILENCE_OF_ALL =
      "The server is down or blocked, or its arguments are others: PTs do not tell them apart. Where"
          + " the transport needs long to find its way, allow more with --timeout 2m.";

  private static final String NOTHING_BEHIND =
      "The transport works on both sides, but nothing seems to listen behind it: is the Shadowsocks"
          + " server (or the other program) running there, on the address that the plugin was given?";

  private static final String LOST =
      "Either the PT did not get through to the server, or nothing listens behind the server. From"
          + " here these look the same; with --verbose the PT may tell.";

  private static final Duration GREETING_LIMIT = Duration.ofMillis(300);
  private static final Duration CONNECT_LIMIT = Duration.ofSeconds(5);

  /** A tunnel to nothing ends one way through the network after its handshake. */
  private static final Duration END_LIMIT = Duration.ofMillis(1500);

  private static final Duration ANSWER_LIMIT = Duration.ofSeconds(2);

  /** As long as the first packet of a Shadowsocks client with an address in it, or so. */
  private static final int QUESTION_BYTES = 64;

  private static final int QUOTED_BYTES = 60;

  private final TransportName transport;
  private final Duration limit;
  private final EventLoopGroup loop = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
  private Answer answer = new Answer();
  private List<Endpoint> reachable = List.of();
  private boolean portSeen;
  private @Nullable Channel tunnel;

  /**
   * Prepares to look.
   *
   * @param limit how long a handshake may take
   */
  FarSide(TransportName transport, Duration limit) {
    this.transport = transport;
    this.limit = limit;
  }

  static boolean isDirect(TransportName transport) {
    return DIRECT.contains(transport.value());
  }

  /** Connects to the server's port without any transport. */
  Finding port(List<Endpoint> remotes, boolean proxy) {
    reachable = remotes;
    if (proxy) {
      return Finding.unknown("not tried: the way goes through the proxy", "");
    }
    if (!isDirect(transport)) {
      return Finding.unknown(
          "not tried: " + transport + " need not connect to the server's address", "");
    }
    List<Endpoint> open = new ArrayList<>();
    List<Finding> findings = new ArrayList<>();
    for (Endpoint remote : remotes) {
      Finding finding = knock(remote);
      if (finding.mark() == Mark.GOOD) {
        open.add(remote);
      }
      findings.add(finding);
    }
    if (findings.size() == 1 || open.isEmpty()) {
      portSeen = !open.isEmpty();
      return findings.getFirst();
    }
    reachable = open;
    portSeen = true;
    String all = findings.stream().map(Finding::text).collect(joining("; "));
    return open.size() == remotes.size() ? Finding.good(all) : Finding.unknown(all, "");
  }

  private Finding knock(Endpoint remote) {
    try {
      return knock(remote, InetAddress.getAllByName(remote.host()));
    } catch (UnknownHostException e) {
      return Finding.bad(
          "no address is known for the name '" + remote.host() + "'",
          "It is misspelt, or the DNS of this machine is at fault.");
    }
  }

  /** Tries the addresses of a name one after the other, as the transport's program will. */
  Finding knock(Endpoint remote, InetAddress[] addresses) {
    List<Finding> failures = new ArrayList<>();
    for (InetAddress address : addresses) {
      String place =
          addresses.length == 1
              ? remote.toString()
              : remote + " (" + address.getHostAddress() + ")";
      Finding finding = knock(place, new InetSocketAddress(address, remote.port()));
      if (finding.mark() == Mark.GOOD) {
        return finding;
      }
      failures.add(finding);
    }
    return Finding.bad(
        failures.stream().map(Finding::text).collect(joining("; ")), failures.getFirst().advice());
  }

  /** Keeps apart what can be kept apart. */
  private Finding knock(String remote, InetSocketAddress address) {
    try (Socket socket = new Socket()) {
      socket.connect(address, (int) CONNECT_LIMIT.toMillis());
      Optional<String> greeting = greeting(socket);
      if (greeting.isPresent() && transport.value().equals(OBFS4)) {
        return Finding.bad(
            remote + " speaks first: '" + greeting.orElseThrow() + "'",
            "An obfs4 server never does, so this is another program: check the port.");
      }
      return Finding.good(remote + " accepts connections");
    } catch (SocketTimeoutException e) {
      return Finding.bad(
          remote + " does not answer within " + Durations.words(CONNECT_LIMIT),
          "The machine is down, its address is another, or something on the way drops the packets"
              + " (a firewall, a block). From here these look the same.");
    } catch (IOException e) {
      String why = String.valueOf(e.getMessage());
      return why.contains("refused")
          ? Finding.bad(
              remote + " refuses connections",
              "The machine is there, but nothing listens on this port: is the server running, and"
                  + " is this its port? Or a firewall rejects; from here it looks the same.")
          : Finding.bad("cannot connect to " + remote + ": " + why, "");
    }
  }

  /** What a program says to everybody who connects, if it does. */
  private static Optional<String> greeting(Socket socket) {
    try {
      socket.setSoTimeout((int) GREETING_LIMIT.toMillis());
      byte[] bytes = new byte[QUOTED_BYTES];
      int count = socket.getInputStream().read(bytes);
      return count <= 0
          ? Optional.empty()
          : Optional.of(printable(new String(bytes, 0, count, StandardCharsets.US_ASCII)));
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** Strangers wrote it. */
  private static String printable(String text) {
    return text.strip().replaceAll("[^ -~]", "?");
  }

  /** Knocks at the PT's own port, and checks that it can be told what it must know. */
  PtDialer socks(ClientMethod method, PtArgs args) throws AdapterException {
    try (Socket socket = new Socket()) {
      PtDialer dialer = new PtDialer(method, args);
      for (Endpoint remote : reachable) {
        dialer.requireExpressible(remote);
      }
      socket.connect(method.address().toSocketAddress(), (int) CONNECT_LIMIT.toMillis());
      return dialer;
    } catch (PtException e) {
      throw AdapterException.config(e.getMessage());
    } catch (IOException e) {
      throw new AdapterException(
          ExitCode.PT_FAILED,
          "the PT does not accept connections on " + method.address() + ": " + e.getMessage());
    }
  }

  /** Makes one tunnel, through the first of the servers that has one to give. */
  Finding handshake(PtDialer dialer) throws InterruptedException {
    Finding last = Finding.bad("no server to try", "");
    for (Endpoint remote : reachable) {
      answer = new Answer();
      long start = System.nanoTime();
      Future<Channel> dial = dialer.dial(loop.next(), remote, limit, answer).await();
      if (dial.isSuccess()) {
        tunnel = dial.getNow();
        return isDirect(transport)
            ? Finding.good(transport + " with " + remote)
            : Finding.unknown(
                "the PT says that it is connected to " + remote,
                "Some PTs say so before they try (meek, snowflake); the next step tells more.");
      }
      Duration took = Duration.ofNanos(System.nanoTime() - start);
      if (!(dial.cause() instanceof PtException failure)) {
        throw new IllegalStateException("bug: a dial failed in an unknown way", dial.cause());
      }
      last = failed(remote, failure, took);
    }
    return last;
  }

  private Finding failed(Endpoint remote, PtException failure, Duration took) {
    String what = failure.getMessage() + " (" + remote + ")";
    return switch (failure.reason()) {
      case ARGS_REJECTED -> Finding.bad(what, "Check the transport's arguments in the options.");
      case TIMED_OUT -> Finding.bad(what, portSeen ? silence() : SILENCE_OF_ALL);
      case DIAL_REFUSED, DIAL_BROKEN ->
          Finding.bad(
              what,
              portSeen
                  ? "The port accepts connections, but this one ended "
                      + Durations.words(took)
                      + " after the handshake began. A server of "
                      + transport
                      + " keeps silent to strangers for longer, so this is likely another program,"
                      + " or something on the way that cuts the connection. It tells nothing of the"
                      + " cert."
                  : "Check that the server runs, and its address, port and arguments.");
      default -> Finding.bad(what, "");
    };
  }

  private String silence() {
    return "The port accepts connections, but does not answer this handshake. So does a server whose"
        + " cert is another than yours (has it lost its state directory? compare its"
        + " client-plugin-opts.txt), a program that is no "
        + transport
        + " server, clocks that are more than an hour apart, and something on the way that"
        + " lets connections through but not what follows. From here these look the same; most often"
        + " it is the cert.";
  }

  /** Waits for what the program behind the server does, unasked and asked. */
  Finding answer(boolean serviceKnownToBeDown) throws InterruptedException {
    Channel open = Objects.requireNonNull(tunnel, "bug: no tunnel");
    if (answer.within(END_LIMIT)) {
      return unasked(serviceKnownToBeDown);
    }
    byte[] question = new byte[QUESTION_BYTES];
    new SecureRandom().nextBytes(question);
    long start = System.nanoTime();
    open.writeAndFlush(Unpooled.wrappedBuffer(question));
    if (!answer.within(ANSWER_LIMIT)) {
      return Finding.unknown(
          "the program behind the server keeps the connection and says nothing",
          "Shadowsocks servers do so with bytes that they cannot read, such as those of this check:"
              + " the tunnel works, and whether method and password fit only a Shadowsocks client"
              + " can tell.");
    }
    String after = Durations.words(Duration.ofNanos(System.nanoTime() - start));
    if (answer.ended()) {
      return Finding.unknown(
          "the program behind the server closed the connection " + after + " after random bytes",
          "Some programs do so with bytes that they cannot read, such as those of this check: the"
              + " tunnel works.");
    }
    return Finding.good("the program behind the server answers random bytes after " + after);
  }

  private Finding unasked(boolean serviceKnownToBeDown) {
    if (!answer.ended()) {
      return Finding.good("the program behind the server speaks first: '" + answer.text() + "'");
    }
    return serviceKnownToBeDown
        ? Finding.unknown("the tunnel ended at once, as nothing listens behind the server yet", "")
        : Finding.bad("the tunnel ended at once", isDirect(transport) ? NOTHING_BEHIND : LOST);
  }

  @Override
  public void close() {
    loop.shutdownGracefully(0, 1, SECONDS);
  }

  /** The first thing that comes out of the tunnel: bytes or its end. */
  private static final class Answer extends ChannelInboundHandlerAdapter {
    private final CompletableFuture<Optional<String>> first = new CompletableFuture<>();

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
      ByteBuf bytes = (ByteBuf) message;
      int count = Math.min(QUOTED_BYTES, bytes.readableBytes());
      String text = bytes.toString(bytes.readerIndex(), count, StandardCharsets.US_ASCII);
      bytes.release();
      first.complete(Optional.of(printable(text)));
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
      first.complete(Optional.empty());
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
      first.complete(Optional.empty());
      ctx.close();
    }

    boolean within(Duration limit) throws InterruptedException {
      try {
        first.get(limit.toMillis(), MILLISECONDS);
        return true;
      } catch (TimeoutException e) {
        return false;
      } catch (ExecutionException e) {
        throw new IllegalStateException("bug: an answer cannot fail", e.getCause());
      }
    }

    boolean ended() {
      return first.join().isEmpty();
    }

    String text() {
      return first.join().orElse("");
    }
  }
}
