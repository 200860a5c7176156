package io.github.ptadapter.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.ptadapter.it.SocksServer.Answers;
import java.io.IOException;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Hosts connect as soon as they can, some only to see whether we listen. */
final class StartOrderIT {

  private static final int CONNECTIONS = 30;
  private static final int PROBES = 200;
  private static final byte[] BYTES = new byte[1000];

  /** Messages of a dial: greeting, login and request. */
  private static final int MESSAGES = 3;

  @TempDir Path dir;

  private final SocksServer socks = new SocksServer(Answers.GOOD);
  private final int port = Loopback.freePort();

  @AfterEach
  void close() {
    socks.close();
  }

  @Test
  void connectionsAreServedFromTheFirstMomentOnHoweverSlowThePtIs() throws IOException {
    FakePt pt = slowPt();
    List<Socket> open = new ArrayList<>();
    try (Program plugin =
        Plugin.start(dir, Sip.of(9, port, pt.options() + ";a=b;loglevel=debug"))) {
      long start = System.nanoTime();
      open.add(Await.value("the port", Await.LIMIT, () -> FirstConnection.to(port)));
      System.out.printf("StartOrderIT: listening after %d ms%n", millisSince(start));
      open.getFirst().getOutputStream().write(BYTES);
      for (int i = 1; i < CONNECTIONS; i++) {
        Socket socket = Loopback.connect(port);
        open.add(socket);
        socket.getOutputStream().write(BYTES);
      }
      assertThat(plugin.log()).noneMatch(line -> line.contains("ready: "));
      pt.create("go");
      for (Socket socket : open) {
        assertThat(socket.getInputStream().readNBytes(BYTES.length)).isEqualTo(BYTES);
      }
      System.out.printf("StartOrderIT: all served after %d ms%n", millisSince(start));
      assertThat(String.join("\n", plugin.log()))
          .matches(
              "(?s).* DEBUG [^\n]*listening on 127.0.0.1:\\d+"
                  + ".* DEBUG [^\n]*starting the PT, \\d+ ms after the launcher's start"
                  + ".* DEBUG [^\n]*started the PT [^\n]* as process \\d+"
                  + ".* INFO [^\n]*ready: .*");
    } finally {
      for (Socket socket : open) {
        socket.close();
      }
    }
  }

  @Test
  void connectionsWithoutAByteAreNeverDialled() throws IOException {
    FakePt pt = slowPt();
    try (Program plugin =
        Plugin.start(dir, Sip.of(9, port, pt.options() + ";a=b;loglevel=debug"))) {
      Await.value("the port", Await.LIMIT, () -> FirstConnection.to(port)).close();
      probe();
      pt.create("go");
      plugin.awaitReady();
      probe();
      plugin.awaitLine("ended without a byte", 2 * PROBES + 1);
      assertThat(socks.messages()).isEmpty();
      try (Socket socket = Loopback.connect(port)) {
        socket.getOutputStream().write(BYTES);
        assertThat(socket.getInputStream().readNBytes(BYTES.length)).isEqualTo(BYTES);
      }
      assertThat(socks.messages()).hasSize(MESSAGES);
    }
  }

  private void probe() throws IOException {
    for (int i = 0; i < PROBES; i++) {
      Loopback.connect(port).close();
    }
  }

  /** It connects in a loop until the port opens. */
  @Test
  void shadowsocksRustsProbeIsNotDialled() throws IOException {
    FakePt pt = slowPt();
    pt.create("go");
    Recipe recipe = Recipe.of("sslocal").asClient(9, port, pt.options() + ";a=b;loglevel=debug");
    try (Program host = Program.start(recipe.builder(dir))) {
      host.awaitReady();
      host.awaitLine("ended without a byte");
      assertThat(socks.messages()).isEmpty();
    }
  }

  /** With several servers it also sends requests through each, which are dialled as any other. */
  @Test
  void shadowsocksRustsBalancerCausesNoDialWithoutBytes() throws IOException {
    Requirement.program("sslocal");
    FakePt pt = slowPt();
    pt.create("go");
    String server =
        """
        {"server": "127.0.0.1", "server_port": %d, "password": "tests",
         "method": "chacha20-ietf-poly1305",
         "plugin": "pt-adapter", "plugin_opts": "%s;a=b;loglevel=debug"}
        """;
    Path config = dir.resolve("two.json");
    Files.writeString(
        config,
        """
        {"local_address": "127.0.0.1", "local_port": %d, "servers": [%s, %s]}
        """
            .formatted(
                port, server.formatted(9, pt.options()), server.formatted(10, pt.options())));
    Recipe recipe = Recipe.of("sslocal, JSON").with("client.json", config.toString());
    ProcessBuilder builder =
        new Recipe("two servers", recipe.command(), Optional.empty()).builder(dir);
    try (Program host = Program.start(builder)) {
      host.awaitLine("ready: ", 2);
      host.awaitLine("ended without a byte", 2);
      host.awaitLine("wants a tunnel", 2);
      Await.until(
          "as many dials as tunnels",
          () -> {
            long wanted = count(host, "wants a tunnel");
            return socks.messages().size() == wanted * MESSAGES
                && wanted == count(host, "wants a tunnel");
          });
    }
  }

  private static long count(Program host, String words) {
    return host.log().stream().filter(line -> line.contains(words)).count();
  }

  /** Offers its transport only when there is a file. */
  private FakePt slowPt() {
    String waits = "while [ ! -e \"$here/go\" ]; do sleep 0.02; done\n";
    return FakePt.write(dir, waits + FakePt.offers(socks.port()) + FakePt.STAYS);
  }

  private static long millisSince(long nanoTime) {
    return Duration.ofNanos(System.nanoTime() - nanoTime).toMillis();
  }
}
