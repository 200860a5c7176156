package io.github.ptadapter.adapter;

import static io.github.ptadapter.adapter.Refusals.refused;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.ptadapter.ptclient.Endpoint;
import io.github.ptadapter.ptclient.PtArgs;
import io.github.ptadapter.ptclient.PtMethods;
import io.github.ptadapter.ptclient.ServerMethod;
import io.github.ptadapter.ptclient.TransportName;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ServerRoleTest {

  private static final TransportName OBFS4 = new TransportName("obfs4");

  @RegisterExtension private final CapturedLog log = new CapturedLog();

  @TempDir private Path folder;

  @ParameterizedTest
  @CsvSource({
    "192.0.2.1,       192.0.2.1",
    "2001:db8::1,     2001:db8::1",
    "0.0.0.0,         0.0.0.0",
    "::,              ::",
    "::0,             ::0",
  })
  void listensOnASingleAddressAsItIs(String hosts, String address) throws Exception {
    assertThat(bind(hosts)).isEqualTo(new Endpoint(address, 443));
  }

  /** {@code [::]} takes both families; a machine without IPv6 gets the other wildcard. */
  @ParameterizedTest
  @ValueSource(strings = {"0.0.0.0|::0", "::0|0.0.0.0", "::|0.0.0.0", "::|::"})
  void listensOnOneWildcardForSeveral(String hosts) throws Exception {
    boolean ipV6 = Files.exists(Path.of("/proc/net/if_inet6"));
    assertThat(bind(hosts)).isEqualTo(new Endpoint(ipV6 ? "::" : "0.0.0.0", 443));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "192.0.2.1|192.0.2.2",
        "192.0.2.1|2001:db8::1",
        "0.0.0.0|192.0.2.1",
        "192.0.2.1|::",
        "localhost|127.0.0.1"
      })
  void refusesSeveralSpecificAddresses(String hosts) {
    refused(
        () -> bind(hosts),
        "a PT listens on one address only, the host gives 2: use one address, or all of them"
            + " (0.0.0.0 and ::)");
  }

  @Test
  void resolvesANameOnce() throws Exception {
    assertThat(bind("localhost").isLoopback()).isTrue();
    assertThat(ServerRole.literal(new Endpoint("localhost", 8388), "SS_LOCAL").isLoopback())
        .isTrue();
    Endpoint literal = new Endpoint("127.0.0.1", 8388);
    assertThat(ServerRole.literal(literal, "SS_LOCAL")).isEqualTo(literal);
  }

  @Test
  void namesTheVariableOfANameThatIsNone() {
    refused(
        () -> bind("no-such-host.invalid"),
        "cannot find the address of 'no-such-host.invalid' (SS_REMOTE)");
    refused(
        () -> ServerRole.literal(new Endpoint("no-such-host.invalid", 1), "SS_LOCAL"),
        "cannot find the address of 'no-such-host.invalid' (SS_LOCAL)");
  }

  @Test
  void handsTheClientsHalfOver() throws Exception {
    PtArgs args = PtArgs.NONE.with("cert", "a=b;c").with("log", "x");
    role().ready(methods(args));
    String line = "transport=obfs4;cert=a\\=b\\;c;arg.log=x";
    assertThat(log.await("plugin options for clients"))
        .endsWith(" INFO [pt-adapter] the plugin options for clients: " + line);
    assertThat(log.await("[pt-adapter] ready:"))
        .endsWith(" INFO [pt-adapter] ready: obfs4 listens on [::]:443");
    Path file = folder.resolve("client-plugin-opts.txt");
    assertThat(file).hasContent(line + "\n");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-------");
  }

  /** The PT was started again, with other arguments perhaps. */
  @Test
  void handsItOverAgain() throws Exception {
    ServerRole role = role();
    role.ready(methods(PtArgs.NONE.with("cert", "one")));
    role.lost();
    role.ready(methods(PtArgs.NONE.with("cert", "two")));
    assertThat(folder.resolve("client-plugin-opts.txt")).hasContent("transport=obfs4;cert=two\n");
  }

  @Test
  void isNotReadyWhenTheFileCannotBeWritten() throws Exception {
    Path file = folder.resolve("client-plugin-opts.txt");
    Files.createDirectories(file.resolve("in the way"));
    refused(() -> role().ready(methods(PtArgs.NONE)), "cannot write " + file);
    assertThat(log.lines()).noneMatch(line -> line.contains("ready:"));
  }

  private ServerRole role() throws AdapterException {
    PluginOptions options = PluginOptions.of(OptionString.parse("server;transport=obfs4"));
    StateDirectory state = StateDirectory.forServer(Optional.of(folder), OBFS4, 443, Map.of());
    return new ServerRole(options, state, new Endpoint("::", 443));
  }

  private static PtMethods methods(PtArgs args) {
    ServerMethod method = new ServerMethod(OBFS4, new Endpoint("::", 443), args);
    return new PtMethods(List.of(), List.of(method), Map.of());
  }

  private static Endpoint bind(String hosts) throws AdapterException {
    return ServerRole.publicAddress(
        Stream.of(hosts.split("\\|", -1)).map(host -> new Endpoint(host, 443)).toList(),
        "SS_REMOTE");
  }
}
