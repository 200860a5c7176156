package io.github.ptadapter.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.ptadapter.it.Sip.Address;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Names, several addresses, all addresses, and addresses that are not there. */
final class AddressesIT {

  private static final int CANNOT_LISTEN = 3;
  private static final Payload SMALL = new Payload(3, 100_000);
  private static final String DEAD = "127.0.0.2";
  private static final String NEXT = "tries the next server";

  private static final String NO_IPV6 =
      "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6 && exec \"$@\"";

  @TempDir Path dir;

  private final int socksPort = Loopback.freePort();

  @Test
  void deadFirstServerIsPassedOverAndThenAvoided() throws IOException {
    int publicPort = Loopback.freePort();
    failsOver(publicPort, "");
  }

  /** The silent one gets half of the time. */
  @Test
  void silentFirstServerIsPassedOverAndThenAvoided() throws IOException {
    try (TestServer silent =
        TestServer.start(DEAD, socket -> socket.getInputStream().readAllBytes())) {
      long start = System.nanoTime();
      failsOver(silent.port(), ";dial-timeout=3s");
      assertThat(Duration.ofNanos(System.nanoTime() - start))
          .isGreaterThan(Duration.ofMillis(1400));
    }
  }

  private void failsOver(int publicPort, String options) throws IOException {
    try (TestServer target = Exchange.server(Loopback.IPV4);
        Program _ = Program.start(server(publicPort).builder(dir)).awaitReady();
        Program client =
            Program.start(
                    client("ss-local", publicPort, options + ";loglevel=debug")
                        .with("-s " + Loopback.IPV4, "-s " + DEAD + " -s " + Loopback.IPV4)
                        .builder(dir))
                .awaitReady()) {
      assertThat(Processes.environment(client.awaitChild("java")))
          .containsEntry("SS_REMOTE_HOST", DEAD + "|" + Loopback.IPV4);
      for (int i = 0; i < 3; i++) {
        transfer(target);
      }
      assertThat(client.log().stream().filter(line -> line.contains(NEXT))).hasSize(1);
      assertThat(client.log()).noneMatch(line -> line.contains(" failed: "));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"ss-local", "sslocal", "go-shadowsocks2, client"})
  void serverMayHaveAName(String host) throws IOException {
    int publicPort = Loopback.freePort();
    Recipe server = server("localhost", publicPort, "ss-server");
    try (TestServer target = Exchange.server(Loopback.IPV4);
        Program _ = Program.start(server.builder(dir)).awaitReady();
        Program _ =
            Program.start(
                    Recipe.of(host)
                        .with("SERVER", "localhost")
                        .port(443, publicPort)
                        .port(1080, socksPort)
                        .with(Recipe.CLIENT_OPTIONS, options())
                        .builder(dir))
                .awaitReady()) {
      transfer(target);
    }
  }

  /** The list that many configurations have. */
  @Test
  void wildcardListServesBothFamilies() throws IOException {
    Requirement.orSkip(Loopback.hasIpV6(), "IPv6");
    int publicPort = Loopback.freePort();
    Recipe server =
        Recipe.of("ss-server, JSON")
            .with("\"0.0.0.0\"", "[\"::0\", \"0.0.0.0\"]")
            .port(443, publicPort)
            .with("/var/lib/pt-adapter", state().toString());
    try (TestServer target = Exchange.server(Loopback.IPV4);
        Program _ = Program.start(server.builder(dir)).awaitReady()) {
      for (String family : new String[] {Loopback.IPV4, "[" + Loopback.IPV6 + "]"}) {
        Recipe client =
            Recipe.of("sslocal")
                .with("SERVER", family)
                .port(443, publicPort)
                .port(1080, socksPort)
                .with(Recipe.CLIENT_OPTIONS, options());
        try (Program _ = Program.start(client.builder(dir)).awaitReady()) {
          transfer(target);
        }
      }
    }
  }

  @Test
  void localAddressThatTheMachineDoesNotHaveIsNamed() throws Exception {
    Requirement.orSkip(inNamespace("true"), "network namespace for a machine without IPv6");
    FakePt pt = FakePt.write(dir, FakePt.offers(9) + FakePt.STAYS);
    Sip sip = new Sip(new Address("::1", 9), new Address("::1", socksPort), pt.options());
    ProcessBuilder builder = Plugin.command(dir, sip);
    builder.command(namespace(Plugin.LAUNCHER.toString()));
    try (Program plugin = Program.start(builder)) {
      assertThat(plugin.awaitExit(Await.LIMIT)).isEqualTo(CANNOT_LISTEN);
      assertThat(plugin.log())
          .singleElement()
          .asString()
          .contains("cannot listen on [::1]:" + socksPort, "(SS_LOCAL)", "IPv6")
          .doesNotContain("Exception");
      assertThat(pt.exists("pid")).as("the PT was started").isFalse();
    }
  }

  private static boolean inNamespace(String command) throws IOException, InterruptedException {
    return new ProcessBuilder(namespace(command)).redirectErrorStream(true).start().waitFor() == 0;
  }

  private static String[] namespace(String command) {
    return new String[] {"unshare", "--map-root-user", "--net", "sh", "-c", NO_IPV6, "sh", command};
  }

  private Recipe server(int publicPort) {
    return server(Loopback.IPV4, publicPort, "ss-server");
  }

  private Recipe server(String host, int publicPort, String heading) {
    return Recipe.of(heading)
        .with("0.0.0.0", host)
        .port(443, publicPort)
        .with("/var/lib/pt-adapter", state().toString());
  }

  private Recipe client(String heading, int publicPort, String options) throws IOException {
    return Recipe.of(heading).asClient(publicPort, socksPort, options() + options);
  }

  private Path state() {
    return dir.resolve("state-of-server");
  }

  private String options() throws IOException {
    return Files.readString(state().resolve("client-plugin-opts.txt")).strip();
  }

  private void transfer(TestServer target) throws IOException {
    InetSocketAddress socks = Loopback.address(Loopback.IPV4, socksPort);
    try (Socket socket =
        Loopback.connect(
            new Socket(new Proxy(Proxy.Type.SOCKS, socks)), Loopback.IPV4, target.port())) {
      Exchange.up(socket, SMALL);
      Exchange.down(socket, SMALL);
    }
  }
}
