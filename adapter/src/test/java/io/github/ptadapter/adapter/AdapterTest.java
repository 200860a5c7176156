package io.github.ptadapter.adapter;

import static io.github.ptadapter.adapter.Refusals.refused;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AdapterTest {

  private static final String SERVER_READY =
      """
      echo VERSION 1
      echo 'SMETHOD dummy 0.0.0.0:443 ARGS:key=a\\,b'
      echo SMETHODS DONE
      """;

  /** Leaves its environment behind. */
  private static final String SHOW_ENVIRONMENT = "env >\"$0.env\"\n";

  @RegisterExtension private final CapturedLog log = new CapturedLog();

  @TempDir private Path folder;

  private final Map<String, String> environment = new HashMap<>();
  private int port;
  private PtScript script;
  private Adapter adapter;

  @BeforeEach
  void prepareEnvironment() throws IOException {
    port = ClientFixture.freePort();
    environment.put("PATH", System.getenv("PATH"));
    environment.put("HOME", folder.toString());
    environment.put("SS_REMOTE_HOST", "server.example");
    environment.put("SS_REMOTE_PORT", "443");
    environment.put("SS_LOCAL_HOST", "127.0.0.1");
    environment.put("SS_LOCAL_PORT", Integer.toString(port));
  }

  @AfterEach
  void close() throws Exception {
    if (adapter != null) {
      adapter.close();
    }
    if (script != null) {
      assertThat(script.runs()).isFalse();
    }
  }

  @Test
  void servesAHostThroughAPt() throws Exception {
    try (FakePt pt = new FakePt(FakePt.ECHO)) {
      prepare(
          "echo VERSION 1; echo CMETHOD dummy socks5 "
              + pt.methods().clients().getFirst().address()
              + "; echo CMETHODS DONE; serve",
          "");
      try (Socket early = connect()) {
        early.setSoTimeout(10_000);
        early.getOutputStream().write(7);
        assertThat(script.starts()).as("PTs before the start").isZero();
        adapter.start();
        assertThat(early.getInputStream().read()).isEqualTo(7);
      }
      log.await(" INFO ", "ready: dummy for connections to 127.0.0.1:" + port);
      assertThat(pt.hosts()).containsExactly("server.example");
      assertThat(script.runs()).isTrue();
      assertThat(adapter.end()).isNotDone();
      adapter.close();
      assertThat(script.runs()).isFalse();
      Waiting.until("nobody listens", () -> !listens());
      assertThat(adapter.end()).as("an end that was wanted is no failure").isNotDone();
      assertThat(folder.resolve(".local/state/pt-adapter/client-dummy")).isDirectory();
    }
  }

  @Test
  void runsAServersPt() throws Exception {
    environment.put("SS_REMOTE_HOST", "0.0.0.0");
    prepare(SHOW_ENVIRONMENT + SERVER_READY + "serve", "server;");
    assertThat(listens()).isFalse();
    adapter.start();
    log.await(" INFO ", "ready: dummy listens on 0.0.0.0:443");
    Path state = folder.resolve(".local/state/pt-adapter/server-dummy-443");
    assertThat(state.resolve("client-plugin-opts.txt")).hasContent("transport=dummy;key=a,b\n");
    assertThat(variables("TOR_PT_"))
        .containsOnly(
            Map.entry("TOR_PT_MANAGED_TRANSPORT_VER", "1"),
            Map.entry("TOR_PT_STATE_LOCATION", state + "/"),
            Map.entry("TOR_PT_EXIT_ON_STDIN_CLOSE", "1"),
            Map.entry("TOR_PT_SERVER_TRANSPORTS", "dummy"),
            Map.entry("TOR_PT_SERVER_BINDADDR", "dummy-0.0.0.0:443"),
            Map.entry("TOR_PT_ORPORT", "127.0.0.1:" + port),
            Map.entry("TOR_PT_EXTENDED_SERVER_PORT", ""));
  }

  @Test
  void handsAServersArgumentsToThePt() throws Exception {
    environment.put("SS_REMOTE_HOST", "::");
    environment.put("SS_LOCAL_HOST", "localhost");
    prepare(
        SHOW_ENVIRONMENT + SERVER_READY + "serve",
        "server;arg.log=x;a=b:c;state=" + folder.resolve("s") + ";");
    adapter.start();
    log.await("ready:");
    assertThat(variables("TOR_PT_"))
        .containsEntry("TOR_PT_SERVER_TRANSPORT_OPTIONS", "dummy:log=x;dummy:a=b\\:c")
        .containsEntry("TOR_PT_SERVER_BINDADDR", "dummy-[::]:443")
        .containsEntry("TOR_PT_STATE_LOCATION", folder.resolve("s") + "/");
    assertThat(variables("TOR_PT_ORPORT").get("TOR_PT_ORPORT"))
        .isIn("127.0.0.1:" + port, "[::1]:" + port);
  }

  @Test
  void givesThePtTheEnvironmentOfTheSpecificationAlone() throws Exception {
    environment.put("TOR_PT_PROXY", "stale");
    environment.put("TOR_PT_ORPORT", "stale");
    environment.put("TOR_PT_SERVER_TRANSPORTS", "stale");
    environment.put("TOR_PT_STATE_LOCATION", "stale");
    environment.put("PT_ADAPTER_JAVA", "x");
    environment.put("SS_PLUGIN_MODE", "x");
    environment.put("MINE", "as it was");
    environment.put("SSL_CERT_FILE", "as it was");
    environment.put("TOR_PORT", "as it was");
    prepare(SHOW_ENVIRONMENT + PtScript.READY + "serve", "proxy=socks5://127.0.0.1:1;");
    adapter.start();
    AdapterException end = adapter.end().get(10, TimeUnit.SECONDS);
    assertThat(end.getMessage()).contains("the PT did not confirm the proxy");
    assertThat(variables("TOR_PT_"))
        .containsOnly(
            Map.entry("TOR_PT_MANAGED_TRANSPORT_VER", "1"),
            Map.entry(
                "TOR_PT_STATE_LOCATION",
                folder.resolve(".local/state/pt-adapter/client-dummy") + "/"),
            Map.entry("TOR_PT_EXIT_ON_STDIN_CLOSE", "1"),
            Map.entry("TOR_PT_CLIENT_TRANSPORTS", "dummy"),
            Map.entry("TOR_PT_PROXY", "socks5://127.0.0.1:1"));
    assertThat(variables("SS_")).isEmpty();
    assertThat(variables("PT_ADAPTER_")).isEmpty();
    assertThat(variables(""))
        .containsEntry("MINE", "as it was")
        .containsEntry("SSL_CERT_FILE", "as it was")
        .containsEntry("TOR_PORT", "as it was")
        .containsEntry("PATH", System.getenv("PATH"))
        .containsEntry("HOME", folder.toString());
  }

  /** The launcher's parent, our LC_ALL and the host's that it kept; then the PT's. */
  @ParameterizedTest
  @CsvSource({
    "1, C.UTF-8, de_DE.UTF-8, de_DE.UTF-8",
    "1, C.UTF-8, '',          ''",
    "1, C.UTF-8, ,            ",
    " , C,       ,            C",
    " , ,        ,            ",
  })
  void givesThePtTheLocaleOfTheHost(String parent, String ours, String kept, String expected)
      throws Exception {
    put("PT_ADAPTER_PARENT", parent);
    put("LC_ALL", ours);
    put("PT_ADAPTER_LC_ALL", kept);
    environment.put("LANG", "C.UTF-8");
    prepare(SHOW_ENVIRONMENT + PtScript.READY + "serve", "");
    adapter.start();
    log.await("ready:");
    assertThat(variables("L"))
        .isEqualTo(
            expected == null
                ? Map.of("LANG", "C.UTF-8")
                : Map.of("LANG", "C.UTF-8", "LC_ALL", expected));
  }

  @Test
  void findsThePtOnThePathOfTheHost() throws Exception {
    script = PtScript.of(folder, PtScript.READY.replace("dummy", "obfs3") + "serve");
    Files.move(script.path(), folder.resolve("obfs4proxy"));
    environment.put("PATH", folder + ":" + System.getenv("PATH"));
    environment.put("SS_PLUGIN_OPTIONS", "transport=obfs3;" + log.options());
    adapter = Adapter.prepare(environment);
    adapter.start();
    log.await("ready: obfs3");
    adapter.close();
    assertThat(Files.readString(folder.resolve("obfs4proxy.pids"))).isNotEmpty();
  }

  @Test
  void tellsWarnings() throws Exception {
    prepare(PtScript.READY + "serve", "dial-timout=1s;");
    log.await(" WARN ", "'dial-timout' is handed to the PT as an argument; did you mean");
  }

  /** What is wrong, before anything has been started. */
  @ParameterizedTest
  @CsvSource(
      delimiterString = " -> ",
      quoteCharacter = '~',
      textBlock =
          """
          SS_LOCAL_PORT= -> CONFIG -> SS_LOCAL_PORT is not set
          SS_PLUGIN_OPTIONS= -> CONFIG -> no transport: add transport=NAME
          SS_PLUGIN_OPTIONS=x\\ -> CONFIG -> a lone backslash at the end
          SS_PLUGIN_OPTIONS=transport=obfs4 -> CONFIG -> obfs4 needs cert=...
          SS_PLUGIN_OPTIONS=transport=dust -> PT_FAILED -> no program is known for the transport 'dust'
          SS_PLUGIN_OPTIONS=transport=dust;exec=' -> CONFIG -> bad option 'exec': a quote ' that is not closed
          SS_PLUGIN_OPTIONS=transport=dust;log=/dev/null/x -> CONFIG -> cannot write the log file /dev/null/x
          SS_PLUGIN_OPTIONS=transport=dust;state=/dev/null/x -> CONFIG -> cannot use the state directory /dev/null/x
          SS_PLUGIN_OPTIONS=server;transport=dust -> CONFIG -> cannot find the address of 'no-such-host.invalid'
          SS_REMOTE_HOST=0.0.0.0 -> CONFIG -> add 'server' to the plugin options
          SS_REMOTE_HOST=192.0.2.1|192.0.2.2 -> CONFIG -> a PT listens on one address only, the host gives 2
          SS_LOCAL_HOST=no-such-host.invalid -> LISTEN -> cannot listen on no-such-host.invalid
          """)
  void refusesToStart(String variable, ExitCode code, String words) {
    environment.put("SS_REMOTE_HOST", "no-such-host.invalid");
    int equals = variable.indexOf('=');
    environment.put(
        "SS_PLUGIN_OPTIONS",
        words.contains("one address only") ? "server;transport=dust" : "transport=dust");
    environment.put(variable.substring(0, equals), variable.substring(equals + 1));
    refused(code, () -> Adapter.prepare(environment), words);
  }

  /** With a new state directory a server would be another one at every start. */
  @Test
  void refusesToStartAServerWithoutAStateDirectory() throws Exception {
    environment.put("SS_REMOTE_HOST", "0.0.0.0");
    environment.put("SS_PLUGIN_OPTIONS", "server;transport=dust");
    environment.put("STATE_DIRECTORY", Files.writeString(folder.resolve("file"), "").toString());
    refused(
        () -> Adapter.prepare(environment),
        "cannot use the state directory " + folder.resolve("file/pt-adapter/server-dust-443"),
        "name another with state=DIR");
  }

  @Test
  void endsWhenThePtCannotBeRun() throws Exception {
    environment.put("SS_PLUGIN_OPTIONS", "transport=dummy;exec=" + folder.resolve("missing"));
    adapter = Adapter.prepare(environment);
    adapter.start();
    AdapterException end = adapter.end().get(10, TimeUnit.SECONDS);
    assertThat(end.code()).isEqualTo(ExitCode.PT_FAILED);
    assertThat(end.getMessage()).contains("cannot run the PT " + folder.resolve("missing"));
  }

  /** Another program has the public port. */
  @Test
  void endsWhenAServersPtCannotListen() throws Exception {
    environment.put("SS_REMOTE_HOST", "0.0.0.0");
    prepare(
        "echo VERSION 1; echo SMETHOD-ERROR dummy address already in use; echo SMETHODS DONE; serve",
        "server;");
    adapter.start();
    AdapterException end = adapter.end().get(10, TimeUnit.SECONDS);
    assertThat(end.code()).isEqualTo(ExitCode.PT_FAILED);
    assertThat(end.getMessage()).isEqualTo("the PT does not offer dummy: address already in use");
  }

  @Test
  void endsWhenThePtIsLost() throws Exception {
    prepare(PtScript.READY + "exit 3", "restart=off;");
    adapter.start();
    AdapterException end = adapter.end().get(10, TimeUnit.SECONDS);
    assertThat(end.code()).isEqualTo(ExitCode.PT_LOST);
    assertThat(end.getMessage()).contains("the PT died (exit code 3)", "restart=off");
  }

  @Test
  void endsWhenTheArgumentsDoNotFit() throws Exception {
    prepare(PtScript.READY + "serve", "x=" + "y".repeat(600) + ";");
    adapter.start();
    AdapterException end = adapter.end().get(10, TimeUnit.SECONDS);
    assertThat(end.code()).isEqualTo(ExitCode.CONFIG);
    assertThat(end.getMessage()).contains("602 bytes", "SOCKS5 holds 510");
  }

  /** Prepares an adapter whose PT is a script. */
  private void prepare(String body, String options) throws Exception {
    script = PtScript.of(folder, body);
    environment.put(
        "SS_PLUGIN_OPTIONS",
        options + "transport=dummy;exec=" + script.path() + ";" + log.options());
    adapter = Adapter.prepare(environment);
  }

  private Socket connect() throws IOException {
    return new Socket(InetAddress.getLoopbackAddress(), port);
  }

  private boolean listens() throws IOException {
    try (Socket socket = connect()) {
      return socket.isConnected();
    } catch (ConnectException e) {
      return false;
    }
  }

  private void put(String name, String value) {
    if (value != null) {
      environment.put(name, value);
    }
  }

  /** The PT's variables with a prefix. */
  private Map<String, String> variables(String prefix) throws IOException {
    Map<String, String> variables = new TreeMap<>();
    Files.readString(folder.resolve("pt.env"))
        .lines()
        .filter(line -> line.startsWith(prefix) && line.indexOf('=') > 0)
        .forEach(line ->
            variables.put(
                line.substring(0, line.indexOf('=')), line.substring(line.indexOf('=') + 1)));
    return variables;
  }
}
