package io.github.ptadapter.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The ends of tunnels through a real obfs4proxy, which closes both ways at the first end of input:
 * no answer is cut, and no socket stays in the plugin or in either PT.
 */
final class HalfCloseIT {

  private static final Duration DRAIN = Duration.ofSeconds(1);

  /** The drain timeout, and time for a noisy machine. */
  private static final Duration LIMIT = DRAIN.plusSeconds(4);

  private static final Payload ANSWER = new Payload(5, 16 << 20);

  /** What the server does; each test sets it. */
  private static volatile TestServer.Handler handler;

  private static final TestServer target = TestServer.start(socket -> handler.serve(socket));
  private static PluginPair pair;
  private static List<Long> pids;
  private static List<Long> before;

  @BeforeAll
  static void start(@TempDir Path dir) throws IOException {
    pair = PluginPair.start(dir, target.port(), ";drain-timeout=" + DRAIN.toMillis() + "ms");
    pids =
        List.of(
            pair.client().pid(),
            pair.client().awaitChild("obfs4proxy"),
            pair.server().awaitChild("obfs4proxy"));
    before = sockets();
  }

  @AfterAll
  static void close() {
    try (target) {
      if (pair != null) {
        pair.close();
      }
    }
  }

  @Test
  void answerToAHalfClosedClientArrivesWhole() throws IOException {
    handler = HalfCloseIT::answer;
    try (Socket socket = pair.connect()) {
      socket.getOutputStream().write(1);
      socket.shutdownOutput();
      assertAnswer(socket);
    }
    assertNothingLeft();
  }

  @Test
  void slowAnswerToAHalfClosedClientArrivesWhole() throws IOException {
    handler =
        socket -> {
          answer(socket);
          for (int i = 0; i < 6; i++) {
            Await.pace(DRAIN.dividedBy(2));
            socket.getOutputStream().write(i);
          }
        };
    try (Socket socket = pair.connect()) {
      socket.getOutputStream().write(1);
      socket.shutdownOutput();
      assertThat(Payload.sha256(socket.getInputStream(), ANSWER.size())).isEqualTo(ANSWER.sha256());
      assertThat(socket.getInputStream().readAllBytes()).containsExactly(0, 1, 2, 3, 4, 5);
    }
    assertNothingLeft();
  }

  /** The server waits for an end of input that the PT cannot bring without cutting the answer. */
  @Test
  void halfClosedClientOfAServerThatStaysIsGivenUpAfterTheAnswer() throws IOException {
    handler =
        socket -> {
          answer(socket);
          socket.getInputStream().transferTo(OutputStream.nullOutputStream());
        };
    try (Socket socket = pair.connect()) {
      socket.getOutputStream().write(1);
      socket.shutdownOutput();
      assertAnswer(socket);
      assertNothingLeft();
    }
  }

  @Test
  void serverThatAnswersAndClosesFirstIsHeardToTheEnd() throws IOException {
    handler = HalfCloseIT::answer;
    try (Socket socket = pair.connect()) {
      socket.getOutputStream().write(1);
      assertAnswer(socket);
    }
    assertNothingLeft();
  }

  @Test
  void serverThatClosesFirstEndsTheTunnelOfAClientThatStays() throws IOException {
    handler = HalfCloseIT::answer;
    try (Socket socket = pair.connect()) {
      socket.getOutputStream().write(1);
      assertAnswer(socket);
      assertNothingLeft();
    }
  }

  @Test
  void clientThatKeepsSendingToAServerThatIsGoneIsCutOff() throws IOException {
    handler = HalfCloseIT::answer;
    try (Socket socket = pair.connect()) {
      socket.getOutputStream().write(1);
      assertAnswer(socket);
      Await.until("the end of the connection", LIMIT, () -> !takes(socket));
      assertNothingLeft();
    }
  }

  @Test
  void requestOfAClientThatClosesAtOnceArrivesWhole() throws Exception {
    CompletableFuture<String> got = new CompletableFuture<>();
    handler = socket -> got.complete(Payload.sha256(socket.getInputStream(), ANSWER.size()));
    try (Socket socket = pair.connect()) {
      ANSWER.writeTo(socket.getOutputStream());
    }
    assertThat(got.get(15, TimeUnit.SECONDS)).isEqualTo(ANSWER.sha256());
    assertNothingLeft();
  }

  @Test
  void resetByTheClientInTheMiddleLeavesNothing() throws IOException {
    handler = HalfCloseIT::answerWithoutEnd;
    try (Socket socket = pair.connect()) {
      socket.getOutputStream().write(1);
      assertThat(socket.getInputStream().readNBytes(1 << 20)).hasSize(1 << 20);
      reset(socket);
    }
    assertNothingLeft();
  }

  @Test
  void resetByTheServerInTheMiddleLeavesNothing() throws IOException {
    handler =
        socket -> {
          socket.getInputStream().readNBytes(1 << 20);
          reset(socket);
        };
    try (Socket socket = pair.connect()) {
      ANSWER.writeTo(socket.getOutputStream());
    } catch (IOException e) {
      // The tunnel has ended while there was more to write.
    }
    assertNothingLeft();
  }

  /** Several at once, as their ends may meet in any order. */
  @Test
  void clientAndServerThatCloseTogetherLeaveNothing() throws IOException {
    handler = socket -> socket.getOutputStream().write(socket.getInputStream().read());
    for (int i = 0; i < 50; i++) {
      try (Socket socket = pair.connect()) {
        socket.getOutputStream().write(1);
        if (i % 2 == 0) {
          assertThat(socket.getInputStream().read()).isEqualTo(1);
        }
      }
    }
    assertNothingLeft();
  }

  private static void answer(Socket socket) throws IOException {
    assertThat(socket.getInputStream().read()).isEqualTo(1);
    ANSWER.writeTo(socket.getOutputStream());
  }

  private static void answerWithoutEnd(Socket socket) throws IOException {
    while (true) {
      ANSWER.writeTo(socket.getOutputStream());
    }
  }

  private static void reset(Socket socket) throws IOException {
    socket.setSoLinger(true, 0);
    socket.close();
  }

  private static boolean takes(Socket socket) {
    try {
      socket.getOutputStream().write(1);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  private static void assertAnswer(Socket socket) throws IOException {
    assertThat(Payload.sha256(socket.getInputStream(), ANSWER.size())).isEqualTo(ANSWER.sha256());
    assertThat(socket.getInputStream().read()).as("byte behind the answer").isEqualTo(-1);
  }

  private static List<Long> sockets() {
    return pids.stream().map(Processes::sockets).toList();
  }

  private static void assertNothingLeft() {
    long start = System.nanoTime();
    try {
      Await.until("no tunnel", LIMIT, () -> sockets().equals(before));
    } catch (AssertionError e) {
      assertThat(sockets()).as("sockets of plugin, PT, other PT").isEqualTo(before);
    }
    System.out.printf(
        "HalfCloseIT: nothing left after %d ms%n",
        Duration.ofNanos(System.nanoTime() - start).toMillis());
  }
}
