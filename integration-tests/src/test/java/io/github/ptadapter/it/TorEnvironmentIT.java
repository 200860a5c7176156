package io.github.ptadapter.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.ptadapter.it.Sip.Address;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What a PT is started with by a real tor and by the plugin where both are told the same: every
 * variable of the environment, the words of the command, the folder and the standard streams.
 *
 * <p>Nothing differs but where the state is, and what the two tests named {@code ...Not...} show: a
 * proxy's user and password, which tor does not encode, and stale variables, which tor passes on.
 * (The umask differs too, 077 with us and tor's own with tor, since a PT's state holds keys. And
 * tor knows more: {@code OutboundBindAddress} and an Extended ORPort, which SIP003 has nothing of.)
 */
final class TorEnvironmentIT {

  private static final String UNSET = "(unset)";

  /**
   * Leaves what it was started with, as if all of it were in the environment; speaks both roles.
   */
  private static final String PT =
      """
      streams=$(readlink /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2 | tr -d '0-9\\n')
      {
        cat /proc/$$/environ
        printf '%s\\0' "(words)=$*" "(folder)=$(pwd -P)" "(streams)=$streams"
      } >"$here/new"
      mv "$here/new" "$here/env"
      echo VERSION 1
      if [ "$TOR_PT_PROXY" ]; then echo PROXY DONE; fi
      if [ "$TOR_PT_ORPORT" ]; then
        echo "SMETHOD fake ${TOR_PT_SERVER_BINDADDR#fake-}"
        echo SMETHODS DONE
      else
        echo CMETHOD fake socks5 127.0.0.1:9
        echo CMETHODS DONE
      fi
      exec cat
      """;

  private static final String WORDS = " -flag last";

  @TempDir Path dir;

  private NetworkNamespace network;
  private FakePt torsPt;
  private FakePt ourPt;
  private Map<String, String> environment;

  /** A value of tor's and the one that we have instead. */
  private record Difference(String tor, String ours) {}

  @BeforeEach
  void prepare() {
    network = NetworkNamespace.create();
    torsPt = FakePt.write(dir.resolve("tor"), PT);
    ourPt = FakePt.write(dir.resolve("plugin"), PT);
    environment = new TreeMap<>();
    environment.put("PATH", System.getenv("PATH"));
    environment.put("JAVA_HOME", System.getProperty("java.home"));
    environment.put("LC_ALL", "xx_YY.ISO-8859-1");
    environment.put("OF_THE_HOST", "a=b c\u00e4");
  }

  @AfterEach
  void tidyUp() {
    network.close();
  }

  @Test
  void client() {
    assertThat(ofClient("")).isEmpty();
  }

  @Test
  void clientWithASocks5Proxy() {
    assertThat(ofClient("proxy=socks5://127.0.0.1:9050", "Socks5Proxy 127.0.0.1:9050")).isEmpty();
    assertThat(ourPt.environment()).containsEntry("TOR_PT_PROXY", "socks5://127.0.0.1:9050");
  }

  @Test
  void clientWithASocks5ProxyAndIpV6() {
    assertThat(ofClient("proxy=socks5://[::1]:9050", "Socks5Proxy [::1]:9050")).isEmpty();
  }

  @Test
  void clientWithASocks4Proxy() {
    assertThat(ofClient("proxy=socks4a://127.0.0.1:1080", "Socks4Proxy 127.0.0.1:1080")).isEmpty();
  }

  @Test
  void clientWithAnHttpProxyAndItsPassword() {
    assertThat(
            ofClient(
                "proxy=http://user:pw@127.0.0.1:8080",
                "HTTPSProxy 127.0.0.1:8080",
                "HTTPSProxyAuthenticator user:pw"))
        .isEmpty();
  }

  /**
   * The specification asks for the encoding, and PTs in Go die without a word where it is missing.
   */
  @Test
  void userAndPasswordOfAProxyAreNotAsTorHasThem() {
    assertThat(
            ofClient(
                "proxy=socks5://us%3Aer:pa%40s%25s@127.0.0.1:9050",
                "Socks5Proxy 127.0.0.1:9050",
                "Socks5ProxyUsername us:er",
                "Socks5ProxyPassword pa@s%s"))
        .containsExactlyEntriesOf(
            Map.of(
                "TOR_PT_PROXY",
                new Difference(
                    "socks5://us:er:pa@s%s@127.0.0.1:9050",
                    "socks5://us%3Aer:pa%40s%25s@127.0.0.1:9050")));
  }

  /**
   * With both roles in its environment obfs4proxy ends at once; a stale proxy is one not wanted.
   */
  @Test
  void staleVariablesAreNotPassedOnAsTorDoes() {
    environment.put("TOR_PT_PROXY", "socks5://127.0.0.1:1");
    environment.put("TOR_PT_SERVER_TRANSPORTS", "stale");
    environment.put("TOR_PT_LEFTOVER", "stale");
    assertThat(ofClient(""))
        .containsExactlyInAnyOrderEntriesOf(
            Map.of(
                "TOR_PT_PROXY", new Difference("socks5://127.0.0.1:1", UNSET),
                "TOR_PT_SERVER_TRANSPORTS", new Difference("stale", UNSET),
                "TOR_PT_LEFTOVER", new Difference("stale", UNSET)));
  }

  @Test
  void server() {
    assertThat(ofServer("127.0.0.1", "")).isEmpty();
    assertThat(ourPt.environment()).doesNotContainKey("TOR_PT_SERVER_TRANSPORT_OPTIONS");
  }

  @Test
  void serverWithOptions() {
    assertThat(
            ofServer(
                "127.0.0.1",
                ";iat-mode=1;path=/x\\;y:z\\\\w;key=a=b",
                "ServerTransportOptions fake iat-mode=1 path=/x;y:z\\w key=a=b"))
        .isEmpty();
    assertThat(ourPt.environment())
        .containsEntry(
            "TOR_PT_SERVER_TRANSPORT_OPTIONS",
            "fake:iat-mode=1;fake:path=/x\\;y\\:z\\\\w;fake:key=a=b");
  }

  @Test
  void serverWithIpV6() {
    Requirement.orSkip(Loopback.hasIpV6(), "IPv6");
    assertThat(ofServer("::1", "")).isEmpty();
  }

  /**
   * Starts both in the client role.
   *
   * @param options of the plugin
   * @param lines the same for tor
   */
  private Map<String, Difference> ofClient(String options, String... lines) {
    String[] all = new String[lines.length + 2];
    all[0] = "Bridge fake 127.0.0.1:9 0123456789012345678901234567890123456789";
    all[1] = "ClientTransportPlugin fake exec " + torsPt.script() + WORDS;
    System.arraycopy(lines, 0, all, 2, lines.length);
    Path data = dir.resolve("data");
    try (Tor tor = Tor.client(network, data, environment, all);
        Program plugin = plugin(Sip.of(options(options))).awaitReady()) {
      return differences(tor, plugin, data);
    }
  }

  private Map<String, Difference> ofServer(String host, String options, String... lines) {
    int publicPort = Loopback.freePort();
    int orPort = Loopback.freePort();
    String literal = host.contains(":") ? "[" + host + "]" : host;
    String[] all = new String[lines.length + 2];
    all[0] = "ServerTransportPlugin fake exec " + torsPt.script() + WORDS;
    all[1] = "ServerTransportListenAddr fake " + literal + ":" + publicPort;
    System.arraycopy(lines, 0, all, 2, lines.length);
    Path data = dir.resolve("data");
    Sip sip =
        new Sip(
            new Address(host, publicPort), new Address(host, orPort), options("server" + options));
    try (Tor tor = Tor.bridge(network, data, environment, literal + ":" + orPort, all);
        Program plugin = plugin(sip).awaitReady()) {
      return differences(tor, plugin, data);
    }
  }

  private String options(String more) {
    return "transport=fake;exec="
        + ourPt.script()
        + WORDS
        + ";state="
        + ourPt.file("pt-state")
        + ";"
        + more;
  }

  private Program plugin(Sip sip) {
    ProcessBuilder builder = Plugin.command(dir, sip);
    builder.environment().clear();
    builder.environment().putAll(environment);
    builder.environment().putAll(sip.environment());
    return Program.start(network.inside(builder));
  }

  /** What differs beside the place of the state, which is checked here. */
  private Map<String, Difference> differences(Tor tor, Program plugin, Path data) {
    Map<String, String> tors = torsPt.environment();
    Map<String, String> ours = ourPt.environment();
    assertThat(plugin.errors()).as("errors beside %s", tor).isEmpty();
    Set<String> names = new TreeSet<>(tors.keySet());
    names.addAll(ours.keySet());
    assertThat(names)
        .contains("TOR_PT_MANAGED_TRANSPORT_VER", "TOR_PT_EXIT_ON_STDIN_CLOSE", "OF_THE_HOST");
    assertThat(ours).containsEntry("(words)", WORDS.strip());
    Map<String, Difference> differences = new TreeMap<>();
    for (String name : names) {
      String value = tors.getOrDefault(name, UNSET);
      String our = ours.getOrDefault(name, UNSET);
      if (!value.equals(our)) {
        differences.put(name, new Difference(value, our));
      }
    }
    // Both absolute, and with a slash at the end.
    assertThat(differences.remove("TOR_PT_STATE_LOCATION"))
        .isEqualTo(new Difference(data + "/pt_state/", ourPt.file("pt-state") + "/"));
    return differences;
  }
}
