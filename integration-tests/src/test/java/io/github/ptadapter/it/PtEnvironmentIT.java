package io.github.ptadapter.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.ptadapter.it.Sip.Address;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The environment of the PT: the host's, less what is ours, and what the specification asks. */
final class PtEnvironmentIT {

  /** They would load code into any Java, ours and a PT's. */
  private static final Set<String> FOR_JAVA =
      Set.of("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "CLASSPATH");

  @TempDir Path dir;

  @Test
  void ptOfAClientGetsTheHostsEnvironmentLessWhatIsOurs() throws IOException {
    String offers = FakePt.offers(9).replace("VERSION 1", "VERSION 1; echo PROXY DONE");
    FakePt pt = FakePt.write(dir, FakePt.DUMP + offers + FakePt.STAYS);
    Sip sip = Sip.of(pt.options() + ";proxy=socks5://us%3Aer:pa%40ss@127.0.0.1:9");
    ProcessBuilder builder = Plugin.command(dir, sip);
    Map<String, String> environment = builder.environment();
    stale(environment);
    environment.put("LC_ALL", "xx_YY.ISO-8859-1");
    try (Program plugin = Program.start(builder).awaitReady()) {
      Map<String, String> expected = inherited(environment);
      expected.put("TOR_PT_MANAGED_TRANSPORT_VER", "1");
      expected.put("TOR_PT_EXIT_ON_STDIN_CLOSE", "1");
      expected.put("TOR_PT_STATE_LOCATION", pt.file("pt-state") + "/");
      expected.put("TOR_PT_CLIENT_TRANSPORTS", "fake");
      expected.put("TOR_PT_PROXY", "socks5://us%3Aer:pa%40ss@127.0.0.1:9");
      assertThat(pt.environment()).containsExactlyInAnyOrderEntriesOf(expected);
      assertThat(plugin.isRunning()).isTrue();
    }
  }

  @Test
  void ptOfAServerGetsItsAddressesAndOptions() throws IOException {
    String offers = "echo VERSION 1; echo SMETHOD fake [::]:9; echo SMETHODS DONE\n";
    FakePt pt = FakePt.write(dir, FakePt.DUMP + offers + FakePt.STAYS);
    Sip sip =
        new Sip(
            new Address("0.0.0.0|::0", 4433),
            new Address("[::1]", 8388),
            pt.options() + ";server;url=http://x\\;y;arg.state=a\\\\b=c");
    ProcessBuilder builder = Plugin.command(dir, sip);
    Map<String, String> environment = builder.environment();
    stale(environment);
    try (Program plugin = Program.start(builder).awaitReady()) {
      Map<String, String> expected = inherited(environment);
      expected.put("TOR_PT_MANAGED_TRANSPORT_VER", "1");
      expected.put("TOR_PT_EXIT_ON_STDIN_CLOSE", "1");
      expected.put("TOR_PT_STATE_LOCATION", pt.file("pt-state") + "/");
      expected.put("TOR_PT_SERVER_TRANSPORTS", "fake");
      String public4 = "fake-0.0.0.0:4433";
      expected.put("TOR_PT_SERVER_BINDADDR", Loopback.hasIpV6() ? "fake-[::]:4433" : public4);
      expected.put(
          "TOR_PT_SERVER_TRANSPORT_OPTIONS", "fake:url=http\\://x\\;y;fake:state=a\\\\b=c");
      expected.put("TOR_PT_ORPORT", "[::1]:8388");
      expected.put("TOR_PT_EXTENDED_SERVER_PORT", "");
      assertThat(pt.environment()).containsExactlyInAnyOrderEntriesOf(expected);
      assertThat(plugin.isRunning()).isTrue();
    }
  }

  /** What a PT, a host or another plugin may have left there, and little of this test's own. */
  private static void stale(Map<String, String> environment) {
    environment.keySet().removeIf(name -> !name.matches("PATH|JAVA_HOME|SS_.*"));
    environment.put("OF_THE_HOST", "kept");
    // What the system's loader reads is the host's affair, for us and for the PT.
    environment.put("LD_PRELOAD", "libc.so.6");
    for (String name : FOR_JAVA) {
      environment.put(name, "-XX:+NoSuchOption");
    }
    environment.put("SS_STALE", "stale");
    environment.put("TOR_PT_PROXY", "socks5://127.0.0.1:1");
    environment.put("TOR_PT_SERVER_TRANSPORTS", "stale");
    environment.put("TOR_PT_CLIENT_TRANSPORTS", "stale");
    environment.put("TOR_PT_LEFTOVER", "stale");
  }

  private static Map<String, String> inherited(Map<String, String> environment) {
    Map<String, String> inherited = new TreeMap<>(environment);
    inherited.keySet().removeIf(name -> name.matches("(SS_|TOR_PT_).*"));
    inherited.keySet().removeAll(FOR_JAVA);
    return inherited;
  }
}
