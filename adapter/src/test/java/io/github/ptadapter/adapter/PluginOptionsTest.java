package io.github.ptadapter.adapter;

import static io.github.ptadapter.adapter.Refusals.refused;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.ptadapter.ptclient.Endpoint;
import io.github.ptadapter.ptclient.PtArgs;
import io.github.ptadapter.ptclient.TransportName;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.function.Function;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.event.Level;

class PluginOptionsTest {

  private static final String CERT =
      "ssH+9rP8dG2NLDN2XuFw63hIO/9MNNinLmxQDpVa+7kTOa9/m+tGWT1SmSYpQ9uTBGa6Hw";
  private static final String NODE_ID = "0123456789abcdef0123456789abcdef01234567";
  private static final String BRIDGE = "obfs4 192.0.2.4:443 " + NODE_ID + " cert=" + CERT;

  private static final Map<String, Function<PluginOptions, Object>> FIELDS =
      Map.ofEntries(
          Map.entry("server", PluginOptions::server),
          Map.entry("transport", PluginOptions::transport),
          Map.entry("exec", o -> o.exec().map(words -> String.join("|", words)).orElse("none")),
          Map.entry("state", o -> o.state().map(Path::toString).orElse("none")),
          Map.entry("bridge", o -> o.bridge().map(b -> b.address().toString()).orElse("none")),
          Map.entry("proxy", o -> o.proxy().map(p -> p.uri().toString()).orElse("none")),
          Map.entry("start-timeout", o -> o.startTimeout().toMillis()),
          Map.entry("dial-timeout", o -> o.dialTimeout().toMillis()),
          Map.entry("drain-timeout", o -> o.drainTimeout().toMillis()),
          Map.entry("idle-timeout", o -> o.idleTimeout().toMillis()),
          Map.entry("restart", PluginOptions::restart),
          Map.entry("max-connections", PluginOptions::maxConnections),
          Map.entry("prewarm", PluginOptions::prewarm),
          Map.entry("args", o -> o.args().encode()));

  @Nested
  class OwnKeys {

    @ParameterizedTest
    @CsvSource({
      "server,          false",
      "exec,            none",
      "state,           none",
      "bridge,          none",
      "proxy,           none",
      "start-timeout,   30000",
      "dial-timeout,    45000",
      "drain-timeout,   10000",
      "idle-timeout,    0",
      "restart,         true",
      "max-connections, 4096",
      "prewarm,         0",
      "args,            ''",
    })
    void haveDefaults(String key, String value) throws Exception {
      assertThat(field(options("transport=obfs3"), key)).hasToString(value);
    }

    /** Options, then the key to look at, then its value. */
    @ParameterizedTest
    @CsvSource(
        delimiterString = " -> ",
        quoteCharacter = '~',
        textBlock =
            """
            server;transport=obfs4 -> server -> true
            server=1;transport=obfs4 -> server -> true
            server=true;transport=obfs4 -> server -> true
            server=0;transport=obfs3 -> server -> false
            server=false;transport=obfs3 -> server -> false
            transport=meek_lite -> transport -> meek_lite
            transport=obfs3;exec=/usr/bin/obfs4proxy -> exec -> /usr/bin/obfs4proxy
            transport=obfs3;exec="/my pt/x" -a 'b c' -> exec -> /my pt/x|-a|b c
            transport=obfs3;state=/var/lib/x -> state -> /var/lib/x
            transport=obfs3;state=relative/x -> state -> relative/x
            transport=obfs3;proxy=socks5://127.0.0.1:1080 -> proxy -> socks5://127.0.0.1:1080
            transport=obfs3;proxy=http://u:p%40@192.0.2.1:80 -> proxy -> http://u:p%40@192.0.2.1:80
            transport=obfs3;start-timeout=1ms -> start-timeout -> 1
            transport=obfs3;start-timeout=2m -> start-timeout -> 120000
            transport=obfs3;dial-timeout=5 -> dial-timeout -> 5000
            transport=obfs3;drain-timeout=0 -> drain-timeout -> 0
            transport=obfs3;drain-timeout=1h -> drain-timeout -> 3600000
            transport=obfs3;idle-timeout=0 -> idle-timeout -> 0
            transport=obfs3;idle-timeout=90s -> idle-timeout -> 90000
            transport=obfs3;restart=on -> restart -> true
            transport=obfs3;restart=off -> restart -> false
            transport=obfs3;max-connections=1 -> max-connections -> 1
            transport=obfs3;max-connections=1000000 -> max-connections -> 1000000
            transport=obfs3;prewarm=0 -> prewarm -> 0
            transport=obfs3;prewarm=1 -> prewarm -> 1
            transport=obfs3;prewarm=64 -> prewarm -> 64
            """)
    void takeGoodValues(String text, String key, String value) throws Exception {
      PluginOptions options = options(text);
      assertThat(field(options, key)).hasToString(value);
      assertThat(options.args()).isEqualTo(PtArgs.NONE);
      assertThat(options.warnings()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(
        delimiterString = " -> ",
        quoteCharacter = '~',
        textBlock =
            """
            server=yes -> bad option 'server': it is one of 0, 1, false, true
            server=TRUE -> bad option 'server': it is one of
            server= -> the option 'server' needs a value
            transport -> the option 'transport' needs a value
            transport= -> the option 'transport' needs a value
            transport=obfs-4 -> bad option 'transport': 'obfs-4' is not a transport name: letters, digits
            transport=4obfs -> bad option 'transport': '4obfs' is not a transport name
            transport=obfs4,obfs3 -> bad option 'transport': 'obfs4,obfs3' is not a transport name
            exec -> the option 'exec' needs a value
            exec="/usr/bin/x -> bad option 'exec': a quote " that is not closed
            exec=x\\\\ -> bad option 'exec': a backslash at the end
            ~exec= ~ -> bad option 'exec': it names no program
            exec="" -a -> bad option 'exec': it names no program
            state= -> the option 'state' needs a value
            bridge=obfs4 -> bad option 'bridge': a bridge line is TRANSPORT IP:PORT FINGERPRINT
            proxy=127.0.0.1:1080 -> bad option 'proxy': it is not a URL
            proxy=socks5://localhost:1 -> bad option 'proxy': its host must be an IP address
            log= -> the option 'log' needs a value
            log -> the option 'log' needs a value
            loglevel=INFO -> bad option 'loglevel': it is one of error, warn, info, debug, trace
            loglevel=none -> bad option 'loglevel': it is one of error, warn, info, debug, trace
            loglevel -> the option 'loglevel' needs a value
            start-timeout=0 -> bad option 'start-timeout': it must be more than zero
            start-timeout=0ms -> bad option 'start-timeout': it must be more than zero
            start-timeout=soon -> bad option 'start-timeout': 'soon' is not a duration: write 500ms, 30s
            dial-timeout=0 -> bad option 'dial-timeout': it must be more than zero
            dial-timeout=-1 -> bad option 'dial-timeout': '-1' is not a duration
            drain-timeout= -> the option 'drain-timeout' needs a value
            drain-timeout=1d -> bad option 'drain-timeout': '1d' is not a duration
            idle-timeout -> the option 'idle-timeout' needs a value
            idle-timeout=999999999h -> bad option 'idle-timeout': '999999999h' is too long
            restart=yes -> bad option 'restart': it is one of off, on
            restart -> the option 'restart' needs a value
            max-connections=0 -> bad option 'max-connections': it is a number from 1 to 1000000
            max-connections=1000001 -> bad option 'max-connections': it is a number from 1
            max-connections=99999999999 -> bad option 'max-connections': it is a number from 1
            max-connections=1k -> bad option 'max-connections': it is a number from 1
            prewarm -> the option 'prewarm' needs a value
            prewarm=-1 -> bad option 'prewarm': it is a number from 0 to 64, where 0 is off
            prewarm=65 -> bad option 'prewarm': it is a number from 0 to 64, where 0 is off
            prewarm=on -> bad option 'prewarm': it is a number from 0 to 64
            """)
    void refuseBadValues(String text, String words) {
      refused(
          () -> {
            String all = text.startsWith("transport") ? text : "transport=obfs3;" + text;
            PluginOptions.logging(OptionString.parse(all));
            options(all);
          },
          words);
    }

    @ParameterizedTest
    @ValueSource(
        strings = {
          "server",
          "transport",
          "exec",
          "state",
          "bridge",
          "proxy",
          "log",
          "loglevel",
          "start-timeout",
          "dial-timeout",
          "drain-timeout",
          "idle-timeout",
          "restart",
          "max-connections",
          "prewarm"
        })
    void mayStandThereOnce(String key) {
      refused(() -> options(key + "=x;" + key + "=x"), "the option '" + key + "' is there twice");
      refused(() -> options(key + ";a=b;" + key), "the option '" + key + "' is there twice");
    }

    @ParameterizedTest
    @ValueSource(strings = {"next", "ext-orport", "proxy-protocol", "metrics"})
    void areKeptForLaterVersions(String key) {
      String words = "the option '" + key + "' is not supported by this version";
      refused(() -> options("transport=obfs3;" + key + "=x"), words);
      refused(() -> options("transport=obfs3;" + key), words);
    }

    /** What hosts add on their own must not reach the PT. */
    @ParameterizedTest
    @ValueSource(strings = {"__android_vpn", "__android_vpn=", "V", "V=1", "fast-open", "V;V"})
    void dropWhatHostsAdd(String item) throws Exception {
      PluginOptions options = options("transport=obfs3;" + item);
      assertThat(options).isEqualTo(options("transport=obfs3"));
    }

    @Test
    void areCaseSensitive() throws Exception {
      PluginOptions options = options("transport=obfs3;Exec=x");
      assertThat(options.exec()).isEmpty();
      assertThat(options.args()).isEqualTo(PtArgs.NONE.with("Exec", "x"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ";", "server", "server=0", "state=/x", "cert=x", "transprot=obfs4"})
    void needATransport(String text) {
      refused(
          () -> options(text),
          "no transport: add transport=NAME to the plugin options, such as transport=obfs4");
    }
  }

  @Nested
  class Logging {

    @Test
    void goesToStandardErrorAtInfo() throws Exception {
      PluginOptions.Logging logging = logging("transport=obfs3");
      assertThat(logging.file()).isEmpty();
      assertThat(logging.level()).isEqualTo(Level.INFO);
    }

    @ParameterizedTest
    @CsvSource({"error", "warn", "info", "debug", "trace"})
    void takesEveryLevel(String word) throws Exception {
      assertThat(logging("loglevel=" + word).level()).hasToString(word.toUpperCase(Locale.ROOT));
    }

    @Test
    void takesAFile() throws Exception {
      assertThat(logging("log=/var/log/my pt.log").file()).contains(Path.of("/var/log/my pt.log"));
    }

    /** So that the other mistakes reach the log file. */
    @Test
    void isReadWhateverElseIsWrong() throws Exception {
      assertThat(logging("transport=4;x;server;server;next=1;arg.;loglevel=debug").level())
          .isEqualTo(Level.DEBUG);
    }

    private static PluginOptions.Logging logging(String text) throws AdapterException {
      return PluginOptions.logging(OptionString.parse(text));
    }
  }

  @Nested
  class Arguments {

    @Test
    void areAllOtherKeysInTheirOrder() throws Exception {
      PluginOptions options = options("z=1;transport=webtunnel;url=https://x/?a=b;a=;z=2");
      assertThat(options.args())
          .isEqualTo(
              PtArgs.NONE
                  .with("z", "1")
                  .with("url", "https://x/?a=b")
                  .with("a", "")
                  .with("z", "2"));
      assertThat(options.warnings()).isEmpty();
    }

    @Test
    void mayHaveOurNamesBehindAPrefix() throws Exception {
      PluginOptions options =
          options("transport=conjure;arg.transport=min;arg.cert=x;arg.arg.a=y;arg.next=z;arg.V=");
      assertThat(options.transport()).hasToString("conjure");
      assertThat(options.args())
          .isEqualTo(
              PtArgs.NONE
                  .with("transport", "min")
                  .with("cert", "x")
                  .with("arg.a", "y")
                  .with("next", "z")
                  .with("V", ""));
      assertThat(options.warnings()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"arg.", "arg.=x"})
    void needAName(String item) {
      refused(() -> options("transport=obfs3;" + item), "'arg.' names no argument: write arg.NAME");
    }

    @Test
    void needAValue() {
      refused(
          () -> options("transport=obfs3;tls"),
          "the option 'tls' has no value: arguments for the PT are written tls=VALUE");
      refused(
          () -> options("transport=obfs3;arg.log"),
          "the option 'arg.log' has no value: arguments for the PT are written arg.log=VALUE");
      refused(
          () -> options("transport=obfs3;sever"),
          "the option 'sever' has no value",
          "(or did you mean 'server'?)");
    }

    @ParameterizedTest
    @CsvSource({
      "dial-timout,     dial-timeout",
      "max_connections, max-connections",
      "Transport,       transport",
      "log-level,       loglevel",
      "drian-timeout,   drain-timeout",
    })
    void areWarnedAboutWhenTheyAreCloseToAKeyOfOurs(String key, String meant) throws Exception {
      PluginOptions options = options("transport=obfs3;" + key + "=SECRET");
      assertThat(options.warnings())
          .containsExactly(
              "'" + key + "' is handed to the PT as an argument; did you mean '" + meant + "'?");
      assertThat(options.args().first(key)).contains("SECRET");
    }

    @Test
    void areTakenAsMeantBehindThePrefix() throws Exception {
      assertThat(options("transport=obfs3;arg.dial-timout=1").warnings()).isEmpty();
    }
  }

  @Nested
  class ServerRole {

    @ParameterizedTest
    @CsvSource({"bridge, BRIDGE", "proxy, socks5://127.0.0.1:1"})
    void refusesWhatIsForClients(String key, String value) {
      refused(
          () -> options("server;transport=obfs4;" + key + "=" + value.replace("BRIDGE", BRIDGE)),
          "'" + key + "' is an option of the client, not of the server");
    }

    @ParameterizedTest
    @ValueSource(
        strings = {"dial-timeout", "drain-timeout", "idle-timeout", "max-connections", "prewarm"})
    void warnsAboutWhatHasNoEffect(String key) throws Exception {
      assertThat(options("server;transport=obfs4;" + key + "=5").warnings())
          .containsExactly(
              "'" + key + "' does nothing in the server role: the PT carries the bytes");
    }

    @ParameterizedTest
    @ValueSource(strings = {"start-timeout=5", "restart=off", "state=/x", "exec=x", "log=/x"})
    void takesWhatIsForBoth(String item) throws Exception {
      assertThat(options("server;transport=obfs4;" + item).warnings()).isEmpty();
    }

    @Test
    void addsNothingToTheArguments() throws Exception {
      assertThat(options("server;transport=obfs4").args()).isEqualTo(PtArgs.NONE);
      assertThat(options("server;transport=obfs4;iat-mode=1").args())
          .isEqualTo(PtArgs.NONE.with("iat-mode", "1"));
    }
  }

  @Nested
  class Bridge {

    @Test
    void bringsTransportAndArguments() throws Exception {
      PluginOptions options = options("bridge=" + BRIDGE + " iat-mode=1");
      assertThat(options.transport()).hasToString("obfs4");
      assertThat(options.args()).isEqualTo(PtArgs.NONE.with("cert", CERT).with("iat-mode", "1"));
      assertThat(options.bridge().orElseThrow().address())
          .isEqualTo(new Endpoint("192.0.2.4", 443));
      assertThat(options.warnings()).isEmpty();
    }

    @Test
    void getsIatModeToo() throws Exception {
      assertThat(options("bridge=Bridge " + BRIDGE).args().first("iat-mode")).contains("0");
    }

    @Test
    void yieldsToOwnOptions() throws Exception {
      String other = "A".repeat(70);
      PluginOptions options =
          options("bridge=" + BRIDGE + " iat-mode=1 x=1;cert=" + other + ";y=2");
      assertThat(options.args())
          .isEqualTo(
              PtArgs.NONE.with("iat-mode", "1").with("x", "1").with("cert", other).with("y", "2"));
      assertThat(options.warnings())
          .containsExactly("the option 'cert' wins over the one in the bridge line");
    }

    @Test
    void yieldsToAnotherTransport() throws Exception {
      PluginOptions options = options("transport=obfs3;bridge=" + BRIDGE);
      assertThat(options.transport()).hasToString("obfs3");
      assertThat(options.warnings())
          .containsExactly("transport=obfs3 wins over the bridge line's obfs4");
      assertThat(options("transport=obfs4;bridge=" + BRIDGE).warnings()).isEmpty();
    }

    @Test
    void isCheckedLikeOptions() {
      refused(() -> options("bridge=" + BRIDGE + "x"), "cert has 71 characters instead of 70");
      refused(() -> options("bridge=obfs4 192.0.2.4:443"), "obfs4 needs cert=...");
      refused(
          () -> options("bridge=" + BRIDGE.replace('+', ' ')),
          "bad option 'bridge': after 'cert' comes a word without =");
    }
  }

  /** The contract's list of what is known to be wrong, as far as options alone tell. */
  @ParameterizedTest
  @CsvSource(
      delimiterString = " -> ",
      quoteCharacter = '~',
      textBlock =
          """
          none -> obfs4 needs cert=...: the server prints it and keeps it in client-plugin-opts.txt
          node-id=ID -> obfs4 needs cert=...
          public-key=IDID -> obfs4 needs cert=...
          cert= -> cert has 0 characters instead of 70
          cert=short -> cert has 5 characters instead of 70; copy it again, as a whole
          cert=CERT== -> cert may hold only A-Z a-z 0-9 + / (no = at its end)
          cert=BLANK -> cert has a blank in it; a link has probably lost a '+' there
          cert=CERT;iat-mode=3 -> iat-mode is 0, 1 or 2
          cert=CERT;iat-mode= -> iat-mode is 0, 1 or 2
          """)
  void isRefusedAtStart(String items, String words) {
    String text =
        items
            .replace("none", "")
            .replace("CERT", CERT)
            .replace("BLANK", CERT.replace('+', ' '))
            .replace("ID", NODE_ID);
    refused(() -> options("transport=obfs4;" + text), words);
  }

  @Test
  void sendsIatModeZeroWhenItIsLeftOut() throws Exception {
    assertThat(options("transport=obfs4;cert=" + CERT).args())
        .isEqualTo(PtArgs.NONE.with("cert", CERT).with("iat-mode", "0"));
  }

  @Nested
  class ForClient {

    @Test
    void isWhatAClientTakes() throws Exception {
      PtArgs args = PtArgs.NONE.with("cert", CERT).with("iat-mode", "0");
      String text = PluginOptions.forClient(new TransportName("obfs4"), args);
      assertThat(text).isEqualTo("transport=obfs4;cert=" + CERT + ";iat-mode=0");
      assertThat(options(text).args()).isEqualTo(args);
    }

    @Test
    void isTheTransportAloneWithoutArguments() {
      assertThat(PluginOptions.forClient(new TransportName("obfs3"), PtArgs.NONE))
          .isEqualTo("transport=obfs3");
    }

    @ParameterizedTest
    @CsvSource(
        delimiterString = " -> ",
        textBlock =
            """
            transport -> x -> arg.transport=x
            server -> 1 -> arg.server=1
            metrics -> 1 -> arg.metrics=1
            prewarm -> 1 -> arg.prewarm=1
            V -> 1 -> arg.V=1
            __android_vpn -> 1 -> arg.__android_vpn=1
            arg.x -> 1 -> arg.arg.x=1
            args -> 1 -> args=1
            a=b;c -> d=e;f\\ -> a\\=b\\;c=d\\=e\\;f\\\\
            é -> 日本 -> é=日本
            """)
    void escapesAndPrefixes(String key, String value, String item) throws Exception {
      PtArgs args = PtArgs.NONE.with(key, value);
      String text = PluginOptions.forClient(new TransportName("obfs3"), args);
      assertThat(text).isEqualTo("transport=obfs3;" + item);
      assertThat(options(text).args()).isEqualTo(args);
    }

    @Test
    void isReadBackByAClient() throws Exception {
      long seed = System.nanoTime();
      System.out.println("seed " + seed);
      Random random = new Random(seed);
      List<String> names = List.of("transport", "log", "arg.", "V", "x", "a=b", "c;d", "e\\", "é");
      for (int round = 0; round < 500; round++) {
        PtArgs args = PtArgs.NONE;
        for (int i = random.nextInt(4); i > 0; i--) {
          String name = names.get(random.nextInt(names.size()));
          args = args.with(name, "=;\\+/ é".substring(random.nextInt(7)));
        }
        String text = PluginOptions.forClient(new TransportName("obfs3"), args);
        assertThat(options(text).args()).as("seed %d: %s", seed, text).isEqualTo(args);
      }
    }
  }

  @Test
  void keepsArgumentsAndLoginsOutOfItsText() throws Exception {
    assertThat(options("transport=obfs3;pw=SECRET;proxy=socks5://u:SECRET@127.0.0.1:1"))
        .asString()
        .contains("pw=...")
        .doesNotContain("SECRET");
  }

  @Test
  void takesTheLongestTimes() throws Exception {
    assertThat(options("transport=obfs3;idle-timeout=8760h").idleTimeout())
        .isEqualTo(Duration.ofDays(365));
  }

  private static Object field(PluginOptions options, String key) {
    return FIELDS.get(key).apply(options);
  }

  private static PluginOptions options(String text) throws AdapterException {
    return PluginOptions.of(OptionString.parse(text));
  }
}
