package io.github.ptadapter.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code examples/compose.yaml}, as it stands. */
final class ComposeIT {

  private static final String OPTIONS_FILE = "/var/lib/pt-adapter/client-plugin-opts.txt";
  private static final String CURL =
      "curl -sSf --max-time 20 -x socks5h://127.0.0.1:1080 http://web";

  /** Far below the ten seconds after which Docker kills. */
  private static final Duration STOP = Duration.ofSeconds(8);

  @TempDir Path dir;

  private Lan lan;
  private Machine web;

  @BeforeEach
  void startWebServer() {
    Image.USERS.name();
    lan = Lan.create();
    web = Machine.start(Image.BARE, "web", lan, "nginx");
    web.run("sh", "-c", "head -c 16000000 /dev/urandom >/srv/data; echo >/srv/index.html");
  }

  @AfterEach
  void close() {
    web.close();
    lan.close();
  }

  @Test
  void bothOnOneMachineNeedNothingButAPassword() throws IOException {
    try (Compose both = Compose.in(dir.resolve("both"), Map.of())) {
      both.run("up", "-d");
      both.admit(web.id(), "web");
      assertFetches(both);
      String options = both.run("exec", "-T", "server", "cat", OPTIONS_FILE);
      assertThat(options).startsWith("transport=obfs4;cert=");
      both.run("rm", "--stop", "--force", "server");
      both.run("up", "-d", "server");
      assertFetches(both);
      assertThat(both.run("exec", "-T", "server", "cat", OPTIONS_FILE)).isEqualTo(options);
      long begin = System.nanoTime();
      both.run("stop");
      assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(STOP);
    }
  }

  @Test
  void eachHalfWorksAlone() throws IOException {
    try (Compose server = Compose.in(dir.resolve("server"), Map.of())) {
      server.run("up", "-d", "server");
      server.admit(web.id(), "web");
      Await.until(
          "the server's options",
          () -> server.succeeds("exec", "-T", "server", "test", "-s", OPTIONS_FILE));
      String options = server.run("exec", "-T", "server", "cat", OPTIONS_FILE);
      Map<String, String> settings = Map.of("SERVER", "other-machine", "PLUGIN_OPTS", options);
      try (Compose client = Compose.in(dir.resolve("client"), settings)) {
        client.run("up", "-d", "client");
        client.admit(server.container("server"), "other-machine");
        assertFetches(client);
        assertThat(client.container("server")).isEmpty();
        assertThat(server.container("client")).isEmpty();
      }
    }
  }

  private void assertFetches(Compose client) {
    Await.until(
        "a tunnel",
        Duration.ofSeconds(30),
        () -> client.succeeds("exec", "-T", "client", "sh", "-c", CURL));
    assertThat(client.run("exec", "-T", "client", "sh", "-c", CURL + "/data | sha256sum"))
        .isEqualTo(web.run("sh", "-c", "sha256sum </srv/data"));
  }
}
