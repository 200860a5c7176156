package io.github.ptadapter.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The matrix of {@code docs/transports.md}: transports, the programs that speak them, and roles.
 */
final class TransportsIT {

  private static final int PT_FAILED = 4;

  private static final Duration LIMIT = Duration.ofSeconds(8);

  @TempDir Path dir;

  @ParameterizedTest(name = "{0}: {1} -> {2}")
  @CsvSource({
    "obfs4, embedded, embedded",
    "obfs4, obfs4proxy, obfs4proxy",
    "obfs4, lyrebird, lyrebird",
    "obfs4, obfs4proxy, lyrebird",
    "obfs4, lyrebird, obfs4proxy",
    "obfs3, obfs4proxy, obfs4proxy",
    "obfs3, lyrebird, lyrebird",
    "webtunnel, lyrebird, webtunnel-server"
  })
  void pathWorks(String transport, String client, String server) throws IOException {
    new TransportPath(transport, program(server), program(client)).check(dir, Loopback.IPV4);
  }

  @ParameterizedTest(name = "{0}: {1} -> {2}")
  @CsvSource({
    "webtunnel, webtunnel-client, webtunnel-server",
    "snowflake, snowflake-client, snowflake-server",
    "snowflake, lyrebird, snowflake-server"
  })
  void pathWorksInANetworkOfItsOwn(String transport, String client, String server) {
    Isolation.run(
        TransportPath.class,
        dir.toString(),
        NetworkNamespace.ADDRESS,
        transport,
        program(server).toString(),
        program(client).toString());
  }

  @ParameterizedTest(name = "{0}: {1}")
  @CsvSource({
    "webtunnel, lyrebird, unimplemented",
    "snowflake, lyrebird, ServerFactory not implemented for the snowflake transport",
    "meek_lite, lyrebird, server not supported",
    "meek_lite, obfs4proxy, server not supported"
  })
  void roleThatAProgramLacksIsRefusedInItsWords(String transport, String server, String words) {
    String options = "server;transport=" + transport + ";exec=" + program(server);
    try (Program plugin = Plugin.start(dir, Sip.of(options))) {
      assertThat(plugin.awaitExit(LIMIT)).as("exit code of %s", plugin).isEqualTo(PT_FAILED);
      assertThat(plugin.errors())
          .singleElement()
          .asString()
          .contains("the PT does not offer " + transport + ": " + words);
    }
  }

  @ParameterizedTest
  @CsvSource({"embedded", "obfs4proxy"})
  void deadMeekEndsEachConnection(String client) throws IOException {
    deadMeek(client, socket -> assertThat(socket.getInputStream().read()).isEqualTo(-1));
  }

  /** lyrebird does not tell of the end before it has something to send again. */
  @Test
  void deadMeekEndsAConnectionOfLyrebirdThatGoesOn() throws IOException {
    deadMeek(
        "lyrebird",
        socket -> {
          socket.setSoTimeout(100);
          Await.until("the end of the connection", LIMIT, () -> hasEnded(socket));
        });
  }

  private void deadMeek(String client, TestServer.Handler application) throws IOException {
    int dead = Loopback.freePort();
    String options =
        TransportPath.options("meek_lite, client")
            .replace("https://meek.example.com", "http://127.0.0.1:" + dead)
            .replace("cdn.example.com", "127.0.0.1:" + dead);
    Sip sip = Sip.of(options + ";exec=" + program(client));
    try (Program plugin = Plugin.start(dir, sip).awaitReady()) {
      for (int i = 0; i < 3; i++) {
        try (Socket socket = Loopback.connect(sip.local().port())) {
          socket.setSoTimeout((int) LIMIT.toMillis());
          socket.getOutputStream().write(1);
          application.serve(socket);
        }
      }
      assertThat(plugin.isRunning()).isTrue();
      Processes.signal("TERM", plugin.pid());
      assertThat(plugin.awaitExit(LIMIT)).isZero();
    }
  }

  private static boolean hasEnded(Socket socket) {
    try {
      socket.getOutputStream().write(1);
      return socket.getInputStream().read() < 0;
    } catch (SocketTimeoutException e) {
      return false;
    } catch (IOException e) {
      // Cut off.
      return true;
    }
  }

  private static Path program(String name) {
    return switch (name) {
      case "embedded" -> Plugin.EMBEDDED_PT;
      case "obfs4proxy" -> Requirement.program(name);
      default -> Requirement.peer(name);
    };
  }
}
