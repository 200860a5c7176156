package io.github.ptadapter.ptclient;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.ptadapter.ptclient.PtMessage.ClientMethodsDone;
import io.github.ptadapter.ptclient.PtMessage.EnvError;
import io.github.ptadapter.ptclient.PtMessage.Log;
import io.github.ptadapter.ptclient.PtMessage.Malformed;
import io.github.ptadapter.ptclient.PtMessage.MethodError;
import io.github.ptadapter.ptclient.PtMessage.ProxyDone;
import io.github.ptadapter.ptclient.PtMessage.ProxyError;
import io.github.ptadapter.ptclient.PtMessage.ServerMethodsDone;
import io.github.ptadapter.ptclient.PtMessage.Status;
import io.github.ptadapter.ptclient.PtMessage.Unknown;
import io.github.ptadapter.ptclient.PtMessage.Version;
import io.github.ptadapter.ptclient.PtMessage.VersionError;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PtMessageTest {

  private static final TransportName TREBUCHET = new TransportName("trebuchet");
  private static final TransportName FOO = new TransportName("foo");
  private static final TransportName OTHER = new TransportName("other");

  /** The examples of pt-spec, 3.3.1 to 3.3.5. */
  @TestFactory
  Stream<DynamicTest> examplesOfTheSpecification() {
    Map<String, PtMessage> examples = new LinkedHashMap<>();
    examples.put("VERSION 1", new Version("1"));
    examples.put("VERSION-ERROR no-version", new VersionError("no-version"));
    examples.put(
        "ENV-ERROR No TOR_PT_AUTH_COOKIE_FILE when TOR_PT_EXTENDED_SERVER_PORT set",
        new EnvError("No TOR_PT_AUTH_COOKIE_FILE when TOR_PT_EXTENDED_SERVER_PORT set"));
    examples.put("PROXY DONE", new ProxyDone());
    examples.put(
        "PROXY-ERROR SOCKS 4 upstream proxies unsupported.",
        new ProxyError("SOCKS 4 upstream proxies unsupported."));
    examples.put(
        "CMETHOD trebuchet socks5 127.0.0.1:19999",
        new ClientMethod(TREBUCHET, SocksVersion.SOCKS5, new Endpoint("127.0.0.1", 19999)));
    examples.put(
        "CMETHOD-ERROR trebuchet no rocks available",
        new MethodError(TREBUCHET, "no rocks available"));
    examples.put("CMETHODS DONE", new ClientMethodsDone());
    examples.put(
        "SMETHOD trebuchet 198.51.100.1:19999",
        new ServerMethod(TREBUCHET, new Endpoint("198.51.100.1", 19999), PtArgs.NONE));
    examples.put(
        "SMETHOD rot_by_N 198.51.100.1:2323 ARGS:N=13",
        new ServerMethod(
            new TransportName("rot_by_N"),
            new Endpoint("198.51.100.1", 2323),
            PtArgs.NONE.with("N", "13")));
    examples.put(
        "SMETHOD-ERROR trebuchet no cows available",
        new MethodError(TREBUCHET, "no cows available"));
    examples.put("SMETHODS DONE", new ServerMethodsDone());
    examples.put(
        "LOG SEVERITY=debug MESSAGE=\"Connected to bridge A\"",
        new Log("debug", "Connected to bridge A"));
    examples.put(
        "STATUS TRANSPORT=obfs4 ADDRESS=198.51.100.123:1234 CONNECT=Success",
        new Status(
            PtArgs.NONE
                .with("TRANSPORT", "obfs4")
                .with("ADDRESS", "198.51.100.123:1234")
                .with("CONNECT", "Success")
                .pairs()));
    return examples.entrySet().stream()
        .map(example ->
            dynamicTest(
                example.getKey(),
                () -> assertThat(PtMessage.parse(example.getKey())).isEqualTo(example.getValue())));
  }

  @ParameterizedTest
  @CsvSource({
    "VERSION,                                       missing version",
    "CMETHOD,                                       no transport",
    "CMETHOD trebuchet,                             too few fields",
    "CMETHOD trebuchet socks5,                      too few fields",
    "CMETHOD trebuchet 127.0.0.1:19999,             too few fields",
    "CMETHOD trebuchet socks 127.0.0.1:19999,       unknown protocol",
    "CMETHOD trebuchet socks4a 127.0.0.1:19999,     unknown protocol",
    "CMETHOD treb-uchet socks5 127.0.0.1:19999,     transport name is not a C identifier",
    "CMETHOD trebuchet socks5 127.0.0.1:0,          port '0' is not in 1..65535",
    "CMETHOD trebuchet socks5 127.0.0.1:19999x,     port '19999x' is not in 1..65535",
    "CMETHOD trebuchet socks5 ::1:19999,            IPv6 addresses stand in brackets",
    "CMETHOD trebuchet socks5 [2001:db8::1]:19999,  not a loopback address",
    "CMETHOD-ERROR,                                 no transport",
    "CMETHOD-ERROR treb-uchet no rocks,             transport name is not a C identifier",
    "SMETHOD,                                       no transport",
    "SMETHOD trebuchet,                             too few fields",
    "SMETHOD treb-uchet 198.51.100.1:19999,         transport name is not a C identifier",
    "SMETHOD trebuchet 198.51.100.1,                not an IP address and port",
    "SMETHOD trebuchet example.org:19999,           not an IP address and port",
    "SMETHOD rot_by_N 198.51.100.1:2323 ARGS:N,     no = in an argument",
    "SMETHOD rot_by_N 198.51.100.1:2323 ARGS:=13,   empty key",
    "SMETHOD rot_by_N 198.51.100.1:2323 ARGS:N=13\\, ends in a backslash",
    "SMETHOD-ERROR,                                 no transport",
    "LOG,                                           no fields",
    "LOG SEVERITY=debug,                            no message",
    "LOG MESSAGE=x,                                 no severity",
    "LOG debug Connected,                           no = in a field",
    "LOG SEVERITY=debug x MESSAGE=y,                no = in a field",
    "LOG =debug MESSAGE=y,                          empty key",
    "LOG SEVERITY=debug MESSAGE=\"Connected,        no closing quote",
    "LOG SEVERITY=debug MESSAGE=\"Connected\\\",    no closing quote",
    "LOG SEVERITY=debug MESSAGE=\"\\400\",          octal escape above 377",
    "STATUS,                                        no fields",
    "STATUS TRANSPORT,                              no = in a field",
    "STATUS TRANSPORT=obfs4 CONNECT,                no = in a field",
    "STATUS =obfs4,                                 empty key",
    "STATUS TRANSPORT=\"obfs4,                      no closing quote",
  })
  void malformedTwins(String line, String reason) {
    assertThat(PtMessage.parse(line))
        .isInstanceOfSatisfying(
            Malformed.class,
            malformed -> {
              assertThat(malformed.keyword()).isEqualTo(line.split(" ", 2)[0]);
              assertThat(malformed.reason()).isEqualTo(reason);
            });
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        " VERSION 1",
        "VERSION: 1",
        "VERSIONS 1",
        "version 1",
        "\ufeffVERSION 1",
        "ENV_ERROR no",
        "ENV-ERRORS no",
        "PROXY",
        "PROXY NOT DONE",
        "PROXY DONE DONE",
        "PROXY-DONE",
        "CMETHODS",
        "CMETHODS DONE.",
        "CMETHODS  DONE X",
        "SMETHODS done",
        "METHOD trebuchet socks5 127.0.0.1:19999",
        "LOGS SEVERITY=debug MESSAGE=x",
        "VERSION 1\0",
        "CMETHOD trebuchet socks5 127.0.0.1:19999\0",
      })
  void unknownTwins(String line) {
    assertThat(PtMessage.parse(line)).isInstanceOf(Unknown.class);
  }

  @Test
  void unknownKeywordsAreCutAndPrintable() {
    assertThat(PtMessage.parse("BANANA yes please")).isEqualTo(new Unknown("BANANA"));
    assertThat(PtMessage.parse("\u001b[31m\0é x")).isEqualTo(new Unknown("?[31m??"));
    assertThat(PtMessage.parse("B".repeat(41))).isEqualTo(new Unknown("B".repeat(40)));
  }

  @ParameterizedTest
  @CsvSource({
    "CMETHOD foo,                   CMETHOD for foo: too few fields",
    "SMETHOD foo,                   SMETHOD for foo: too few fields",
    "CMETHOD 9foo socks5,           CMETHOD: transport name is not a C identifier",
    "STATUS foo,                    STATUS: no = in a field",
  })
  void malformedNamesItsTransport(String line, String words) {
    assertThat(PtMessage.parse(line)).hasToString(words);
  }

  @ParameterizedTest
  @CsvSource({
    "a,                    a",
    "\\\\,                 \\",
    "\\\",                 '\"'",
    "\\q\\,                no closing quote",
    "\\101\\1011,          AA1",
    "\\0,                  '\0'",
    "\\18,                 '\u00018'",
    "\\303\\251,           é",
    "\\303é,               '\ufffdé'",
    "\\é\\😀,              é😀",
    "' a  b ',             ' a  b '",
    "SEVERITY=error,       SEVERITY=error",
  })
  void escapesOfQuotedText(String quoted, String text) {
    PtMessage message = PtMessage.parse("LOG SEVERITY=debug MESSAGE=\"" + quoted + "\"");
    if (message instanceof Malformed malformed) {
      assertThat(malformed.reason()).isEqualTo(text);
    } else {
      assertThat(message).isEqualTo(new Log("debug", text));
    }
  }

  @Test
  void fieldsMayStandInAnyOrder() {
    assertThat(PtMessage.parse("LOG MESSAGE=\"a b\" FUTURE=1 SEVERITY=info"))
        .isEqualTo(new Log("info", "a b"));
    assertThat(PtMessage.parse("LOG\tSEVERITY=\"info\" \t MESSAGE=a \"b\" c=d"))
        .isEqualTo(new Log("info", "a \"b\" c=d"));
    assertThat(PtMessage.parse("STATUS A=\"x\"B=y A=z"))
        .isEqualTo(new Status(PtArgs.NONE.with("A", "x").with("B", "y").with("A", "z").pairs()));
  }

  /** An SMETHOD line holds what clients must know: its text must not get into logs. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "SMETHOD SECRET-x 127.0.0.1:1 ARGS:cert=SECRET",
        "SMETHOD ARGS:cert=SECRET",
        "SMETHOD obfs4 SECRET",
        "SMETHOD obfs4 SECRET:1",
        "SMETHOD obfs4 [SECRET]:1",
        "SMETHOD obfs4 127.0.0.1:SECRET",
        "SMETHOD obfs4 ARGS:cert=SECRET",
        "SMETHOD obfs4 ARGS:cert=SECRET,iat-mode=0",
        "SMETHOD obfs4 ARGS:cert=SECRET:1",
        "SMETHOD obfs4 [::1 ARGS:cert=SECRET",
        "SMETHOD obfs4 127.0.0.1:0 ARGS:cert=SECRET",
        "SMETHOD obfs4 127.0.0.1:1 ARGS:SECRET",
        "SMETHOD obfs4 127.0.0.1:1 ARGS:cert=SECRET,",
        "SMETHOD obfs4 127.0.0.1:1 ARGS:cert=SECRET\\",
        "SMETHOD obfs4 127.0.0.1:1 ARGS:=SECRET",
        "SMETHOD obfs4 127.0.0.1:1 ARGS:cert=SECRET\0",
        "SMETHODX obfs4 127.0.0.1:1 ARGS:cert=SECRET",
        "smethod obfs4 127.0.0.1:1 ARGS:cert=SECRET",
        "SMETHODS obfs4 127.0.0.1:1 ARGS:cert=SECRET",
        " SMETHOD obfs4 127.0.0.1:1 ARGS:cert=SECRET",
      })
  void neverCarriesTheSecretOfAServer(String line) {
    PtMessage message = PtMessage.parse(line);
    assertThat(message).isInstanceOfAny(Malformed.class, Unknown.class);
    // The transport's name is quoted, since it must be a C identifier.
    assertThat(message.toString()).doesNotContain("SECRET");

    PtRole role = PtStartupTest.server(new TransportName("obfs4"), new TransportName("SECRET_x"));
    PtStartup startup = new PtStartup(role);
    PtException failure =
        catchThrowableOfType(
            PtException.class,
            () -> {
              startup.accept(new Version("1"));
              startup.accept(message);
            });
    if (failure != null) {
      assertThat(failure).message().doesNotContain("SECRET");
    }
  }

  @TestFactory
  Stream<DynamicTest> linesThatPtsWrite() {
    return Vectors.group("stdout_lines")
        .map(row -> dynamicTest(title(row), () -> checkMessage(row)));
  }

  private static void checkMessage(JsonNode row) {
    JsonNode expected = row.path("message");
    List<PtMessage> messages = messages(row);
    if (expected.path("kind").textValue().equals("NOTHING")) {
      assertThat(messages).isEmpty();
      return;
    }
    assertThat(messages).hasSize(1);
    PtMessage message = messages.getFirst();
    switch (expected.path("kind").textValue()) {
      case "UNKNOWN" -> assertThat(message).isInstanceOf(Unknown.class);
      case "MALFORMED" -> assertThat(message).isInstanceOf(Malformed.class);
      default -> assertThat(message).isEqualTo(message(expected));
    }
  }

  /** The same bytes mean different things before VERSION, before DONE and after it. */
  @TestFactory
  Stream<DynamicTest> linesInTheirPhase() {
    return Vectors.group("stdout_lines")
        .map(row ->
            dynamicTest(
                title(row) + " (" + row.path("phase").textValue() + ")", () -> checkPhase(row)));
  }

  private static void checkPhase(JsonNode row) throws PtException {
    List<PtMessage> messages = messages(row);
    PtStartup startup = startupIn(row, messages);
    Optional<PtMethods> methods = Optional.empty();
    String outcome = "waits";
    try {
      for (PtMessage message : messages) {
        methods = startup.accept(message);
      }
      if (methods.isPresent()) {
        outcome = "ready";
      }
    } catch (PtException e) {
      outcome = e.reason().name();
    }
    assertThat(outcome).isEqualTo(row.path("startup").textValue());
  }

  /** Brings a startup to the row's phase, with the row's transport requested. */
  private static PtStartup startupIn(JsonNode row, List<PtMessage> messages) throws PtException {
    List<TransportName> transports = new ArrayList<>(List.of(OTHER, FOO, TREBUCHET));
    for (PtMessage message : messages) {
      if (message instanceof ClientMethod method) {
        transports.add(method.transport());
      }
    }
    boolean client = row.path("role").textValue().equals("client");
    String method = client ? "CMETHOD %s socks5 127.0.0.1:4321" : "SMETHOD %s 192.0.2.1:4321";
    String other = method.formatted(OTHER);
    String foo = method.formatted(FOO);
    List<String> before =
        switch (row.path("phase").textValue()) {
          case "start" -> List.of();
          case "methods" -> List.of("VERSION 1", other);
          case "after an earlier CMETHOD foo" -> List.of("VERSION 1", other, foo);
          case "after DONE" ->
              List.of("VERSION 1", other, client ? "CMETHODS DONE" : "SMETHODS DONE");
          default -> throw new IllegalArgumentException(row.toString());
        };
    TransportName[] names = transports.stream().distinct().toArray(TransportName[]::new);
    PtStartup startup =
        new PtStartup(
            client
                ? PtStartupTest.client(row.path("proxy").booleanValue(), names)
                : PtStartupTest.server(names));
    for (String line : before) {
      startup.accept(PtMessage.parse(line));
    }
    return startup;
  }

  private static PtMessage message(JsonNode expected) {
    String text = expected.path("message").textValue();
    return switch (expected.path("kind").textValue()) {
      case "VERSION" -> new Version(expected.path("version").textValue());
      case "VERSION_ERROR" -> new VersionError(text);
      case "ENV_ERROR" -> new EnvError(text);
      case "PROXY_DONE" -> new ProxyDone();
      case "PROXY_ERROR" -> new ProxyError(text);
      case "CMETHOD" ->
          new ClientMethod(
              transport(expected),
              switch (expected.path("protocol").textValue()) {
                case "socks4" -> SocksVersion.SOCKS4;
                case "socks5" -> SocksVersion.SOCKS5;
                default -> throw new IllegalArgumentException(expected.toString());
              },
              address(expected));
      case "CMETHOD_ERROR", "SMETHOD_ERROR" -> new MethodError(transport(expected), text);
      case "CMETHODS_DONE" -> new ClientMethodsDone();
      case "SMETHOD" ->
          new ServerMethod(
              transport(expected), address(expected), Vectors.args(expected.path("args")));
      case "SMETHODS_DONE" -> new ServerMethodsDone();
      case "LOG" -> new Log(expected.path("severity").textValue(), text);
      case "STATUS" -> new Status(Vectors.args(expected.path("pairs")).pairs());
      default -> throw new IllegalArgumentException(expected.toString());
    };
  }

  private static TransportName transport(JsonNode expected) {
    return new TransportName(expected.path("transport").textValue());
  }

  private static Endpoint address(JsonNode expected) {
    return new Endpoint(expected.path("host").textValue(), expected.path("port").intValue());
  }

  private static List<PtMessage> messages(JsonNode row) {
    String bytes;
    if (row.has("input_hex")) {
      bytes = Vectors.latin1(row.path("input_hex").textValue());
    } else if (row.has("input_repeat")) {
      JsonNode repeat = row.path("input_repeat");
      bytes = repeat.path(0).textValue().repeat(repeat.path(1).intValue());
    } else {
      bytes = new String(row.path("input").textValue().getBytes(UTF_8), ISO_8859_1);
    }
    return BoundedLinesTest.lines(bytes + "\n").stream().map(PtMessage::parse).toList();
  }

  private static String title(JsonNode row) {
    String input = row.path("input").asText(row.path("note").asText("bytes"));
    return input.isEmpty() ? "empty line" : input;
  }
}
