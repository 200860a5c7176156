package io.github.ptadapter.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** A server, or the network to it, that goes away and comes back, while many tunnels are in use. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class ServerFaultsIT {

  private static final String STATE = "/var/lib/pt-adapter";
  private static final long SIZE = 48_000_000;

  /** More than all buffers on the way hold: 6 MB each, at the most. */
  private static final long LARGE = 200_000_000;

  private static final long RATE = 12_000_000;
  private static final int TUNNELS = 200;

  private ContainerPath path;
  private Tunnels tunnels;

  @BeforeAll
  void start() {
    path =
        ContainerPath.plan()
            .to(ContainerPath.Address.NAME)
            .withClientOptions(";dial-timeout=10s")
            .start();
    tunnels = Tunnels.open(path, TUNNELS);
  }

  @AfterAll
  void close() {
    if (path != null) {
      if (tunnels != null) {
        tunnels.close();
      }
      path.close();
    }
  }

  @Test
  void resetsByTheNetworkAreSeenAndOver() {
    Fault fault = Fault.begin("connections reset for 3 s", path, tunnels);
    Download download = Download.start(path, LARGE, RATE).awaitUnderWay();
    Duration used = Fault.cpu(path.client(), "java");
    reset(path.server(), "-A", "--dport");
    reset(path.client(), "-A", "--sport");
    try {
      Await.pace(Duration.ofSeconds(3));
      assertThat(path.tryCurl("http://web/1").code()).as("exit code of curl").isNotZero();
      assertThat(download.await().code()).as("exit code of curl").isNotZero();
      used = Fault.cpu(path.client(), "java").minus(used);
    } finally {
      reset(path.server(), "-D", "--dport");
      reset(path.client(), "-D", "--sport");
    }
    fault.over();
    fault.note("the plugin's processor time %d ms".formatted(used.toMillis()));
    fault.end();
    assertThat(used).isLessThan(Duration.ofSeconds(2));
    assertThat(fault.warnings(path.client())).isNotEmpty();
  }

  /** Both ends are told, as by a censor in the middle. */
  private static void reset(Machine machine, String change, String port) {
    for (String program : List.of("iptables", "ip6tables")) {
      String rule = " INPUT -p tcp " + port + " 443 ! --tcp-flags RST RST -j REJECT";
      machine.runAsRoot(
          (program + " " + change + rule + " --reject-with tcp-reset").split(" ", -1));
    }
  }

  @Test
  void aFrozenServerLosesNothing() {
    Fault fault = Fault.begin("server frozen for 5 s", path, tunnels);
    Download download = Download.start(path, SIZE, RATE).awaitUnderWay();
    path.server().pause();
    Await.pace(Duration.ofSeconds(5));
    path.server().unpause();
    fault.over();
    download.awaitWhole();
    assertThat(fault.end()).as("lost tunnels").isZero();
    assertThat(fault.warnings(path.client())).isEmpty();
  }

  @Test
  void clientsGoOnWithAServerThatWasKilled() {
    Fault fault = Fault.begin("server killed, and started again", path, tunnels);
    Download download = Download.start(path, LARGE, RATE).awaitUnderWay();
    restart();
    fault.over();
    assertThat(download.await().code()).as("exit code of curl").isNotZero();
    fault.end();
  }

  @Test
  void aServerWithANewIdentityIsToldOnBothSides() {
    Fault fault = Fault.begin("server with a new identity", path, tunnels);
    path.server().run("sh", "-c", "cp -a %s /tmp/kept && rm %s/*".formatted(STATE, STATE));
    restart();
    long begin = System.nanoTime();
    assertThat(path.tryCurl("http://web/1").code()).as("exit code of curl").isNotZero();
    Duration took = Duration.ofNanos(System.nanoTime() - begin);
    fault.note("told after %d ms".formatted(took.toMillis()));
    path.server().run("sh", "-c", "rm %s/* && cp -a /tmp/kept/. %s".formatted(STATE, STATE));
    restart();
    fault.over();
    fault.end();
    assertThat(took).isLessThan(Duration.ofSeconds(15));
    assertThat(fault.warnings(path.client()))
        .anyMatch(line ->
            line.contains("no answer from the PT within 10 s")
                && line.contains("its cert is another"));
    List<String> told =
        fault.lines(path.server()).stream()
            .filter(line -> line.contains("the plugin options for clients: "))
            .map(line -> line.replaceFirst(".*for clients: ", ""))
            .toList();
    assertThat(told).hasSize(2).doesNotHaveDuplicates();
  }

  private void restart() {
    long ready = path.server().log().stream().filter(line -> line.contains("ready: ")).count();
    path.server().kill();
    path.server().startAgain();
    path.server().awaitLine("ready: ", (int) ready + 1);
  }

  @Test
  void clientsFollowAServerToAnotherAddress() {
    Fault fault = Fault.begin("server has another address", path, tunnels);
    String before = path.server().ipv4(path.far());
    path.server().disconnect(path.far());
    // It takes the address that is free now.
    try (Machine other = Machine.start(Image.BARE, "other", path.far(), "sleep", "infinity")) {
      path.server().connect(path.far());
      fault.note("%s -> %s".formatted(before, path.server().ipv4(path.far())));
      fault.note("another machine has " + other.ipv4(path.far()));
      assertThat(path.server().ipv4(path.far())).isNotEqualTo(before);
      fault.over();
      fault.end();
    }
  }

  @Test
  void aLinkThatWasDownLosesNothing() {
    Fault fault = Fault.begin("client's link down for 3 s", path, tunnels);
    Download download = Download.start(path, SIZE, RATE).awaitUnderWay();
    String address = path.client().ipv6(path.near());
    String device =
        path.client().run("sh", "-c", "ip -o addr show to " + address + " | awk '{print $2}'");
    path.client().runAsRoot("ip", "link", "set", device, "down");
    Await.pace(Duration.ofSeconds(3));
    path.client().runAsRoot("ip", "link", "set", device, "up");
    // Of IPv6 the kernel keeps no address meanwhile.
    path.client().runAsRoot("ip", "addr", "add", address + "/64", "dev", device, "nodad");
    fault.over();
    download.awaitWhole();
    assertThat(fault.end()).as("lost tunnels").isZero();
  }

  @Test
  void aClientGoesOnWhenItsNetworkIsBack() {
    Fault fault = Fault.begin("client's network away and back", path, tunnels);
    path.client().disconnect(path.near());
    assertThat(path.tryCurl("http://web/1").code()).as("exit code of curl").isNotZero();
    path.client().connect(path.near());
    fault.over();
    fault.end();
  }
}
