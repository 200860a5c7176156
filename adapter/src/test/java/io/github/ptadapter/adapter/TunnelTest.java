package io.github.ptadapter.adapter;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.RegisterExtension;

@ExtendWith(LeakCheck.class)
class TunnelTest {

  private static final int MEGABYTE = 1 << 20;

  /** More than all buffers on the way hold together: those of the kernel grow to some megabytes. */
  private static final long MORE_THAN_FITS = 64L * MEGABYTE;

  private static final long WHAT_MAY_FIT = 16L * MEGABYTE;

  @RegisterExtension private final CapturedLog log = new CapturedLog();

  /** Closed once the host's side may go on. */
  private final CountDownLatch gate = new CountDownLatch(1);

  @Test
  void carriesBytesBothWays() throws Exception {
    long seed = System.nanoTime();
    System.out.println("seed " + seed);
    long size = 6L * MEGABYTE;
    try (FakePt pt =
            new FakePt(dial -> {
              dial.grant();
              sendWhileReading(dial.socket(), size, seed + 1, seed);
            });
        ClientFixture client = ClientFixture.through(pt, "");
        Socket one = client.connect();
        Socket two = client.connect();
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> both = new ArrayList<>();
      for (Socket host : List.of(one, two)) {
        both.add(
            threads.submit(() -> {
              sendWhileReading(host, size, seed, seed + 1);
              return null;
            }));
      }
      for (Future<?> each : both) {
        each.get(20, TimeUnit.SECONDS);
      }
      hangUp(one);
      hangUp(two);
      client.awaitNoConnection(pt);
      log.await("ended after", size + " bytes up, " + size + " bytes down");
    }
  }

  /** Sends pseudo-random bytes in chunks of random size, ends, and expects the same from there. */
  private static void sendWhileReading(Socket socket, long size, long sendSeed, long expectSeed)
      throws Exception {
    CompletableFuture<Void> sent = new CompletableFuture<>();
    Thread.ofVirtual()
        .start(() -> {
          try {
            send(socket.getOutputStream(), size, sendSeed);
            sent.complete(null);
          } catch (IOException e) {
            sent.completeExceptionally(e);
          }
        });
    CRC32 sum = new CRC32();
    assertThat(read(socket.getInputStream(), size, sum)).as("bytes received").isEqualTo(size);
    assertThat(sum.getValue()).as("checksum").isEqualTo(checksum(size, expectSeed));
    sent.get(10, TimeUnit.SECONDS);
  }

  private static void send(OutputStream out, long size, long seed) throws IOException {
    Random random = new Random(seed);
    Random chunks = new Random(seed);
    for (long left = size; left > 0; ) {
      byte[] chunk = new byte[(int) Math.min(left, 1 + chunks.nextInt(100_000))];
      random.nextBytes(chunk);
      out.write(chunk);
      left -= chunk.length;
    }
  }

  private static long checksum(long size, long seed) throws IOException {
    CRC32 sum = new CRC32();
    send(
        new OutputStream() {
          @Override
          public void write(int b) {
            sum.update(b);
          }

          @Override
          public void write(byte[] bytes, int from, int length) {
            sum.update(bytes, from, length);
          }
        },
        size,
        seed);
    return sum.getValue();
  }

  private static long read(InputStream in, long size, CRC32 sum) throws IOException {
    byte[] buffer = new byte[64 * 1024];
    long total = 0;
    while (total < size) {
      int n = in.read(buffer, 0, (int) Math.min(buffer.length, size - total));
      if (n < 0) {
        break;
      }
      sum.update(buffer, 0, n);
      total += n;
    }
    return total;
  }

  /** Most PTs close both sides at the first end of input: the answer would be lost. */
  @Test
  void holdsTheLocalEndBackWhileTheAnswerComes() throws Exception {
    byte[] answer = bytes(4 * MEGABYTE);
    try (FakePt pt =
            new FakePt(dial -> {
              dial.grant();
              assertThat(dial.in().readNBytes(7)).asString(UTF_8).isEqualTo("request");
              assertThat(endOfInputWithin(dial.socket(), 300)).isFalse();
              dial.send(answer);
              assertThat(endOfInputWithin(dial.socket(), 100)).isFalse();
            });
        ClientFixture client = ClientFixture.through(pt, "drain-timeout=8s");
        Socket host = client.connect()) {
      host.getOutputStream().write("request".getBytes(UTF_8));
      host.shutdownOutput();
      assertThat(host.getInputStream().readAllBytes()).isEqualTo(answer);
      client.awaitNoConnection(pt);
    }
  }

  @Test
  void endsWhenNothingComesForTheDrainTimeout() throws Exception {
    CompletableFuture<Long> endSeen = new CompletableFuture<>();
    try (FakePt pt =
            new FakePt(dial -> {
              dial.grant();
              dial.in().readAllBytes();
              endSeen.complete(System.nanoTime());
            });
        ClientFixture client = ClientFixture.through(pt, "drain-timeout=300ms");
        Socket host = client.connect()) {
      host.getOutputStream().write(1);
      long ended = System.nanoTime();
      host.shutdownOutput();
      assertThat(host.getInputStream().read()).isEqualTo(-1);
      assertThat(Duration.ofNanos(endSeen.get(5, TimeUnit.SECONDS) - ended))
          .isBetween(Duration.ofMillis(295), Duration.ofSeconds(5));
      client.awaitNoConnection(pt);
      log.await("is closed: no byte for 300 ms");
      assertThat(log.lines()).filteredOn(line -> line.contains("#1 ended after")).hasSize(1);
    }
  }

  @Test
  void waitsAnewAfterEveryByteOfTheAnswer() throws Exception {
    Waiting.unlessTooSlow(Duration.ofMillis(250), this::waitsAnew);
  }

  private void waitsAnew(Waiting.Pace pace) throws Exception {
    try (FakePt pt =
            new FakePt(dial -> {
              dial.grant();
              assertThat(dial.in().read()).isEqualTo(9);
              for (int i = 0; i < 4; i++) {
                boolean ended = endOfInputWithin(dial.socket(), 200);
                pace.step();
                assertThat(ended).isFalse();
                dial.send(new byte[] {(byte) i});
              }
              dial.in().readAllBytes();
            });
        ClientFixture client = ClientFixture.through(pt, "drain-timeout=500ms");
        Socket host = client.connect()) {
      pace.step();
      host.getOutputStream().write(9);
      host.shutdownOutput();
      assertThat(host.getInputStream().readAllBytes()).containsExactly(0, 1, 2, 3);
      client.awaitNoConnection(pt);
    }
  }

  private static boolean endOfInputWithin(Socket socket, int millis) throws IOException {
    socket.setSoTimeout(millis);
    try {
      int b = socket.getInputStream().read();
      return b < 0;
    } catch (SocketTimeoutException e) {
      return false;
    } finally {
      socket.setSoTimeout(0);
    }
  }

  /** The drain timeout is for a PT that is silent, not for a host that is slow. */
  @Test
  void doesNotCutAnAnswerThatTheHostTakesLate() throws Exception {
    Waiting.unlessTooSlow(Duration.ofMillis(80), _ -> takesAnAnswerLate());
  }

  private void takesAnAnswerLate() throws Exception {
    int size = 20 * MEGABYTE;
    try (FakePt pt =
            new FakePt(dial -> {
              dial.grant();
              send(dial.socket().getOutputStream(), size, 1);
            });
        ClientFixture client = ClientFixture.through(pt, "drain-timeout=200ms");
        Socket host = client.connect()) {
      host.getOutputStream().write(1);
      host.shutdownOutput();
      waitUntilStalled(() -> host.getInputStream().available());
      CRC32 sum = new CRC32();
      assertThat(read(host.getInputStream(), size + 1L, sum)).isEqualTo(size);
      assertThat(sum.getValue()).isEqualTo(checksum(size, 1));
      client.awaitNoConnection(pt);
    }
  }

  @Test
  void deliversARequestThatThePtTakesLate() throws Exception {
    int size = 12 * MEGABYTE;
    AtomicLong sent = new AtomicLong();
    try (FakePt pt =
            new FakePt(dial -> {
              dial.grant();
              gate.await();
              CRC32 sum = new CRC32();
              assertThat(read(dial.in(), size, sum)).isEqualTo(size);
              assertThat(sum.getValue()).isEqualTo(checksum(size, 1));
              dial.send("thanks".getBytes(UTF_8));
            });
        ClientFixture client = ClientFixture.through(pt, "drain-timeout=5s");
        Socket host = client.connect()) {
      Thread sender =
          Thread.ofVirtual()
              .start(() -> {
                try {
                  send(counting(host.getOutputStream(), sent), size, 1);
                  host.shutdownOutput();
                } catch (IOException e) {
                  sent.set(-1);
                }
              });
      waitUntilStalled(sent::get);
      gate.countDown();
      assertThat(host.getInputStream().readAllBytes()).asString(UTF_8).isEqualTo("thanks");
      sender.join();
      assertThat(sent).hasValue(size);
      client.awaitNoConnection(pt);
    }
  }

  @Test
  void passesThePtsEndOnBehindItsLastByte() throws Exception {
    byte[] answer = bytes(4 * MEGABYTE);
    try (FakePt pt =
            new FakePt(dial -> {
              dial.grant();
              dial.in().readNBytes(1);
              dial.send(answer);
            });
        ClientFixture client = ClientFixture.through(pt, "");
        Socket host = client.connect()) {
      host.getOutputStream().write(1);
      Waiting.until("the PT has ended", () -> pt.accepted() == 1 && pt.open() == 0);
      assertThat(host.getInputStream().readAllBytes()).isEqualTo(answer);
      hangUp(host);
      client.awaitNoConnection(pt);
    }
  }

  @Test
  void closesAHostThatStaysAfterThePtsEnd() throws Exception {
    try (FakePt pt = new FakePt(FakePt.Dial::grant);
        ClientFixture client = ClientFixture.through(pt, "drain-timeout=200ms");
        Socket host = client.connect()) {
      host.getOutputStream().write(1);
      assertThat(host.getInputStream().read()).isEqualTo(-1);
      client.awaitNoConnection(pt);
    }
  }

  /** What it sends has no taker any more. */
  @Test
  void closesAHostThatSendsOnAfterThePtsEnd() throws Exception {
    try (FakePt pt = new FakePt(FakePt.Dial::grant);
        ClientFixture client = ClientFixture.through(pt, "drain-timeout=300ms");
        Socket host = client.connect()) {
      host.getOutputStream().write(1);
      assertThat(host.getInputStream().read()).isEqualTo(-1);
      long end = System.nanoTime() + Duration.ofSeconds(5).toNanos();
      assertThatThrownBy(
              () -> {
                while (System.nanoTime() < end) {
                  host.getOutputStream().write(1);
                  Thread.sleep(20);
                }
              })
          .isInstanceOf(SocketException.class);
      client.awaitNoConnection(pt);
    }
  }

  @Test
  void deliversWhatAHostSentBeforeItClosed() throws Exception {
    byte[] last = bytes(300_000);
    CompletableFuture<byte[]> received = new CompletableFuture<>();
    try (FakePt pt =
            new FakePt(dial -> {
              dial.grant();
              received.complete(dial.in().readAllBytes());
            });
        ClientFixture client = ClientFixture.through(pt, "drain-timeout=100ms")) {
      try (Socket host = client.connect()) {
        host.getOutputStream().write(last);
      }
      assertThat(received.get(10, TimeUnit.SECONDS)).isEqualTo(last);
      client.awaitNoConnection(pt);
    }
  }

  @Test
  void endsWithAResetOfTheHost() throws Exception {
    CompletableFuture<byte[]> received = new CompletableFuture<>();
    try (FakePt pt =
            new FakePt(dial -> {
              dial.grant();
              dial.send(new byte[] {1});
              received.complete(dial.in().readAllBytes());
            });
        ClientFixture client = ClientFixture.through(pt, "");
        Socket host = client.connect()) {
      host.getOutputStream().write(7);
      assertThat(host.getInputStream().read()).isEqualTo(1);
      reset(host);
      assertThat(received.get(5, TimeUnit.SECONDS)).containsExactly(7);
      client.awaitNoConnection(pt);
    }
  }

  @Test
  void endsWithAResetOfThePt() throws Exception {
    try (FakePt pt =
            new FakePt(dial -> {
              dial.grant();
              dial.send(new byte[] {1, 2, 3});
              gate.await();
              reset(dial.socket());
            });
        ClientFixture client = ClientFixture.through(pt, "")) {
      try (Socket host = client.connect()) {
        host.getOutputStream().write(7);
        assertThat(host.getInputStream().readNBytes(3)).containsExactly(1, 2, 3);
        gate.countDown();
        assertThat(host.getInputStream().read()).isEqualTo(-1);
      }
      client.awaitNoConnection(pt);
      log.await("lost the PT's connection");
    }
  }

  /** A PT that neither reads nor ends while nobody takes its answer would hold the tunnel. */
  @Test
  void endsWithAResetOfAHostThatTookNothing() throws Exception {
    AtomicLong sent = new AtomicLong();
    try (FakePt pt =
            new FakePt(dial -> {
              dial.grant();
              // Like an echo in one thread: it reads again when it could write.
              send(counting(dial.socket().getOutputStream(), sent), MORE_THAN_FITS, 1);
              dial.in().readAllBytes();
            });
        ClientFixture client = ClientFixture.through(pt, "drain-timeout=200ms");
        Socket host = client.connect()) {
      Thread sender = Thread.ofVirtual().start(() -> sendUntilClosed(host));
      waitUntilStalled(sent::get);
      reset(host);
      sender.join();
      client.awaitNoConnection(pt);
    }
  }

  private static void sendUntilClosed(Socket socket) {
    try {
      while (true) {
        socket.getOutputStream().write(new byte[50_000]);
      }
    } catch (IOException e) {
      // Closed by the test.
    }
  }

  @Test
  void stopsAPtThatSendsMoreThanTheHostTakes() throws Exception {
    AtomicLong sent = new AtomicLong();
    try (FakePt pt =
            new FakePt(dial -> {
              dial.grant();
              send(counting(dial.socket().getOutputStream(), sent), MORE_THAN_FITS, 1);
            });
        ClientFixture client = ClientFixture.through(pt, "");
        Socket host = client.connect()) {
      host.getOutputStream().write(1);
      long stalledAt = waitUntilStalled(sent::get);
      assertThat(stalledAt).isLessThan(WHAT_MAY_FIT);
      CRC32 sum = new CRC32();
      assertThat(read(host.getInputStream(), MORE_THAN_FITS, sum)).isEqualTo(MORE_THAN_FITS);
      assertThat(sum.getValue()).isEqualTo(checksum(MORE_THAN_FITS, 1));
      hangUp(host);
      client.awaitNoConnection(pt);
    }
  }

  @Test
  void stopsAHostThatSendsMoreThanThePtTakes() throws Exception {
    AtomicLong sent = new AtomicLong();
    try (FakePt pt =
            new FakePt(dial -> {
              dial.grant();
              gate.await();
              CRC32 sum = new CRC32();
              assertThat(read(dial.in(), MORE_THAN_FITS, sum)).isEqualTo(MORE_THAN_FITS);
              assertThat(sum.getValue()).isEqualTo(checksum(MORE_THAN_FITS, 1));
            });
        ClientFixture client = ClientFixture.through(pt, "");
        Socket host = client.connect()) {
      Thread sender =
          Thread.ofVirtual()
              .start(() -> {
                try {
                  send(counting(host.getOutputStream(), sent), MORE_THAN_FITS, 1);
                } catch (IOException e) {
                  sent.set(-1);
                }
              });
      assertThat(waitUntilStalled(sent::get)).isPositive().isLessThan(WHAT_MAY_FIT);
      gate.countDown();
      sender.join();
      assertThat(sent).hasValue(MORE_THAN_FITS);
      hangUp(host);
      client.awaitNoConnection(pt);
    }
  }

  private static OutputStream counting(OutputStream out, AtomicLong count) {
    return new OutputStream() {
      @Override
      public void write(int b) throws IOException {
        out.write(b);
        count.incrementAndGet();
      }

      @Override
      public void write(byte[] bytes, int from, int length) throws IOException {
        out.write(bytes, from, length);
        count.addAndGet(length);
      }
    };
  }

  private interface Count {
    long get() throws IOException;
  }

  /** Waits until a count has begun and stood still for a while; returns it. */
  private static long waitUntilStalled(Count count) throws Exception {
    long[] last = {0, System.nanoTime()};
    Waiting.until(
        "the sender is stopped",
        () -> {
          long now = System.nanoTime();
          long value = count.get();
          if (value != last[0]) {
            last[0] = value;
            last[1] = now;
          }
          return value > 0 && now - last[1] > Duration.ofMillis(250).toNanos();
        });
    return last[0];
  }

  @Test
  void endsASilentTunnelAfterTheIdleTimeout() throws Exception {
    Waiting.unlessTooSlow(Duration.ofMillis(250), this::endsASilentTunnel);
  }

  private void endsASilentTunnel(Waiting.Pace pace) throws Exception {
    try (FakePt pt = new FakePt(FakePt.ECHO);
        ClientFixture client = ClientFixture.through(pt, "idle-timeout=500ms");
        Socket host = client.connect()) {
      long last = 0;
      for (int i = 0; i < 4; i++) {
        pace.step();
        last = System.nanoTime();
        host.getOutputStream().write(i);
        int answer = host.getInputStream().read();
        pace.step();
        assertThat(answer).isEqualTo(i);
        Thread.sleep(i < 3 ? 200 : 0);
      }
      pace.step();
      assertThat(host.getInputStream().read()).isEqualTo(-1);
      assertThat(Duration.ofNanos(System.nanoTime() - last))
          .isBetween(Duration.ofMillis(495), Duration.ofSeconds(5));
      client.awaitNoConnection(pt);
      log.await("is closed: no byte for 500 ms");
    }
  }

  @Test
  void keepsASilentTunnelWithoutAnIdleTimeout() throws Exception {
    try (FakePt pt = new FakePt(FakePt.ECHO);
        ClientFixture client = ClientFixture.through(pt, "drain-timeout=50ms");
        Socket host = client.connect()) {
      host.getOutputStream().write(1);
      assertThat(host.getInputStream().read()).isEqualTo(1);
      host.setSoTimeout(250);
      assertThatThrownBy(() -> host.getInputStream().read())
          .isInstanceOf(SocketTimeoutException.class);
      host.getOutputStream().write(2);
      assertThat(host.getInputStream().read()).isEqualTo(2);
    }
  }

  /** Servers that speak at once: their first bytes may come in one segment with the grant. */
  @Test
  void keepsWhatIsGluedToTheGrant() throws Exception {
    byte[] greeting = "HTTP/1.1 200 OK".getBytes(UTF_8);
    try (FakePt pt =
            new FakePt(dial -> {
              byte[] grant = FakePt.Dial.reply(0);
              byte[] glued = Arrays.copyOf(grant, grant.length + greeting.length);
              System.arraycopy(greeting, 0, glued, grant.length, greeting.length);
              dial.send(glued);
              dial.in().readNBytes(4);
              dial.send("bye".getBytes(UTF_8));
            });
        ClientFixture client = ClientFixture.through(pt, "");
        Socket host = client.connect()) {
      host.getOutputStream().write(1);
      assertThat(host.getInputStream().readNBytes(greeting.length)).isEqualTo(greeting);
      host.getOutputStream().write(new byte[] {2, 3, 4});
      assertThat(host.getInputStream().readAllBytes()).asString(UTF_8).isEqualTo("bye");
      hangUp(host);
      client.awaitNoConnection(pt);
    }
  }

  @Test
  void carriesManyConnectionsAtOnce() throws Exception {
    int connections = 200;
    try (FakePt pt = new FakePt(FakePt.ECHO);
        ClientFixture client = ClientFixture.through(pt, "");
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> all =
          IntStream.range(0, connections)
              .<Future<?>>mapToObj(i ->
                  threads.submit(() -> {
                    try (Socket host = client.connect()) {
                      byte[] mine = ("connection " + i).repeat(500).getBytes(UTF_8);
                      host.getOutputStream().write(mine);
                      assertThat(host.getInputStream().readNBytes(mine.length)).isEqualTo(mine);
                      gate.await();
                      host.getOutputStream().write(i);
                      assertThat(host.getInputStream().read()).isEqualTo(i);
                      host.shutdownOutput();
                    }
                    return null;
                  }))
              .toList();
      Waiting.until("all are open at once", () -> pt.open() == connections);
      gate.countDown();
      for (Future<?> each : all) {
        each.get(10, TimeUnit.SECONDS);
      }
      assertThat(pt.accepted()).isEqualTo(connections);
    }
  }

  private static void hangUp(Socket socket) throws IOException {
    socket.close();
  }

  private static void reset(Socket socket) throws IOException {
    socket.setSoLinger(true, 0);
    socket.close();
  }

  private static byte[] bytes(int size) {
    byte[] bytes = new byte[size];
    new Random(size).nextBytes(bytes);
    return bytes;
  }
}
