package io.github.ptadapter.ptclient;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.entry;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

class PtConfigTest {

  private static final Path STATE = Path.of("state", "pt").toAbsolutePath();
  private static final TransportName FOO = new TransportName("foo");
  private static final Endpoint LOOPBACK = new Endpoint("127.0.0.1", 5321);
  private static final PtRole CLIENT = new PtRole.Client(List.of(FOO), Optional.empty());

  @TestFactory
  Stream<DynamicTest> environmentIsTors() {
    return Vectors.group("environment")
        .map(row ->
            dynamicTest(
                row.path("role").textValue(),
                () -> {
                  Map<String, String> expected = new LinkedHashMap<>();
                  row.path("expect")
                      .forEachEntry((name, value) ->
                          expected.put(
                              name, value.textValue().replace("<state>", STATE.toString())));
                  assertThat(config(role(row)).environment(Map.of())).isEqualTo(expected);
                }));
  }

  private static PtRole role(JsonNode row) {
    if (row.path("role").textValue().equals("client")) {
      return new PtRole.Client(Vectors.transports(row.path("transports")), Optional.empty());
    }
    List<PtRole.Listener> listeners = new ArrayList<>();
    for (JsonNode listener : row.path("listeners")) {
      listeners.add(
          new PtRole.Listener(
              new TransportName(listener.path("transport").textValue()),
              Endpoint.parseIp(listener.path("bind").textValue()),
              Vectors.args(listener.path("options"))));
    }
    return new PtRole.Server(listeners, Endpoint.parseIp(row.path("orport").textValue()));
  }

  @TestFactory
  Stream<DynamicTest> proxiesAreThoseThatObfs4proxyTakes() {
    return Vectors.group("upstream_proxies")
        .map(row -> {
          String text = row.path("input").textValue();
          return dynamicTest(
              text.isEmpty() ? "empty" : text,
              () -> {
                if (row.path("accepted").booleanValue()) {
                  PtRole role =
                      new PtRole.Client(List.of(FOO), Optional.of(UpstreamProxy.parse(text)));
                  assertThat(config(role).environment(Map.of()))
                      .containsEntry("TOR_PT_PROXY", text);
                } else {
                  assertThatIllegalArgumentException().isThrownBy(() -> UpstreamProxy.parse(text));
                }
              });
        });
  }

  @Test
  void inheritedVariablesOfPtsAreDropped() {
    Map<String, String> base =
        Map.of(
            "PATH", "/bin",
            "EMPTY", "",
            "TOR_PT", "kept",
            "tor_pt_proxy", "kept",
            "TOR_PT_PROXY", "socks5://127.0.0.1:1",
            "TOR_PT_SERVER_TRANSPORTS", "stale",
            "TOR_PT_MANAGED_TRANSPORT_VER", "9",
            "TOR_PT_", "stale");
    assertThat(config(CLIENT).environment(base))
        .containsOnly(
            entry("PATH", "/bin"),
            entry("EMPTY", ""),
            entry("TOR_PT", "kept"),
            entry("tor_pt_proxy", "kept"),
            entry("TOR_PT_CLIENT_TRANSPORTS", "foo"),
            entry("TOR_PT_EXIT_ON_STDIN_CLOSE", "1"),
            entry("TOR_PT_MANAGED_TRANSPORT_VER", "1"),
            entry("TOR_PT_STATE_LOCATION", STATE + "/"));
    assertThat(base).hasSize(8);
  }

  @Test
  void stateDirectoryBecomesAbsolute() {
    PtConfig config = config(List.of("pt"), Path.of("state"), Duration.ofSeconds(1));
    assertThat(config.environment(Map.of()))
        .containsEntry("TOR_PT_STATE_LOCATION", Path.of("state").toAbsolutePath() + "/");
  }

  /** A PT opens a port for each entry of the list. */
  @Test
  void duplicateTransportsAreDropped() {
    TransportName bar = new TransportName("bar");
    PtRole role = new PtRole.Client(List.of(FOO, bar, FOO), Optional.empty());
    assertThat(role.transports()).containsExactly(FOO, bar);
    assertThat(role.environment()).containsEntry("TOR_PT_CLIENT_TRANSPORTS", "foo,bar");
  }

  @Test
  void serverWithoutOptionsHasNoOptionsVariable() {
    PtRole role = new PtRole.Server(List.of(listener(FOO, PtArgs.NONE)), LOOPBACK);
    assertThat(role.environment())
        .doesNotContainKey("TOR_PT_SERVER_TRANSPORT_OPTIONS")
        .doesNotContainKey("TOR_PT_AUTH_COOKIE_FILE")
        .containsEntry("TOR_PT_EXTENDED_SERVER_PORT", "");
  }

  @Test
  void optionsOfAllTransportsAreInOneVariable() {
    PtRole role =
        new PtRole.Server(
            List.of(
                listener(FOO, PtArgs.NONE.with("k", "a").with("k", "b")),
                listener(new TransportName("none"), PtArgs.NONE),
                listener(new TransportName("bar"), PtArgs.NONE.with("k", "c;d"))),
            LOOPBACK);
    assertThat(role.environment())
        .containsEntry("TOR_PT_SERVER_TRANSPORT_OPTIONS", "foo:k=a;foo:k=b;bar:k=c\\;d");
  }

  @Test
  void refusesRolesThatCannotBeStarted() {
    Endpoint name = new Endpoint("example.org", 1);
    PtRole.Listener foo = listener(FOO, PtArgs.NONE);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new PtRole.Client(List.of(), Optional.empty()));
    assertThatIllegalArgumentException().isThrownBy(() -> new PtRole.Server(List.of(), LOOPBACK));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new PtRole.Server(List.of(foo, foo), LOOPBACK));
    assertThatIllegalArgumentException().isThrownBy(() -> new PtRole.Server(List.of(foo), name));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new PtRole.Listener(FOO, name, PtArgs.NONE));
  }

  /** Java would cut the variable there, and the PT would start with half of its options. */
  @Test
  void refusesNulInServerOptions() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> listener(FOO, PtArgs.NONE.with("k", "a\0SECRET")))
        .withMessageContaining("NUL")
        .withMessageNotContaining("SECRET");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> listener(FOO, PtArgs.NONE.with("k\0", "a")));
  }

  @Test
  void refusesCommandsThatCannotBeRun() {
    Duration second = Duration.ofSeconds(1);
    assertThatIllegalArgumentException().isThrownBy(() -> config(List.of(), STATE, second));
    assertThatIllegalArgumentException().isThrownBy(() -> config(List.of(""), STATE, second));
    assertThatIllegalArgumentException().isThrownBy(() -> config(List.of(" "), STATE, second));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> config(List.of("pt", "a\0b"), STATE, second));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> config(List.of("pt"), STATE, Duration.ZERO));
    assertThat(config(List.of("pt", "", " "), STATE, second).command())
        .containsExactly("pt", "", " ");
  }

  private static PtRole.Listener listener(TransportName transport, PtArgs options) {
    return new PtRole.Listener(transport, LOOPBACK, options);
  }

  private static PtConfig config(PtRole role) {
    return new PtConfig(List.of("pt"), role, STATE, PtConfig.DEFAULT_START_TIMEOUT);
  }

  private static PtConfig config(List<String> command, Path state, Duration startTimeout) {
    return new PtConfig(command, CLIENT, state, startTimeout);
  }
}
