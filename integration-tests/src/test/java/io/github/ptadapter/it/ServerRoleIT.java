package io.github.ptadapter.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the server role tells its user, keeps for its clients, and refuses. */
final class ServerRoleIT {

  private static final int BAD_OPTIONS = 2;
  private static final int PT_FAILED = 4;

  private static final Duration LIMIT = Duration.ofSeconds(8);

  private static final String FILE = "client-plugin-opts.txt";
  private static final String SERVER = "server;transport=obfs4;exec=" + Plugin.EMBEDDED_PT;
  private static final String TIME = "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z";

  @TempDir Path dir;

  @Test
  void optionsForClientsAreLoggedAndKeptAndStayTheSame() throws IOException {
    Path state = dir.resolve("own");
    Sip sip = Sip.of(SERVER + ";state=" + state + ";iat-mode=1");
    String options;
    try (Program plugin = Plugin.start(dir, sip).awaitReady()) {
      options = onlyLine(state.resolve(FILE));
      assertThat(options).matches("transport=obfs4;cert=[A-Za-z0-9+/]{70};iat-mode=1");
      assertThat(plugin.log()).hasSize(2);
      assertThat(plugin.log().getFirst())
          .matches(TIME + " INFO \\[pt-adapter\\] the plugin options for clients: .*")
          .endsWith(": " + options);
      assertThat(plugin.log().getLast())
          .matches(TIME + " INFO \\[pt-adapter\\] ready: obfs4 listens on 127.0.0.1:\\d+");
    }
    try (Program plugin = Plugin.start(dir, sip).awaitReady()) {
      assertThat(onlyLine(state.resolve(FILE))).isEqualTo(options);
      assertThat(plugin.log().getFirst()).endsWith(": " + options);
    }
  }

  @Test
  void stateIsBelowTheUsersFolderByDefault() throws IOException {
    Sip sip = Sip.of(SERVER);
    try (Program plugin = Plugin.start(dir, sip).awaitReady()) {
      Path state = dir.resolve("state/pt-adapter/server-obfs4-" + sip.remote().port());
      assertThat(plugin.log().getFirst()).endsWith(onlyLine(state.resolve(FILE)));
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(state)))
          .isEqualTo("rwx------");
    }
  }

  @Test
  void argumentsOfAnyPtAreEscaped() throws IOException {
    FakePt pt =
        FakePt.write(
            dir,
            """
            echo VERSION 1
            printf '%s\\n' 'SMETHOD fake 127.0.0.1:9 ARGS:k=a;b\\\\c,state=x\\=y,url=http://z'
            echo SMETHODS DONE
            """
                + FakePt.STAYS);
    try (Program plugin = Plugin.start(dir, Sip.of("server;" + pt.options())).awaitReady()) {
      assertThat(onlyLine(pt.file("pt-state").resolve(FILE)))
          .isEqualTo("transport=fake;k=a\\;b\\\\c;arg.state=x\\=y;url=http://z");
      assertThat(plugin.isRunning()).isTrue();
    }
  }

  @Test
  void trafficLeavesNothingInTheLogs() throws IOException {
    try (TestServer target = Exchange.server(Loopback.IPV4);
        PluginPair pair = PluginPair.start(dir, target.port(), "")) {
      for (int i = 0; i < 5; i++) {
        try (Socket socket = pair.connect()) {
          Exchange.up(socket, new Payload(i, 100_000));
        }
      }
      assertThat(pair.client().log()).hasSize(1);
      assertThat(pair.client().log().getFirst()).contains("ready: obfs4").doesNotContain("cert");
      assertThat(pair.server().log()).hasSize(2);
      assertThat(pair.server().log().getLast()).doesNotContain("cert");
    }
  }

  @Test
  void takenPublicPortIsReportedInThePtsWords() {
    try (TestServer taken = TestServer.start(TestServer::echo)) {
      refuses(
          Sip.of(taken.port(), 9, SERVER + ";state=" + dir.resolve("own")),
          PT_FAILED,
          "does not offer obfs4",
          "bind: address already in use");
    }
  }

  /** Nothing that permissions decide, as the tests may run as root. */
  @Test
  void stateThatCannotBeWrittenIsAnError() throws IOException {
    Path file = Files.createFile(dir.resolve("file"));
    refuses(Sip.of(SERVER + ";state=" + file), BAD_OPTIONS, file.toString(), "state=DIR");
    refuses(Sip.of(SERVER + ";state=" + file.resolve("below")), BAD_OPTIONS, file.toString());
    refuses(Sip.of(SERVER + ";state=/proc/pt-adapter"), BAD_OPTIONS, "/proc/pt-adapter");

    Path state = dir.resolve("own");
    Files.createDirectories(state.resolve(FILE).resolve("in-the-way"));
    refuses(Sip.of(SERVER + ";state=" + state), BAD_OPTIONS, "cannot write", FILE);
  }

  private void refuses(Sip sip, int code, String... words) {
    try (Program plugin = Plugin.start(dir, sip)) {
      assertThat(plugin.awaitExit(LIMIT)).as("exit code of %s", plugin).isEqualTo(code);
      assertThat(plugin.errors()).as("errors of %s", plugin).hasSize(1);
      assertThat(plugin.errors().getFirst()).contains(words);
    }
  }

  private static String onlyLine(Path file) throws IOException {
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-------");
    List<String> lines = Files.readAllLines(file);
    assertThat(lines).hasSize(1);
    return lines.getFirst();
  }
}
