package io.github.ptadapter.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.ptadapter.it.SocksServer.Answers;
import java.io.IOException;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Hosts that cannot run here: what they give to a plugin and how they end it, repeated by a shell.
 * After each end nothing runs, and the next plugin starts at once.
 */
final class StandInHostIT {

  private static final Duration LIMIT = Duration.ofSeconds(1);

  private static final String ANDROID_OPTIONS = ";__android_vpn=";

  @TempDir Path dir;

  private final SocksServer socks = new SocksServer(Answers.GOOD);

  private FakePt pt;

  @BeforeEach
  void write() {
    pt = FakePt.write(dir, FakePt.offers(socks.port()) + FakePt.STAYS);
  }

  @AfterEach
  void close() {
    socks.close();
  }

  /**
   * The windows are those between SIGTERM and SIGKILL; the last column is 1 where the host takes
   * another port for the next plugin.
   */
  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "trojan-go, exec env -i $FIVE \"$0\", kill -9 $P, 0",
    "SagerNet v2ray-core, exec \"$0\", kill -9 $P, 0",
    "shadowsocks-windows, exec \"$0\", kill -9 $P, 1",
    "a host with no window, exec \"$0\", kill $P; kill -9 $P, 0",
    "shadowsocks-libev upstream, exec \"$0\", kill $P; sleep 0.002; kill -9 $P, 0",
    "shadowsocks-rust, exec \"$0\", kill $P; sleep 0.010; kill -9 $P, 0",
    "shadowsocks-android, exec \"$0\" -V, kill $P; sleep 0.010; kill -9 $P, 1"
  })
  void nothingIsLeftAndTheNextStartsAtOnce(String host, String start, String stop, int newPort)
      throws IOException {
    List<Long> millis = new ArrayList<>();
    int port = Loopback.freePort();
    String options = pt.options() + ";a=b" + ANDROID_OPTIONS;
    for (int round = 0; round < 3; round++) {
      Sip sip = Sip.of(9, port, options);
      try (Program parent = Program.start(shell(start, sip))) {
        parent.awaitReady();
        assertThat(parent.log()).as("log under %s", host).hasSize(1);
        assertEchoes(port);
        long plugin = parent.awaitChild("java");
        long transport = pt.pid();
        long sent = System.nanoTime();
        shell(stop.replace("$P", String.valueOf(plugin)));
        int usedPort = port;
        Await.until(
            "end of plugin and PT under " + host + ", and the port free",
            LIMIT,
            () ->
                !Processes.isRunning(plugin)
                    && !Processes.isRunning(transport)
                    && Loopback.isFree(Loopback.IPV4, usedPort));
        millis.add(Duration.ofNanos(System.nanoTime() - sent).toMillis());
      }
      port = newPort == 0 ? port : Loopback.freePort();
    }
    System.out.printf("StandInHostIT: %s: all gone, ms: %s%n", host, millis);
  }

  /** Real servers hold a public port too, which the next one wants. */
  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "trojan-go, kill -9 $P",
    "shadowsocks-libev upstream, kill $P; sleep 0.002; kill -9 $P"
  })
  void publicPortIsFreeForTheNextServer(String host, String stop) throws IOException {
    int publicPort = Loopback.freePort();
    String options = "server;transport=obfs4;exec=" + Plugin.EMBEDDED_PT + ";state=" + dir;
    for (int round = 0; round < 3; round++) {
      Sip sip = Sip.of(publicPort, 9, options);
      try (Program parent = Program.start(shell("exec \"$0\"", sip)).awaitReady()) {
        long plugin = parent.awaitChild("java");
        long transport = parent.awaitChild("obfs4proxy");
        shell(stop.replace("$P", String.valueOf(plugin)));
        Await.until(
            "end of the server under " + host,
            LIMIT,
            () -> !Processes.isRunning(plugin) && !Processes.isRunning(transport));
        assertThat(Loopback.isFree(Loopback.IPV4, publicPort)).isTrue();
      }
    }
  }

  /**
   * Waits 3 s for the end of the plugin and of the one pipe for its output; takes its exit code.
   */
  @Test
  void goShadowsocksSeesExitCodeZeroAndTheEndOfOutput() throws IOException {
    Sip sip = Sip.of(9, Loopback.freePort(), pt.options() + ";a=b");
    ProcessBuilder builder = Plugin.command(dir, sip).redirectErrorStream(true);
    builder.redirectInput(Path.of("/dev/null").toFile());
    for (int round = 0; round < 3; round++) {
      try (Program plugin = Program.start(builder)) {
        Await.until(
            "the plugin's word",
            () -> plugin.out().stream().anyMatch(line -> line.contains("ready: ")));
        assertEchoes(sip.local().port());
        Processes.signal("TERM", plugin.pid());
        assertThat(plugin.awaitExit(LIMIT)).isZero();
        Await.until("end of the PT", LIMIT, () -> !Processes.isRunning(pt.pid()));
      }
    }
  }

  /** SagerNet's fork gives the first of the plugin's arguments as its name. */
  @Test
  void nameOfTheProgramDoesNotMatter() throws IOException {
    Requirement.program("bash");
    Sip sip = Sip.of(9, Loopback.freePort(), pt.options() + ";a=b");
    ProcessBuilder builder = Plugin.command(dir, sip);
    builder.command("bash", "-c", "exec -a --odd \"$0\" -V", Plugin.LAUNCHER.toString());
    try (Program plugin = Program.start(builder).awaitReady()) {
      assertEchoes(sip.local().port());
      assertThat(plugin.log()).hasSize(1);
    }
  }

  private ProcessBuilder shell(String start, Sip sip) {
    ProcessBuilder builder = Plugin.command(dir, sip);
    StringBuilder five = new StringBuilder();
    sip.environment().forEach((name, value) -> five.append("'%s=%s' ".formatted(name, value)));
    // Where no Java is installed, the tests' own.
    five.append("'PT_ADAPTER_JAVA=").append(System.getProperty("java.home")).append('\'');
    // The launcher is $0; the shell stays, as hosts do.
    String command = start.replace("$FIVE", five) + " </dev/null & exec sleep 600";
    builder.command("sh", "-c", command, Plugin.LAUNCHER.toString());
    return builder;
  }

  private static void shell(String command) {
    try {
      new ProcessBuilder("sh", "-c", command)
          .redirectErrorStream(true)
          .redirectOutput(ProcessBuilder.Redirect.DISCARD)
          .start()
          .waitFor();
    } catch (IOException e) {
      throw new AssertionError(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted", e);
    }
  }

  private static void assertEchoes(int port) throws IOException {
    byte[] bytes = new byte[1000];
    try (Socket socket = Loopback.connect(port)) {
      socket.getOutputStream().write(bytes);
      assertThat(socket.getInputStream().readNBytes(bytes.length)).isEqualTo(bytes);
    }
  }
}
