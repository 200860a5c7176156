package io.github.ptadapter.it;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.OutputStream;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code check} with a real obfs4proxy: each trouble is told from the others where it can be. */
final class CheckIT {

  private static final int GOOD = 0;
  private static final int BAD_OPTIONS = 2;
  private static final int CANNOT_LISTEN = 3;
  private static final int PT_FAILED = 4;
  private static final int NO_TUNNEL = 6;

  private static final Duration LIMIT = Duration.ofSeconds(40);

  @TempDir Path dir;

  private TestServer echo;
  private Program server;
  private int publicPort;
  private String options;

  @BeforeEach
  void startServer() throws IOException {
    echo = TestServer.start(TestServer::echo);
    publicPort = Loopback.freePort();
    Path state = dir.resolve("server-state");
    server =
        Plugin.start(
            dir, Sip.of(publicPort, echo.port(), "server;transport=obfs4;state=" + state + exec()));
    server.awaitReady();
    options = Files.readString(state.resolve("client-plugin-opts.txt")).strip() + exec();
  }

  @AfterEach
  void stopServer() {
    server.close();
    echo.close();
  }

  @Test
  void goodServerPassesEveryStep() {
    List<String> lines = check(GOOD, publicPort, options);
    for (String step :
        List.of(
            "options",
            "program",
            "state",
            "launch",
            "methods",
            "port",
            "socks",
            "handshake",
            "answer")) {
      assertThat(lines).anyMatch(line -> line.startsWith("✓ " + step));
    }
    assertThat(lines)
        .anyMatch(line -> line.contains(Plugin.EMBEDDED_PT + " (obfs4proxy-0.0.14"))
        .anyMatch(line -> line.contains("answers random bytes"));
  }

  @Test
  void scriptsGetOneDocument() throws IOException {
    JsonNode good = json(check(GOOD, publicPort, options, "--json"));
    assertThat(good.get("ok").booleanValue()).isTrue();
    assertThat(good.get("steps").findValuesAsText("result")).hasSize(9).containsOnly("good");
    assertThat(good.get("steps").findValues("ms")).allMatch(ms -> ms.doubleValue() >= 0);
    JsonNode bad = json(check(BAD_OPTIONS, publicPort, "transport=obfs4", "--json"));
    assertThat(bad.get("ok").booleanValue()).isFalse();
    assertThat(bad.get("exitCode").intValue()).isEqualTo(BAD_OPTIONS);
    assertThat(bad.get("failed").textValue()).isEqualTo("options");
    assertThat(bad.get("steps").get(0).get("text").textValue()).contains("obfs4 needs cert=");
  }

  @Test
  void wrongCertAnotherProgramAndADeadPortAreToldApart() throws Exception {
    String wrong = options.replaceFirst("cert=.{10}", "cert=AAAAAAAAAA");
    failed(publicPort, wrong, "handshake", "no answer", "most often it is the cert");
    failed(Loopback.freePort(), options, "port", "refuses connections");
    try (TestServer banner = TestServer.start(CheckIT::banner);
        TestServer web = TestServer.start(CheckIT::web);
        TestServer mute = TestServer.start(socket -> socket.getInputStream().readAllBytes())) {
      failed(banner.port(), options, "port", "speaks first: 'SSH-2.0-tests'", "another program");
      failed(web.port(), options, "handshake", "got no connection", "likely another program");
      failed(mute.port(), options, "handshake", "no answer", "no obfs4 server");
    }
  }

  @Test
  void serverWithNothingBehindIsToldFromOneThatIsSilent() {
    echo.close();
    failed(publicPort, options, "answer", "the tunnel ended at once", "nothing seems to listen");
  }

  /** Its program says that it is connected before it has tried. */
  @Test
  void transportThatPromisesTooEarlyIsNotBelieved() {
    String meek = "transport=meek_lite;url=http://127.0.0.1:" + Loopback.freePort() + "/" + exec();
    List<String> lines = check(NO_TUNNEL, publicPort, meek);
    assertThat(lines)
        .anyMatch(line -> line.startsWith("? port"))
        .anyMatch(line -> line.startsWith("? handshake"))
        .anyMatch(line -> line.startsWith("✗ answer"));
    assertThat(String.join(" ", lines)).contains("did not get through to the server");
  }

  @Test
  void silentProgramBehindTheServerIsAQuestion() throws Exception {
    try (HostPair hosts = HostPair.start(dir.resolve("hosts"), Loopback.IPV4, exec(), Map.of())) {
      Path file = dir.resolve("hosts/server-state/client-plugin-opts.txt");
      String clientOptions = Files.readString(file).strip() + exec();
      List<String> lines = check(GOOD, hosts.publicPort(), clientOptions);
      assertThat(lines).anyMatch(line -> line.startsWith("✓ handshake"));
      assertThat(lines).anyMatch(line -> line.startsWith("? answer"));
      assertThat(String.join(" ", lines)).contains("the tunnel works");
    }
  }

  @Test
  void localTroublesHaveTheExitCodesOfThePlugin() throws IOException {
    check(BAD_OPTIONS, publicPort, options + ";state=/proc/nowhere");
    check(PT_FAILED, publicPort, options.replace(exec(), ";exec=/no/such/pt"));
    check(PT_FAILED, publicPort, options.replace(exec(), ";exec=false"));
    try (ServerSocket taken = new ServerSocket(0)) {
      check(
          CANNOT_LISTEN,
          publicPort,
          options,
          "--local",
          Loopback.IPV4 + ":" + taken.getLocalPort());
    }
  }

  @Test
  void serverIsTriedFromItsOwnMachine() throws IOException {
    int port = Loopback.freePort();
    String[] args = {
      "--server", "--local", Loopback.IPV4 + ":" + echo.port(),
    };
    List<String> lines = check(GOOD, port, "transport=obfs4" + exec(), args);
    for (String step :
        List.of("public", "service", "launch", "methods", "client", "handshake", "answer")) {
      assertThat(lines).anyMatch(line -> line.startsWith("✓ " + step));
    }
    assertThat(lines).anyMatch(line -> line.contains("transport=obfs4;cert="));
    assertThat(check(PT_FAILED, publicPort, "server;transport=obfs4" + exec()))
        .anyMatch(line -> line.startsWith("✗ public"))
        .anyMatch(line -> line.contains("Address already in use"));
  }

  private static String exec() {
    return ";exec=" + Plugin.EMBEDDED_PT;
  }

  private static void banner(Socket socket) throws IOException {
    OutputStream out = socket.getOutputStream();
    out.write("SSH-2.0-tests\r\n".getBytes(US_ASCII));
    socket.getInputStream().readAllBytes();
  }

  private static void web(Socket socket) throws IOException {
    if (socket.getInputStream().read() >= 0) {
      socket.getOutputStream().write("HTTP/1.1 400 Bad Request\r\n\r\n".getBytes(US_ASCII));
    }
  }

  private void failed(int port, String with, String step, String... words) {
    List<String> lines = check(NO_TUNNEL, port, with, "--timeout", "4s");
    assertThat(lines).anyMatch(line -> line.startsWith("✗ " + step));
    assertThat(String.join(" ", lines).replaceAll(" +", " ")).contains(words);
    assertThat(lines.getLast()).isEqualTo("Failed: " + step + ".");
  }

  private List<String> check(int code, int port, String with, String... more) {
    List<String> args =
        new ArrayList<>(List.of("check", "--remote", Loopback.IPV4 + ":" + port, "--opts", with));
    args.addAll(List.of(more));
    try (Program check = Program.start(Plugin.bare(dir, args.toArray(String[]::new)))) {
      assertThat(check.awaitExit(LIMIT)).as("%s of %s", check.out(), check).isEqualTo(code);
      assertThat(check.log()).isEmpty();
      assertThat(check.family()).filteredOn(Processes::isRunning).isEmpty();
      return check.out();
    }
  }

  private static JsonNode json(List<String> lines) throws IOException {
    return JsonMapper.builder().build().readTree(String.join("\n", lines));
  }
}
