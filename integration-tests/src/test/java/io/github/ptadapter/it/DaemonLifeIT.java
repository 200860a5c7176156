package io.github.ptadapter.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A server as systemd starts it with {@code DynamicUser} and {@code StateDirectory}: a user without
 * a home, nothing to write to but the state directory, no variables to speak of.
 */
final class DaemonLifeIT {

  private static final int PT_FAILED = 4;
  private static final int NOBODY = 65534;
  private static final int FIRST_FREE_PORT = 1024;
  private static final Payload SMALL = new Payload(3, 100_000);

  /** Only root may become another user; the state folder is the only one left to write. */
  private static final String SERVICE =
      """
      set -e
      mount --bind "$DISTRIBUTION" "$DIR/distribution"
      mount --bind "$JAVA" "$DIR/java"
      mount --bind "$DIR/states" "$DIR/states"
      mount -o remount,bind,ro /
      if (: >"$DIR/written") 2>/dev/null; then exit 99; fi
      cd /
      umask 000
      exec env -i HOME=/ PT_ADAPTER_JAVA="$DIR/java" STATE_DIRECTORY="$DIR/states/pt-adapter" \\
        SS_REMOTE_HOST="$SS_REMOTE_HOST" SS_REMOTE_PORT="$SS_REMOTE_PORT" \\
        SS_LOCAL_HOST="$SS_LOCAL_HOST" SS_LOCAL_PORT="$SS_LOCAL_PORT" \\
        SS_PLUGIN_OPTIONS="$SS_PLUGIN_OPTIONS" \\
        /usr/bin/setpriv --reuid 65534 --regid 65534 --clear-groups $CAPABILITIES \\
        "$DIR/distribution/bin/pt-adapter" </dev/null
      """;

  private static final String MAY_BIND =
      "--inh-caps -all,+net_bind_service --ambient-caps -all,+net_bind_service";

  @TempDir Path dir;

  @BeforeEach
  void prepare() throws Exception {
    Requirement.orSkip(
        succeeds("unshare", "--mount", "sh", "-c", "mount -o remount,bind,ro / && cd /")
            && Files.isExecutable(Path.of("/usr/bin/setpriv"))
            && succeeds("setpriv", "--reuid", "65534", "--clear-groups", "true"),
        "root that may mount, to run as systemd's services do");
    Files.setPosixFilePermissions(dir, PosixFilePermissions.fromString("rwxr-xr-x"));
    for (String folder : List.of("distribution", "java", "states", "states/pt-adapter")) {
      Files.createDirectory(dir.resolve(folder));
    }
    Path state = dir.resolve("states/pt-adapter");
    Files.setAttribute(state, "unix:uid", NOBODY);
    Files.setPosixFilePermissions(state, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  @Test
  void serverBelow1024NeedsNothingButItsStateFolderAndTheCapability() throws IOException {
    int port = freeLowPort();
    try (TestServer target = Exchange.server(Loopback.IPV4);
        Program server =
            service(Sip.of(port, target.port(), "server;transport=obfs4"), MAY_BIND).awaitReady()) {
      Path state = dir.resolve("states/pt-adapter/pt-adapter/server-obfs4-" + port);
      try (Stream<Path> files = Files.walk(state)) {
        assertThat(files)
            .contains(state.resolve("obfs4_state.json"), state.resolve("client-plugin-opts.txt"))
            .allSatisfy(file -> {
              assertThat(Files.getAttribute(file, "unix:uid")).isEqualTo(NOBODY);
              assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                  .matches("rw[x-]------");
            });
      }
      assertThat(server.log()).hasSize(2);
      String options = Files.readString(state.resolve("client-plugin-opts.txt")).strip();
      int local = Loopback.freePort();
      Sip sip = Sip.of(port, local, options + ";exec=" + Plugin.EMBEDDED_PT);
      try (Program _ = Plugin.start(dir, sip).awaitReady();
          Socket socket = Loopback.connect(local)) {
        Exchange.up(socket, SMALL);
        Exchange.down(socket, SMALL);
      }
      List<Long> family = server.family();
      Processes.signal("TERM", server.pid());
      assertThat(server.awaitExit(Await.LIMIT)).isZero();
      Await.until("end of " + family, () -> family.stream().noneMatch(Processes::isRunning));
    }
  }

  /** In a network of its own, where the kernel guards these ports as it does by default. */
  @Test
  void portBelow1024TakesTheCapability() {
    Sip.Address all = new Sip.Address("0.0.0.0", FIRST_FREE_PORT - 1);
    Sip sip = new Sip(all, new Sip.Address(Loopback.IPV4, 9), "server;transport=obfs4");
    try (Program server = service(sip, "--inh-caps -all", "--net")) {
      assertThat(server.awaitExit(Await.LIMIT)).isEqualTo(PT_FAILED);
      assertThat(server.errors()).singleElement().asString().contains("permission denied");
    }
    try (Program server = service(sip, MAY_BIND, "--net")) {
      server.awaitReady();
    }
  }

  private Program service(Sip sip, String capabilities, String... namespaces) {
    ProcessBuilder builder = Plugin.command(dir, sip);
    builder.environment().put("DIR", dir.toString());
    Path home = Plugin.LAUNCHER.getParent().getParent();
    builder.environment().put("DISTRIBUTION", home.toString());
    builder.environment().put("JAVA", System.getProperty("java.home"));
    builder.environment().put("CAPABILITIES", capabilities);
    builder.command("unshare", "--mount");
    builder.command().addAll(List.of(namespaces));
    builder.command().addAll(List.of("sh", "-c", SERVICE));
    return Program.start(builder);
  }

  private static int freeLowPort() {
    return IntStream.iterate(FIRST_FREE_PORT - 1, port -> port > 0, port -> port - 1)
        .filter(port -> Loopback.isFree(Loopback.IPV4, port))
        .findFirst()
        .orElseThrow();
  }

  private static boolean succeeds(String... command) throws InterruptedException {
    try {
      return new ProcessBuilder(command).redirectErrorStream(true).start().waitFor() == 0;
    } catch (IOException e) {
      // There is no such program.
      return false;
    }
  }
}
