package io.github.ptadapter.adapter;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@ExtendWith(LeakCheck.class)
class LocalConnectionTest {

  @RegisterExtension private final CapturedLog log = new CapturedLog();

  /** shadowsocks-rust connects until we listen, then closes. */
  @Test
  void neverDialsForAConnectionThatSendsNothing() throws Exception {
    try (FakePt pt = new FakePt(FakePt.ECHO);
        ClientFixture client = ClientFixture.through(pt, "dial-timeout=200ms")) {
      client.connect().close();
      log.await("#1 ended without a byte");
      reset(client.connect());
      try (Socket silent = client.connect();
          Socket host = client.connect()) {
        exchange(host, 1);
        assertThat(pt.accepted()).isEqualTo(1);
        silent.setSoTimeout(300);
        assertThat(isOpen(silent)).as("still open beyond the dial timeout").isTrue();
        exchange(silent, 2);
      }
    }
  }

  @Test
  void keepsWhatComesBeforeThePtIsReady() throws Exception {
    byte[] early = new byte[3_000_000];
    new Random(1).nextBytes(early);
    CompletableFuture<byte[]> received = new CompletableFuture<>();
    try (FakePt pt =
            new FakePt(dial -> {
              dial.grant();
              received.complete(dial.in().readNBytes(early.length));
              dial.send("thanks".getBytes(UTF_8));
            });
        ClientFixture client = new ClientFixture("server.example", "");
        Socket host = client.connect()) {
      CompletableFuture<Void> sent = sending(host, early, true);
      log.await("#1 wants a tunnel");
      client.ready(pt);
      assertThat(received.get(10, TimeUnit.SECONDS)).isEqualTo(early);
      assertThat(host.getInputStream().readAllBytes()).asString(UTF_8).isEqualTo("thanks");
      sent.get(10, TimeUnit.SECONDS);
      client.awaitNoConnection(pt);
    }
  }

  /** The end of input that came early must be held back as any other. */
  @Test
  void keepsAnEarlyEndOfInput() throws Exception {
    try (FakePt pt =
            new FakePt(dial -> {
              dial.grant();
              assertThat(dial.in().read()).isEqualTo(7);
              dial.send(new byte[] {8});
              assertThat(dial.in().read()).isEqualTo(-1);
            });
        ClientFixture client = new ClientFixture("server.example", "drain-timeout=200ms");
        Socket host = client.connect()) {
      host.getOutputStream().write(7);
      host.shutdownOutput();
      log.await("#1 wants a tunnel");
      client.ready(pt);
      assertThat(host.getInputStream().readAllBytes()).containsExactly(8);
      client.awaitNoConnection(pt);
    }
  }

  @Test
  void stopsAHostThatSendsMuchBeforeThePtIsReady() throws Exception {
    try (FakePt pt = new FakePt(FakePt.ECHO);
        ClientFixture client = new ClientFixture("server.example", "");
        Socket host = client.connect()) {
      CompletableFuture<Void> sent = sending(host, new byte[50_000_000], false);
      log.await("#1 wants a tunnel");
      Thread.sleep(300);
      assertThat(sent).isNotDone();
      reset(host);
      client.ready(pt);
      client.awaitNoConnection(pt);
    }
  }

  @Test
  void failsWhenThePtIsNotReadyInTime() throws Exception {
    try (FakePt pt = new FakePt(FakePt.ECHO);
        ClientFixture client = new ClientFixture("server.example", "dial-timeout=300ms");
        Socket host = client.connect()) {
      long begin = System.nanoTime();
      host.getOutputStream().write(1);
      assertThat(isOpen(host)).isFalse();
      assertThat(Duration.ofNanos(System.nanoTime() - begin))
          .isBetween(Duration.ofMillis(295), Duration.ofSeconds(5));
      log.await("WARN", "tunnel #1 failed: no tunnel within 300 ms: the PT is not ready");
      client.ready(pt);
      client.awaitNoConnection(pt);
      assertThat(pt.accepted()).isZero();
    }
  }

  @Test
  void failsWhenTheDialIsNotAnsweredInTime() throws Exception {
    try (FakePt pt = new FakePt(FakePt.SILENT);
        ClientFixture client = ClientFixture.through(pt, "dial-timeout=300ms");
        Socket host = client.connect()) {
      long begin = System.nanoTime();
      host.getOutputStream().write(1);
      assertThat(isOpen(host)).isFalse();
      assertThat(Duration.ofNanos(System.nanoTime() - begin))
          .isBetween(Duration.ofMillis(290), Duration.ofSeconds(5));
      log.await(
          " WARN ",
          "tunnel #1 failed: no answer from the PT within",
          "while waiting for the connection to the server",
          "the server is down or blocked, or its cert is another");
      client.awaitNoConnection(pt);
    }
  }

  /** The time that a connection was held counts. */
  @Test
  void countsTheTimeBeforeThePtWasReady() throws Exception {
    Waiting.unlessTooSlow(Duration.ofMillis(300), _ -> holdsThenDials());
  }

  private void holdsThenDials() throws Exception {
    try (FakePt pt = new FakePt(FakePt.SILENT);
        ClientFixture client = new ClientFixture("server.example", "dial-timeout=1500ms");
        Socket host = client.connect()) {
      host.getOutputStream().write(1);
      log.await("#1 wants a tunnel");
      Thread.sleep(300);
      client.ready(pt);
      assertThat(isOpen(host)).isFalse();
      String line = log.await("tunnel #1 failed: no answer from the PT within");
      Matcher rest = Pattern.compile("within ([0-9.]+) s while").matcher(line);
      assertThat(rest.find()).as(line).isTrue();
      assertThat(Double.parseDouble(rest.group(1))).isLessThanOrEqualTo(1.2);
      client.awaitNoConnection(pt);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "1, 'general failure, SOCKS code 01'",
    "4, 'host unreachable, SOCKS code 04'",
    "5, 'connection refused, SOCKS code 05'",
  })
  void saysWhyThePtHasNoConnection(int code, String reason) throws Exception {
    try (FakePt pt = new FakePt(dial -> dial.answer(code));
        ClientFixture client = ClientFixture.through(pt, "");
        Socket host = client.connect()) {
      host.getOutputStream().write(1);
      assertThat(isOpen(host)).isFalse();
      log.await(
          " WARN ",
          "tunnel #1 failed: dummy got no connection to the server (" + reason + ")",
          "; the PT says no more: probably the server does not run, or its address or port is");
      client.awaitNoConnection(pt);
    }
  }

  @Test
  void handsOverTheArgumentsAndTheHostAsWritten() throws Exception {
    List<FakePt.Dial> dials = new ArrayList<>();
    try (FakePt pt =
            new FakePt(dial -> {
              dials.add(dial);
              FakePt.ECHO.serve(dial);
            });
        ClientFixture client = new ClientFixture("Сервер.Example", "password=a\\;b;x=y");
        Socket host = client.connect()) {
      client.ready(pt);
      exchange(host, 1);
      assertThat(dials.getFirst().login()).isEqualTo("password=a\\;b;x=y\0");
      assertThat(dials.getFirst().host()).isEqualTo("Сервер.Example");
    }
  }

  @Test
  void neverLogsArguments() throws Exception {
    try (FakePt pt = new FakePt(dial -> dial.answer(1));
        ClientFixture client = ClientFixture.through(pt, "password=SECRET");
        Socket host = client.connect()) {
      host.getOutputStream().write(1);
      assertThat(isOpen(host)).isFalse();
      log.await("tunnel #1 failed");
      assertThat(log.lines()).noneMatch(line -> line.contains("SECRET"));
    }
  }

  @Test
  void isNotDialledWhenTheHostIsGoneBeforeThePtIsReady() throws Exception {
    try (FakePt pt = new FakePt(FakePt.ECHO);
        ClientFixture client = new ClientFixture("server.example", "");
        Socket host = client.connect()) {
      host.getOutputStream().write(new byte[1000]);
      log.await("#1 wants a tunnel");
      reset(host);
      log.await("#1 lost the host's connection");
      client.ready(pt);
      try (Socket next = client.connect()) {
        exchange(next, 1);
      }
      assertThat(pt.accepted()).isEqualTo(1);
    }
  }

  /** A PT would not notice, so the dial stays and counts. */
  @Test
  void abandonsADialWhenTheHostGoes() throws Exception {
    try (FakePt pt = new FakePt(FakePt.SILENT);
        ClientFixture client = ClientFixture.through(pt, "dial-timeout=1s");
        Socket host = client.connect()) {
      host.getOutputStream().write(1);
      Waiting.until("the PT is asked", () -> pt.hosts().size() == 1);
      reset(host);
      log.await("#1 lost the host's connection");
      assertThat(pt.open()).isEqualTo(1);
      client.awaitNoConnection(pt);
    }
  }

  @Test
  void closesATunnelThatIsGrantedWhenTheHostIsGone() throws Exception {
    CompletableFuture<Void> gone = new CompletableFuture<>();
    FakePt.Behaviour late =
        dial -> {
          gone.get(10, TimeUnit.SECONDS);
          dial.grant();
          assertThat(dial.in().read()).isEqualTo(-1);
        };
    try (FakePt pt = new FakePt(late);
        ClientFixture client = ClientFixture.through(pt, "");
        Socket host = client.connect()) {
      host.getOutputStream().write(1);
      Waiting.until("the PT is asked", () -> pt.hosts().size() == 1);
      reset(host);
      log.await("#1 lost the host's connection");
      gone.complete(null);
      client.awaitNoConnection(pt);
      pt.rethrow();
    }
  }

  @Test
  void refusesWhatIsBeyondTheLimitAndRecovers() throws Exception {
    try (FakePt pt = new FakePt(FakePt.ECHO);
        ClientFixture client = ClientFixture.through(pt, "max-connections=2");
        Socket one = client.connect();
        Socket two = client.connect()) {
      exchange(one, 1);
      exchange(two, 2);
      try (Socket three = client.connect()) {
        assertThat(isOpen(three)).isFalse();
      }
      log.await(" WARN ", "a connection was refused: 2 are open (max-connections)");
      exchange(one, 3);
      reset(two);
      Waiting.until("the second tunnel has ended", () -> pt.open() == 1);
      try (Socket four = client.connect()) {
        exchange(four, 4);
      }
    }
  }

  @Test
  void countsHeldConnectionsToo() throws Exception {
    try (ClientFixture client = new ClientFixture("server.example", "max-connections=1");
        Socket one = client.connect()) {
      one.getOutputStream().write(1);
      log.await("#1 wants a tunnel");
      try (Socket two = client.connect()) {
        assertThat(isOpen(two)).isFalse();
      }
    }
  }

  @Test
  void triesTheHostsInOrderAndADeadOneLastAfterwards() throws Exception {
    try (FakePt pt =
            new FakePt(dial -> {
              if (dial.host().equals("c.example")) {
                FakePt.ECHO.serve(dial);
              } else {
                dial.answer(5);
              }
            });
        ClientFixture client = new ClientFixture("a.example|b.example|c.example", "")) {
      client.ready(pt);
      for (int i = 0; i < 2; i++) {
        try (Socket host = client.connect()) {
          exchange(host, i);
        }
      }
      assertThat(pt.hosts()).containsExactly("a.example", "b.example", "c.example", "c.example");
      assertThat(log.lines()).noneMatch(line -> line.contains(" WARN "));
    }
  }

  /** Each host gets its share of the time, so that a silent one does not use it up. */
  @Test
  void triesTheNextHostWithinTheDialTimeout() throws Exception {
    Waiting.unlessTooSlow(Duration.ofMillis(300), _ -> dialsBoth());
  }

  private void dialsBoth() throws Exception {
    try (FakePt pt =
            new FakePt(dial -> {
              (dial.host().equals("b.example") ? FakePt.ECHO : FakePt.SILENT).serve(dial);
            });
        ClientFixture client = new ClientFixture("a.example|b.example", "dial-timeout=2s")) {
      client.ready(pt);
      try (Socket host = client.connect()) {
        long begin = System.nanoTime();
        exchange(host, 1);
        assertThat(Duration.ofNanos(System.nanoTime() - begin))
            .isGreaterThan(Duration.ofMillis(990));
      }
      try (Socket host = client.connect()) {
        exchange(host, 2);
      }
      assertThat(pt.hosts()).containsExactly("a.example", "b.example", "b.example");
    }
  }

  @Test
  void failsWhenNoHostWorks() throws Exception {
    try (FakePt pt = new FakePt(dial -> dial.answer(4));
        ClientFixture client = new ClientFixture("a.example|b.example", "")) {
      client.ready(pt);
      for (int i = 1; i <= 2; i++) {
        try (Socket host = client.connect()) {
          host.getOutputStream().write(1);
          assertThat(isOpen(host)).isFalse();
        }
        log.await("tunnel #" + i + " failed", "host unreachable");
      }
      assertThat(pt.hosts()).containsExactly("a.example", "b.example", "a.example", "b.example");
      client.awaitNoConnection(pt);
    }
  }

  /** A PT closes its connections a moment before its death is known. */
  @Test
  void isDialledAnewWhenThePtDiedMeanwhile() throws Exception {
    Waiting.unlessTooSlow(
        Duration.ofMillis(100),
        pace -> {
          CountDownLatch dies = new CountDownLatch(1);
          try (FakePt first = new FakePt(_ -> dies.await());
              FakePt second = new FakePt(FakePt.ECHO);
              ClientFixture client = ClientFixture.through(first, "");
              Socket host = client.connect()) {
            host.getOutputStream().write(1);
            Waiting.until("the first PT is asked", () -> first.hosts().size() == 1);
            pace.step();
            dies.countDown();
            Waiting.until("the first PT hangs up", () -> first.open() == 0);
            Thread.sleep(30);
            client.lost();
            pace.step();
            log.await("#1 waits for the PT to come back: the PT closed the connection while");
            client.ready(second);
            assertThat(host.getInputStream().read()).isEqualTo(1);
            exchange(host, 2);
            assertThat(second.accepted()).isEqualTo(1);
          }
        });
  }

  @Test
  void isDialledAnewWhenNobodyListensOnThePtsPort() throws Exception {
    Waiting.unlessTooSlow(
        Duration.ofMillis(100),
        pace -> {
          try (FakePt first = new FakePt(FakePt.ECHO);
              FakePt second = new FakePt(FakePt.ECHO);
              ClientFixture client = ClientFixture.through(first, "");
              Socket host = client.connect()) {
            first.stopListening();
            pace.step();
            host.getOutputStream().write(1);
            log.await("#1 wants a tunnel");
            client.lost();
            pace.step();
            client.ready(second);
            assertThat(host.getInputStream().read()).isEqualTo(1);
          }
        });
  }

  @Test
  void failsWhenThePtHangsUpAndLives() throws Exception {
    try (FakePt pt = new FakePt(_ -> {});
        ClientFixture client = ClientFixture.through(pt, "");
        Socket host = client.connect()) {
      host.getOutputStream().write(1);
      assertThat(isOpen(host)).isFalse();
      log.await(
          " WARN ",
          "tunnel #1 failed: the PT closed the connection while waiting for the connection to the");
      assertThat(pt.accepted()).isEqualTo(1);
      client.awaitNoConnection(pt);
    }
  }

  /** Some PTs hang up where others answer that they have no connection. */
  @Test
  void triesTheNextHostWhenThePtHangsUpAndLives() throws Exception {
    try (FakePt pt =
            new FakePt(dial -> {
              if (dial.host().equals("b.example")) {
                FakePt.ECHO.serve(dial);
              }
            });
        ClientFixture client = new ClientFixture("a.example|b.example", "")) {
      client.ready(pt);
      for (int i = 0; i < 2; i++) {
        try (Socket host = client.connect()) {
          exchange(host, i);
        }
      }
      assertThat(pt.hosts()).containsExactly("a.example", "b.example", "b.example");
    }
  }

  @Test
  void waitsForThePtWhileItIsStartedAgain() throws Exception {
    try (FakePt first = new FakePt(FakePt.ECHO);
        FakePt second = new FakePt(FakePt.ECHO);
        ClientFixture client = ClientFixture.through(first, "");
        Socket host = client.connect()) {
      client.lost();
      host.getOutputStream().write(5);
      log.await("#1 wants a tunnel");
      client.ready(second);
      assertThat(host.getInputStream().read()).isEqualTo(5);
      assertThat(first.accepted()).isZero();
    }
  }

  @Test
  void takesATunnelThatWasDialledAhead() throws Exception {
    try (FakePt pt = new FakePt(FakePt.ECHO);
        ClientFixture client = ClientFixture.through(pt, "prewarm=2")) {
      // Connections go to the event loops in turn, and each loop has its own.
      for (int i = 1; i <= 2; i++) {
        try (Socket host = client.connect()) {
          exchange(host, i);
        }
      }
      Waiting.until("two tunnels are ready", () -> count("a tunnel is ready") - taken() == 2);
      int dialled = pt.accepted();
      long before = taken();
      try (Socket one = client.connect();
          Socket other = client.connect()) {
        exchange(one, 3);
        exchange(other, 4);
        exchange(one, 5);
        one.shutdownOutput();
        assertThat(taken()).isEqualTo(before + 2);
        Waiting.until("they are replaced", () -> pt.accepted() == dialled + 2);
      }
    }
  }

  private long taken() throws Exception {
    return count("takes a tunnel that was ready");
  }

  private long count(String words) throws Exception {
    return log.lines().stream().filter(line -> line.contains(words)).count();
  }

  private static CompletableFuture<Void> sending(Socket host, byte[] bytes, boolean end) {
    CompletableFuture<Void> sent = new CompletableFuture<>();
    Thread.ofVirtual()
        .start(() -> {
          try {
            host.getOutputStream().write(bytes);
            if (end) {
              host.shutdownOutput();
            }
            sent.complete(null);
          } catch (IOException e) {
            sent.completeExceptionally(e);
          }
        });
    return sent;
  }

  private static void exchange(Socket host, int b) throws IOException {
    host.getOutputStream().write(b);
    assertThat(host.getInputStream().read()).isEqualTo(b);
  }

  private static void reset(Socket host) throws IOException {
    host.setSoLinger(true, 0);
    host.close();
  }

  /** Tells whether nothing, not even the end, comes within the socket's time-out. */
  private static boolean isOpen(Socket host) throws IOException {
    try {
      assertThat(host.getInputStream().read()).isEqualTo(-1);
      return false;
    } catch (SocketTimeoutException e) {
      return true;
    } catch (SocketException e) {
      // Reset: it was closed with a byte of ours unread.
      return false;
    }
  }
}
