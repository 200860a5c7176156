package io.github.ptadapter.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.ptadapter.ptclient.Endpoint;
import io.github.ptadapter.ptclient.PtArgs;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BridgeLineTest {

  private static final String FINGERPRINT = "0123456789ABCDEF0123456789abcdef01234567";
  private static final String CERT =
      "ssH+9rP8dG2NLDN2XuFw63hIO/9MNNinLmxQDpVa+7kTOa9/m+tGWT1SmSYpQ9uTBGa6Hw";

  /** The same bridge as BridgeDB, Tor Browser and torrc files write it. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "obfs4 192.0.2.4:443 FP cert=CERT iat-mode=0",
        "Bridge obfs4 192.0.2.4:443 FP cert=CERT iat-mode=0",
        "bridge obfs4 192.0.2.4:443 FP cert=CERT iat-mode=0",
        "BRIDGE  obfs4   192.0.2.4:443   FP   cert=CERT   iat-mode=0",
        "  obfs4 192.0.2.4:443 FP cert=CERT iat-mode=0  ",
        "obfs4\t192.0.2.4:443\tFP\tcert=CERT\tiat-mode=0",
        "obfs4 192.0.2.4:443 cert=CERT iat-mode=0",
        "obfs4 192.0.2.4:443 FP cert=CERT iat-mode=0 # from a friend",
        "obfs4 192.0.2.4:443 FP cert=CERT iat-mode=0 #",
      })
  void readsEveryForm(String line) {
    BridgeLine bridge = BridgeLine.parse(filled(line));
    assertThat(bridge.transport()).hasToString("obfs4");
    assertThat(bridge.address()).isEqualTo(new Endpoint("192.0.2.4", 443));
    assertThat(bridge.args()).isEqualTo(PtArgs.NONE.with("cert", CERT).with("iat-mode", "0"));
  }

  @Test
  void readsIpV6() {
    BridgeLine bridge = BridgeLine.parse(filled("obfs4 [2001:db8::4]:443 FP cert=CERT iat-mode=1"));
    assertThat(bridge.address()).isEqualTo(new Endpoint("2001:db8::4", 443));
  }

  @Test
  void readsALineWithoutArguments() {
    BridgeLine bridge = BridgeLine.parse(filled("obfs3 192.0.2.4:443 FP"));
    assertThat(bridge.transport()).hasToString("obfs3");
    assertThat(bridge.args()).isEqualTo(PtArgs.NONE);
    assertThat(BridgeLine.parse("obfs3 192.0.2.4:443")).isEqualTo(bridge);
  }

  /** The transports of Tor Browser: values hold =, commas, semicolons, # and colons. */
  @ParameterizedTest
  @CsvSource(
      delimiterString = " -> ",
      textBlock =
          """
          snowflake 192.0.2.3:80 FP fingerprint=FP url=https://s.example/ ice=stun:a:3478,stun:b:1 -> ice -> stun:a:3478,stun:b:1
          webtunnel [2001:db8::1]:443 FP url=https://w.example/?a=b&c=d#e ver=0.0.1 -> url -> https://w.example/?a=b&c=d#e
          meek_lite 192.0.2.20:80 url=https://m.example front=f.example -> front -> f.example
          meek_lite 192.0.2.20:80 url= front=f.example -> url -> <>
          conjure 143.110.214.222:80 FP url=https://c.example/api a;b=x;y -> a;b -> x;y
          """)
  void readsTheArgumentsOfOtherTransports(String line, String key, String value) {
    assertThat(BridgeLine.parse(filled(line)).args().first(key))
        .contains(value.equals("<>") ? "" : value);
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = " -> ",
      quoteCharacter = '~',
      textBlock =
          """
          ~~ -> a bridge line is TRANSPORT IP:PORT FINGERPRINT KEY=VALUE ...
          Bridge -> a bridge line is TRANSPORT IP:PORT
          obfs4 -> a bridge line is TRANSPORT IP:PORT
          !obfs4 192.0.2.4:443 -> '!obfs4' is not a transport name
          192.0.2.4:443 FP -> it begins with an address: a bridge without a transport is not for this
          Bridge [2001:db8::4]:443 FP -> it begins with an address
          obfs-4 192.0.2.4:443 FP -> 'obfs-4' is not a transport name
          obfs4 192.0.2.4 FP -> after 'obfs4' comes no IP:PORT: no port
          obfs4 192.0.2.4:0 FP -> after 'obfs4' comes no IP:PORT: port '0' is not in 1..65535
          obfs4 2001:db8::4:443 FP -> after 'obfs4' comes no IP:PORT: IPv6 addresses stand in brackets
          obfs4 bridge.example:443 FP -> after 'obfs4' comes no IP:PORT: host names are not allowed
          obfs4 cert=CERT 192.0.2.4:443 -> after 'obfs4' comes no IP:PORT
          obfs4 192.0.2.4:443 0123 cert=CERT -> after the address comes neither a fingerprint (40 hex
          obfs4 192.0.2.4:443 FP cert=CERT iat-mode -> after 'cert' comes a word without =
          obfs4 192.0.2.4:443 FP cert=CERT FP -> after 'cert' comes a word without =
          obfs4 192.0.2.4:443 FP =CERT -> after the address comes neither
          """)
  void namesTheMistake(String line, String reason) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> BridgeLine.parse(filled(line)))
        .withMessageContaining(reason);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "obfs4 192.0.2.4:443 FP cert=SECRET SECRET",
        "obfs4 192.0.2.4:443 FP SECRET",
        "obfs4 192.0.2.4:443 FP =SECRET",
        "obfs4 192.0.2.4:443 SECRET cert=SECRET",
      })
  void neverQuotesAnArgument(String line) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> BridgeLine.parse(filled(line)))
        .satisfies(e -> assertThat(e.getMessage()).doesNotContain("SECRET"));
  }

  private static String filled(String line) {
    return line.replace("FP", FINGERPRINT).replace("CERT", CERT);
  }
}
