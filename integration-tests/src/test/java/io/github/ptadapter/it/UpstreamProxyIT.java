package io.github.ptadapter.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.ptadapter.it.PluginPair.Pts;
import java.io.IOException;
import java.net.Socket;
import java.net.URLEncoder;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The way out through a real proxy that wants a login; a PT that cannot go it says so at start. */
final class UpstreamProxyIT {

  private static final String USER = "us:er@x";
  private static final String PASSWORD = "p%s/w:d ü";

  private static final Payload PAYLOAD = new Payload(11, 1 << 20);
  private static final int TUNNELS = 3;

  @TempDir Path dir;

  private final int proxyPort = Loopback.freePort();

  @ParameterizedTest
  @CsvSource({
    "socks5, false",
    "http,   false",
    "socks5, true",
    "http,   true",
  })
  void tunnelsGoThroughTheProxy(String scheme, boolean lyrebird) throws Exception {
    Path pt = lyrebird ? Requirement.program("lyrebird") : Plugin.EMBEDDED_PT;
    Pts pts = new Pts(pt, Plugin.EMBEDDED_PT);
    try (Program proxy = proxy();
        TestServer target = Exchange.server(Loopback.IPV4);
        PluginPair pair = PluginPair.start(dir, target.port(), pts, option(scheme, PASSWORD))) {
      for (int i = 0; i < TUNNELS; i++) {
        try (Socket socket = pair.connect()) {
          Exchange.up(socket, PAYLOAD);
          Exchange.down(socket, PAYLOAD);
        }
      }
      assertThat(passed(proxy, scheme)).hasSize(TUNNELS);
      assertThat(pair.client().log()).noneMatch(line -> line.contains(encoded(PASSWORD)));
    }
  }

  /** The PT says no more than that it failed. */
  @ParameterizedTest
  @ValueSource(strings = {"socks5", "http"})
  void wrongPasswordIsSuspected(String scheme) throws IOException {
    try (Program proxy = proxy();
        TestServer target = Exchange.server(Loopback.IPV4);
        PluginPair pair =
            PluginPair.start(dir, target.port(), Pts.EMBEDDED, option(scheme, "wrong"));
        Socket socket = pair.connect()) {
      socket.getOutputStream().write(1);
      assertThat(socket.getInputStream().read()).isEqualTo(-1);
      assertThat(pair.client().awaitLine(" WARN [pt-adapter] "))
          .contains(
              "tunnel #1 failed: ",
              "(general failure, SOCKS code 01); the PT says no more: probably the server does not run,"
                  + " or its address or port is wrong, or the proxy does not let it through");
      assertThat(passed(proxy, scheme)).isEmpty();
    }
  }

  @ParameterizedTest
  @CsvSource({
    // Old ones take no proxy at all.
    "snowflake, snowflake-client, http,   proxy is not supported",
    "snowflake, lyrebird,         http,   unsupported proxy type",
    "snowflake, lyrebird,         socks5, connection refused",
    "webtunnel, webtunnel-client, socks5, proxy is not supported",
    "webtunnel, webtunnel-client, http,   proxy is not supported",
  })
  void ptThatCannotUseTheProxySaysSoAtStart(
      String transport, String program, String scheme, String words) {
    String options = "transport=" + transport + ";exec=" + Requirement.program(program);
    try (Program plugin = Plugin.start(dir, Sip.of(options + option(scheme, PASSWORD)))) {
      assertThat(plugin.awaitExit(Await.LIMIT)).isEqualTo(4);
      assertThat(plugin.errors())
          .singleElement()
          .asString()
          .contains("the PT cannot use the proxy (PROXY-ERROR): ", words)
          .doesNotContain(encoded(PASSWORD));
    }
  }

  private String option(String scheme, String password) {
    return ";proxy=%s://%s:%s@%s:%d"
        .formatted(scheme, encoded(USER), encoded(password), Loopback.IPV4, proxyPort);
  }

  private static String encoded(String text) {
    return URLEncoder.encode(text, UTF_8).replace("+", "%20");
  }

  /** A proxy of both kinds that logs every connection it opens. */
  private Program proxy() {
    String listen = "socks5+http://" + Loopback.IPV4 + ":" + proxyPort;
    ProcessBuilder builder =
        new ProcessBuilder(
            Requirement.program("pproxy").toString(),
            "-v",
            // Every connection has to log in.
            "--auth",
            "0",
            "-l",
            listen + "#" + USER + ":" + PASSWORD);
    builder.environment().put("PYTHONUNBUFFERED", "1");
    builder.environment().put("PYTHONUTF8", "1");
    builder.redirectErrorStream(true);
    Program proxy = Program.start(builder);
    Await.until(
        "the proxy listens: " + proxy.out(),
        () -> proxy.out().stream().anyMatch(line -> line.startsWith("Serving on ")));
    return proxy;
  }

  /** The connections that it opened. */
  private static List<String> passed(Program proxy, String scheme) {
    return proxy.out().stream()
        .filter(line -> line.startsWith(scheme + " ") && line.contains(" -> "))
        .toList();
  }
}
