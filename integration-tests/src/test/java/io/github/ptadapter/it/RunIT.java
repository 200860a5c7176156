package io.github.ptadapter.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.DataInputStream;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code run}: both sides of a tunnel without a host. */
final class RunIT {

  private static final int STOPPED = 0;
  private static final int BAD_OPTIONS = 2;
  private static final int CANNOT_LISTEN = 3;
  private static final int PT_FAILED = 4;

  private static final Duration LIMIT = Duration.ofSeconds(15);

  private static final String EXEC = ";exec=" + Plugin.EMBEDDED_PT;

  @TempDir Path dir;

  @Test
  void echoComesThroughBothSidesAndSignalsEndThem() throws Exception {
    int publicPort = Loopback.freePort();
    int localPort = Loopback.freePort();
    Path state = dir.resolve("server-state");
    try (TestServer echo = TestServer.start(TestServer::echo);
        Program server =
            run(
                "--server",
                "--remote",
                "127.0.0.1:" + publicPort,
                "--local",
                "127.0.0.1:" + echo.port(),
                "--opts",
                "transport=obfs4;state=" + state + EXEC)) {
      server.awaitReady();
      try (Program client =
          run(
              "--remote",
              "127.0.0.1:" + publicPort,
              "--local",
              "127.0.0.1:" + localPort,
              "--opts-file",
              state.resolve("client-plugin-opts.txt").toString(),
              "--opts",
              "restart=off" + EXEC)) {
        client.awaitReady();
        echoes(localPort);
        assertThat(client.log()).as("nothing but the plain log").hasSize(1);
        assertEndsAfter("INT", client);
      }
      assertEndsAfter("TERM", server);
    }
  }

  @Test
  void terminalHasAStatusLine() throws Exception {
    Requirement.program("script");
    int publicPort = Loopback.freePort();
    int localPort = Loopback.freePort();
    Path state = dir.resolve("server-state");
    Path screen = dir.resolve("screen");
    try (TestServer echo = TestServer.start(TestServer::echo);
        Program server =
            Plugin.start(
                dir,
                Sip.of(publicPort, echo.port(), "server;transport=obfs4;state=" + state + EXEC))) {
      server.awaitReady();
      ProcessBuilder builder =
          Plugin.bare(
              dir,
              "run",
              "--remote",
              "127.0.0.1:" + publicPort,
              "--local",
              "127.0.0.1:" + localPort,
              "--opts-file",
              state.resolve("client-plugin-opts.txt").toString(),
              "--opts",
              "restart=on" + EXEC);
      String line = String.join("' '", builder.command());
      builder.command("script", "-qefc", "exec '" + line + "'", screen.toString());
      builder.environment().put("TERM", "xterm");
      try (Program client = Program.start(builder)) {
        awaitScreen(screen, "\r\033[K\033[?7lready | tunnels 0 | up 0 B");
        try (Socket socket = echoes(localPort)) {
          awaitScreen(screen, "ready | tunnels 1 | up 5 B");
          assertThat(socket.isConnected()).isTrue();
        }
        awaitScreen(screen, "| tunnels 0 | up 5 B, 0 B/s | down 5 B, 0 B/s");
        new ProcessBuilder("kill", "-INT", String.valueOf(client.awaitChild("java")))
            .start()
            .waitFor();
        assertThat(client.awaitExit(LIMIT)).isEqualTo(STOPPED);
        assertThat(Files.readString(screen)).contains("\r\033[K");
      }
    }
  }

  @Test
  void mistakesAreToldInOneLine() throws IOException {
    String options = "transport=obfs4;cert=" + "A".repeat(70);
    refused(BAD_OPTIONS, "no transport", "127.0.0.1:9", "x=y");
    refused(BAD_OPTIONS, "cert has 1 characters", "127.0.0.1:9", "transport=obfs4;cert=A");
    try (ServerSocket taken = new ServerSocket(0)) {
      String local = "127.0.0.1:" + taken.getLocalPort();
      refused(
          CANNOT_LISTEN,
          "cannot listen on " + local + " (--local): Address",
          local,
          options + EXEC);
    }
    String local = "127.0.0.1:" + Loopback.freePort();
    refused(PT_FAILED, "cannot run the PT /no/such", local, options + ";exec=/no/such");
  }

  private void refused(int code, String words, String local, String options) {
    try (Program run = run("--remote", "192.0.2.1:443", "--local", local, "--opts", options)) {
      assertThat(run.awaitExit(LIMIT)).as("exit code of %s", run).isEqualTo(code);
      assertThat(run.log()).singleElement().asString().contains(words);
    }
  }

  private Program run(String... args) {
    String[] all = new String[args.length + 1];
    all[0] = "run";
    System.arraycopy(args, 0, all, 1, args.length);
    return Program.start(Plugin.bare(dir, all));
  }

  private static Socket echoes(int port) throws IOException {
    Socket socket = Loopback.connect(port);
    socket.getOutputStream().write("hello".getBytes(UTF_8));
    byte[] answer = new byte[5];
    new DataInputStream(socket.getInputStream()).readFully(answer);
    assertThat(new String(answer, UTF_8)).isEqualTo("hello");
    return socket;
  }

  private static void assertEndsAfter(String signal, Program program) throws Exception {
    List<Long> family = program.family();
    assertThat(family).hasSizeGreaterThan(1);
    Process kill = new ProcessBuilder("kill", "-" + signal, String.valueOf(program.pid())).start();
    assertThat(kill.waitFor(5, TimeUnit.SECONDS)).isTrue();
    assertThat(program.awaitExit(LIMIT)).as("%s", program).isEqualTo(STOPPED);
    Await.until("end of " + family, () -> family.stream().noneMatch(Processes::isRunning));
    assertThat(program.errors()).isEmpty();
  }

  private static void awaitScreen(Path screen, String words) {
    Await.until(
        "'" + words + "' on the screen",
        () -> {
          try {
            return Files.exists(screen) && Files.readString(screen).contains(words);
          } catch (IOException e) {
            return false;
          }
        });
  }
}
