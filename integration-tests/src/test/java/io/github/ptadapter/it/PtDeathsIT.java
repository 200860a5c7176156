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
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A PT that dies: the port stays, connections wait for the next one, and hosts see our end. */
final class PtDeathsIT {

  private static final int PT_LOST = 5;
  private static final int CONNECTIONS = 20;
  private static final byte[] BYTES = new byte[1000];
  private static final String CERT = "transport=obfs4;cert=" + "A".repeat(70) + ";iat-mode=0";

  @TempDir Path dir;

  private final SocksServer socks = new SocksServer(Answers.GOOD);
  private final int port = Loopback.freePort();
  private final int publicPort = Loopback.freePort();

  @AfterEach
  void close() {
    socks.close();
  }

  /** A PT's own end closes its connections, so its stand-in's end must do so too. */
  @Test
  void dialsUnderWayAreServedByTheNextPt() throws IOException {
    List<Socket> open = new ArrayList<>();
    TestServer silent = TestServer.start(socket -> socket.getInputStream().readAllBytes());
    FakePt first = FakePt.write(dir, offersFrom("socks-port"));
    write("socks-port", silent.port());
    try (silent;
        Program plugin = start(first).awaitReady()) {
      for (int i = 0; i < CONNECTIONS; i++) {
        Socket socket = Loopback.connect(port);
        open.add(socket);
        socket.getOutputStream().write(BYTES);
      }
      plugin.awaitLine("wants a tunnel", CONNECTIONS);
      write("socks-port", socks.port());
      Processes.signal("KILL", first.pid());
      silent.close();
      for (Socket socket : open) {
        assertThat(socket.getInputStream().readNBytes(BYTES.length)).hasSize(BYTES.length);
      }
      assertThat(plugin.log()).noneMatch(line -> line.contains(" failed: "));
    } finally {
      for (Socket socket : open) {
        socket.close();
      }
    }
  }

  @Test
  void pausesGrowAndTheFifthDeathIsTheEnd() throws IOException {
    FakePt pt = FakePt.write(dir, FakePt.offers(socks.port()) + FakePt.STAYS);
    long start = System.nanoTime();
    try (Program plugin = start(pt)) {
      for (int death = 1; death <= 4; death++) {
        plugin.awaitLine("ready: ", death);
        Processes.signal("KILL", pt.pid());
        plugin.awaitLine("started again in", death);
        // The port stays: this one waits for the next PT.
        try (Socket socket = Loopback.connect(port)) {
          socket.getOutputStream().write(BYTES);
          assertThat(socket.getInputStream().readNBytes(BYTES.length)).hasSize(BYTES.length);
        }
      }
      plugin.awaitLine("ready: ", 5);
      Processes.signal("KILL", pt.pid());
      assertThat(plugin.awaitExit(Await.LIMIT)).isEqualTo(PT_LOST);
      assertThat(plugin.log().stream().filter(line -> line.contains("started again in")))
          .extracting(line -> line.replaceAll(".*started again in ", ""))
          .containsExactly("100 ms", "500 ms", "1 s", "2 s");
      assertThat(plugin.errors())
          .singleElement()
          .asString()
          .contains("signal 9", "death 5 within a minute");
    }
    System.out.printf(
        "PtDeathsIT: five deaths in %d ms%n",
        Duration.ofNanos(System.nanoTime() - start).toMillis());
  }

  /** The codes are those of {@code docs/hosts.md}. */
  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      value = {
        "ss-local                | 255",
        "ss-tunnel               | 255",
        "ss-redir                | 255",
        "ss-server               | 255",
        "sslocal                 | 134",
        "ssserver                | 70",
        "go-shadowsocks2, client | 2",
        "go-shadowsocks2, server | 2"
      })
  void hostEndsWithItsPlugin(String heading, int code) {
    try (Program host = Program.start(recipe(heading).builder(dir)).awaitReady()) {
      long pt = host.awaitChild("obfs4proxy");
      List<Long> family = host.family();
      long killed = Processes.signal("KILL", pt);
      int actual = host.awaitExit(Await.LIMIT);
      System.out.printf(
          "PtDeathsIT: %s ended with code %d, %d ms after its PT with restart=off%n",
          heading, actual, Duration.ofNanos(System.nanoTime() - killed).toMillis());
      assertThat(host.log())
          .anyMatch(line -> line.contains("restart=off, so this is the end"))
          .anyMatch(line -> line.contains("signal 9"));
      assertThat(actual).isEqualTo(code);
      Await.until("end of " + family, () -> family.stream().noneMatch(Processes::isRunning));
    }
  }

  private Recipe recipe(String heading) {
    Recipe recipe = Recipe.of(heading);
    if (recipe.command().contains("\"server;")) {
      return recipe
          .asServer(publicPort)
          .with("/var/lib/pt-adapter", dir.resolve("own") + ";restart=off");
    }
    Recipe client = recipe.asClient(publicPort, port, CERT + ";restart=off");
    return heading.equals("ss-tunnel") ? client.with("TARGET:80", "127.0.0.1:80") : client;
  }

  private Program start(FakePt pt) {
    return Plugin.start(dir, Sip.of(9, port, pt.options() + ";a=b;loglevel=debug"));
  }

  /** A transport at the port that is in a file. */
  private static String offersFrom(String file) {
    return """
    echo VERSION 1
    echo "CMETHOD fake socks5 127.0.0.1:$(cat "$here/%s")"
    echo CMETHODS DONE
    """
            .formatted(file)
        + FakePt.STAYS;
  }

  private void write(String file, int number) throws IOException {
    Files.writeString(dir.resolve(file), String.valueOf(number));
  }
}
