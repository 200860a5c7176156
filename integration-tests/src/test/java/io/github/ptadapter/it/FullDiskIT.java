package io.github.ptadapter.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A disk without room, under the state and under the log. */
final class FullDiskIT {

  private static final Duration LIMIT = Duration.ofSeconds(30);
  private static final int CANNOT_START = 4;

  /** Mounts a small disk over the first folder, copies the second one, fills it, runs the rest. */
  private static final String FULL_DISK =
      "mount -t tmpfs -o size=64k,mode=700 small \"$1\" && cp -Rp \"$2\"/. \"$1\" &&"
          + " { head -c 99999 /dev/zero >\"$1/filler\" 2>/dev/null; shift 2; exec \"$@\"; }";

  @TempDir Path dir;

  @Test
  void logGoesToStandardErrorInstead() {
    int port = Loopback.freePort();
    try (TestServer target = TestServer.start(TestServer::echo);
        Program plugin =
            Plugin.start(
                dir, Sip.of(port, target.port(), "server;transport=obfs4;log=/dev/full"))) {
      plugin.awaitReady();
      assertThat(plugin.log().getFirst())
          .contains("cannot write the log: ", "No space left on device", "; its lines come here");
    }
  }

  @Test
  void serverWithoutAnIdentitySaysSo() throws Exception {
    Path empty = Files.createDirectory(dir.resolve("empty"));
    try (Program plugin = onFullDisk(empty)) {
      assertThat(plugin.awaitExit(LIMIT)).isEqualTo(CANNOT_START);
      assertThat(plugin.log())
          .singleElement()
          .asString()
          .contains("the PT does not offer obfs4", "no space left on device");
    }
  }

  @Test
  void serverWithAnIdentityGoesOnWithIt() throws Exception {
    Path state = dir.resolve("before");
    try (Program plugin = Plugin.start(dir, server(state))) {
      plugin.awaitReady();
    }
    String options = Files.readString(state.resolve("client-plugin-opts.txt")).strip();
    try (Program plugin = onFullDisk(state)) {
      plugin.awaitReady();
      assertThat(plugin.log())
          .anySatisfy(line ->
              assertThat(line).contains("WARN", "cannot write ", "it says the same from before"))
          .anySatisfy(line -> assertThat(line).endsWith(options));
    }
  }

  private static Sip server(Path state) {
    return Sip.of(Loopback.freePort(), 9, "server;transport=obfs4;state=" + state);
  }

  /** A server whose state is a copy of that folder, with no room beside it. */
  private Program onFullDisk(Path state) throws Exception {
    Requirement.orSkip(mayMount(), "root, who may mount a small disk");
    Path disk = Files.createDirectory(dir.resolve("disk"));
    ProcessBuilder plugin = Plugin.command(dir, server(disk));
    List<String> command = new ArrayList<>(List.of("unshare", "--mount", "sh", "-c", FULL_DISK));
    command.addAll(List.of("sh", disk.toString(), state.toString()));
    command.addAll(plugin.command());
    return Program.start(plugin.command(command));
  }

  private static boolean mayMount() throws IOException, InterruptedException {
    return new ProcessBuilder("unshare", "--mount", "true")
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start()
            .waitFor()
        == 0;
  }
}
