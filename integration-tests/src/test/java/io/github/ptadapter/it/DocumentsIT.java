package io.github.ptadapter.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.ptadapter.adapter.OptionString;
import io.github.ptadapter.adapter.PluginOptions;
import io.github.ptadapter.it.Example.Kind;
import java.io.DataInputStream;
import java.io.IOException;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every command of the README and of {@code docs}, as it stands there but for {@link #here}, and
 * every configuration: what nobody runs fails, or is told below with the reason.
 */
final class DocumentsIT {

  private static final Duration LIMIT = Duration.ofMinutes(1);
  private static final String LINE = "transport=obfs4;cert=" + "A".repeat(70) + ";iat-mode=0";
  private static final String STATE = "/var/lib/pt-adapter";
  private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();

  /** What is done with a command. */
  @FunctionalInterface
  private interface Deed {
    void with(DocumentsIT test, Example command) throws Exception;
  }

  /** What is done with the commands that begin with a key. */
  private static final Map<String, Deed> DEEDS = new LinkedHashMap<>();

  static {
    DEEDS.put("pt-adapter check --remote", DocumentsIT::checkOfAClient);
    DEEDS.put("pt-adapter check --server", DocumentsIT::checkOfAServer);
    DEEDS.put("pt-adapter run --server", DocumentsIT::runOfAServer);
    DEEDS.put("pt-adapter run --local", DocumentsIT::runOfAClient);
    DEEDS.put("pt-adapter link --check", DocumentsIT::linkCheck);
    DEEDS.put("pt-adapter link --method", DocumentsIT::link);
    DEEDS.put("pt-adapter link --host", DocumentsIT::link);
    DEEDS.put("sudo sh -c 'cp -r adapter/target/pt-adapter", DocumentsIT::copyOfTheFolder);
    DEEDS.put("install -D -m 644 examples/systemd", DocumentsIT::installOfTheUnit);
    DEEDS.put("tar -C " + STATE + " -czf", DocumentsIT::packing);
    DEEDS.put("tar -C " + STATE + " -xzf", DocumentsIT::unpacking);
    DEEDS.put("mkdir -p -m 700 " + STATE, DocumentsIT::makingTheState);
    for (String host : List.of("ss-server", "ss-local", "ss-tunnel", "ss-redir", "ss-manager")) {
      DEEDS.put(host + " ", DocumentsIT::hostOfOtherTests);
    }
    for (String host : List.of("ssserver", "sslocal", "go-shadowsocks2")) {
      DEEDS.put(host + " ", DocumentsIT::hostOfOtherTests);
    }
    DEEDS.put("snowflake-broker", elsewhere(SnowflakeNetwork.class, "snowflake, broker"));
    DEEDS.put("snowflake-proxy", elsewhere(SnowflakeNetwork.class, "snowflake, proxy"));
    DEEDS.put("tar -xzf pt-adapter-", elsewhere(PackagesIT.class, "tar"));
    DEEDS.put("ln -s /opt/pt-adapter-", DocumentsIT::linkToTheLauncher);
    DEEDS.put("docker compose up", elsewhere(ComposeIT.class, "\"up\""));
    DEEDS.put("docker compose exec server cat", elsewhere(ComposeIT.class, "\"server\", \"cat\""));
    DEEDS.put("echo \"PASSWORD=", elsewhere(Compose.class, "PASSWORD"));
    DEEDS.put("curl --socks5-hostname", elsewhere(ComposeIT.class, "CURL"));
    DEEDS.put("docker build ", elsewhere(Image.class, "Dockerfile"));
    DEEDS.put("docker run -d --name server", elsewhere(ContainerPath.class, "\"ss-server\""));
    DEEDS.put("docker run -d --name client", elsewhere(ContainerPath.class, "\"ss-local\""));
    DEEDS.put("docker exec server cat", elsewhere(ContainerPath.class, "client-plugin-opts.txt"));
    notRun("./quickstart", "builds the project, of which this test is a part");
    notRun("./verify", "runs this test");
    notRun("mvn -B -Pdist", "builds the project; PackagesIT tries what comes out of it");
    notRun("scripts/reproducible", "builds the project twice");
    notRun("bench/run", "takes minutes, and its figures need a machine of its own");
    notRun("apt ", "needs root, and installs; PackagesIT tries what is in the package");
    notRun("systemctl ", "needs a running systemd, and root");
  }

  @TempDir Path dir;

  private final int publicPort = Loopback.freePort();
  private final int localPort = Loopback.freePort();

  static Stream<Example> commands() {
    return Example.all().stream().filter(example -> example.kind() == Kind.COMMAND);
  }

  static Stream<Example> configurations() {
    return Example.all().stream().filter(example -> example.kind() == Kind.JSON);
  }

  static Stream<Example> options() {
    return Example.all().stream().filter(example -> example.kind() == Kind.OPTIONS);
  }

  @ParameterizedTest
  @MethodSource("commands")
  void commandDoesWhatItsPageSays(Example command) throws Exception {
    List<Deed> deeds =
        DEEDS.keySet().stream().filter(command.text()::startsWith).map(DEEDS::get).toList();
    assertThat(deeds).as("what this test does with: %s", command.text()).hasSize(1);
    deeds.getFirst().with(this, command);
  }

  @Test
  void everyDeedHasItsCommand() {
    List<String> all = commands().map(Example::text).toList();
    assertThat(DEEDS.keySet())
        .allSatisfy(begin -> assertThat(all).anyMatch(command -> command.startsWith(begin)));
    assertThat(all).hasSizeGreaterThan(40);
  }

  /** The hosts' own tests run theirs; that they are what they should be is seen here of all. */
  @ParameterizedTest
  @MethodSource("configurations")
  void configurationHasNoMistake(Example configuration) throws Exception {
    if (!configuration.text().contains("\"plugin\"")) {
      elsewhere(SnowflakeNetwork.class, "bridges.json").with(this, configuration);
      return;
    }
    Path file = Files.writeString(dir.resolve("config.json"), here(configuration.text(), LINE));
    assertThat(shell("pt-adapter link --check " + file, 0))
        .as("%s", configuration)
        .allMatch(line -> line.matches("✓ (server \\d+: )?a configuration of a .*"));
  }

  @ParameterizedTest
  @MethodSource("options")
  void optionsAreTakenWithoutAWarning(Example example) throws Exception {
    String text =
        here(example.text().strip(), LINE)
            .replace("node-id=...", "node-id=" + "a".repeat(40))
            .replace("private-key=...", "private-key=" + "a".repeat(64))
            .replace("drbg-seed=...", "drbg-seed=" + "a".repeat(48));
    PluginOptions options = PluginOptions.of(OptionString.parse(text));
    assertThat(options.warnings()).isEmpty();
    assertThat(text).contains("transport=" + options.transport());
  }

  // ---- what is done with commands

  private static void notRun(String begin, String why) {
    DEEDS.put(begin, (_, command) -> System.out.println("NOT RUN: " + command + " (" + why + ")"));
  }

  /** Of another test, which must know a word. */
  private static Deed elsewhere(Class<?> test, String word) {
    return (_, _) -> assertThat(source(test.getSimpleName())).contains(word);
  }

  /** The tests of hosts run them by their heading in {@code docs/hosts.md}. */
  private static void hostOfOtherTests(DocumentsIT test, Example command) throws IOException {
    Example documented =
        commands()
            .filter(other -> other.page().equals("hosts.md"))
            .filter(other -> other.text().equals(command.text()))
            .findFirst()
            .orElseThrow(() -> new AssertionError("hosts.md does not have " + command));
    assertThat(source("DocumentedHostsIT") + source("HostStopIT"))
        .containsPattern("[\"|] ?" + documented.heading() + " *[\"|]");
  }

  private static String source(String test) throws IOException {
    return Files.readString(
        ROOT.resolve("integration-tests/src/test/java/io/github/ptadapter/it/" + test + ".java"));
  }

  private static void checkOfAClient(DocumentsIT test, Example command) throws Exception {
    test.withServer(line -> {
      assertThat(test.shell(test.here(command.text(), line), 0))
          .anyMatch(said -> said.startsWith("✓ handshake"))
          .anyMatch(said -> said.startsWith("✓ answer"));
    });
  }

  private static void checkOfAServer(DocumentsIT test, Example command) throws Exception {
    try (TestServer service = TestServer.start(TestServer::echo)) {
      String line = test.here(command.text(), LINE).replace(":8388", ":" + service.port());
      assertThat(test.shell(line, 0))
          .anyMatch(said -> said.startsWith("✓ handshake"))
          .anyMatch(said -> said.contains("transport=obfs4;cert="));
    }
  }

  private static void runOfAServer(DocumentsIT test, Example command) throws Exception {
    try (TestServer service = TestServer.start(TestServer::echo)) {
      String line = test.here(command.text(), LINE).replace(":22 ", ":" + service.port() + " ");
      try (Program server = Program.start(test.builder(line)).awaitReady()) {
        assertThat(test.clientOptions()).startsWith("transport=obfs4;cert=");
        assertThat(server.errors()).isEmpty();
      }
    }
  }

  private static void runOfAClient(DocumentsIT test, Example command) throws Exception {
    test.withServer(options -> {
      String line = test.here(command.text(), options);
      try (Program client = Program.start(test.builder(line)).awaitReady();
          Socket socket = Loopback.connect(test.localPort)) {
        socket.getOutputStream().write("hello".getBytes(UTF_8));
        byte[] answer = new byte[5];
        new DataInputStream(socket.getInputStream()).readFully(answer);
        assertThat(new String(answer, UTF_8)).isEqualTo("hello");
        assertThat(client.errors()).isEmpty();
      }
    });
  }

  private static void link(DocumentsIT test, Example command) throws Exception {
    Files.writeString(test.dir.resolve("client-plugin-opts.txt"), LINE + "\n");
    Files.writeString(
        Files.createDirectories(test.state()).resolve("client-plugin-opts.txt"), LINE + "\n");
    Files.writeString(test.dir.resolve("password.txt"), "secret\n");
    List<String> said = test.shell(test.here(command.text(), LINE), 0);
    assertThat(said)
        .anyMatch(line -> line.startsWith("ss://"))
        .anyMatch(line -> line.contains("\"plugin\":\"pt-adapter\""))
        .anyMatch(line -> line.contains("▄▄▄▄▄"));
  }

  private static void linkCheck(DocumentsIT test, Example command) throws Exception {
    String link = "ss://YWVzLTI1Ni1nY206eA@192.0.2.1:443/?plugin=pt-adapter%3Btransport%3Dobfs3";
    Files.writeString(test.dir.resolve("config.json"), link);
    String line = command.text().replaceAll("\\bLINK(_OR_FILE)?\\b", "'" + link + "'");
    assertThat(test.shell(line, 0)).singleElement().asString().startsWith("✓ a link for obfs3");
  }

  private static void copyOfTheFolder(DocumentsIT test, Example command) throws Exception {
    Path opt = Files.createDirectory(test.dir.resolve("opt"));
    Path bin = Files.createDirectory(test.dir.resolve("bin"));
    String line =
        command
            .text()
            .replaceFirst("^sudo ", "")
            .replace("adapter/target/pt-adapter", home())
            .replace(" /opt/", " " + opt + "/")
            .replace("/usr/local/bin/", bin + "/");
    test.shell(line, 0);
    assertRuns(test, bin);
  }

  private static void linkToTheLauncher(DocumentsIT test, Example command) throws Exception {
    Path bin = Files.createDirectory(test.dir.resolve("bin"));
    String line =
        command
            .text()
            .replaceFirst("/opt/\\S+", Plugin.LAUNCHER.toString())
            .replace("/usr/local/bin/", bin + "/");
    test.shell(line, 0);
    assertRuns(test, bin);
  }

  private static void assertRuns(DocumentsIT test, Path bin) {
    assertThat(test.shell(bin + "/pt-adapter --version", 0))
        .singleElement()
        .asString()
        .startsWith("pt-adapter ");
  }

  private static void installOfTheUnit(DocumentsIT test, Example command) throws Exception {
    Path etc = test.dir.resolve("etc");
    test.shell("cd " + ROOT + " && " + command.text().replace(" /etc/", " " + etc + "/"), 0);
    assertThat(etc.resolve("systemd/system/shadowsocks-libev-server@.service.d/pt-adapter.conf"))
        .hasSameTextualContentAs(ROOT.resolve("examples/systemd/pt-adapter.conf"));
  }

  private static void packing(DocumentsIT test, Example command) throws Exception {
    test.withServer(_ -> {});
    test.shell(test.here(command.text(), LINE), 0);
    assertThat(test.shell("tar -tzf identity.tar.gz", 0))
        .contains("./obfs4_state.json", "./client-plugin-opts.txt");
  }

  private static void makingTheState(DocumentsIT test, Example command) throws Exception {
    test.shell(test.here(command.text(), LINE), 0);
    assertThat(Files.getPosixFilePermissions(test.state())).hasSize(3);
  }

  /** A server that is set up so has the cert of the old one. */
  private static void unpacking(DocumentsIT test, Example command) throws Exception {
    List<String> before = new ArrayList<>();
    test.withServer(before::add);
    test.shell("tar -C " + test.state() + " -czf identity.tar.gz .", 0);
    Files.move(test.state(), test.dir.resolve("old"));
    Files.createDirectory(test.state());
    test.shell(test.here(command.text(), LINE), 0);
    Files.delete(test.state().resolve("client-plugin-opts.txt"));
    test.withServer(before::add);
    assertThat(before).hasSize(2);
    assertThat(before.getFirst()).isEqualTo(before.getLast());
  }

  // ---- the ground they run on

  /** What stands in the documents for what is elsewhere everywhere. */
  private String here(String text, String options) {
    return text.replace(STATE, state().toString())
        .replaceAll("\\b0\\.0\\.0\\.0\\b", Loopback.IPV4)
        .replaceAll("\\bSERVER\\b(?!_KEY)", Loopback.IPV4)
        .replaceAll("\\b443\\b", String.valueOf(publicPort))
        .replaceAll(":2222\\b", ":" + localPort)
        .replace("transport=obfs4;cert=...;iat-mode=0", options)
        .replace("--opts-file ...", "--opts-file client-plugin-opts.txt")
        .replace("--client-opts ...", "--client-opts client-plugin-opts.txt --password PASSWORD")
        .replace("--method ...", "--method aes-256-gcm");
  }

  private Path state() {
    return dir.resolve("state-of-server");
  }

  private static String home() {
    return Plugin.LAUNCHER.getParent().getParent().toString();
  }

  private String clientOptions() throws IOException {
    return Files.readString(state().resolve("client-plugin-opts.txt")).strip();
  }

  /** What is done with a server's line for its clients. */
  @FunctionalInterface
  private interface Visit {
    void with(String line) throws Exception;
  }

  /** A server with an echo behind it; its line is also in a file of our folder. */
  private void withServer(Visit visit) throws Exception {
    String options = "server;transport=obfs4;state=" + state() + ";exec=" + Plugin.EMBEDDED_PT;
    try (TestServer echo = TestServer.start(TestServer::echo);
        Program _ = Plugin.start(dir, Sip.of(publicPort, echo.port(), options)).awaitReady()) {
      Files.writeString(dir.resolve("client-plugin-opts.txt"), clientOptions() + "\n");
      visit.with(clientOptions());
    }
  }

  private ProcessBuilder builder(String line) {
    ProcessBuilder builder = new ProcessBuilder("sh", "-c", line).directory(dir.toFile());
    Plugin.clean(builder, dir);
    builder.environment().put("PATH", Plugin.LAUNCHER.getParent() + ":" + Requirement.path());
    return builder;
  }

  /** Runs a command line to its end, in our folder; returns its output. */
  private List<String> shell(String line, int code) {
    try (Program program = Program.start(builder(line))) {
      assertThat(program.awaitExit(LIMIT))
          .as("%s: %s: %s", line, program.out(), program)
          .isEqualTo(code);
      return program.out();
    }
  }
}
