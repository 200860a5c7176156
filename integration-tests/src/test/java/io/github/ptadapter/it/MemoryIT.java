package io.github.ptadapter.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Backpressure: a peer that does not read costs no memory.
 *
 * <p>What is measured: the resident memory (VmRSS) of the client's plugin, which carries the bytes,
 * sampled every 20 ms; its highest value during the transfer against its highest value during a
 * transfer of 100 MB each way at full speed before.
 */
final class MemoryIT {

  private static final boolean FULL = Boolean.getBoolean("ptadapter.full");
  private static final long MEGABYTE = 1_000_000;
  private static final long GROWTH = 10 * MEGABYTE;

  private static final Payload WARM_UP = new Payload(6, 100 * MEGABYTE);
  private static final Payload BULK = new Payload(7, (FULL ? 1000 : 300) * MEGABYTE);

  /** How long the peer reads nothing, and then 64 KiB at a time with pauses. */
  private static final Duration STALL = Duration.ofSeconds(2);

  private static final Duration PAUSE = Duration.ofMillis(10);
  private static final int SLOW_READS = 150;

  /** No request of an {@link Exchange}. */
  private static final int SLOW_UPLOAD = 'S';

  @TempDir Path dir;

  @Test
  void slowReaderCostsNoMemory() throws Exception {
    try (TestServer target = Exchange.server(Loopback.IPV4);
        PluginPair pair = PluginPair.start(dir, target.port(), "")) {
      long warm = warmUp(pair);
      try (Socket socket = pair.connect();
          Peak peak = new Peak(pair.client().pid())) {
        Exchange.askDown(socket, BULK);
        assertThat(readSlowly(socket.getInputStream())).isEqualTo(BULK.sha256());
        assertGrowth("slow reader", warm, peak);
      }
    }
  }

  @Test
  void slowServerCostsNoMemory() throws Exception {
    CompletableFuture<String> received = new CompletableFuture<>();
    try (TestServer slow =
            TestServer.start(socket -> {
              int first = socket.getInputStream().read();
              if (first == SLOW_UPLOAD) {
                received.complete(readSlowly(socket.getInputStream()));
              } else {
                Exchange.serve(socket, first);
              }
            });
        PluginPair pair = PluginPair.start(dir, slow.port(), "")) {
      long warm = warmUp(pair);
      try (Socket socket = pair.connect();
          Peak peak = new Peak(pair.client().pid())) {
        socket.getOutputStream().write(SLOW_UPLOAD);
        BULK.writeTo(socket.getOutputStream());
        assertThat(received.get(60, TimeUnit.SECONDS)).isEqualTo(BULK.sha256());
        assertGrowth("slow server", warm, peak);
      }
    }
  }

  private static long warmUp(PluginPair pair) throws IOException {
    try (Socket socket = pair.connect();
        Peak peak = new Peak(pair.client().pid())) {
      Exchange.up(socket, WARM_UP);
      Exchange.down(socket, WARM_UP);
      return peak.bytes();
    }
  }

  /** Nothing at all first, then little, then all the rest at once. */
  private static String readSlowly(InputStream in) throws IOException {
    Await.pace(STALL);
    InputStream slow =
        new InputStream() {
          private int reads;

          @Override
          public int read() {
            throw new UnsupportedOperationException();
          }

          @Override
          public int read(byte[] bytes, int offset, int length) throws IOException {
            if (reads++ < SLOW_READS) {
              Await.pace(PAUSE);
            }
            return in.read(bytes, offset, length);
          }
        };
    return Payload.sha256(slow, BULK.size());
  }

  private static void assertGrowth(String what, long warm, Peak peak) {
    System.out.printf(
        "MemoryIT: %s of %d MB: %.1f MB resident at most, %.1f MB after the warm-up%n",
        what, BULK.size() / MEGABYTE, peak.bytes() / 1e6, warm / 1e6);
    assertThat(peak.bytes() - warm).as("growth of resident memory").isLessThan(GROWTH);
  }

  /** The highest resident memory of a process while this is open. */
  private static final class Peak implements AutoCloseable {
    private final AtomicLong bytes = new AtomicLong();
    private volatile boolean closed;

    Peak(long pid) {
      Thread.ofPlatform().daemon().start(() -> sample(pid));
    }

    private void sample(long pid) {
      while (!closed) {
        bytes.accumulateAndGet(Processes.residentBytes(pid), Math::max);
        Await.pace(Duration.ofMillis(20));
      }
    }

    long bytes() {
      return bytes.get();
    }

    @Override
    public void close() {
      closed = true;
    }
  }
}
