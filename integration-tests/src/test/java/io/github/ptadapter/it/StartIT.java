package io.github.ptadapter.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.ptadapter.it.Sip.Address;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What is wrong before any PT runs is refused at start, in words of its own. */
final class StartIT {

  private static final int STOPPED = 0;
  private static final int BAD_OPTIONS = 2;
  private static final int CANNOT_LISTEN = 3;

  private static final Duration LIMIT = Duration.ofSeconds(8);

  private static final String CERT = "cert=" + "A".repeat(70);
  private static final String OBFS4 = "transport=obfs4;" + CERT;

  @TempDir Path dir;

  static List<Arguments> refusals() {
    return List.of(
        refused("", "no transport: add transport=NAME"),
        refused("transport=meek-lite", "bad option 'transport'"),
        refused("transport=obfs4", "obfs4 needs cert="),
        refused("transport=obfs4;node-id=" + "a".repeat(40), "obfs4 needs cert="),
        refused("transport=obfs4;cert=AAAA", "4 characters instead of 70"),
        refused("transport=obfs4;cert=" + "A".repeat(35) + " " + "A".repeat(34), "blank", "'+'"),
        refused(OBFS4 + ";iat-mode=3", "iat-mode is 0, 1 or 2"),
        refused(OBFS4 + ";=b", "empty key", "after the option 'cert'"),
        refused(OBFS4 + "\\", "lone backslash at the end"),
        refused(OBFS4 + ";a=b\tc", "control character (code 9)"),
        refused(OBFS4 + ";transport=obfs4", "'transport' is there twice"),
        refused(OBFS4 + ";tls", "'tls' has no value"),
        refused(OBFS4 + ";exec='/usr/bin/obfs4proxy", "bad option 'exec'"),
        refused(OBFS4 + ";start-timeout=soon", "bad option 'start-timeout'", "500ms, 30s"),
        refused(OBFS4 + ";loglevel=loud", "bad option 'loglevel'", "error, warn, info"),
        refused(OBFS4 + ";proxy=socks5://127.0.0.1", "bad option 'proxy'"),
        refused("bridge=obfs4", "bad option 'bridge'"),
        refused("server;" + OBFS4 + ";proxy=socks5://127.0.0.1:9", "of the client, not of the"),
        refused(OBFS4 + ";log=/no/such/folder/log", "cannot write the log file"),
        refused(OBFS4 + ";state=/dev/null/state", "cannot use the state directory"));
  }

  @ParameterizedTest(name = "{1}: {0}")
  @MethodSource("refusals")
  void badOptionsAreRefused(String options, List<String> words) {
    refuses(Sip.of(options), words);
  }

  private static Arguments refused(String options, String... words) {
    return Arguments.of(options, List.of(words));
  }

  @Test
  void badAddressesAreRefused() {
    String client = OBFS4;
    String server = "server;transport=obfs4";
    Address local = new Address(Loopback.IPV4, Loopback.freePort());
    refuses(
        new Sip(new Address("0.0.0.0", 9), local, client), List.of("0.0.0.0", "add 'server' to"));
    refuses(new Sip(new Address("::", 9), local, client), List.of("add 'server' to"));
    refuses(new Sip(new Address("::0|0.0.0.0", 9), local, client), List.of("add 'server' to"));
    refuses(
        new Sip(new Address("127.0.0.1|127.0.0.2", 9), local, server),
        List.of("one address only, the host gives 2"));
    refuses(
        new Sip(new Address("no-such-name.invalid", 9), local, server),
        List.of("cannot find the address of 'no-such-name.invalid'", "(SS_REMOTE)"));
    refuses(new Sip(local, new Address(Loopback.IPV4, 99999), client), List.of("SS_LOCAL_PORT"));
    refuses(new Sip(new Address("a b", 9), local, client), List.of("SS_REMOTE_HOST"));
  }

  /** As soon as the PT has said what it speaks. */
  @Test
  void whatSocksCannotExpressIsRefused() {
    FakePt pt = FakePt.write(dir, FakePt.offers(9) + FakePt.STAYS);
    refuses(
        Sip.of(pt.options() + ";a=" + "b".repeat(509)),
        List.of("the arguments for fake take 511 bytes", "SOCKS5 holds 510"));
    assertThat(Processes.isRunning(pt.pid())).as("the PT runs").isFalse();

    FakePt old = FakePt.write(dir, FakePt.offers(9).replace("socks5", "socks4") + FakePt.STAYS);
    Address local = new Address(Loopback.IPV4, Loopback.freePort());
    refuses(
        new Sip(new Address("localhost", 9), local, old.options()),
        List.of("SOCKS4", "IPv4 addresses only", "'localhost'"));
    refuses(
        new Sip(new Address("::1", 9), local, old.options()),
        List.of("SOCKS4", "IPv4 addresses only", "'::1'"));
    assertThat(Processes.isRunning(old.pid())).as("the PT runs").isFalse();
  }

  @Test
  void missingVariableIsNamed() {
    ProcessBuilder builder = Plugin.command(dir, Sip.of(OBFS4));
    builder.environment().remove("SS_LOCAL_PORT");
    try (Program plugin = Program.start(builder)) {
      assertThat(plugin.awaitExit(LIMIT)).isEqualTo(BAD_OPTIONS);
      assertThat(plugin.errors()).singleElement().asString().contains("SS_LOCAL_PORT is not set");
    }
  }

  @Test
  void takenPortIsNamed() {
    try (TestServer taken = TestServer.start(TestServer::echo);
        Program plugin = Plugin.start(dir, Sip.of(9, taken.port(), OBFS4))) {
      assertThat(plugin.awaitExit(LIMIT)).isEqualTo(CANNOT_LISTEN);
      assertThat(plugin.errors())
          .singleElement()
          .asString()
          .contains("cannot listen on 127.0.0.1:" + taken.port(), "in use");
    }
  }

  @Test
  void portThatIsFreeAfterAMomentIsTaken() {
    FakePt pt = FakePt.write(dir, FakePt.offers(9) + FakePt.STAYS);
    TestServer taken = TestServer.start(TestServer::echo);
    try (Program plugin = Plugin.start(dir, Sip.of(9, taken.port(), pt.options()))) {
      Await.until("the plugin's Java", () -> Processes.name(plugin.pid()).equals("java"));
      // Long enough for the first tries to fail.
      Await.pace(Duration.ofMillis(500));
      taken.close();
      plugin.awaitReady();
    } finally {
      taken.close();
    }
  }

  @Test
  void withoutAHostThereIsUsage() {
    try (Program plugin = Program.start(Plugin.bare(dir))) {
      assertThat(plugin.awaitExit(LIMIT)).isEqualTo(BAD_OPTIONS);
      assertThat(plugin.log()).anyMatch(line -> line.contains("--plugin pt-adapter"));
      assertThat(plugin.out()).isEmpty();
    }
  }

  @Test
  void versionIsPrinted() {
    try (Program plugin = Program.start(Plugin.bare(dir, "--version"))) {
      assertThat(plugin.awaitExit(LIMIT)).isEqualTo(STOPPED);
      assertThat(plugin.out()).singleElement().asString().matches("pt-adapter \\d+\\.\\d+.*");
      assertThat(plugin.log()).isEmpty();
    }
  }

  /** The libraries of the subcommands would cost every start of a plugin some of its time. */
  @Test
  void pluginLoadsNothingOfTheSubcommands() {
    FakePt pt = FakePt.write(dir, FakePt.offers(9) + FakePt.STAYS);
    List<String> own = List.of("picocli.", "nanojson.", "qrcodegen.", "adapter.cli.");
    ProcessBuilder builder = Plugin.command(dir, Sip.of(pt.options()), "check", "--help");
    builder.environment().put("PT_ADAPTER_JAVA_OPTS", "-Xlog:class+load,module+load");
    try (Program plugin = Program.start(builder)) {
      plugin.awaitReady();
      assertThat(plugin.out())
          .anyMatch(line -> line.contains("adapter.Adapter "))
          .noneMatch(line -> own.stream().anyMatch(line::contains));
    }
    ProcessBuilder command = Plugin.bare(dir, "--version");
    command.environment().put("PT_ADAPTER_JAVA_OPTS", "-Xlog:class+load");
    try (Program plugin = Program.start(command)) {
      assertThat(plugin.awaitExit(LIMIT)).isEqualTo(STOPPED);
      assertThat(plugin.out()).as("where they are used").anyMatch(l -> l.contains("picocli."));
    }
  }

  @Test
  void argumentsOfHostsAreIgnoredAndOthersWarnedAboutOnce() {
    FakePt pt = FakePt.write(dir, FakePt.offers(9) + FakePt.STAYS);
    Sip sip = Sip.of(pt.options());
    try (Program plugin = Program.start(Plugin.command(dir, sip, "-V", "--fast-open"))) {
      plugin.awaitReady();
      assertThat(plugin.log()).noneMatch(line -> line.contains("WARN"));
    }
    ProcessBuilder odd = Plugin.command(dir, sip, "-V", "--odd", "--even", "--odd");
    try (Program plugin = Program.start(odd)) {
      plugin.awaitReady();
      assertThat(plugin.log())
          .filteredOn(line -> line.contains("WARN"))
          .singleElement()
          .asString()
          .contains("unknown command line argument '--odd'");
    }
  }

  @Test
  void misspeltKeyIsWarnedAboutByName() {
    FakePt pt = FakePt.write(dir, FakePt.offers(9) + FakePt.STAYS);
    try (Program plugin =
        Plugin.start(dir, Sip.of(pt.options() + ";dial-timout=3s;__android_vpn=;V;fast-open"))) {
      plugin.awaitReady();
      assertThat(plugin.log())
          .filteredOn(line -> line.contains("WARN"))
          .singleElement()
          .asString()
          .contains("'dial-timout'", "did you mean 'dial-timeout'?");
    }
  }

  private void refuses(Sip sip, List<String> words) {
    try (Program plugin = Plugin.start(dir, sip)) {
      assertThat(plugin.awaitExit(LIMIT)).as("exit code of %s", plugin).isEqualTo(BAD_OPTIONS);
      assertThat(plugin.errors()).as("errors of %s", plugin).hasSize(1);
      assertThat(plugin.errors().getFirst()).contains(words);
      assertThat(plugin.log()).noneMatch(line -> line.contains("AAAA"));
    }
  }
}
