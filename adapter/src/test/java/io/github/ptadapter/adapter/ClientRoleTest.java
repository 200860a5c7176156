package io.github.ptadapter.adapter;

import static io.github.ptadapter.adapter.Refusals.refused;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.ptadapter.ptclient.Endpoint;
import io.github.ptadapter.ptclient.SocksVersion;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(LeakCheck.class)
class ClientRoleTest {

  private static final Endpoint LOCAL = new Endpoint("127.0.0.1", 1080);

  @RegisterExtension private final CapturedLog log = new CapturedLog();

  @ParameterizedTest
  @ValueSource(strings = {"0.0.0.0", "::", "::0", "0:0:0:0:0:0:0:0", "192.0.2.1|0.0.0.0"})
  void refusesAServerThatIsAWildcard(String hosts) {
    refused(
        () -> role(hosts, LOCAL, ""),
        "the server's address is " + hosts.substring(hosts.indexOf('|') + 1),
        "which only a server can have: add 'server' to the plugin options");
  }

  @ParameterizedTest
  @CsvSource({
    "192.0.2.4,   192.0.2.4:443,     false",
    "192.0.2.5,   192.0.2.4:443,     true",
    "192.0.2.4,   192.0.2.4:444,     true",
    "2001:db8::1, [2001:db8::1]:443, false",
    "a.example,   192.0.2.4:443,     true",
  })
  void warnsWhenTheBridgeIsAtAnotherAddress(String host, String bridge, boolean warns)
      throws Exception {
    role(host, LOCAL, "bridge=dummy " + bridge);
    assertThat(log.lines())
        .filteredOn(line -> line.contains("the bridge line's address differs from the server's"))
        .hasSize(warns ? 1 : 0);
  }

  @Test
  void listensBeforeItServes() throws Exception {
    Endpoint local = new Endpoint("127.0.0.1", ClientFixture.freePort());
    ClientRole role = role("192.0.2.1", local, "");
    role.bind();
    try (Socket host = new Socket(InetAddress.getLoopbackAddress(), local.port())) {
      assertThat(host.isConnected()).isTrue();
    } finally {
      role.close().sync();
    }
  }

  @Test
  void listensOnIpV6AndOnNames() throws Exception {
    for (String host : List.of("localhost", "::1")) {
      Endpoint local = new Endpoint(host, ClientFixture.freePort());
      ClientRole role = role("192.0.2.1", local, "");
      role.bind();
      try (Socket socket = new Socket(InetAddress.getByName(host), local.port())) {
        assertThat(socket.isConnected()).isTrue();
      } finally {
        role.close().sync();
      }
    }
  }

  /** Hosts find a free port by binding it; it may take them a moment to let go. */
  @Test
  void waitsForAPortThatIsBeingFreed() throws Exception {
    ServerSocket holder = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
    ClientRole role = role("192.0.2.1", new Endpoint("127.0.0.1", holder.getLocalPort()), "");
    CompletableFuture<Void> bound = new CompletableFuture<>();
    Thread.ofVirtual()
        .start(() -> {
          try {
            role.bind();
            bound.complete(null);
          } catch (AdapterException | InterruptedException e) {
            bound.completeExceptionally(e);
          }
        });
    Thread.sleep(200);
    assertThat(bound).isNotDone();
    holder.close();
    bound.get(5, TimeUnit.SECONDS);
    role.close().sync();
  }

  @Test
  void givesUpOnAPortThatIsInUse() throws Exception {
    try (ServerSocket holder = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      Endpoint local = new Endpoint("127.0.0.1", holder.getLocalPort());
      long begin = System.nanoTime();
      refused(
          ExitCode.LISTEN,
          () -> role("192.0.2.1", local, "").bind(),
          "cannot listen on " + local + " (SS_LOCAL): Address already in use");
      assertThat(Duration.ofNanos(System.nanoTime() - begin))
          .isBetween(Duration.ofMillis(900), Duration.ofSeconds(8));
    }
  }

  @Test
  void givesUpOnAnAddressOfAnotherMachine() throws Exception {
    Endpoint local = new Endpoint("192.0.2.1", ClientFixture.freePort());
    refused(
        ExitCode.LISTEN,
        () -> role("192.0.2.1", local, "").bind(),
        "cannot listen on " + local + " (SS_LOCAL): ",
        ": it is no address of this machine");
  }

  @Test
  void givesUpOnANameThatIsNone() throws Exception {
    Endpoint local = new Endpoint("no-such-host.invalid", ClientFixture.freePort());
    refused(
        ExitCode.LISTEN,
        () -> role("192.0.2.1", local, "").bind(),
        "cannot listen on " + local + " (SS_LOCAL): there is no such host");
  }

  @Test
  void saysWhenItIsReady() throws Exception {
    try (FakePt pt = new FakePt(FakePt.ECHO)) {
      role("a.example", LOCAL, "").ready(pt.methods());
      assertThat(log.await("[pt-adapter] ready:"))
          .endsWith(" INFO [pt-adapter] ready: dummy for connections to 127.0.0.1:1080");
    }
  }

  @ParameterizedTest
  @CsvSource({"510, true", "511, false", "600, false"})
  void takesNoMoreArgumentsThanSocks5Holds(int bytes, boolean fits) throws Exception {
    // x= and one escape are three of the bytes.
    ClientRole role = role("a.example", LOCAL, "x=\\\\" + "v".repeat(bytes - 4));
    try (FakePt pt = new FakePt(FakePt.ECHO)) {
      if (fits) {
        role.ready(pt.methods());
        log.await("ready: dummy");
      } else {
        refused(
            () -> role.ready(pt.methods()),
            "the arguments for dummy take "
                + bytes
                + " bytes (escapes included), SOCKS5 holds 510");
        assertThat(log.lines()).noneMatch(line -> line.contains("ready:"));
      }
    }
  }

  @Test
  void handsMoreArgumentsToSocks4() throws Exception {
    try (FakePt pt = new FakePt(FakePt.ECHO)) {
      role("192.0.2.1", LOCAL, "x=" + "v".repeat(600)).ready(pt.methods(SocksVersion.SOCKS4));
      log.await("ready: dummy");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"a.example", "2001:db8::1", "192.0.2.1|a.example", "192.0.2.1|::1"})
  void refusesWhatSocks4CannotName(String hosts) throws Exception {
    ClientRole role = role(hosts, LOCAL, "");
    try (FakePt pt = new FakePt(FakePt.ECHO)) {
      refused(
          () -> role.ready(pt.methods(SocksVersion.SOCKS4)),
          "the PT offers dummy by SOCKS4, which takes IPv4 addresses only: '"
              + hosts.substring(hosts.indexOf('|') + 1)
              + "' is none");
    }
  }

  private static ClientRole role(String hosts, Endpoint local, String options)
      throws AdapterException {
    List<Endpoint> remotes =
        Stream.of(hosts.split("\\|", -1)).map(host -> new Endpoint(host, 443)).toList();
    return new ClientRole(
        new SipEnvironment(remotes, local, "", SipEnvironment.Names.HOST),
        PluginOptions.of(OptionString.parse("transport=" + FakePt.TRANSPORT + ";" + options)),
        Optional.empty());
  }
}
