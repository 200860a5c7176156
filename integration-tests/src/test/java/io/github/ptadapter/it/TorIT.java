package io.github.ptadapter.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A stock tor as the other side of each role: what speaks obfs4 to us was started by it, with its
 * environment and its SOCKS client. The mark is that a tor client has the descriptor of the bridge,
 * which has come through TLS, a circuit and the transport.
 *
 * <p>All programs of a test run in a network of their own, where there is nothing but loopback.
 */
final class TorIT {

  @TempDir Path dir;

  /** Our server is in front of a bridge that knows nothing of transports. */
  @Test
  void clientOfTorReachesABridgeThroughOurServer() throws IOException {
    int orPort = Loopback.freePort();
    int publicPort = Loopback.freePort();
    Path state = dir.resolve("server-state");
    Sip sip = Sip.of(publicPort, orPort, "server" + obfs4() + ";state=" + state);
    try (NetworkNamespace network = NetworkNamespace.create();
        Tor bridge = bridge(network, orPort);
        Program plugin = start(network, sip).awaitReady()) {
      String options = Files.readString(state.resolve("client-plugin-opts.txt")).strip();
      String args = options.replace("transport=obfs4;", "").replace(';', ' ');
      try (Tor client =
          client(
              network,
              "Bridge obfs4 127.0.0.1:%d %s %s".formatted(publicPort, bridge.fingerprint(), args),
              "ClientTransportPlugin obfs4 exec " + Plugin.EMBEDDED_PT)) {
        client.awaitDescriptor();
      }
      assertThat(plugin.log()).as("log of %s", plugin).hasSize(2);
      assertThat(plugin.log().getLast()).contains(" ready: ");
    }
  }

  /** Our client has the arguments that the bridge's transport wrote, as options. */
  @Test
  void clientOfTorReachesItsObfs4BridgeThroughOurClient() throws IOException {
    int publicPort = Loopback.freePort();
    try (NetworkNamespace network = NetworkNamespace.create();
        Tor bridge = obfs4Bridge(network, publicPort)) {
      String line = bridge.bridgeLine("pt_state/obfs4_bridgeline.txt");
      assertThat(line).startsWith("Bridge obfs4 <IP ADDRESS>:<PORT> <FINGERPRINT> cert=");
      String args = line.substring(line.indexOf("cert=")).replace(' ', ';');
      throughOurClient(network, bridge, publicPort, obfs4() + ";" + args);
    }
  }

  /** Our client has the bridge line that tor wrote, whole, as an option. */
  @Test
  void bridgeLineOfTorIsAllThatOurClientNeeds() throws IOException {
    int publicPort = Loopback.freePort();
    try (NetworkNamespace network = NetworkNamespace.create();
        Tor bridge = obfs4Bridge(network, publicPort)) {
      String line = bridge.bridgeLine("bridgelines");
      assertThat(line)
          .startsWith(
              "Bridge obfs4 127.0.0.1:" + publicPort + " " + bridge.fingerprint() + " cert=");
      String escaped = line.replaceAll("[\\\\;=]", "\\\\$0");
      throughOurClient(
          network, bridge, publicPort, "exec=" + Plugin.EMBEDDED_PT + ";bridge=" + escaped);
    }
  }

  /** The client of tor believes that our local port is a bridge without a transport. */
  private void throughOurClient(
      NetworkNamespace network, Tor bridge, int publicPort, String options) {
    int localPort = Loopback.freePort();
    String line = "Bridge 127.0.0.1:" + localPort + " " + bridge.fingerprint();
    try (Program plugin = start(network, Sip.of(publicPort, localPort, options)).awaitReady();
        Tor client = client(network, line)) {
      client.awaitDescriptor();
      assertThat(plugin.log()).as("log of %s", plugin).hasSize(1);
    }
  }

  private Tor obfs4Bridge(NetworkNamespace network, int publicPort) {
    return bridge(
        network,
        Loopback.freePort(),
        "ExtORPort auto",
        "ServerTransportPlugin obfs4 exec " + Plugin.EMBEDDED_PT,
        "ServerTransportListenAddr obfs4 127.0.0.1:" + publicPort);
  }

  private Tor bridge(NetworkNamespace network, int orPort, String... lines) {
    return Tor.bridge(
        network, dir.resolve("bridge"), System.getenv(), "127.0.0.1:" + orPort, lines);
  }

  private Tor client(NetworkNamespace network, String... lines) {
    return Tor.client(network, dir.resolve("client"), System.getenv(), lines);
  }

  private Program start(NetworkNamespace network, Sip sip) {
    return Program.start(network.inside(Plugin.command(dir, sip)));
  }

  private static String obfs4() {
    return ";transport=obfs4;exec=" + Plugin.EMBEDDED_PT;
  }
}
