package io.github.ptadapter.it;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.Proxy;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The configurations of {@code docs/hosts.md} between real hosts, with a real obfs4proxy each. */
final class DocumentedHostsIT {

  private static final Payload DOWN = new Payload(1, 5_000_000);
  private static final Payload UP = new Payload(2, 5_000_000);
  private static final String OPTIONS_FILE = "client-plugin-opts.txt";
  private static final String STATE = "/var/lib/pt-adapter";
  private static final Duration LIMIT = Duration.ofSeconds(1);

  @TempDir Path dir;

  private final int publicPort = Loopback.freePort();
  private final int socksPort = Loopback.freePort();

  @ParameterizedTest(name = "{0} <- {1}")
  @CsvSource(
      delimiter = '|',
      value = {
        "ss-server                | ss-local",
        "ss-server, JSON          | sslocal",
        "ssserver, JSON           | ss-local, JSON",
        "ssserver                 | go-shadowsocks2, client",
        "go-shadowsocks2, server  | sslocal, JSON"
      })
  void pairCarriesData(String server, String client) throws IOException {
    Path state = dir.resolve("state-of-server");
    Recipe serverRecipe = server(server).with(STATE, state.toString());
    try (TestServer target = Exchange.server(Loopback.IPV4);
        Program serving = Program.start(serverRecipe.builder(dir)).awaitReady();
        Program asking = Program.start(client(client, options(state)).builder(dir)).awaitReady();
        Socket socket = socks(target.port())) {
      exchange(server + " <- " + client, socket);
      assertThat(serving.isRunning()).isTrue();
      assertThat(asking.errors()).isEmpty();
    }
  }

  @Test
  void managerStartsServers() throws IOException {
    int managerPort = Loopback.freePort();
    Path state = dir.resolve("state/pt-adapter/server-obfs4-" + publicPort);
    Path files = Files.createDirectory(dir.resolve("manager"));
    ProcessBuilder builder =
        Recipe.of("ss-manager")
            .with("0.0.0.0", Loopback.IPV4)
            .with("/run/ss-manager", files.toString())
            .port(6001, managerPort)
            .builder(dir);
    try (TestServer target = Exchange.server(Loopback.IPV4);
        Program _ = Program.start(builder)) {
      Await.until("ss-manager", () -> answers(managerPort));
      try (Daemon server = new Daemon(files.resolve(".shadowsocks_" + publicPort + ".pid"))) {
        assertThat(command(managerPort, "add: {\"server_port\": %d, \"password\": \"PASSWORD\"}"))
            .isEqualTo("ok");
        Await.until("the server's options", () -> Files.exists(state.resolve(OPTIONS_FILE)));
        Recipe tunnel =
            client("ss-tunnel", options(state))
                .with("TARGET:80", Loopback.IPV4 + ":" + target.port());
        try (Program client = Program.start(tunnel.builder(dir)).awaitReady();
            Socket socket = Loopback.connect(socksPort)) {
          exchange("ss-manager <- ss-tunnel", socket);
          assertThat(client.errors()).isEmpty();
        }
        List<Long> family = server.family();
        assertThat(command(managerPort, "remove: {\"server_port\": %d}")).isEqualTo("ok");
        awaitGone("ss-manager's server", family, System.nanoTime());
      }
    }
  }

  private boolean answers(int managerPort) {
    try {
      return command(managerPort, "ping").startsWith("stat: ");
    } catch (IOException e) {
      // Not there yet.
      return false;
    }
  }

  private String command(int managerPort, String command) throws IOException {
    try (DatagramSocket socket = new DatagramSocket(Loopback.address(Loopback.IPV4, 0))) {
      socket.setSoTimeout(10_000);
      socket.connect(Loopback.address(Loopback.IPV4, managerPort));
      byte[] bytes = command.formatted(publicPort).getBytes(US_ASCII);
      socket.send(new DatagramPacket(bytes, bytes.length));
      DatagramPacket answer = new DatagramPacket(new byte[100], 100);
      socket.receive(answer);
      return new String(answer.getData(), 0, answer.getLength(), US_ASCII);
    }
  }

  /** The daemons have neither output nor a working folder nor a umask. */
  @Test
  void daemonsCarryDataAndKeepTheirFilesPrivate() throws IOException {
    Path files = Files.createDirectory(dir.resolve("files"));
    Path state = files.resolve("state-of-server");
    Path serverLog = files.resolve("server.log");
    Path clientLog = files.resolve("client.log");
    Path serverPid = dir.resolve("server.pid");
    Path clientPid = dir.resolve("client.pid");
    ProcessBuilder server =
        server("Daemon: ss-server -f")
            .with(STATE, state.toString())
            .with("/var/log/pt-adapter.log", serverLog.toString())
            .with("/run/ss-server.pid", serverPid.toString())
            .builder(dir);
    try (TestServer target = Exchange.server(Loopback.IPV4);
        Program startsServer = Program.start(server);
        Daemon serving = new Daemon(serverPid)) {
      assertThat(startsServer.awaitExit(Await.LIMIT)).isZero();
      Await.until("the server's log", () -> holds(serverLog, "ready: "));
      ProcessBuilder client =
          client("Daemon: ss-local -f", options(state))
              .with("/var/log/pt-adapter.log", clientLog.toString())
              .with("/run/ss-local.pid", clientPid.toString())
              .builder(dir);
      try (Program startsClient = Program.start(client);
          Daemon asking = new Daemon(clientPid)) {
        assertThat(startsClient.awaitExit(Await.LIMIT)).isZero();
        Await.until("the client's log", () -> holds(clientLog, "ready: "));
        try (Socket socket = socks(target.port())) {
          exchange("ss-server -f <- ss-local -f", socket);
        }
        assertThat(Processes.workingFolder(asking.child("java"))).isEqualTo(Path.of("/"));
        try (Stream<Path> all = Files.walk(files).skip(1)) {
          assertThat(all)
              .contains(serverLog, clientLog, state.resolve("obfs4_state.json"))
              .allSatisfy(file ->
                  assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                      .matches("rw[x-]------"));
        }
        stop("ss-local -f", asking);
        stop("ss-server -f", serving);
      }
    }
  }

  private static void stop(String name, Daemon daemon) {
    List<Long> family = daemon.family();
    assertThat(family).hasSizeGreaterThanOrEqualTo(3);
    awaitGone(name, family, Processes.signal("TERM", daemon.pid()));
  }

  private static void awaitGone(String name, List<Long> family, long since) {
    Await.until("end of " + family, LIMIT, () -> family.stream().noneMatch(Processes::isRunning));
    System.out.printf(
        "DocumentedHostsIT: all of %s gone after %d ms%n",
        name, Duration.ofNanos(System.nanoTime() - since).toMillis());
  }

  private static boolean holds(Path file, String words) {
    try {
      return Files.exists(file) && Files.readString(file).contains(words);
    } catch (IOException e) {
      return false;
    }
  }

  private Recipe server(String heading) {
    return Recipe.of(heading).asServer(publicPort);
  }

  private Recipe client(String heading, String options) {
    return Recipe.of(heading).asClient(publicPort, socksPort, options);
  }

  private static String options(Path state) throws IOException {
    return Files.readString(state.resolve(OPTIONS_FILE)).strip();
  }

  private Socket socks(int target) throws IOException {
    Proxy proxy = new Proxy(Proxy.Type.SOCKS, Loopback.address(Loopback.IPV4, socksPort));
    return Loopback.connect(new Socket(proxy), Loopback.IPV4, target);
  }

  private static void exchange(String pair, Socket socket) throws IOException {
    long start = System.nanoTime();
    Exchange.down(socket, DOWN);
    Exchange.up(socket, UP);
    System.out.printf(
        "DocumentedHostsIT: %s: %d bytes both ways in %d ms%n",
        pair, DOWN.size(), Duration.ofNanos(System.nanoTime() - start).toMillis());
  }
}
