package io.github.ptadapter.ptclient;

import static io.github.ptadapter.ptclient.PtException.Reason.PROTOCOL_VIOLATION;
import static io.github.ptadapter.ptclient.PtException.Reason.PROXY_REJECTED;
import static io.github.ptadapter.ptclient.PtException.Reason.TRANSPORT_FAILED;
import static io.github.ptadapter.ptclient.PtException.Reason.VERSION_UNSUPPORTED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.ptadapter.ptclient.PtException.Reason;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

class PtStartupTest {

  private static final TransportName FOO = new TransportName("foo");
  private static final TransportName BAR = new TransportName("bar");

  @TestFactory
  Stream<DynamicTest> sessionsOfPts() {
    return Vectors.group("sessions")
        .map(row -> dynamicTest(row.path("name").textValue(), () -> checkSession(row)));
  }

  private static void checkSession(JsonNode row) throws PtException {
    TransportName[] transports =
        Vectors.transports(row.path("transports")).toArray(TransportName[]::new);
    PtRole role =
        row.path("role").textValue().equals("client")
            ? client(row.path("proxy").booleanValue(), transports)
            : server(transports);
    String[] lines = Vectors.strings(row.path("stdout")).toArray(String[]::new);
    JsonNode expected = row.path("expect");
    if (expected.has("fails")) {
      assertFails(
          role,
          Reason.valueOf(expected.path("fails").textValue()),
          expected.path("words").textValue(),
          lines);
      return;
    }
    PtStartup startup = new PtStartup(role);
    Optional<PtMethods> methods = run(startup, lines);
    if (expected.has("waits")) {
      assertThat(methods).isEmpty();
      assertThat(startup.progress()).isEqualTo(expected.path("waits").textValue());
      return;
    }
    assertThat(methods).isPresent();
    List<TransportName> ready =
        role instanceof PtRole.Client
            ? methods.get().clients().stream().map(ClientMethod::transport).toList()
            : methods.get().servers().stream().map(ServerMethod::transport).toList();
    assertThat(ready).isEqualTo(Vectors.transports(expected.path("ready")));
    Map<TransportName, String> failed = new HashMap<>();
    expected
        .path("failed")
        .forEachEntry((name, why) -> failed.put(new TransportName(name), why.textValue()));
    assertThat(methods.get().failures()).isEqualTo(failed);
  }

  @Test
  void namesItsLastStep() throws PtException {
    PtStartup startup = new PtStartup(client(false, FOO, BAR));
    assertThat(startup.progress()).isEqualTo("nothing");
    run(startup, "LOG SEVERITY=info MESSAGE=x", "BANANA");
    assertThat(startup.progress()).isEqualTo("nothing");
    run(startup, "VERSION 1");
    assertThat(startup.progress()).isEqualTo("VERSION");
    run(startup, "CMETHOD foo socks5 127.0.0.1:1");
    assertThat(startup.progress()).isEqualTo("CMETHOD foo");
    run(startup, "CMETHOD-ERROR bar no");
    assertThat(startup.progress()).isEqualTo("an error for bar");
  }

  @Test
  void proxyMustBeConfirmed() throws PtException {
    PtRole role = client(true, FOO);
    assertFails(
        role,
        PROXY_REJECTED,
        "no PROXY DONE",
        "VERSION 1",
        "CMETHOD foo socks5 127.0.0.1:1",
        "CMETHODS DONE");
    assertThat(
            run(
                new PtStartup(role),
                "VERSION 1",
                "CMETHOD foo socks5 127.0.0.1:1",
                "PROXY DONE",
                "CMETHODS DONE"))
        .isPresent();
  }

  @Test
  void versionComesFirstAndOnceAndIsOurs() {
    PtRole client = client(false, FOO);
    PtRole server = server(FOO);
    String cmethod = "CMETHOD foo socks5 127.0.0.1:1";
    assertFails(client, PROTOCOL_VIOLATION, "CMETHOD before VERSION", cmethod);
    assertFails(client, PROTOCOL_VIOLATION, "ERROR before VERSION", "CMETHOD-ERROR foo x");
    assertFails(client, PROTOCOL_VIOLATION, "CMETHODS DONE before VERSION", "CMETHODS DONE");
    assertFails(server, PROTOCOL_VIOLATION, "SMETHOD before VERSION", "SMETHOD foo 192.0.2.1:1");
    assertFails(server, PROTOCOL_VIOLATION, "SMETHODS DONE before VERSION", "SMETHODS DONE");
    assertFails(client, PROTOCOL_VIOLATION, "second VERSION", "VERSION 1", "VERSION 1");
    assertFails(client, VERSION_UNSUPPORTED, "'2'", "VERSION 2");
  }

  @Test
  void firstMethodOfATransportStands() throws PtException {
    PtMethods methods =
        ready(
            client(false, FOO, BAR),
            "VERSION 1",
            "CMETHOD foo socks5 127.0.0.1:1",
            "CMETHOD foo socks4 127.0.0.1:2",
            "CMETHOD bar socks4 [::1]:3",
            "CMETHODS DONE");
    assertThat(methods.clients())
        .containsExactly(
            new ClientMethod(FOO, SocksVersion.SOCKS5, new Endpoint("127.0.0.1", 1)),
            new ClientMethod(BAR, SocksVersion.SOCKS4, new Endpoint("::1", 3)));
    assertThat(methods.client(BAR)).contains(methods.clients().get(1));
    assertThat(methods.failures()).isEmpty();
  }

  @Test
  void serversOfferTheirArgs() throws PtException {
    PtMethods methods =
        ready(
            server(FOO, BAR),
            "VERSION 1",
            "SMETHOD foo [::]:1 ARGS:cert=x,iat-mode=0",
            "SMETHOD foo 192.0.2.1:2",
            "SMETHODS DONE");
    assertThat(methods.server(FOO))
        .contains(
            new ServerMethod(
                FOO, new Endpoint("::", 1), PtArgs.NONE.with("cert", "x").with("iat-mode", "0")));
    assertThat(methods.server(BAR)).isEmpty();
    assertThat(methods.failures()).containsExactly(Map.entry(BAR, "the PT did not mention it"));
  }

  @Test
  void methodsThatNobodyAskedForAreIgnored() throws PtException {
    PtMethods methods =
        ready(
            client(false, FOO),
            "VERSION 1",
            "CMETHOD bar socks5 127.0.0.1:1",
            "CMETHOD bar socks5 example.org:1",
            "CMETHOD-ERROR bar no",
            "SMETHOD foo 192.0.2.1:1",
            "SMETHOD foo",
            "SMETHODS DONE",
            "CMETHOD foo socks5 127.0.0.1:2",
            "CMETHODS DONE");
    assertThat(methods.clients())
        .containsExactly(new ClientMethod(FOO, SocksVersion.SOCKS5, new Endpoint("127.0.0.1", 2)));
    assertThat(methods.servers()).isEmpty();
    assertThat(methods.failures()).isEmpty();
  }

  /** A line whose transport cannot be read may be the one that is needed. */
  @Test
  void malformedMethodsAreFatalWhereTheyMayBeNeeded() {
    PtRole client = client(false, FOO);
    PtRole server = server(FOO);
    assertFails(
        client, PROTOCOL_VIOLATION, "bad CMETHOD for foo: too few", "VERSION 1", "CMETHOD foo");
    assertFails(client, PROTOCOL_VIOLATION, "bad CMETHOD: ", "VERSION 1", "CMETHOD 9foo socks5");
    assertFails(client, PROTOCOL_VIOLATION, "bad CMETHOD: ", "VERSION 1", "CMETHOD");
    assertFails(server, PROTOCOL_VIOLATION, "bad SMETHOD for foo: ", "VERSION 1", "SMETHOD foo x");
    assertFails(server, PROTOCOL_VIOLATION, "bad SMETHOD: ", "VERSION 1", "SMETHOD");
    assertFails(client, PROTOCOL_VIOLATION, "bad VERSION: missing", "VERSION");
  }

  @Test
  void oneTransportIsEnough() throws PtException {
    PtMethods methods =
        ready(
            client(false, FOO, BAR),
            "VERSION 1",
            "CMETHOD-ERROR foo",
            "CMETHOD-ERROR foo second",
            "CMETHOD bar socks5 127.0.0.1:1",
            "CMETHODS DONE");
    assertThat(methods.client(BAR)).isPresent();
    assertThat(methods.client(FOO)).isEmpty();
    assertThat(methods.failures()).containsExactly(Map.entry(FOO, "no reason given"));
  }

  @Test
  void methodAfterItsErrorCounts() throws PtException {
    PtMethods methods =
        ready(
            client(false, FOO),
            "VERSION 1",
            "CMETHOD-ERROR foo not yet",
            "CMETHOD foo socks5 127.0.0.1:1",
            "CMETHODS DONE");
    assertThat(methods.client(FOO)).isPresent();
    assertThat(methods.failures()).isEmpty();
  }

  @Test
  void noTransportAtAllFails() {
    assertFails(
        client(false, FOO, BAR),
        TRANSPORT_FAILED,
        "foo: no rocks; bar: the PT did not mention it",
        "VERSION 1",
        "CMETHOD-ERROR foo no rocks",
        "CMETHODS DONE");
    assertFails(
        server(FOO),
        TRANSPORT_FAILED,
        "foo: no cows",
        "VERSION 1",
        "SMETHOD-ERROR foo no cows",
        "SMETHODS DONE");
  }

  @Test
  void nothingAfterDoneIsFatal() throws PtException {
    PtStartup startup = new PtStartup(client(true, FOO));
    Optional<PtMethods> methods =
        run(startup, "VERSION 1", "PROXY DONE", "CMETHOD foo socks5 127.0.0.1:1", "CMETHODS DONE");
    assertThat(methods).isPresent();
    for (String late :
        List.of(
            "VERSION 1",
            "VERSION",
            "VERSION-ERROR no-version",
            "ENV-ERROR x",
            "PROXY-ERROR x",
            "PROXY DONE",
            "CMETHOD foo socks5 127.0.0.1:2",
            "CMETHOD foo",
            "CMETHOD-ERROR foo x",
            "CMETHODS DONE",
            "SMETHODS DONE",
            "LOG SEVERITY=error MESSAGE=x",
            "STATUS A=b",
            "BANANA")) {
      assertThat(startup.accept(PtMessage.parse(late))).as(late).isEmpty();
    }
    assertThat(methods.get().clients())
        .containsExactly(new ClientMethod(FOO, SocksVersion.SOCKS5, new Endpoint("127.0.0.1", 1)));
  }

  static PtRole client(boolean proxy, TransportName... transports) {
    return new PtRole.Client(
        List.of(transports),
        proxy ? Optional.of(UpstreamProxy.parse("socks5://127.0.0.1:1080")) : Optional.empty());
  }

  static PtRole server(TransportName... transports) {
    Endpoint loopback = new Endpoint("127.0.0.1", 9);
    return new PtRole.Server(
        Stream.of(transports).map(t -> new PtRole.Listener(t, loopback, PtArgs.NONE)).toList(),
        loopback);
  }

  private static PtMethods ready(PtRole role, String... lines) throws PtException {
    Optional<PtMethods> methods = run(new PtStartup(role), lines);
    assertThat(methods).isPresent();
    return methods.get();
  }

  /** Returns what came of the last line; none before it may have ended the start. */
  private static Optional<PtMethods> run(PtStartup startup, String... lines) throws PtException {
    Optional<PtMethods> methods = Optional.empty();
    for (String line : lines) {
      assertThat(methods).as("before " + line).isEmpty();
      methods = startup.accept(PtMessage.parse(line));
    }
    return methods;
  }

  /** Checks that the last line, and none before it, fails the start. */
  private static void assertFails(PtRole role, Reason reason, String words, String... lines) {
    PtStartup startup = new PtStartup(role);
    int[] accepted = {0};
    PtException failure =
        catchThrowableOfType(
            PtException.class,
            () -> {
              for (String line : lines) {
                assertThat(startup.accept(PtMessage.parse(line))).as(line).isEmpty();
                accepted[0]++;
              }
            });
    assertThat(failure).as("failure by " + lines[lines.length - 1]).isNotNull();
    assertThat(failure.reason()).isEqualTo(reason);
    assertThat(failure).hasMessageContaining(words);
    assertThat(accepted[0]).isEqualTo(lines.length - 1);
  }
}
