package io.github.ptadapter.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.ptadapter.it.SocksServer.Answers;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The surroundings in which hosts start us. */
final class EnvironmentIT {

  private static final int SIZE = 1000;

  /** Two characters in hexadecimal digits. */
  private static final String UTF8 = "c3a4" + "e697a5";

  @TempDir Path dir;

  private final int port = Loopback.freePort();
  private final SocksServer socks = new SocksServer(Answers.GOOD);

  @AfterEach
  void close() {
    socks.close();
  }

  /** As trojan-go and daemons do it; the shell of the fake PT finds its commands by itself. */
  @Test
  void fiveVariablesAreEnoughFromTheRootFolderThroughARelativeLink() throws IOException {
    Path link = dir.resolve("linked-plugin");
    Files.createSymbolicLink(link, dir.toRealPath().relativize(Plugin.LAUNCHER));
    List<String> command = new ArrayList<>(List.of("/usr/bin/env", "-i"));
    sip(";a=b").environment().forEach((name, value) -> command.add(name + "=" + value));
    if (!isJavaInstalled()) {
      command.add("PT_ADAPTER_JAVA=" + System.getProperty("java.home"));
    }
    command.add(Path.of("/").relativize(link).toString());
    ProcessBuilder builder = new ProcessBuilder(command).directory(Path.of("/").toFile());
    try (Program plugin = Program.start(builder).awaitReady()) {
      assertEchoes();
      assertThat(plugin.log()).hasSize(1);
    } finally {
      Files.delete(link);
    }
  }

  @Test
  void filesArePrivateWhateverTheUmask() throws IOException {
    Path state = dir.resolve("new/state");
    Path log = dir.resolve("log");
    String options = "server;transport=obfs4;exec=" + Plugin.EMBEDDED_PT + " -enableLogging";
    Sip sip = Sip.of(options + ";state=" + state + ";log=" + log);
    try (Program plugin = Program.start(shell("umask 000; exec \"$0\"", sip))) {
      Await.until("the log", () -> Files.exists(log) && read(log).contains("ready: "));
      try (Stream<Path> files = Files.walk(dir.resolve("new"))) {
        List<Path> all = Stream.concat(files, Stream.of(log)).toList();
        assertThat(all)
            .contains(state.resolve("obfs4_state.json"), state.resolve("obfs4proxy.log"))
            .allSatisfy(file -> assertThat(permissions(file)).matches("rw[x-]------"));
      }
      assertThat(plugin.log()).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"exec \"$0\" </dev/null", "exec \"$0\" <&-", "exec \"$0\""})
  void anyStandardInputDoes(String command) throws IOException {
    try (Program plugin = Program.start(shell(command, sip(";a=b"))).awaitReady()) {
      assertEchoes();
      // The host's end of the pipe, where there is one.
      plugin.closeStdin();
      assertEchoes();
      assertThat(plugin.isRunning()).isTrue();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "exec \"$0\" >&- 2>&-",
        "exec \"$0\" >/dev/full 2>/dev/full",
        "exec \"$0\" <&- >&- 2>&-"
      })
  void outputThatTakesNothingDoesNoHarm(String command) {
    FakePt pt = FakePt.write(dir, "echo words >&2\n" + FakePt.offers(socks.port()) + FakePt.STAYS);
    Sip sip = Sip.of(9, port, pt.options() + ";a=b;loglevel=trace");
    try (Program plugin = Program.start(shell(command, sip))) {
      Await.until("the plugin serves", this::echoes);
      Await.until("the plugin serves on", this::echoes);
      assertThat(plugin.isRunning()).isTrue();
    }
  }

  /** A pipe that nobody reads takes 64 KiB. */
  @Test
  void fullPipeBehindStandardErrorStopsNoTunnel() throws Exception {
    Path pipe = dir.resolve("pipe");
    assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor()).isZero();
    String flood =
        "i=0; while [ $i -lt 3000 ]; do echo \"LOG SEVERITY=notice MESSAGE=$PATH$PATH$PATH\"; "
            + "i=$((i + 1)); done; touch $here/flooded\n";
    FakePt pt = FakePt.write(dir, FakePt.offers(socks.port()) + flood + FakePt.STAYS);
    Sip sip = Sip.of(9, port, pt.options() + ";a=b;loglevel=trace");
    ProcessBuilder builder = Plugin.command(dir, sip).redirectError(pipe.toFile());
    try (RandomAccessFile reader = new RandomAccessFile(pipe.toFile(), "rw");
        Program plugin = Program.start(builder)) {
      Await.until("the end of the flood", () -> pt.exists("flooded"));
      assertEchoes();
      assertThat(plugin.isRunning()).isTrue();
      assertThat(reader.getFD().valid()).isTrue();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"LC_ALL=C", "LANG=C", "LC_ALL=POSIX LANG=de_DE.UTF-8", "LC_CTYPE=C"})
  void optionsInUtf8ArriveWholeUnderAnyLocale(String locale) throws IOException {
    Sip sip = sip(";a=");
    // The shell adds the bytes, whatever the locale of this test.
    String command =
        "unset LC_ALL LANG LC_CTYPE; export %s\n".formatted(locale)
            + "SS_PLUGIN_OPTIONS=$SS_PLUGIN_OPTIONS$(printf '\\303\\244\\346\\227\\245')\n"
            + "export SS_PLUGIN_OPTIONS; exec \"$0\"";
    try (Program plugin = Program.start(shell(command, sip)).awaitReady()) {
      assertEchoes();
      // The login: a=, then the bytes.
      assertThat(socks.messages()).element(1).asString().startsWith("0107" + "613d" + UTF8);
      assertThat(plugin.log()).hasSize(1);
    }
  }

  @Test
  void optionsMeantForOtherJavaProgramsHaveNoEffect() throws IOException {
    ProcessBuilder builder = Plugin.command(dir, sip(";a=b"));
    for (String name : List.of("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")) {
      builder.environment().put(name, "-XX:+NoSuchOption");
    }
    builder.environment().put("CLASSPATH", "/no/such/classes");
    try (Program plugin = Program.start(builder).awaitReady()) {
      assertEchoes();
      assertThat(plugin.log()).hasSize(1);
    }
  }

  /** A client whose PT echoes. */
  private Sip sip(String args) {
    FakePt pt = FakePt.write(dir, FakePt.offers(socks.port()) + FakePt.STAYS);
    return Sip.of(9, port, pt.options() + args);
  }

  /** A host that is a shell; the launcher is its {@code $0}. */
  private ProcessBuilder shell(String command, Sip sip) {
    ProcessBuilder builder = new ProcessBuilder("sh", "-c", command, Plugin.LAUNCHER.toString());
    Plugin.clean(builder, dir);
    builder.environment().putAll(sip.environment());
    return builder;
  }

  private void assertEchoes() {
    assertThat(echoes()).isTrue();
  }

  private boolean echoes() {
    try (Socket socket = Loopback.connect(port)) {
      byte[] bytes = new byte[SIZE];
      socket.getOutputStream().write(bytes);
      return socket.getInputStream().readNBytes(SIZE).length == SIZE;
    } catch (IOException e) {
      return false;
    }
  }

  private static boolean isJavaInstalled() throws IOException {
    Path folder = Path.of("/usr/lib/jvm");
    if (!Files.isDirectory(folder)) {
      return false;
    }
    try (Stream<Path> all = Files.list(folder)) {
      return all.map(java -> java.resolve("release"))
          .filter(Files::isReadable)
          .anyMatch(file -> read(file).matches("(?s).*JAVA_VERSION=\"(2[5-9]|[3-9]\\d).*"));
    }
  }

  private static String permissions(Path file) {
    try {
      return PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
