package io.github.ptadapter.ptclient;

import static io.github.ptadapter.ptclient.PtException.Reason.NOT_EXPRESSIBLE;
import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.stream.Collectors.groupingBy;
import static java.util.stream.Collectors.mapping;
import static java.util.stream.Collectors.toList;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNoException;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.fasterxml.jackson.databind.JsonNode;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PtArgsTest {

  private static final TransportName OBFS4 = new TransportName("obfs4");

  @TestFactory
  Stream<DynamicTest> clientEncoding() {
    return Vectors.group("args_encoding")
        .map(row -> dynamicTest(row.path("rule").textValue(), () -> checkClientEncoding(row)));
  }

  private static void checkClientEncoding(JsonNode row) throws PtException {
    if (row.path("error").asText().equals("empty key")) {
      assertThatIllegalArgumentException().isThrownBy(() -> Vectors.args(row.path("pairs")));
      return;
    }
    PtArgs args = Vectors.args(row.path("pairs"));
    String encoded = args.encode();
    if (row.has("encoded")) {
      assertThat(encoded).isEqualTo(row.path("encoded").textValue());
    } else {
      assertThat(sha256(encoded)).isEqualTo(row.path("encoded_sha256").textValue());
    }
    assertThat(encoded.getBytes(UTF_8)).hasSize(row.path("bytes").intValue());
    if (row.has("error")) {
      assertNotExpressible(SocksVersion.SOCKS5, args);
    } else {
      assertThat(new PtDialer(method(SocksVersion.SOCKS5), args)).isNotNull();
    }
  }

  @ParameterizedTest
  @CsvSource({"0, true", "2, true", "255, true", "256, true", "510, true", "511, false"})
  void socks5HoldsTwoFields(int bytes, boolean fits) {
    PtArgs args = bytes == 0 ? PtArgs.NONE : PtArgs.NONE.with("k", "x".repeat(bytes - 2));
    assertThat(args.encode()).hasSize(bytes);
    if (fits) {
      assertThatNoException().isThrownBy(() -> new PtDialer(method(SocksVersion.SOCKS5), args));
    } else {
      assertThat(assertNotExpressible(SocksVersion.SOCKS5, args))
          .hasMessageContaining("take 511 bytes")
          .hasMessageContaining("SOCKS5 holds 510");
    }
    assertThatNoException().isThrownBy(() -> new PtDialer(method(SocksVersion.SOCKS4), args));
  }

  @Test
  void bytesCountAndNotChars() {
    assertNotExpressible(SocksVersion.SOCKS5, PtArgs.NONE.with("k", "é".repeat(255)));
  }

  @Test
  void nulEndsTheArgsOfSocks4() {
    PtArgs args = PtArgs.NONE.with("k", "a\0SECRET");
    assertThat(assertNotExpressible(SocksVersion.SOCKS4, args))
        .hasMessageContaining("NUL")
        .message()
        .doesNotContain("SECRET");
    assertThatNoException().isThrownBy(() -> new PtDialer(method(SocksVersion.SOCKS5), args));
  }

  @TestFactory
  Stream<DynamicTest> smethodArgs() {
    return Vectors.group("smethod_args")
        .map(row -> {
          String input = row.path("input").textValue();
          JsonNode expected = row.path("expect");
          return dynamicTest(
              "ARGS:" + input,
              () -> {
                if (expected.has("error")) {
                  assertThatIllegalArgumentException()
                      .isThrownBy(() -> PtArgs.parseSmethodArgs(input))
                      .withMessageContaining(expected.path("error").textValue());
                } else {
                  assertThat(PtArgs.parseSmethodArgs(input).pairs())
                      .isEqualTo(Vectors.args(expected).pairs());
                }
              });
        });
  }

  @TestFactory
  Stream<DynamicTest> smethodArgsAsGoptlibWritesThem() {
    return Vectors.group("smethod_args_encoding_by_pt")
        .map(row -> {
          String text = row.path("expect").textValue();
          return dynamicTest(
              text,
              () -> {
                if (row.path("input").path(0).path(0).textValue().isEmpty()) {
                  assertThatIllegalArgumentException()
                      .isThrownBy(() -> PtArgs.parseSmethodArgs(text))
                      .withMessage("empty key");
                } else {
                  assertThat(PtArgs.parseSmethodArgs(text).pairs())
                      .isEqualTo(Vectors.args(row.path("input")).pairs());
                }
              });
        });
  }

  @TestFactory
  Stream<DynamicTest> smethodArgsBecomeClientArgs() {
    return Vectors.group("smethod_args_to_client_args")
        .map(row -> {
          String input = row.path("input").textValue();
          return dynamicTest(
              input,
              () ->
                  assertThat(PtArgs.parseSmethodArgs(input).encode())
                      .isEqualTo(row.path("expect").textValue()));
        });
  }

  @ParameterizedTest
  @CsvSource({
    "a,        no = in an argument",
    "'a=b,',   no = in an argument",
    "'a=b,,c=d', no = in an argument",
    "'a,b=c',  no = in an argument",
    "a\\=b,    no = in an argument",
    "=v,       empty key",
    "a=b\\,    ends in a backslash",
    "\\,       ends in a backslash",
  })
  void refusesSmethodArgs(String text, String reason) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> PtArgs.parseSmethodArgs(text))
        .withMessage(reason);
  }

  /** What goptlib decodes from our text is what we meant; its own examples check the decoder. */
  @TestFactory
  Stream<DynamicTest> serverOptions() {
    return Vectors.group("server_transport_options_by_pt")
        .map(row ->
            dynamicTest("'" + row.path("input").textValue() + "'", () -> checkServerOptions(row)));
  }

  private static void checkServerOptions(JsonNode row) {
    String text = row.path("input").textValue();
    if (row.path("expect").has("env_error")) {
      assertThatIllegalArgumentException().isThrownBy(() -> decodeServerOptions(text));
      return;
    }
    Map<String, PtArgs> expected = new LinkedHashMap<>();
    row.path("expect")
        .forEachEntry((transport, options) ->
            options.forEachEntry((key, values) ->
                Vectors.strings(values)
                    .forEach(value ->
                        expected.merge(
                            transport,
                            PtArgs.NONE.with(key, value),
                            (all, _) -> all.with(key, value)))));
    assertThat(grouped(decodeServerOptions(text))).isEqualTo(grouped(expected));

    String ours =
        expected.entrySet().stream()
            .map(e -> e.getValue().encodeServerOptions(new TransportName(e.getKey())))
            .reduce((a, b) -> a + ";" + b)
            .orElse("");
    assertThat(decodeServerOptions(ours)).as(ours).isEqualTo(expected);
  }

  @Test
  void everySpecialCharacterIsEscapedForServers() {
    PtArgs args = PtArgs.NONE.with("k=;:\\", "v=;:\\").with("k", "").with("é", "\n 中");
    String encoded = args.encodeServerOptions(OBFS4);
    assertThat(encoded).isEqualTo("obfs4:k\\=\\;\\:\\\\=v=\\;\\:\\\\;obfs4:k=;obfs4:é=\n 中");
    assertThat(decodeServerOptions(encoded)).isEqualTo(Map.of("obfs4", args));
    assertThat(PtArgs.NONE.encodeServerOptions(OBFS4)).isEmpty();
  }

  @Test
  void findsTheFirstOfAKey() {
    PtArgs args = PtArgs.NONE.with("k", "1").with("k", "2").with("l", "");
    assertThat(args.first("k")).contains("1");
    assertThat(args.first("l")).contains("");
    assertThat(args.first("K")).isEmpty();
  }

  @Test
  void neverShowsAValue() {
    PtArgs args = PtArgs.NONE.with("cert", "SECRET").with("iat-mode", "0");
    assertThat(args).hasToString("PtArgs[cert=..., iat-mode=...]");
    Endpoint address = new Endpoint("192.0.2.1", 443);
    assertThat(
            List.of(
                new ServerMethod(OBFS4, address, args),
                new PtMessage.Status(args.pairs()),
                new PtRole.Server(List.of(new PtRole.Listener(OBFS4, address, args)), address)))
        .allSatisfy(holder -> assertThat(holder.toString()).doesNotContain("SECRET"));
  }

  private static PtException assertNotExpressible(SocksVersion socks, PtArgs args) {
    PtException failure =
        catchThrowableOfType(PtException.class, () -> new PtDialer(method(socks), args));
    assertThat(failure).isNotNull();
    assertThat(failure.reason()).isEqualTo(NOT_EXPRESSIBLE);
    return failure;
  }

  private static ClientMethod method(SocksVersion socks) {
    return new ClientMethod(OBFS4, socks, new Endpoint("127.0.0.1", 1));
  }

  /** As goptlib's parseServerTransportOptions: a transport's options, the order kept. */
  private static Map<String, PtArgs> decodeServerOptions(String text) {
    Map<String, PtArgs> options = new LinkedHashMap<>();
    for (int at = 0; at < text.length(); ) {
      StringBuilder name = new StringBuilder();
      StringBuilder key = new StringBuilder();
      StringBuilder value = new StringBuilder();
      at = unescaped(text, at, ':', name);
      at = unescaped(text, at, '=', key);
      at = unescaped(text, at, ';', value);
      options.merge(
          name.toString(),
          PtArgs.NONE.with(key.toString(), value.toString()),
          (all, _) -> all.with(key.toString(), value.toString()));
    }
    return options;
  }

  /** Appends what stands before {@code end}, and returns where the rest begins. */
  private static int unescaped(String text, int from, char end, StringBuilder part) {
    for (int i = from; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == end) {
        return i + 1;
      }
      if (c == ';') {
        break;
      }
      part.append(c == '\\' ? text.charAt(++i) : c);
    }
    if (end != ';') {
      throw new IllegalArgumentException("no " + end);
    }
    return text.length();
  }

  /** The values of each key, for maps do not keep the order of different keys. */
  private static Map<String, Map<String, List<String>>> grouped(Map<String, PtArgs> options) {
    Map<String, Map<String, List<String>>> grouped = new LinkedHashMap<>();
    options.forEach((transport, args) ->
        grouped.put(
            transport,
            args.pairs().stream()
                .collect(groupingBy(PtArgs.Pair::key, mapping(PtArgs.Pair::value, toList())))));
    return grouped;
  }

  private static String sha256(String text) {
    try {
      return HexFormat.of()
          .formatHex(MessageDigest.getInstance("SHA-256").digest(text.getBytes(UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }
}
