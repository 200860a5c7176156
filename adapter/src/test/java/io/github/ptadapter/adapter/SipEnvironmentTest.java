package io.github.ptadapter.adapter;

import static io.github.ptadapter.adapter.Refusals.refused;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.ptadapter.ptclient.Endpoint;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SipEnvironmentTest {

  private final Map<String, String> environment =
      new HashMap<>(
          Map.of(
              "SS_REMOTE_HOST", "192.0.2.1",
              "SS_REMOTE_PORT", "8388",
              "SS_LOCAL_HOST", "127.0.0.1",
              "SS_LOCAL_PORT", "1080",
              "SS_PLUGIN_OPTIONS", "transport=obfs4"));

  @Test
  void readsTheFiveVariables() throws Exception {
    SipEnvironment sip = SipEnvironment.of(environment);
    assertThat(sip.remotes()).containsExactly(new Endpoint("192.0.2.1", 8388));
    assertThat(sip.local()).isEqualTo(new Endpoint("127.0.0.1", 1080));
    assertThat(sip.options()).isEqualTo("transport=obfs4");
  }

  @Test
  void livesWithoutOptions() throws Exception {
    environment.remove("SS_PLUGIN_OPTIONS");
    assertThat(SipEnvironment.of(environment).options()).isEmpty();
  }

  /** Hosts are joined by commas here. */
  @ParameterizedTest
  @CsvSource(
      delimiterString = " -> ",
      textBlock =
          """
          192.0.2.1|192.0.2.2 -> 192.0.2.1,192.0.2.2
          127.0.0.1|::1 -> 127.0.0.1,::1
          2001:db8::1 -> 2001:db8::1
          [2001:db8::1] -> 2001:db8::1
          [2001:db8::1]|a.example|[::] -> 2001:db8::1,a.example,::
          ::0|0.0.0.0 -> ::0,0.0.0.0
          Server.Example -> Server.Example
          сервер.example -> сервер.example
          localhost -> localhost
          """)
  void readsHosts(String value, String hosts) throws Exception {
    environment.put("SS_REMOTE_HOST", value);
    assertThat(SipEnvironment.of(environment).remotes())
        .extracting(Endpoint::host)
        .containsExactly(hosts.split(",", -1));
    assertThat(SipEnvironment.of(environment).remotes())
        .extracting(Endpoint::port)
        .containsOnly(8388);
  }

  @Test
  void readsALocalAddressWithAndWithoutBrackets() throws Exception {
    environment.put("SS_LOCAL_HOST", "::1");
    assertThat(SipEnvironment.of(environment).local()).hasToString("[::1]:1080");
    environment.put("SS_LOCAL_HOST", "[::1]");
    assertThat(SipEnvironment.of(environment).local()).hasToString("[::1]:1080");
  }

  @ParameterizedTest
  @ValueSource(strings = {"SS_REMOTE_HOST", "SS_REMOTE_PORT", "SS_LOCAL_HOST", "SS_LOCAL_PORT"})
  void namesAVariableThatIsMissingOrEmpty(String name) {
    String words = name + " is not set: this program is started by a Shadowsocks host";
    environment.put(name, "");
    refused(() -> SipEnvironment.of(environment), words);
    environment.remove(name);
    refused(() -> SipEnvironment.of(environment), words);
  }

  @ParameterizedTest
  @CsvSource({
    "SS_LOCAL_PORT,  0,           port '0' is not in 1..65535",
    "SS_LOCAL_PORT,  65536,       port '65536' is not in 1..65535",
    "SS_LOCAL_PORT,  notaport,    port 'notaport' is not in 1..65535",
    "SS_REMOTE_PORT, 99999999999, port '99999999999' is not in",
    "SS_REMOTE_PORT, -1,          port '-1' is not in",
    "SS_REMOTE_PORT, ' 80',       port ' 80' is not in",
    "SS_REMOTE_HOST, '192.0.2.1|', no host",
    "SS_REMOTE_HOST, '|192.0.2.1', no host",
    "SS_REMOTE_HOST, [],          no host",
    "SS_REMOTE_HOST, [::1,        '[::1' is not a host",
    "SS_REMOTE_HOST, '192.0.2.1,192.0.2.2:443', is not an IPv6 address",
    "SS_REMOTE_HOST, 192.0.2.1:8388, '192.0.2.1:8388' is not an IPv6 address",
    "SS_REMOTE_HOST, a b,         'a b' is not a host",
    "SS_LOCAL_HOST,  a b,         'a b' is not a host",
    "SS_LOCAL_HOST,  '127.0.0.1|::1', '127.0.0.1|::1' is not",
  })
  void namesABadValue(String name, String value, String reason) {
    environment.put(name, value);
    refused(() -> SipEnvironment.of(environment), "bad " + name + ": ", reason);
  }

  @Test
  void knowsWhetherAHostHasStartedUs() {
    assertThat(SipEnvironment.isPresent(environment)).isTrue();
    assertThat(SipEnvironment.isPresent(Map.of("SS_LOCAL_PORT", "1080"))).isTrue();
    assertThat(SipEnvironment.isPresent(Map.of("SS_PLUGIN_OPTIONS", "x", "PATH", "/bin")))
        .isFalse();
  }
}
