package io.github.ptadapter.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Between real hosts: ss-local, plugin, obfs4proxy, obfs4proxy, ss-server, a server. */
final class HostsIT {

  private static final boolean FULL = Boolean.getBoolean("ptadapter.full");
  private static final long MEGABYTE = 1_000_000;
  private static final int CONNECTIONS = 200;

  private static final Path DEBIANS = Path.of("/usr/bin/obfs4proxy");

  @TempDir Path dir;

  @Test
  void embeddedPtCarriesBulkBothWays() throws Exception {
    try (TestServer target = Exchange.server(Loopback.IPV4);
        HostPair hosts = HostPair.start(dir, Loopback.IPV4, "", pathWithoutPt())) {
      assertThat(ptOf(hosts.client())).isEqualTo(Plugin.EMBEDDED_PT.toRealPath());
      assertThat(ptOf(hosts.server())).isEqualTo(Plugin.EMBEDDED_PT.toRealPath());
      bulk(hosts, target, (FULL ? 1000 : 100) * MEGABYTE);
    }
  }

  @Test
  void installedPtCarriesBulkBothWays() throws Exception {
    Requirement.orSkip(Files.isExecutable(DEBIANS), DEBIANS.toString());
    try (TestServer target = Exchange.server(Loopback.IPV4);
        HostPair hosts = HostPair.start(dir, Loopback.IPV4, ";exec=" + DEBIANS, Map.of())) {
      assertThat(ptOf(hosts.client())).isEqualTo(DEBIANS.toRealPath());
      assertThat(ptOf(hosts.server())).isEqualTo(DEBIANS.toRealPath());
      bulk(hosts, target, (FULL ? 1000 : 100) * MEGABYTE);
    }
  }

  @Test
  void ipV6CarriesBulkBothWays() throws Exception {
    Requirement.orSkip(Loopback.hasIpV6(), "IPv6");
    try (TestServer target = Exchange.server(Loopback.IPV6);
        HostPair hosts = HostPair.start(dir, Loopback.IPV6, "", pathWithoutPt())) {
      bulk(hosts, target, 20 * MEGABYTE);
      atOnce(hosts, target, 20);
    }
  }

  @Test
  void manyConnectionsAtOnceAreAllServed() throws Exception {
    try (TestServer target = Exchange.server(Loopback.IPV4);
        HostPair hosts = HostPair.start(dir, Loopback.IPV4, "", pathWithoutPt())) {
      atOnce(hosts, target, FULL ? 1000 : CONNECTIONS);
      assertThat(hosts.client().log()).noneMatch(line -> line.contains(" failed: "));
    }
  }

  private static void bulk(HostPair hosts, TestServer target, long size) throws IOException {
    try (Socket socket = hosts.connect(target.port())) {
      long start = System.nanoTime();
      Exchange.down(socket, new Payload(1, size));
      long middle = System.nanoTime();
      Exchange.up(socket, new Payload(2, size));
      System.out.printf(
          "HostsIT: %d MB down at %.0f MB/s, up at %.0f MB/s%n",
          size / MEGABYTE,
          size * 1e3 / (middle - start),
          size * 1e3 / (System.nanoTime() - middle));
    }
  }

  /** All are open before the first is closed, each with bytes of its own both ways. */
  private static void atOnce(HostPair hosts, TestServer target, int connections) throws Exception {
    CountDownLatch served = new CountDownLatch(connections);
    List<Callable<Void>> tasks = new ArrayList<>();
    for (int i = 0; i < connections; i++) {
      long seed = 1000L + i;
      tasks.add(() -> {
        try (Socket socket = hosts.connect(target.port())) {
          Exchange.up(socket, new Payload(seed, 50_000));
          served.countDown();
          served.await();
          Exchange.down(socket, new Payload(-seed, 50_000));
        } catch (IOException | AssertionError e) {
          served.countDown();
          throw e;
        }
        return null;
      });
    }
    long start = System.nanoTime();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (Future<Void> done : threads.invokeAll(tasks)) {
        done.get();
      }
    }
    System.out.printf(
        "HostsIT: %d connections at once in %d ms%n",
        connections, (System.nanoTime() - start) / 1_000_000);
  }

  private static Path ptOf(Program host) {
    return Processes.executable(host.awaitChild("obfs4proxy"));
  }

  /** A PATH with the hosts' programs alone, so that no obfs4proxy is found there. */
  private Map<String, String> pathWithoutPt() throws IOException {
    return Map.of("PATH", Files.createDirectory(dir.resolve("empty")).toString());
  }
}
