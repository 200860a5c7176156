package io.github.ptadapter.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.Proxy;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The configurations of {@code docs/many-users.md}: one port, a password for each user. */
final class ManyUsersIT {

  private static final Payload PAYLOAD = new Payload(1, 100_000);
  private static final String LINE = "transport=obfs4;cert=...;iat-mode=0";

  @TempDir Path dir;

  private final int publicPort = Loopback.freePort();
  private final int socksPort = Loopback.freePort();
  private final String serverKey = key();
  private final String keyOfAnn = key();
  private final String keyOfBob = key();

  @Test
  void usersOfOnePortAreToldApart() throws IOException {
    Requirement.program("ssserver");
    Requirement.program("sslocal");
    List<String> pages =
        Example.all().stream()
            .filter(example -> example.page().equals("many-users.md"))
            .filter(example -> example.kind() == Example.Kind.JSON)
            .map(Example::text)
            .toList();
    assertThat(pages).hasSize(2);
    Path state = dir.resolve("state-of-server");
    try (TestServer target = Exchange.server(Loopback.IPV4);
        Program server =
            start("ssserver", pages.getFirst().replace("/var/lib/pt-adapter", state.toString()))) {
      Requirement.orSkip(knowsTheMethod(server), "ssserver with the methods of 2022");
      String options = Files.readString(state.resolve("client-plugin-opts.txt")).strip();
      String ann = pages.getLast().replace(LINE, options);
      String bob = ann.replace("KEY_OF_ANN", "KEY_OF_BOB");
      String stranger = ann.replace("KEY_OF_ANN", key());
      for (String user : List.of(ann, bob)) {
        try (Program _ = start("sslocal", user).awaitReady();
            Socket socket = socks(target.port())) {
          Exchange.down(socket, PAYLOAD);
        }
      }
      try (Program client = start("sslocal", stranger).awaitReady();
          Socket socket = socks(target.port())) {
        Exchange.askDown(socket, PAYLOAD);
        assertThat(socket.getInputStream().read()).isNegative();
        client.awaitLine("brought no answer");
      }
      Await.until("ssserver's word of it", () -> said(server, "invalid client user identity"));
    }
  }

  private static boolean knowsTheMethod(Program server) {
    Await.until(
        "ready, or the end",
        () ->
            !server.isRunning() || server.log().stream().anyMatch(line -> line.contains("ready:")));
    return !said(server, "unsupported method");
  }

  /** ssserver logs to standard output, its plugin to standard error. */
  private static boolean said(Program program, String words) {
    return program.out().stream().anyMatch(line -> line.contains(words))
        || program.log().stream().anyMatch(line -> line.contains(words));
  }

  private static String key() {
    byte[] key = new byte[16];
    ThreadLocalRandom.current().nextBytes(key);
    return Base64.getEncoder().encodeToString(key);
  }

  private Program start(String program, String configuration) throws IOException {
    String here =
        configuration
            .replace("0.0.0.0", Loopback.IPV4)
            .replace("\"SERVER\"", "\"" + Loopback.IPV4 + "\"")
            .replace("SERVER_KEY", serverKey)
            .replace("KEY_OF_ANN", keyOfAnn)
            .replace("KEY_OF_BOB", keyOfBob)
            .replace(" 443", " " + publicPort)
            .replace(" 1080", " " + socksPort);
    Path file = Files.writeString(Files.createTempFile(dir, program, ".json"), here);
    ProcessBuilder builder =
        new ProcessBuilder(Requirement.program(program).toString(), "-c", file.toString());
    Plugin.clean(builder, dir);
    builder.environment().put("PATH", Plugin.LAUNCHER.getParent() + ":" + Requirement.path());
    return Program.start(builder);
  }

  private Socket socks(int target) throws IOException {
    Proxy proxy = new Proxy(Proxy.Type.SOCKS, Loopback.address(Loopback.IPV4, socksPort));
    return Loopback.connect(new Socket(proxy), Loopback.IPV4, target);
  }
}
