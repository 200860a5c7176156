package io.github.ptadapter.it;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/** What {@code -Pdist} makes, unpacked elsewhere and run without any Java but its own. */
@EnabledIfSystemProperty(
    named = Packages.FOLDER,
    matches = ".+",
    disabledReason = "only -Pdist makes packages")
final class PackagesIT {

  /** In the tarball; in the .deb below usr. */
  private static final String BILL = "share/doc/pt-adapter/sbom.cdx.json";

  private static final Duration LIMIT = Duration.ofMinutes(1);
  private static final Payload PAYLOAD = new Payload(7, 2_000_000);
  private static final int NOBODY = 65534;

  @TempDir Path dir;

  private final Path packages = Packages.folder();

  /** Where the user of the test may write, whoever that is. */
  private Path states;

  private List<String> asUser = List.of();

  @BeforeEach
  void becomeAUser() throws IOException {
    states = Files.createDirectory(dir.resolve("states"));
    if (System.getProperty("user.name").equals("root")) {
      Files.setPosixFilePermissions(dir, PosixFilePermissions.fromString("rwxr-xr-x"));
      Files.setAttribute(states, "unix:uid", NOBODY);
      String id = String.valueOf(NOBODY);
      asUser = List.of("/usr/bin/setpriv", "--reuid", id, "--regid", id, "--clear-groups");
    }
  }

  @Test
  void tarballRunsWhereverItIsUnpacked() throws IOException {
    Path folder = Files.createDirectory(dir.resolve("with a blank"));
    Path tarball = Packages.tarball();
    output("tar", "-xzf", tarball.toString(), "-C", folder.toString());
    Path home = Packages.only(folder, "*");
    assertThat(home.getFileName() + ".tar.gz").isEqualTo(tarball.getFileName().toString());
    assertThat(List.of("share/man/man1/pt-adapter.1", "bin/pt-adapter.cmd", "licenses/README.txt"))
        .allSatisfy(file -> assertThat(home.resolve(file)).isNotEmptyFile());
    assertBill(home, home.resolve(BILL));
    assertKnowsNothingOfTheBuild(home);
    assertWorks(home, home.resolve("bin/pt-adapter"));
  }

  @Test
  void debRunsThroughItsLinkAndLeavesNothing() throws IOException {
    Requirement.program("dpkg-deb");
    String deb = Packages.deb().toString();
    Path root = dir.resolve("root");
    output("dpkg-deb", "--extract", deb, root.toString());
    Path home = root.resolve("usr/lib/pt-adapter");
    for (String file :
        List.of(
            "man/man1/pt-adapter.1.gz",
            "man/man1/pt-adapter-check.1.gz",
            "bash-completion/completions/pt-adapter",
            "zsh/vendor-completions/_pt-adapter",
            "doc/pt-adapter/copyright",
            "doc/pt-adapter/changelog.gz",
            "doc/pt-adapter/examples/systemd/pt-adapter.conf")) {
      assertThat(root.resolve("usr/share").resolve(file)).isNotEmptyFile();
    }
    assertBill(home, root.resolve("usr").resolve(BILL));
    assertKnowsNothingOfTheBuild(root);
    assertWorks(home, root.resolve("usr/bin/pt-adapter"));

    assertThat(output("dpkg-deb", "--contents", deb))
        .allSatisfy(line -> assertThat(line).contains(" root/root "));
    assertThat(output("dpkg-deb", "--field", deb, "Depends", "Suggests"))
        .containsExactly("Depends: libc6 (>= 2.17)", "Suggests: shadowsocks-libev");
    // No script of its own: dpkg removes what it has installed, and there is nothing else.
    Path control = dir.resolve("control");
    output("dpkg-deb", "--control", deb, control.toString());
    try (Stream<Path> files = Files.list(control)) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .containsExactlyInAnyOrder("control", "md5sums");
    }
    output("env", "-C", root.toString(), "md5sum", "--quiet", "-c", control + "/md5sums");
  }

  @Test
  void debFollowsDebiansRules() throws IOException {
    Path lintian = Requirement.program("lintian");
    Path deb = Packages.deb();
    ProcessBuilder command =
        new ProcessBuilder(lintian.toString(), "--fail-on", "error", deb.toString());
    try (Program program = Program.start(command)) {
      // It unpacks all of it, which takes a busy machine some minutes.
      assertThat(program.awaitExit(LIMIT.multipliedBy(5))).as("%s", program.out()).isZero();
    }
  }

  @Test
  void tarballForAnotherMachineHasItsTransport() throws IOException {
    Path tarball = Packages.only(packages, "pt-adapter-*-without-java.tar.gz");
    output("tar", "-xzf", tarball.toString(), "-C", dir.toString());
    Path home = Packages.only(dir, "pt-adapter-*");
    assertBill(home, home.resolve(BILL));
    assertThat(home.resolve("runtime")).doesNotExist();
    // See elf(5): 64 bits, the lowest byte first, AArch64.
    byte[] elf = Files.readAllBytes(home.resolve("lib/obfs4proxy"));
    assertThat(Arrays.copyOf(elf, 6)).containsExactly(0x7f, 'E', 'L', 'F', 2, 1);
    assertThat(elf[18]).isEqualTo((byte) 183);
    assertThat(elf[19]).isZero();
  }

  /** The bill of materials names what is there, and nothing else. */
  private static void assertBill(Path home, Path file) throws IOException {
    JsonNode bill = new JsonMapper().readTree(Files.readString(file));
    assertThat(bill.path("specVersion").asText()).isEqualTo("1.6");
    assertThat(bill.has("serialNumber")).isFalse();
    Map<String, JsonNode> components = new TreeMap<>();
    bill.path("components")
        .forEach(component -> components.put(component.path("bom-ref").asText(), component));
    List<String> jars;
    try (Stream<Path> files = Files.walk(home.resolve("lib"))) {
      jars =
          files
              .map(path -> path.getFileName().toString())
              .filter(name -> name.endsWith(".jar"))
              .toList();
    }
    assertThat(components.values())
        .filteredOn(component -> component.path("purl").asText().endsWith("?type=jar"))
        .extracting(component ->
            component.path("name").asText() + "-" + component.path("version").asText() + ".jar")
        .containsExactlyInAnyOrderElementsOf(jars);

    // The modules that licenses/README.txt has the licences of.
    assertThat(components.keySet())
        .contains("pkg:golang/stdlib@1.19.3")
        .filteredOn(name -> name.startsWith("pkg:golang/"))
        // Only that of x86_64 has golang.org/x/sys in it.
        .hasSizeBetween(11, 12);
    JsonNode transport =
        components.values().stream()
            .filter(component -> component.path("name").asText().equals("obfs4proxy"))
            .findFirst()
            .orElseThrow();
    assertThat(transport.path("hashes").path(0).path("content").asText())
        .isEqualTo(sha256(home.resolve("lib/obfs4proxy")));
    assertThat(
            components.keySet().stream().anyMatch(name -> name.startsWith("pkg:generic/openjdk@")))
        .isEqualTo(Files.exists(home.resolve("runtime")));
  }

  private static String sha256(Path file) throws IOException {
    return output("sha256sum", file.toString()).getFirst().replaceFirst(" .*", "");
  }

  private void assertWorks(Path home, Path launcher) throws IOException {
    assertThat(home.resolve("runtime/lib/security/cacerts")).doesNotExist();
    assertThat(home.resolve("runtime/legal/java.base/LICENSE")).isNotEmptyFile();
    try (Program version = Program.start(builder(launcher, "--version"))) {
      assertThat(version.awaitExit(LIMIT)).as("%s", version).isZero();
      assertThat(version.out()).first().asString().startsWith("pt-adapter ");
    }
    int publicPort = Loopback.freePort();
    int localPort = Loopback.freePort();
    Path state = states.resolve("server");
    try (TestServer target = Exchange.server(Loopback.IPV4);
        Program server =
            plugin(
                launcher,
                Sip.of(publicPort, target.port(), "server;transport=obfs4;state=" + state))) {
      server.awaitReady();
      String offered = Files.readString(state.resolve("client-plugin-opts.txt")).strip();
      Sip sip = Sip.of(publicPort, localPort, offered + ";state=" + states.resolve("client"));
      try (Program client = plugin(launcher, sip);
          Socket socket = connect(client, localPort)) {
        Exchange.down(socket, PAYLOAD);
        Exchange.up(socket, PAYLOAD);
        assertRunsOnItsOwn(home, client, "ClientRole");
        assertRunsOnItsOwn(home, server, "ServerRole");
        assertThat(client.errors()).isEmpty();
      }
    }
  }

  private static Socket connect(Program client, int port) throws IOException {
    client.awaitReady();
    return Loopback.connect(port);
  }

  private static void assertRunsOnItsOwn(Path home, Program plugin, String role)
      throws IOException {
    assertThat(Path.of("/proc/" + plugin.pid() + "/exe").toRealPath())
        .isEqualTo(home.resolve("runtime/bin/java").toRealPath());
    plugin.awaitChild("obfs4proxy");
    assertThat(plugin.out())
        .as("the class comes from the start archive")
        .anySatisfy(line -> assertThat(line).contains(role + " source: shared objects file"));
  }

  /** No file names the folder that it was built in. */
  private void assertKnowsNothingOfTheBuild(Path folder) throws IOException {
    String project = packages.getParent().getParent().toRealPath().toString();
    try (Stream<Path> files = Files.walk(folder)) {
      assertThat(files.filter(Files::isRegularFile))
          .hasSizeGreaterThan(50)
          .allSatisfy(file ->
              assertThat(new String(Files.readAllBytes(file), ISO_8859_1).contains(project))
                  .as("%s names %s", file, project)
                  .isFalse());
    }
  }

  private Program plugin(Path launcher, Sip sip) {
    ProcessBuilder builder = builder(launcher);
    builder.environment().putAll(sip.environment());
    builder.environment().put("PT_ADAPTER_JAVA_OPTS", "-Xlog:class+load");
    return Program.start(builder);
  }

  /** With an empty environment, as the user of the test. */
  private ProcessBuilder builder(Path launcher, String... args) {
    List<String> command = new ArrayList<>(asUser);
    command.add(launcher.toString());
    command.addAll(List.of(args));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().clear();
    return builder;
  }

  private static List<String> output(String... command) {
    try (Program program = Program.start(new ProcessBuilder(command))) {
      assertThat(program.awaitExit(LIMIT)).as("%s", program).isZero();
      return program.out();
    }
  }
}
