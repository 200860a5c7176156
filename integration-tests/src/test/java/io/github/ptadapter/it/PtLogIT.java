package io.github.ptadapter.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.Socket;
import java.net.SocketException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What real PTs report is in the log of their user: in plain words, at its level, once. */
final class PtLogIT {

  private static final Duration LIMIT = Duration.ofSeconds(8);

  /** Above the first connections, for which every line passes the limit against floods. */
  private static final int MANY = 30;

  @TempDir Path dir;

  private final int dead = Loopback.freePort();

  /** A second attempt would come after ten seconds. */
  @ParameterizedTest
  @ValueSource(strings = {"snowflake-client", "lyrebird"})
  void deadBrokerIsReportedOnce(String program) throws IOException {
    Sip sip = snowflake(dead, program);
    try (Program plugin = Plugin.start(dir, sip).awaitReady();
        Socket socket = Loopback.connect(sip.local().port())) {
      socket.getOutputStream().write(1);
      String line = plugin.awaitLine("broker failure");
      assertThat(line)
          .matches(
              "\\S+ INFO \\[pt-adapter\\] PT: broker failure dial tcp \\[scrubbed\\]: connect:"
                  + " connection refused");
      Processes.signal("TERM", plugin.pid());
      assertThat(plugin.awaitExit(LIMIT)).isZero();
      assertReported(plugin, "PT: offer created", "PT: broker failure");
    }
  }

  /** They come over the PT's output with every quote and every byte above ASCII in octal. */
  @ParameterizedTest
  @ValueSource(strings = {"snowflake-client", "lyrebird"})
  void wordsOfABrokerAreReadable(String program) throws IOException {
    HttpServer broker = HttpServer.create(Loopback.address(Loopback.IPV4, 0), 0);
    broker.createContext("/client", PtLogIT::refuse);
    broker.start();
    Sip sip = snowflake(broker.getAddress().getPort(), program);
    try (Program plugin = Plugin.start(dir, sip).awaitReady();
        Socket socket = Loopback.connect(sip.local().port())) {
      socket.getOutputStream().write(1);
      assertThat(plugin.awaitLine("broker failure"))
          .matches(
              "\\S+ INFO \\[pt-adapter\\] PT: broker failure all \"proxies\" are occup\u00e9s");
      assertReported(plugin, "PT: broker failure");
    } finally {
      broker.stop(0);
    }
  }

  private static void refuse(HttpExchange exchange) throws IOException {
    try (exchange) {
      exchange.getRequestBody().readAllBytes();
      byte[] answer = "{\"error\": \"all \\\"proxies\\\" are occup\u00e9s\"}".getBytes(UTF_8);
      exchange.sendResponseHeaders(200, answer.length);
      exchange.getResponseBody().write(answer);
    }
  }

  @Test
  void deadServerOfWebtunnelIsReportedByLyrebird() throws IOException {
    Sip sip = webtunnel("lyrebird");
    try (Program plugin = Plugin.start(dir, sip).awaitReady()) {
      connect(sip);
      assertThat(plugin.awaitLine("PT: Error dialing"))
          .matches(
              "\\S+ ERROR \\[pt-adapter\\] PT: Error dialing: error dialing 127.0.0.1:\\d+: dial tcp"
                  + " \\S+ connect: connection refused");
      plugin.awaitLine("tunnel #1 failed");
      assertReported(plugin, "PT: Error dialing", "tunnel #1 failed");
    }
  }

  /** It has a notice for each connection that reaches the server. */
  @Test
  void noticesOfLyrebirdHideNoError() throws IOException {
    try (TestServer noWebtunnel = TestServer.start(socket -> {})) {
      String url = "url=http://127.0.0.1:" + noWebtunnel.port() + "/SECRET";
      Sip sip =
          sip(
              TransportPath.options("webtunnel, client").replaceFirst("url=[^;]*", url),
              "lyrebird");
      try (Program plugin = Plugin.start(dir, sip).awaitReady()) {
        for (int i = 0; i < MANY; i++) {
          connect(sip);
        }
        plugin.awaitLine("Using TLS SNI: 127.0.0.1 (more of this kind are left out)");
        plugin.awaitLine("(more of this kind are left out)", 2);
        assertThat(plugin.log().stream().filter(l -> l.contains("ERROR [pt-adapter] PT: Error")))
            .hasSizeGreaterThanOrEqualTo(20);
      }
    }
  }

  /** It has nothing for its parent, only for its standard error. */
  @Test
  void deadServerOfWebtunnelIsToldByItsClientForDebuggingOnly() throws IOException {
    String refused = "stderr of the PT: .* Could not find any valid IP for 127.0.0.1";
    Sip sip = webtunnel("webtunnel-client");
    try (Program plugin = Plugin.start(dir, sip).awaitReady()) {
      connect(sip);
      plugin.awaitLine("tunnel #1 failed");
      assertThat(plugin.log()).hasSize(2);
    }
    Sip debug = new Sip(sip.remote(), sip.local(), sip.options() + ";loglevel=debug");
    try (Program plugin = Plugin.start(dir, debug).awaitReady()) {
      connect(debug);
      assertThat(plugin.awaitLine("Could not find"))
          .matches("\\S+ DEBUG \\[pt-adapter\\] " + refused);
    }
  }

  private Sip webtunnel(String program) {
    String url = "url=https://127.0.0.1:" + dead + "/SECRET";
    return sip(TransportPath.options("webtunnel, client").replaceFirst("url=[^;]*", url), program);
  }

  private static Sip snowflake(int broker, String program) {
    String options =
        TransportPath.options("snowflake, client")
            .replace("https://broker.example.com", "http://127.0.0.1:" + broker)
            .replaceFirst(";ice=.*", "");
    return sip(options, program);
  }

  private static Sip sip(String options, String program) {
    return Sip.of(options + ";exec=" + Requirement.peer(program));
  }

  /** Connects and waits for the end. */
  private static void connect(Sip sip) throws IOException {
    try (Socket socket = Loopback.connect(sip.local().port())) {
      socket.getOutputStream().write(1);
      assertThat(socket.getInputStream().read()).isEqualTo(-1);
    } catch (SocketException e) {
      // Reset, which is an end too.
    }
  }

  private static void assertReported(Program plugin, String... once) {
    List<String> log = plugin.log();
    for (String words : once) {
      assertThat(log).filteredOn(line -> line.contains(words)).as(words).hasSize(1);
    }
  }
}
