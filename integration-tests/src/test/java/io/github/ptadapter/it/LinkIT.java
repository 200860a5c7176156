package io.github.ptadapter.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.net.Proxy;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code link}: what it makes of a real server's options is used by a real ss-local. */
final class LinkIT {

  private static final int GOOD = 0;
  private static final int BAD = 2;

  private static final Duration LIMIT = Duration.ofSeconds(15);

  @TempDir Path dir;

  @Test
  void configurationOfARealServerWorksInSsLocal() throws Exception {
    // The hosts find the embedded obfs4proxy by themselves, or another on PATH.
    try (HostPair hosts = HostPair.start(dir, Loopback.IPV4, "", Map.of());
        TestServer target = Exchange.server(Loopback.IPV4)) {
      int port = Loopback.freePort();
      Path password = Files.writeString(dir.resolve("password"), "tests\n");
      String[] args = {
        "link",
        "--method",
        "aes-256-gcm",
        "--password-file",
        password.toString(),
        "--host",
        Loopback.IPV4,
        "--port",
        String.valueOf(hosts.publicPort()),
        "--client-opts",
        dir.resolve("server-state/client-plugin-opts.txt").toString(),
        "--local-port",
        String.valueOf(port),
        "--only",
        "json"
      };
      Path config = Files.write(dir.resolve("client.json"), run(GOOD, args));
      assertThat(run(GOOD, "link", "--check", config.toString()))
          .singleElement()
          .asString()
          .startsWith("✓ a configuration of a client of obfs4 at 127.0.0.1");
      args[args.length - 1] = "link";
      String link = run(GOOD, args).getFirst();
      assertThat(link).startsWith("ss://").doesNotContain("+", ";", "cert=", " ", "tests");
      assertThat(run(GOOD, "link", "--check", link)).singleElement().asString().startsWith("✓");
      assertThat(
              run(BAD, "link", "--check", link.replace("%3B", ";").replace("cert%3D", "cert%3D+")))
          .anyMatch(line -> line.contains("plain ;"))
          .anyMatch(line -> line.contains("plain +"));

      ProcessBuilder builder = new ProcessBuilder("ss-local", "-c", config.toString());
      Plugin.clean(builder, dir.resolve("own"));
      builder.environment().merge("PATH", Plugin.LAUNCHER.getParent() + ":", (p, l) -> l + p);
      try (Program client = Program.start(builder)) {
        client.awaitReady();
        Proxy socks = new Proxy(Proxy.Type.SOCKS, Loopback.address(Loopback.IPV4, port));
        try (Socket socket = Loopback.connect(new Socket(socks), Loopback.IPV4, target.port())) {
          Exchange.down(socket, new Payload(1, 100_000));
        }
      }
    }
  }

  /** As said of a comment: the real ss-local takes no such file. */
  @Test
  void whatIsSaidOfCommentsIsTrue() throws Exception {
    Requirement.program("ss-local");
    Path config =
        Files.writeString(
            dir.resolve("comment.json"),
            """
            {
              "server": "127.0.0.1", // here
              "server_port": 9, "local_port": 9, "password": "x", "method": "aes-256-gcm"
            }
            """);
    assertThat(run(BAD, "link", "--check", config.toString()))
        .anyMatch(line -> line.contains("line 2: a comment"));
    try (Program host = Program.start(new ProcessBuilder("ss-local", "-c", config.toString()))) {
      assertThat(host.awaitExit(LIMIT)).isNotZero();
    }
  }

  @Test
  void passwordComesFromStandardInput() throws Exception {
    Path options = Files.writeString(dir.resolve("opts"), "transport=obfs3\n");
    Path password = Files.writeString(dir.resolve("password"), "s3cret pass\n");
    ProcessBuilder builder =
        Plugin.bare(
            dir,
            "link",
            "--method",
            "aes-256-gcm",
            "--password-file",
            "-",
            "--host",
            "::1",
            "--port",
            "443",
            "--client-opts",
            options.toString());
    builder.redirectInput(password.toFile());
    try (Program link = Program.start(builder)) {
      assertThat(link.awaitExit(LIMIT)).as("%s", link).isEqualTo(GOOD);
      assertThat(link.out()).anyMatch(line -> line.contains("\"password\":\"s3cret pass\""));
      assertThat(link.out())
          .contains(
              "ss://"
                  + Base64.getUrlEncoder()
                      .withoutPadding()
                      .encodeToString("aes-256-gcm:s3cret pass".getBytes(UTF_8))
                  + "@[::1]:443/?plugin=pt-adapter%3Btransport%3Dobfs3");
      assertThat(link.out()).anyMatch(line -> line.contains("▄▄▄▄▄"));
    }
  }

  @Test
  void outputThatIsCutOffIsTold() {
    String link = "link --method aes-256-gcm --host x --port 1 --password x --client-opts -";
    assertThat(ends(BAD, link + " >/dev/full"))
        .singleElement()
        .asString()
        .isEqualTo("pt-adapter: the output was cut off: No space left on device");
    assertThat(ends(GOOD, link + " | head -n 1")).isEmpty();
  }

  @Test
  void closedStandardInputIsAnEmptyOne() {
    assertThat(ends(BAD, "check --remote 127.0.0.1:9 --opts-file - <&-"))
        .singleElement()
        .asString()
        .contains("there is nothing in the first line of standard input");
  }

  /** Runs a command line of a shell; returns what went to standard error. */
  private List<String> ends(int code, String line) {
    ProcessBuilder builder = Plugin.bare(dir);
    String launcher = builder.command().getFirst();
    builder.command("sh", "-c", "echo transport=obfs3 | '" + launcher + "' " + line);
    try (Program program = Program.start(builder)) {
      assertThat(program.awaitExit(LIMIT)).as("%s", program).isEqualTo(code);
      return program.log();
    }
  }

  private List<String> run(int code, String... args) {
    try (Program link = Program.start(Plugin.bare(dir, args))) {
      assertThat(link.awaitExit(LIMIT)).as("%s: %s", link.out(), link).isEqualTo(code);
      assertThat(link.log()).isEmpty();
      return link.out();
    }
  }
}
