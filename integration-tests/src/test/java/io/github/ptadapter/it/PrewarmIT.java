package io.github.ptadapter.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tunnels dialled ahead, through a real PT on both sides. */
final class PrewarmIT {

  private static final String READY = "a tunnel is ready";
  private static final String TAKES = "takes a tunnel that was ready";
  private static final String ENDED = "a ready tunnel was ended by the far side";
  private static final int TUNNELS = 4;

  /** Of a plugin that has nothing to wait for. */
  private static final Duration AT_ONCE = Duration.ofSeconds(1);

  @TempDir Path dir;

  /** Tunnels that have come out at the server: its PT connects as soon as one is dialled. */
  private final AtomicInteger arrived = new AtomicInteger();

  private final AtomicInteger standing = new AtomicInteger();
  private final AtomicInteger seeds = new AtomicInteger();
  private TestServer target;

  @BeforeEach
  void startTarget() {
    target =
        TestServer.start(socket -> {
          arrived.incrementAndGet();
          standing.incrementAndGet();
          try {
            Exchange.serve(socket, socket.getInputStream().read());
          } finally {
            standing.decrementAndGet();
          }
        });
  }

  @AfterEach
  void stopTarget() {
    target.close();
  }

  @Test
  void laterConnectionsTakeTunnelsThatAreReady() throws IOException {
    try (PluginPair pair = start(TUNNELS)) {
      fill(pair);
      for (int round = 1; round <= 3; round++) {
        int dialled = arrived.get();
        long taken = count(pair, TAKES);
        for (int i = 0; i < TUNNELS; i++) {
          exchange(pair, 300_000);
        }
        assertThat(count(pair, TAKES) - taken).as("tunnels taken").isEqualTo(TUNNELS);
        awaitFull(pair);
        assertThat(arrived.get() - dialled).as("tunnels dialled").isEqualTo(TUNNELS);
      }
      Await.until("all but the ready ones ended", () -> standing.get() <= TUNNELS);
      noWarning(pair);
    }
  }

  @Test
  void nothingIsDialledAheadOfTheFirstConnection() throws IOException {
    try (PluginPair pair = start(TUNNELS)) {
      pair.connect().close();
      pair.client().awaitLine("ended without a byte");
      assertThat(arrived).hasValue(0);
      exchange(pair, 1000);
      pair.client().awaitLine(READY);
      assertThat(arrived).as("one for the connection, one ahead").hasValue(2);
    }
  }

  @Test
  void manyConnectionsAtOnce() throws Exception {
    try (PluginPair pair = start(8);
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int round = 1; round <= 2; round++) {
        List<Future<?>> all = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
          all.add(
              threads.submit(() -> {
                exchange(pair, 20_000);
                return true;
              }));
        }
        for (Future<?> one : all) {
          one.get();
        }
      }
      assertThat(count(pair, TAKES)).isPositive();
      Await.until("all but the ready ones ended", () -> standing.get() <= 8);
      noWarning(pair);
    }
  }

  @Test
  void noneOfDeadClientPtIsTaken() throws IOException {
    try (PluginPair pair = start(TUNNELS)) {
      fill(pair);
      long pt = pair.client().awaitChild("obfs4proxy");
      Processes.signal("KILL", pt);
      pair.client().awaitLine(ENDED, TUNNELS);
      long taken = count(pair, TAKES);
      for (int i = 0; i < TUNNELS; i++) {
        // They wait for the next PT.
        exchange(pair, 1000);
      }
      assertThat(count(pair, TAKES)).isEqualTo(taken);
    }
  }

  @Test
  void noneOfDeadServerIsTaken() throws IOException {
    try (PluginPair pair = start(TUNNELS)) {
      fill(pair);
      long pt = pair.server().awaitChild("obfs4proxy");
      Processes.signal("KILL", pt);
      pair.client().awaitLine(ENDED, TUNNELS);
      long taken = count(pair, TAKES);
      pair.server().awaitLine("ready: ", 2);
      for (int i = 0; i < TUNNELS; i++) {
        exchange(pair, 1000);
      }
      assertThat(count(pair, TAKES)).isEqualTo(taken);
    }
  }

  @Test
  void endsAtOnceWithTunnelsReady() throws IOException {
    try (PluginPair pair = start(TUNNELS)) {
      fill(pair);
      long pt = pair.client().awaitChild("obfs4proxy");
      assertThat(standing).hasValueGreaterThanOrEqualTo(TUNNELS);
      long signalled = Processes.signal("TERM", pair.client().pid());
      assertThat(pair.client().awaitExit(Await.LIMIT)).isZero();
      Duration took = Duration.ofNanos(System.nanoTime() - signalled);
      System.out.printf(
          "PrewarmIT: ended %d ms after SIGTERM, with %d tunnels ready%n",
          took.toMillis(), TUNNELS);
      assertThat(took).isLessThan(AT_ONCE);
      Await.until("end of the PT", () -> !Processes.isRunning(pt));
      Await.until("end of all tunnels", () -> standing.get() == 0);
    }
  }

  private PluginPair start(int prewarm) throws IOException {
    return PluginPair.start(
        dir, target.port(), ";loglevel=debug;drain-timeout=500ms;prewarm=" + prewarm);
  }

  /** Makes as many connections as it takes until all tunnels are ready. */
  private void fill(PluginPair pair) throws IOException {
    for (int i = 0; i < TUNNELS; i++) {
      exchange(pair, 1000);
    }
    awaitFull(pair);
  }

  private static void awaitFull(PluginPair pair) {
    Await.until(
        TUNNELS + " tunnels ready", () -> count(pair, READY) - count(pair, TAKES) == TUNNELS);
  }

  private void exchange(PluginPair pair, int size) throws IOException {
    try (Socket socket = pair.connect()) {
      Exchange.up(socket, new Payload(seeds.incrementAndGet(), size));
      Exchange.down(socket, new Payload(seeds.incrementAndGet(), size));
    }
  }

  private static long count(PluginPair pair, String words) {
    return pair.client().log().stream().filter(line -> line.contains(words)).count();
  }

  private static void noWarning(PluginPair pair) {
    assertThat(pair.client().log())
        .noneMatch(line -> line.contains(" WARN ") || line.contains(" ERROR "));
  }
}
