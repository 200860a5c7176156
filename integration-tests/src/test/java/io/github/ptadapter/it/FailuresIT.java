package io.github.ptadapter.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.ptadapter.it.Sip.Address;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/**
 * Tunnels that cannot be, through real PTs: one line each, which tells what the PT has said and
 * what is only likely; and no other tunnel suffers.
 */
final class FailuresIT {

  private static final String CERT =
      "ssH+9rP8dG2NLDN2XuFw63hIO/9MNNinLmxQDpVa+7kTOa9/m+tGWT1SmSYpQ9uTBGa6Hw";

  private static final String OBFS4 =
      "transport=obfs4;iat-mode=0;cert=" + CERT + ";exec=" + Plugin.EMBEDDED_PT;

  private static final String REFUSED =
      " WARN [pt-adapter] tunnel #1 failed: obfs4 got no connection to the server"
          + " (general failure, SOCKS code 01); the PT says no more: probably ";

  private static final String NOT_THERE =
      "the server does not run, or its address or port is wrong";

  private static final String NO_HANDSHAKE =
      "; probably the server is down or blocked, or its cert is another (it cannot be told which)";

  /** Clients that leave before a silent server has answered. */
  private static final int ABANDONED = 200;

  /** The most dials to one server. */
  private static final int DIALS = 128;

  /** What a PT holds for a dial, and a few for itself. */
  private static final int SOCKETS = 2 * DIALS + 10;

  private static final String OBFS4PROXY = "obfs4proxy";

  /** Longer than the test: no dial ends by itself. */
  private static final String LONG_DIAL = ";dial-timeout=50s";

  /** Of this machine, like all of 127.0.0.0/8. */
  private static final String SILENT_HOST = "127.0.0.2";

  @TempDir Path dir;

  private final int port = Loopback.freePort();
  private final int publicPort = Loopback.freePort();

  @Test
  void portWithoutAServer() throws IOException {
    assertFails(OBFS4, Loopback.IPV4, Loopback.freePort(), REFUSED + NOT_THERE);
  }

  @Test
  void addressWithoutAWay() throws IOException {
    // Reserved (RFC 1112, 4): the kernel itself refuses it.
    assertFails(OBFS4, "240.0.0.1", 443, REFUSED + NOT_THERE);
  }

  @Test
  void wrongCert() throws IOException {
    try (Program _ = obfs4Server(Loopback.IPV4, 9)) {
      assertFails(
          OBFS4 + ";dial-timeout=2s",
          Loopback.IPV4,
          publicPort,
          " WARN [pt-adapter] tunnel #1 failed: no answer from the PT within 2 s while waiting for"
              + " the connection to the server"
              + NO_HANDSHAKE);
    }
  }

  /** The PT itself gives up after a minute. */
  @Test
  @EnabledIfSystemProperty(named = "ptadapter.full", matches = "true")
  void wrongCertAsThePtSeesIt() throws IOException {
    try (Program _ = obfs4Server(Loopback.IPV4, 9)) {
      assertFails(
          OBFS4 + ";dial-timeout=80s",
          Loopback.IPV4,
          publicPort,
          REFUSED + "the server is down or blocked, or its cert is another");
    }
  }

  @Test
  void nothingBehindTheServer() throws IOException {
    try (Program _ = obfs4Server(Loopback.IPV4, Loopback.freePort())) {
      assertThat(failure(clientOptions(), Loopback.IPV4, publicPort))
          .contains(
              " WARN [pt-adapter] tunnel #1 brought no answer: the PT closed it after ",
              ", without a byte from the server; probably what is behind the server does not run,"
                  + " or refuses the password or the method");
    }
  }

  @Test
  void frontThatCannotBeReached() throws IOException {
    String options =
        "transport=meek_lite;url=http://127.0.0.1:%d/;exec=%s"
            .formatted(Loopback.freePort(), Plugin.EMBEDDED_PT);
    assertThat(failure(options, "192.0.2.1", 1))
        .contains(
            " WARN [pt-adapter] tunnel #1 brought no answer: the PT closed it after ",
            "; probably its broker or bridge cannot be reached:"
                + " meek_lite grants a connection before it has contact");
  }

  /** The PT grants at once, and is silent for ever. */
  @Test
  void brokerThatIsDead() throws IOException {
    String options =
        "transport=snowflake;url=http://127.0.0.1:%d/;ice=stun:127.0.0.1:%d;exec=%s"
            .formatted(
                Loopback.freePort(), Loopback.freePort(), Requirement.program("snowflake-client"));
    Sip sip = sip(options, "192.0.2.1", 1);
    try (Program plugin = Plugin.start(dir, sip).awaitReady()) {
      try (Socket socket = Loopback.connect(port)) {
        socket.getOutputStream().write(1);
        assertThat(ClosingRound.seesEnd(socket, Duration.ofSeconds(2))).isFalse();
        ClosingRound.reset(socket);
      }
      assertThat(plugin.awaitLine("tunnel #1"))
          .contains(
              " WARN [pt-adapter] tunnel #1 brought no answer: the host gave up after ",
              "; probably its broker or bridge cannot be reached:"
                  + " snowflake grants a connection before it has contact");
    }
  }

  @Test
  void abandonedDialsAreBoundedAndTheServerIsReachedAgain() throws Exception {
    String options;
    try (Program _ = obfs4Server(Loopback.IPV4, 9)) {
      options = clientOptions();
    }
    try (TestServer target = TestServer.start(TestServer::echo);
        Program plugin =
            Plugin.start(dir, sip(options + LONG_DIAL, Loopback.IPV4, publicPort)).awaitReady()) {
      long pt = plugin.awaitChild(OBFS4PROXY);
      try (ServerSocket _ = silent(Loopback.IPV4)) {
        long most = 0;
        for (int i = 0; i < ABANDONED; i++) {
          try (Socket socket = Loopback.connect(port)) {
            socket.getOutputStream().write(1);
            if (i % 2 == 0) {
              ClosingRound.reset(socket);
            }
          }
          most = Math.max(most, Processes.sockets(pt));
        }
        Await.until("all dials that may be", () -> Processes.sockets(pt) >= 2 * DIALS);
        most = Math.max(most, Processes.sockets(pt));
        System.out.printf(
            "FailuresIT: %d abandoned dials, %d sockets in the PT at most%n", ABANDONED, most);
        assertThat(most).isLessThanOrEqualTo(SOCKETS);
      }
      try (Program _ = obfs4Server(Loopback.IPV4, target.port())) {
        assertThat(echoes()).isTrue();
      }
      Await.until("no dial in the PT", () -> Processes.sockets(pt) < 2 * DIALS);
    }
  }

  @Test
  void deadServerOfAListDelaysOnlyTheFirstTunnels() throws Exception {
    try (TestServer target = TestServer.start(TestServer::echo);
        Program _ = obfs4Server(Loopback.IPV4, target.port());
        ServerSocket _ = silent(SILENT_HOST);
        Program plugin =
            Plugin.start(
                    dir,
                    sip(
                        clientOptions() + ";dial-timeout=4s",
                        SILENT_HOST + "|" + Loopback.IPV4,
                        publicPort))
                .awaitReady()) {
      long begin = System.nanoTime();
      assertThat(echoes()).isTrue();
      long first = System.nanoTime() - begin;
      begin = System.nanoTime();
      assertThat(echoes()).isTrue();
      long second = System.nanoTime() - begin;
      System.out.printf(
          "FailuresIT: first tunnel past a dead server %d ms, second %d ms%n",
          Duration.ofNanos(first).toMillis(), Duration.ofNanos(second).toMillis());
      assertThat(Duration.ofNanos(first)).isGreaterThan(Duration.ofMillis(1900));
      assertThat(Duration.ofNanos(second)).isLessThan(Duration.ofMillis(1500));
      assertThat(plugin.log()).noneMatch(line -> line.contains(" WARN "));
    }
  }

  private void assertFails(String options, String host, int remotePort, String line)
      throws IOException {
    assertThat(failure(options, host, remotePort)).contains(line);
  }

  /** The one line of a connection that gets no answer. */
  private String failure(String options, String host, int remotePort) throws IOException {
    try (Program plugin = Plugin.start(dir, sip(options, host, remotePort)).awaitReady();
        Socket socket = Loopback.connect(port)) {
      socket.setSoTimeout(90_000);
      socket.getOutputStream().write(1);
      assertThat(socket.getInputStream().read()).isEqualTo(-1);
      String line = plugin.awaitLine("tunnel #1");
      assertThat(plugin.log())
          .filteredOn(l -> l.contains(" WARN ") || l.contains(" ERROR "))
          .containsExactly(line);
      return line;
    }
  }

  private Sip sip(String options, String host, int remotePort) {
    return new Sip(new Address(host, remotePort), new Address(Loopback.IPV4, port), options);
  }

  private boolean echoes() throws IOException {
    try (Socket socket = Loopback.connect(port)) {
      socket.getOutputStream().write(7);
      return socket.getInputStream().read() == 7;
    }
  }

  /** Accepts connections and never says a word. */
  private ServerSocket silent(String host) throws IOException {
    return new ServerSocket(publicPort, 1024, InetAddress.ofLiteral(host));
  }

  private Program obfs4Server(String host, int targetPort) {
    Sip sip =
        new Sip(
            new Address(host, publicPort),
            new Address(Loopback.IPV4, targetPort),
            "server;transport=obfs4;exec=" + Plugin.EMBEDDED_PT + ";state=" + state());
    Program server = Plugin.start(dir, sip);
    try {
      return server.awaitReady();
    } catch (AssertionError e) {
      server.close();
      throw e;
    }
  }

  private String clientOptions() throws IOException {
    return Files.readString(state().resolve("client-plugin-opts.txt")).strip()
        + ";exec="
        + Plugin.EMBEDDED_PT;
  }

  private Path state() {
    return dir.resolve("server");
  }
}
