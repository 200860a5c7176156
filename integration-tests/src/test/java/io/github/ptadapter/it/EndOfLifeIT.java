package io.github.ptadapter.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever ends a host, the plugin or the PT: nothing is left behind, or service comes back. */
final class EndOfLifeIT {

  /** The contract's limit for all that hangs on a host. */
  private static final Duration LIMIT = Duration.ofSeconds(1);

  private static final int STOPS = 7;

  /** A JVM that ends in its own way waits so long for threads that are in system calls. */
  private static final long JVM_EXIT_MILLIS = 300;

  private static final Payload SMALL = new Payload(3, 100_000);

  @TempDir Path dir;

  @ParameterizedTest(name = "{0}, {1} tunnels")
  @CsvSource({"TERM,0", "TERM,20", "INT,0", "INT,20", "KILL,0", "KILL,20"})
  void endOfHostLeavesNothing(String signal, int tunnels) throws Exception {
    try (TestServer target = Exchange.server(Loopback.IPV4);
        HostPair hosts = HostPair.start(dir, Loopback.IPV4, "", Map.of())) {
      List<Socket> open = new ArrayList<>();
      for (int i = 0; i < tunnels; i++) {
        Socket socket = hosts.connect(target.port());
        open.add(socket);
        Exchange.up(socket, SMALL);
      }
      end("ss-local", hosts.client(), signal, hosts.socksPort());
      end("ss-server", hosts.server(), signal, hosts.publicPort());
      for (Socket socket : open) {
        socket.close();
      }
    }
  }

  /** Ends a host and waits for the end of all that it had started. */
  private static void end(String name, Program host, String signal, int port) {
    long plugin = host.awaitChild("java");
    host.awaitChild("obfs4proxy");
    int local = Integer.parseInt(Processes.environment(plugin).get("SS_LOCAL_PORT"));
    List<Long> family = host.family();
    assertThat(family).hasSizeGreaterThanOrEqualTo(3);

    long sent = Processes.signal(signal, host.pid());
    Await.until(
        "end of " + family + " of " + host + ", and their ports free",
        LIMIT,
        () ->
            family.stream().noneMatch(Processes::isRunning)
                && Loopback.isFree(Loopback.IPV4, port)
                && Loopback.isFree(Loopback.IPV4, local));
    System.out.printf(
        "EndOfLifeIT: all of %s gone %d ms after SIG%s%n", name, millisSince(sent), signal);
  }

  @ParameterizedTest
  @ValueSource(strings = {"TERM", "INT"})
  void signalEndsPluginAtOnce(String signal) throws Exception {
    List<Long> millis = new ArrayList<>();
    for (int i = 0; i < STOPS; i++) {
      try (SocksServer socks = new SocksServer(SocksServer.Answers.GOOD)) {
        FakePt pt = FakePt.write(dir, FakePt.offers(socks.port()) + FakePt.STAYS);
        int port = Loopback.freePort();
        Sip sip = Sip.of(1, port, pt.options() + ";a=b");
        try (Program plugin = Plugin.start(dir, sip).awaitReady();
            Socket socket = Loopback.connect(port)) {
          socket.getOutputStream().write(1);
          assertThat(socket.getInputStream().read()).isEqualTo(1);
          long sent = Processes.signal(signal, plugin.pid());
          Await.until("end of " + plugin, LIMIT, () -> !plugin.isRunning());
          millis.add(millisSince(sent));
          Await.until("end of the PT", LIMIT, () -> !Processes.isRunning(pt.pid()));
          // By its own decision, or by the signal itself.
          assertThat(plugin.awaitExit(LIMIT)).isIn(0, 128 + 15, 128 + 2);
        }
      }
    }
    List<Long> sorted = millis.stream().sorted().toList();
    System.out.printf("EndOfLifeIT: plugin gone after SIG%s, ms: %s%n", signal, sorted);
    assertThat(sorted.get(STOPS / 2)).as("median, ms").isLessThan(JVM_EXIT_MILLIS);
  }

  @ParameterizedTest
  @ValueSource(strings = {"client", "server"})
  void killedPluginTakesItsPtAlong(String role) throws Exception {
    try (TestServer target = Exchange.server(Loopback.IPV4);
        PluginPair pair = PluginPair.start(dir, target.port(), "");
        Socket socket = pair.connect()) {
      Exchange.up(socket, SMALL);
      Program plugin = role.equals("client") ? pair.client() : pair.server();
      long pt = plugin.awaitChild("obfs4proxy");
      long sent = Processes.signal("KILL", plugin.pid());
      Await.until("end of the PT", LIMIT, () -> !Processes.isRunning(pt));
      System.out.printf(
          "EndOfLifeIT: PT of the %s gone %d ms after SIGKILL of the plugin%n",
          role, millisSince(sent));
      assertThat(socket.getInputStream().read()).isEqualTo(-1);
    }
  }

  @Test
  void idlePtIsStartedAgain() throws Exception {
    try (TestServer target = Exchange.server(Loopback.IPV4);
        PluginPair pair = PluginPair.start(dir, target.port(), "")) {
      killPt(pair.client());
      // At once, while there is no PT: held until it is back.
      transfer(pair);
      killPt(pair.server());
      pair.server().awaitLine("ready: ", 2);
      transfer(pair);
    }
  }

  @Test
  void busyPtIsStartedAgain() throws Exception {
    try (TestServer target = Exchange.server(Loopback.IPV4);
        PluginPair pair = PluginPair.start(dir, target.port(), "")) {
      try (Socket cut = pair.connect()) {
        Exchange.askDown(cut, new Payload(4, 1_000_000_000));
        assertThat(cut.getInputStream().readNBytes(100_000)).hasSize(100_000);
        killPt(pair.client());
        transfer(pair);
        // What was under way is over, and the host is told so.
        Await.until("end of the cut tunnel", () -> isAtEnd(cut));
      }
      try (Socket cut = pair.connect()) {
        Exchange.up(cut, SMALL);
        killPt(pair.server());
        assertThat(cut.getInputStream().read()).isEqualTo(-1);
      }
      pair.server().awaitLine("ready: ", 2);
      transfer(pair);
      assertThat(pair.client().log())
          .anyMatch(line -> line.contains("WARN") && line.contains("started again"));
    }
  }

  private static void killPt(Program plugin) {
    long pt = plugin.awaitChild("obfs4proxy");
    Processes.signal("KILL", pt);
  }

  private static void transfer(PluginPair pair) throws IOException {
    try (Socket socket = pair.connect()) {
      Exchange.up(socket, SMALL);
      Exchange.down(socket, SMALL);
    }
  }

  private static boolean isAtEnd(Socket socket) {
    try {
      return socket.getInputStream().read(new byte[65536]) < 0;
    } catch (IOException e) {
      return true;
    }
  }

  private static long millisSince(long nanoTime) {
    return Duration.ofNanos(System.nanoTime() - nanoTime).toMillis();
  }
}
