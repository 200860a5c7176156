package io.github.ptadapter.adapter;

import static java.util.Objects.requireNonNull;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Whatever a user writes, it is read, or refused with a reason of one line. */
class OptionsFuzzTest {

  private static final String CERT =
      "ssH+9rP8dG2NLDN2XuFw63hIO/9MNNinLmxQDpVa+7kTOa9/m+tGWT1SmSYpQ9uTBGa6Hw";
  private static final String FINGERPRINT = "0123456789abcdef0123456789abcdef01234567";

  private static final List<String> BRIDGES =
      List.of(
          "obfs4 192.0.2.4:443 " + FINGERPRINT + " cert=" + CERT + " iat-mode=0",
          "Bridge obfs4 [2001:db8::4]:443 cert=" + CERT + " iat-mode=0 # from a friend",
          "obfs3 192.0.2.4:443",
          "snowflake 192.0.2.3:80 " + FINGERPRINT + " url=https://s.example/ ice=stun:a:1,stun:b:2",
          "webtunnel [2001:db8::1]:443 " + FINGERPRINT + " url=https://w.example/a ver=0.0.1");

  private static final List<String> OPTIONS =
      List.of(
          "transport=obfs4;cert=" + CERT + ";iat-mode=0",
          "server;transport=obfs4;exec='/opt/a b/obfs4proxy' -logLevel INFO;state=/var/lib/x",
          "transport=obfs3;proxy=socks5://us%3Aer:p%25s@127.0.0.1:1080;dial-timeout=500ms",
          "transport=obfs3;log=/tmp/x;loglevel=debug;start-timeout=1m;idle-timeout=0;restart=off",
          "transport=snowflake;arg.proxy=x;max-connections=10;drain-timeout=2h;server=0",
          "bridge=" + BRIDGES.getFirst(),
          "transport=obfs4;bridge=" + BRIDGES.getFirst() + ";__android_vpn;V=1;fast-open");

  @Test
  @Timeout(180)
  void anyOptionsAreReadOrRefused() throws IOException {
    List<String> good = Stream.concat(OPTIONS.stream(), vectors().stream()).toList();
    new Fuzz(good, "\\;=%:@/ '\"|.\0\n09azé\ud83d").run(OptionsFuzzTest::readOrRefuse);
  }

  @Test
  @Timeout(180)
  void anyBridgeLineIsReadOrRefused() {
    new Fuzz(BRIDGES, " \t=#:[].\\;\0\u200309azé")
        .run(line -> {
          try {
            requireNonNull(BridgeLine.parse(line));
          } catch (IllegalArgumentException e) {
            // Without assertThat, which takes longer than the reader.
            if (e.getClass() != IllegalArgumentException.class || e.getMessage().isBlank()) {
              throw e;
            }
          }
        });
  }

  private static void readOrRefuse(String text) {
    try {
      List<OptionString.Item> items = OptionString.parse(text);
      requireNonNull(PluginOptions.logging(items));
      requireNonNull(PluginOptions.of(items));
    } catch (AdapterException e) {
      if (e.code() != ExitCode.CONFIG
          || e.getMessage().isBlank()
          || e.getMessage().contains("\n")) {
        throw new AssertionError("not a reason of one line: " + e.getMessage(), e);
      }
    }
  }

  private static List<String> vectors() throws IOException {
    try (InputStream json = OptionsFuzzTest.class.getResourceAsStream("/vectors/options.json")) {
      return new ObjectMapper()
          .readTree(json)
          .path("cases")
          .valueStream()
          .map(row -> row.path("input").textValue())
          .toList();
    }
  }
}
