package io.github.ptadapter.ptclient;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class EndpointTest {

  @ParameterizedTest
  @CsvSource({
    "127.0.0.1:1,             127.0.0.1,        1",
    "192.0.2.1:65535,         192.0.2.1,        65535",
    "0.0.0.1:1,               0.0.0.1,          1",
    "[::1]:443,               ::1,              443",
    "[2001:db8:1f2e::77]:443, 2001:db8:1f2e::77, 443",
    "[::ffff:192.0.2.1]:80,   ::ffff:192.0.2.1, 80",
  })
  void parsesIpAddresses(String text, String host, int port) {
    Endpoint endpoint = Endpoint.parseIp(text);
    assertThat(endpoint).isEqualTo(new Endpoint(host, port)).hasToString(text);
  }

  @ParameterizedTest
  @CsvSource({
    "'',                  no port",
    "abcd,                no port",
    "127.0.0.1,           no port",
    "127.0.0.1:,          no port",
    "[::1],               no port",
    "[::1]443,            no port",
    "[,                   no port",
    "[:1,                 no port",
    ":1,                  no host",
    "[]:1,                no host",
    "127.0.0.1:0,         port '0' is not in 1..65535",
    "127.0.0.1:65536,     port '65536' is not in 1..65535",
    "127.0.0.1:-1,        port '-1' is not in 1..65535",
    "127.0.0.1:+1,        port '+1' is not in 1..65535",
    "127.0.0.1:000001,    port '000001' is not in 1..65535",
    "127.0.0.1:4294967297, port '4294967297' is not in 1..65535",
    "127.0.0.1:٣,         port '٣' is not in 1..65535",
    "localhost:1,         host names are not allowed",
    "127.1:1,             host names are not allowed",
    "256.0.0.1:1,         host names are not allowed",
    "0x7f.0.0.1:1,        host names are not allowed",
    "::1:1,               IPv6 addresses stand in brackets",
    "[127.0.0.1]:1,       IPv6 addresses stand in brackets",
    "[localhost]:1,       host names are not allowed",
    "[[::1]]:1,           '[::1]' is not a host",
    "[1::2::3]:1,         '1::2::3' is not an IPv6 address",
    "[12345::]:1,         '12345::' is not an IPv6 address",
    "'127.0.0.1 :1',      '''127.0.0.1 '' is not a host'",
  })
  void refusesEverythingElse(String text, String reason) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Endpoint.parseIp(text))
        .withMessage(reason);
  }

  @ParameterizedTest
  @ValueSource(strings = {"a", "www.example.org", "localhost", "bücher.example", "_dmarc.example"})
  void takesNames(String host) {
    Endpoint endpoint = new Endpoint(host, 443);
    assertThat(endpoint.isIp()).isFalse();
    assertThat(endpoint.isLoopback()).isFalse();
    assertThat(endpoint).hasToString(host + ":443");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", " ", "a b", "a\n", "a\0b", "a\u007f", "a:b", "[::1]", "::1]", ":", "1:2:3"})
  void refusesWhatIsNoHost(String host) {
    assertThatIllegalArgumentException().isThrownBy(() -> new Endpoint(host, 443));
  }

  /** RFC 1928 has one byte for the length of a name. */
  @Test
  void countsTheBytesOfNames() {
    assertThat(new Endpoint("é".repeat(127) + "x", 1).isIp()).isFalse();
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Endpoint("é".repeat(128), 1))
        .withMessage("host name longer than 255 bytes");
  }

  @ParameterizedTest
  @ValueSource(ints = {Integer.MIN_VALUE, -1, 0, 65536, Integer.MAX_VALUE})
  void refusesPorts(int port) {
    assertThatIllegalArgumentException().isThrownBy(() -> new Endpoint("127.0.0.1", port));
  }

  @ParameterizedTest
  @CsvSource({
    "127.0.0.1,        true,  false, true,  false",
    "127.255.255.254,  true,  false, true,  false",
    "0.0.0.0,          true,  false, false, true",
    "192.0.2.1,        true,  false, false, false",
    "::1,              false, true,  true,  false",
    "0:0:0:0:0:0:0:1,  false, true,  true,  false",
    "::ffff:127.0.0.1, false, true,  true,  false",
    "::,               false, true,  false, true",
    "0::0,             false, true,  false, true",
    "2001:db8::1,      false, true,  false, false",
    "localhost,        false, false, false, false",
    "127.1,            false, false, false, false",
  })
  void tellsKinds(String host, boolean v4, boolean v6, boolean loopback, boolean wildcard) {
    Endpoint endpoint = new Endpoint(host, 1);
    assertThat(endpoint.isIpV4()).as("IPv4").isEqualTo(v4);
    assertThat(endpoint.isIpV6()).as("IPv6").isEqualTo(v6);
    assertThat(endpoint.isIp()).as("IP").isEqualTo(v4 || v6);
    assertThat(endpoint.isLoopback()).as("loopback").isEqualTo(loopback);
    assertThat(endpoint.isWildcard()).as("wildcard").isEqualTo(wildcard);
  }

  @Test
  void convertsWithoutLookUp() {
    assertThat(new Endpoint("192.0.2.1", 80).toSocketAddress())
        .isEqualTo(new InetSocketAddress(InetAddress.ofLiteral("192.0.2.1"), 80));
    assertThatIllegalStateException()
        .isThrownBy(() -> new Endpoint("localhost", 80).toSocketAddress());
  }
}
