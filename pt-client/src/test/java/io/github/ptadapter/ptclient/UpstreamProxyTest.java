package io.github.ptadapter.ptclient;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.catchIllegalArgumentException;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class UpstreamProxyTest {

  @ParameterizedTest
  @ValueSource(
      strings = {
        "socks5://127.0.0.1:1080",
        "socks5://user:p%40ss%2Fw%3Ard@192.0.2.1:1080",
        "socks4a://127.0.0.1:1080",
        "socks4a://user@127.0.0.1:1080",
        "http://[2001:db8::1]:8080",
        "http://user:pass@127.0.0.1:8080",
      })
  void keepsTheText(String text) {
    assertThat(UpstreamProxy.parse(text).uri()).hasToString(text);
  }

  @ParameterizedTest
  @CsvSource({
    "127.0.0.1:1080,                      not a URL",
    "'',                                  must begin with",
    "//127.0.0.1:1080,                    must begin with",
    "socks4://127.0.0.1:1080,             must begin with",
    "https://127.0.0.1:1080,              must begin with",
    "socks5:127.0.0.1:1080,               must be SCHEME://",
    "socks5://,                           not a URL",
    "socks5://127.0.0.1,                  must be SCHEME://",
    "socks5://127.0.0.1:,                 must be SCHEME://",
    "socks5://:1080,                      must be SCHEME://",
    "socks5://127.0.0.1:0,                port 0",
    "socks5://127.0.0.1:99999,            port 99999",
    "socks5://127.0.0.1:99999999999,      must be SCHEME://",
    "socks5://localhost:1080,             not a name",
    "socks5://127.0.0.1:1080/,            nothing may follow",
    "socks5://127.0.0.1:1080?x,           nothing may follow",
    "socks5://127.0.0.1:1080#x,           nothing may follow",
    "socks5://u@127.0.0.1:1080,           needs both",
    "socks5://u:@127.0.0.1:1080,          needs both",
    "socks5://:p@127.0.0.1:1080,          needs both",
    "socks5://@127.0.0.1:1080,            needs both",
    "socks4a://u:p@127.0.0.1:1080,        no password",
    "socks5://us:er@x:p@127.0.0.1:1080,   must be SCHEME://",
    "socks5://u:p%4@127.0.0.1:1080,       percent-encode",
    "'socks5://u:p w@127.0.0.1:1080',     percent-encode",
  })
  void refuses(String text, String reason) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> UpstreamProxy.parse(text))
        .withMessageContaining(reason);
  }

  /** RFC 1929 counts bytes, of what the percent-encoding stands for. */
  @Test
  void countsTheBytesOfTheLogin() {
    assertThat(socks5("%40".repeat(255), "x".repeat(255))).isNotNull();
    assertThat(socks5("é".repeat(127), "x")).isNotNull();
    assertThatIllegalArgumentException().isThrownBy(() -> socks5("x", "x".repeat(256)));
    assertThatIllegalArgumentException().isThrownBy(() -> socks5("%40".repeat(256), "x"));
    assertThatIllegalArgumentException().isThrownBy(() -> socks5("é".repeat(128), "x"));
  }

  @Test
  void doesNotShowTheLogin() {
    assertThat(socks5("user", "secret")).hasToString("socks5://127.0.0.1:1080");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "socks5://user:SECRET%@127.0.0.1:1080",
        "socks5://user:SE CRET@127.0.0.1:1080",
        "socks5://user:SECRET/w@127.0.0.1:1080",
        "socks5://user:SECRET@localhost:1080",
        "socks5://user:SECRET@127.0.0.1:99999",
        "socks4a://user:SECRET@127.0.0.1:1080",
        "user:SECRET@127.0.0.1:1080",
      })
  void neverQuotesThePassword(String text) {
    Throwable refusal = catchIllegalArgumentException(() -> UpstreamProxy.parse(text));
    StringWriter trace = new StringWriter();
    refusal.printStackTrace(new PrintWriter(trace));
    assertThat(trace.toString()).contains("IllegalArgumentException").doesNotContain("CRET");
  }

  private static UpstreamProxy socks5(String user, String password) {
    return UpstreamProxy.parse("socks5://" + user + ":" + password + "@127.0.0.1:1080");
  }
}
