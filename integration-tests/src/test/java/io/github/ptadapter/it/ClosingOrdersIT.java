package io.github.ptadapter.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.ptadapter.it.ClosingRound.Order;
import io.github.ptadapter.it.PluginPair.Pts;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Many tunnels through real PTs, ended in every order: what was sent arrives, and nothing of them
 * stays.
 *
 * <p>obfs4proxy ends both directions at the first end of either. lyrebird waits for the ends of
 * both before it ends one: it hides the end of one side from the other, and where both PTs are
 * lyrebird a tunnel stays in them for ever although both sides have ended.
 */
final class ClosingOrdersIT {

  private static final boolean FULL = Boolean.getBoolean("ptadapter.full");
  private static final long SEED = Long.getLong("ptadapter.seed", System.nanoTime());
  private static final int ROUNDS = FULL ? 1000 : 40;
  private static final int AT_ONCE = 20;

  private static final String DRAIN_OPTION = ";drain-timeout=300ms";
  private static final Duration IDLE = Duration.ofSeconds(1);

  /** An end that has not come through until then counts as hidden. */
  private static final Duration HIDDEN = Duration.ofSeconds(FULL ? 30 : 2);

  /** How long an end waits for the other where that may be hidden. */
  private static final Duration PATIENCE = Duration.ofMillis(50);

  /** For one round, however slow the machine. */
  private static final Duration LIMIT = Duration.ofMinutes(2);

  /**
   * Resident memory of a plugin at the end above that after the warm-up. In thousands of rounds its
   * heap finds its size, 8 to 12 MB more, of which 2.5 MB are alive; three kilobytes that each
   * tunnel left behind would be 18 MB.
   */
  private static final long GROWTH = FULL ? 16_000_000 : 8_000_000;

  /** A tunnel in a PT: its SOCKS or server's side and its network's. */
  private static final int SOCKETS_OF_TUNNEL = 2;

  /** The programs at both ends. */
  enum Pair {
    OBFS4PROXY(false, false),
    LYREBIRD_AT_CLIENT(true, false),
    LYREBIRD_AT_SERVER(false, true),
    LYREBIRD(true, true);

    private final boolean lyrebirdAtClient;
    private final boolean lyrebirdAtServer;

    Pair(boolean lyrebirdAtClient, boolean lyrebirdAtServer) {
      this.lyrebirdAtClient = lyrebirdAtClient;
      this.lyrebirdAtServer = lyrebirdAtServer;
    }

    Pts pts() {
      return new Pts(pt(lyrebirdAtClient), pt(lyrebirdAtServer));
    }

    boolean hidesEnds() {
      return this != OBFS4PROXY;
    }

    private static Path pt(boolean lyrebird) {
      return lyrebird ? Requirement.program("lyrebird") : Plugin.EMBEDDED_PT;
    }
  }

  @TempDir Path dir;

  private final Queue<Throwable> failures = new ConcurrentLinkedQueue<>();
  private final AtomicInteger served = new AtomicInteger();

  @ParameterizedTest
  @EnumSource
  void nothingIsLostAndNothingStays(Pair pair) throws Exception {
    Pts pts = pair.pts();
    Duration patience = pair.hidesEnds() ? PATIENCE : Await.LIMIT;
    try (TestServer target = TestServer.start(socket -> serve(socket, patience));
        PluginPair plugins = PluginPair.start(dir, target.port(), pts, DRAIN_OPTION)) {
      List<Long> pids = plugins.pids(pts);
      List<Long> before = sockets(pids);
      for (Order order : Order.values()) {
        rounds(plugins, order, patience, AT_ONCE);
      }
      long warmClient = Processes.residentBytes(pids.get(0));
      long warmServer = Processes.residentBytes(pids.get(1));
      for (Order order : Order.values()) {
        long start = System.nanoTime();
        rounds(plugins, order, patience, ROUNDS);
        System.out.printf(
            "ClosingOrdersIT: %s, %s: %d rounds in %d ms (seed %d)%n",
            pts, order, ROUNDS, since(start).toMillis(), SEED);
      }
      int rounds = Order.values().length * (AT_ONCE + ROUNDS);
      Await.until("every round at the server", () -> served.get() == rounds);
      assertThat(failures).isEmpty();
      List<Long> after =
          pair == Pair.LYREBIRD
              ? List.of(
                  before.get(0),
                  before.get(1),
                  staying(before.get(2), rounds),
                  staying(before.get(3), rounds))
              : before;
      awaitSockets(pids, after);
      long growthClient = Processes.residentBytes(pids.get(0)) - warmClient;
      long growthServer = Processes.residentBytes(pids.get(1)) - warmServer;
      System.out.printf(
          "ClosingOrdersIT: %s: sockets of plugins and PTs %s, then %s;"
              + " resident memory of the plugins %+.1f and %+.1f MB%n",
          pts, before, sockets(pids), growthClient / 1e6, growthServer / 1e6);
      assertThat(growthClient).as("growth of the client's plugin").isLessThan(GROWTH);
      assertThat(growthServer).as("growth of the server's plugin").isLessThan(GROWTH);
    }
  }

  private static long staying(long before, int rounds) {
    return before + (long) SOCKETS_OF_TUNNEL * rounds;
  }

  /** How soon each side sees that the other has closed. */
  @ParameterizedTest
  @EnumSource
  void endOfOneSideReachesTheOther(Pair pair) throws Exception {
    Pts pts = pair.pts();
    try (ServerSocket target = new ServerSocket(0, 0, InetAddress.ofLiteral(Loopback.IPV4));
        PluginPair plugins = PluginPair.start(dir, target.getLocalPort(), pts, DRAIN_OPTION)) {
      try (Socket client = plugins.connect();
          Socket server = opened(client, target)) {
        ClosingRound.close(server);
        assertThat(seesEnd(pts + ": the server closes, its client", client))
            .isEqualTo(!pair.hidesEnds());
      }
      try (Socket client = plugins.connect();
          Socket server = opened(client, target)) {
        ClosingRound.close(client);
        assertThat(seesEnd(pts + ": the client closes, its server", server))
            .isEqualTo(!pair.hidesEnds());
      }
    }
  }

  @Test
  void idleTimeoutEndsWhatLyrebirdHides() throws Exception {
    Pts pts = Pair.LYREBIRD.pts();
    String options = ";idle-timeout=" + IDLE.toMillis() + "ms";
    try (ServerSocket target = new ServerSocket(0, 0, InetAddress.ofLiteral(Loopback.IPV4));
        PluginPair plugins = PluginPair.start(dir, target.getLocalPort(), pts, options);
        Socket client = plugins.connect();
        Socket server = opened(client, target)) {
      ClosingRound.close(server);
      long start = System.nanoTime();
      assertThat(ClosingRound.seesEnd(client, Await.LIMIT)).isTrue();
      assertThat(since(start)).isGreaterThan(IDLE.minusMillis(200));
    }
  }

  /** The server's end of a client's tunnel, after a byte each way. */
  private static Socket opened(Socket client, ServerSocket target) throws IOException {
    client.getOutputStream().write(1);
    Socket server = target.accept();
    server.getOutputStream().write(server.getInputStream().read());
    assertThat(client.getInputStream().read()).isEqualTo(1);
    return server;
  }

  private static boolean seesEnd(String who, Socket socket) throws IOException {
    long start = System.nanoTime();
    boolean seen = ClosingRound.seesEnd(socket, HIDDEN);
    System.out.printf(
        "ClosingOrdersIT: %s %s the end within %d ms%n",
        who, seen ? "sees" : "does not see", since(start).toMillis());
    return seen;
  }

  private void rounds(PluginPair plugins, Order order, Duration patience, int rounds)
      throws Exception {
    try (ExecutorService clients = Executors.newFixedThreadPool(AT_ONCE)) {
      List<Future<?>> running = new ArrayList<>();
      for (int i = 0; i < rounds; i++) {
        ClosingRound round = ClosingRound.of(order, SEED + i);
        running.add(
            clients.submit(() -> {
              try (Socket socket = plugins.connect()) {
                round.client(socket, patience);
              } catch (IOException | AssertionError e) {
                failures.add(new AssertionError("client of " + round + ": " + e, e));
              }
            }));
      }
      for (Future<?> round : running) {
        round.get(LIMIT.toSeconds(), TimeUnit.SECONDS);
      }
    }
  }

  private void serve(Socket socket, Duration patience) {
    try {
      ClosingRound.server(socket, patience);
    } catch (IOException | AssertionError e) {
      failures.add(new AssertionError("server: " + e, e));
    }
    served.incrementAndGet();
  }

  private static List<Long> sockets(List<Long> pids) {
    return pids.stream().map(Processes::sockets).toList();
  }

  private static void awaitSockets(List<Long> pids, List<Long> expected) {
    try {
      Await.until("the sockets that may stay", () -> sockets(pids).equals(expected));
    } catch (AssertionError e) {
      assertThat(sockets(pids)).as("sockets of both plugins, then both PTs").isEqualTo(expected);
    }
  }

  private static Duration since(long nanoTime) {
    return Duration.ofNanos(System.nanoTime() - nanoTime);
  }
}
