package io.github.ptadapter.it;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.ptadapter.it.SocksServer.Answers;
import java.io.IOException;
import java.net.Socket;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What other users of the machine, and readers of a log, must not learn. */
final class PrivacyIT {

  private static final String SECRET = "kE3pth1sfRomOth3rs";
  private static final String PROXY_PASSWORD = "proxypassw0rd";

  @TempDir Path dir;

  private final SocksServer socks = new SocksServer(Answers.GOOD);

  @AfterEach
  void close() {
    socks.close();
  }

  @ParameterizedTest
  @ValueSource(strings = {"info", "trace"})
  void clientTellsItsSecretsToThePtAlone(String level) throws IOException {
    String offers = FakePt.offers(socks.port()).replace("VERSION 1", "VERSION 1; echo PROXY DONE");
    FakePt pt = FakePt.write(dir, FakePt.DUMP + offers + FakePt.STAYS);
    int port = Loopback.freePort();
    String proxy = "socks5://user:" + PROXY_PASSWORD + "@127.0.0.1:9";
    String options = pt.options() + ";secret=" + SECRET + ";proxy=" + proxy + ";loglevel=" + level;
    try (Program plugin = Plugin.start(dir, Sip.of(9, port, options)).awaitReady()) {
      try (Socket socket = Loopback.connect(port)) {
        socket.getOutputStream().write("echo".getBytes(US_ASCII));
        assertThat(socket.getInputStream().readNBytes(4)).hasSize(4);
      }
      assertThat(socks.messages()).anyMatch(login -> login.contains(hexadecimal(SECRET)));
      assertThat(pt.environment()).containsEntry("TOR_PT_PROXY", proxy);
      assertThat(plugin.family()).hasSizeGreaterThan(1);
      assertThat(plugin.family())
          .allSatisfy(
              pid -> assertThat(Processes.commandLine(pid)).doesNotContain(SECRET, PROXY_PASSWORD));
      assertThat(plugin.log())
          .isNotEmpty()
          .noneMatch(line -> line.contains(SECRET) || line.contains(PROXY_PASSWORD));
    }
  }

  @Test
  void serverTellsItsKeyToThePtAloneAndItsCertInOneLine() {
    String method = "echo VERSION 1; echo SMETHOD fake 127.0.0.1:9 ARGS:cert=CERT\n";
    FakePt pt = FakePt.write(dir, FakePt.DUMP + method + "echo SMETHODS DONE\n" + FakePt.STAYS);
    String options = pt.options() + ";server;private-key=" + SECRET;
    try (Program plugin = Plugin.start(dir, Sip.of(options + ";loglevel=trace")).awaitReady()) {
      assertThat(pt.environment())
          .containsEntry("TOR_PT_SERVER_TRANSPORT_OPTIONS", "fake:private-key=" + SECRET);
      assertThat(plugin.family())
          .allSatisfy(pid -> assertThat(Processes.commandLine(pid)).doesNotContain(SECRET));
      assertThat(plugin.log())
          .noneMatch(line -> line.contains(SECRET))
          .filteredOn(line -> line.contains("CERT"))
          .singleElement()
          .asString()
          .contains("the plugin options for clients: transport=fake;cert=CERT");
    }
  }

  @Test
  void certStaysOutOfALogOfWarnings() {
    String method = "echo VERSION 1; echo SMETHOD fake 127.0.0.1:9 ARGS:cert=CERT\n";
    FakePt pt = FakePt.write(dir, method + "echo SMETHODS DONE\n" + FakePt.STAYS);
    Path file = pt.file("pt-state").resolve("client-plugin-opts.txt");
    try (Program plugin = Plugin.start(dir, Sip.of(pt.options() + ";server;loglevel=warn"))) {
      Await.until("the options for clients", () -> Files.exists(file));
      Processes.signal("TERM", plugin.pid());
      assertThat(plugin.awaitExit(Await.LIMIT)).isZero();
      assertThat(plugin.log()).isEmpty();
    }
  }

  @Test
  void listensOnTheAddressOfTheHostAndNowhereElse() throws IOException {
    FakePt pt = FakePt.write(dir, FakePt.offers(socks.port()) + FakePt.STAYS);
    int port = Loopback.freePort();
    try (Program plugin = Plugin.start(dir, Sip.of(9, port, pt.options() + ";a=b")).awaitReady()) {
      String hex = "%04X".formatted(port);
      // 127.0.0.1, alone or as IPv6 writes it.
      assertThat(Processes.listeners(plugin.pid()))
          .singleElement()
          .asString()
          .matches("(0{16}FFFF0000)?0100007F:" + hex);
    }
  }

  @Test
  void serverRoleListensNowhereItself() throws IOException {
    String method = "echo VERSION 1; echo SMETHOD fake 127.0.0.1:9\necho SMETHODS DONE\n";
    FakePt pt = FakePt.write(dir, method + FakePt.STAYS);
    try (Program plugin = Plugin.start(dir, Sip.of(pt.options() + ";server")).awaitReady()) {
      assertThat(Processes.listeners(plugin.pid())).isEmpty();
    }
  }

  /** A crash report or a core would hold the options, and bytes of tunnels. */
  @Test
  void crashLeavesNoFile() throws IOException {
    Path working = Files.createDirectory(dir.resolve("working"));
    FakePt pt = FakePt.write(dir, FakePt.offers(socks.port()) + FakePt.STAYS);
    Sip sip = Sip.of(9, Loopback.freePort(), pt.options() + ";a=b");
    ProcessBuilder builder =
        new ProcessBuilder(
            "sh", "-c", "ulimit -c \"$(ulimit -H -c)\"; exec \"$0\"", Plugin.LAUNCHER.toString());
    Plugin.clean(builder, dir);
    builder.environment().putAll(sip.environment());
    try (Program plugin = Program.start(builder.directory(working.toFile())).awaitReady()) {
      Path counters = Path.of(System.getProperty("java.io.tmpdir"));
      try (DirectoryStream<Path> folders = Files.newDirectoryStream(counters, "hsperfdata_*")) {
        for (Path folder : folders) {
          assertThat(folder.resolve(Long.toString(plugin.pid()))).doesNotExist();
        }
      }
      Processes.signal("SEGV", plugin.pid());
      assertThat(plugin.awaitExit(Await.LIMIT)).isNotZero();
      Await.until("end of the PT", () -> !Processes.isRunning(pt.pid()));
      assertThat(working).isEmptyDirectory();
    }
  }

  private static String hexadecimal(String text) {
    return HexFormat.of().formatHex(text.getBytes(US_ASCII));
  }
}
