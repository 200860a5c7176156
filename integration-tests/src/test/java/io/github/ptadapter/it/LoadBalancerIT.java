package io.github.ptadapter.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What {@code docs/load-balancer.md} says: two servers of one identity behind a balancer of TCP,
 * one of which is killed.
 */
final class LoadBalancerIT {

  private static final Payload PAYLOAD = new Payload(1, 100_000);
  private static final String EXEC = ";exec=" + Plugin.EMBEDDED_PT;

  @TempDir Path dir;

  private final List<Integer> backends = new CopyOnWriteArrayList<>();
  private final AtomicInteger turn = new AtomicInteger();

  @Test
  void oneOfTwoServersWithOneIdentityMayDie() throws IOException {
    try (TestServer target = Exchange.server(Loopback.IPV4);
        TestServer balancer = TestServer.start(this::balance);
        Program first = server(target.port(), "server;transport=obfs4;state=" + state("first"));
        Program second = server(target.port(), withKeys(state("first"), state("second")))) {
      String options = options("first");
      assertThat(options("second")).isEqualTo(options);
      int local = Loopback.freePort();
      try (Program client =
          Plugin.start(dir, Sip.of(balancer.port(), local, options + EXEC)).awaitReady()) {
        List<Socket> tunnels = new ArrayList<>();
        try {
          for (int i = 0; i < 4; i++) {
            tunnels.add(Loopback.connect(local));
            Exchange.down(tunnels.getLast(), PAYLOAD);
          }
          backends.removeFirst();
          for (long pid : first.family()) {
            ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
          }
          assertThat(tunnels.stream().filter(LoadBalancerIT::goesOn)).hasSize(2);
          try (Socket fresh = Loopback.connect(local)) {
            Exchange.up(fresh, PAYLOAD);
          }
        } finally {
          for (Socket tunnel : tunnels) {
            tunnel.close();
          }
        }
        assertThat(client.errors()).isEmpty();
        assertThat(second.errors()).isEmpty();
      }
    }
  }

  private static boolean goesOn(Socket tunnel) {
    try {
      Exchange.up(tunnel, PAYLOAD);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /** The server of the page whose identity is in its options, taken from the state of another. */
  private static String withKeys(Path from, Path state) throws IOException {
    String options =
        Example.all().stream()
            .filter(example -> example.page().equals("load-balancer.md"))
            .filter(example -> example.kind() == Example.Kind.OPTIONS)
            .findFirst()
            .orElseThrow()
            .text()
            .strip()
            .replace("/var/lib/pt-adapter", state.toString());
    String identity = Files.readString(from.resolve("obfs4_state.json"));
    for (String key : List.of("node-id", "private-key", "drbg-seed")) {
      Matcher value = Pattern.compile("\"" + key + "\":\"([0-9a-f]+)\"").matcher(identity);
      assertThat(value.find()).isTrue();
      options = options.replace(key + "=...", key + "=" + value.group(1));
    }
    return options;
  }

  private Program server(int targetPort, String options) {
    int port = Loopback.freePort();
    Program server = Plugin.start(dir, Sip.of(port, targetPort, options + EXEC)).awaitReady();
    backends.add(port);
    return server;
  }

  private Path state(String name) {
    return dir.resolve("state-of-" + name);
  }

  private String options(String name) throws IOException {
    return Files.readString(state(name).resolve("client-plugin-opts.txt")).strip();
  }

  /** One connection to each backend in turn, both ways until either end closes. */
  private void balance(Socket front) throws IOException {
    int backend = backends.get(turn.getAndIncrement() % backends.size());
    try (Socket back = Loopback.connect(backend)) {
      Thread.ofVirtual().start(() -> pass(front, back));
      pass(back, front);
    }
  }

  private static void pass(Socket from, Socket to) {
    try {
      from.getInputStream().transferTo(to.getOutputStream());
    } catch (IOException e) {
      // One of them has ended.
    } finally {
      close(from);
      close(to);
    }
  }

  private static void close(Socket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      // It is gone all the same.
    }
  }
}
