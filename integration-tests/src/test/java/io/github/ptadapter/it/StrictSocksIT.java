package io.github.ptadapter.it;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.ptadapter.it.SocksServer.Answers;
import java.io.IOException;
import java.net.Socket;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The plugin as a SOCKS5 client: in lock-step, patient, and in a person's words when refused. */
final class StrictSocksIT {

  private static final int REMOTE_PORT = 4433;

  private static final byte[] REQUEST = "request".getBytes(US_ASCII);

  @TempDir Path dir;

  private final int port = Loopback.freePort();

  @Test
  void eachMessageGoesAlone() throws Exception {
    try (SocksServer socks = new SocksServer(Answers.GOOD)) {
      assertThat(exchange(socks, ";cert=x/+=y;mode=a\\;b", REQUEST.length)).isEqualTo(REQUEST);
      assertThat(socks.violations()).isEmpty();
      assertThat(socks.messages())
          .containsExactly(
              "050102",
              login("cert=x/+=y;mode=a\\;b", "\0"),
              "050100017f000001%04x".formatted(REMOTE_PORT));
    }
  }

  @Test
  void longArgumentsAreSplitAt255Bytes() throws Exception {
    try (SocksServer socks = new SocksServer(Answers.GOOD)) {
      assertThat(exchange(socks, ";k=" + "v".repeat(508), REQUEST.length)).isEqualTo(REQUEST);
      assertThat(socks.violations()).isEmpty();
      assertThat(socks.messages())
          .element(1)
          .isEqualTo(login("k=" + "v".repeat(253), "v".repeat(255)));
    }
  }

  @Test
  void answersMayComeByteByByte() throws Exception {
    try (SocksServer socks = new SocksServer(Answers.GOOD.byteByByte())) {
      assertThat(exchange(socks, ";a=b", REQUEST.length)).isEqualTo(REQUEST);
      assertThat(socks.violations()).isEmpty();
    }
  }

  /** Of 60 dials to a server that speaks first, obfs4proxy joins 26 so. */
  @Test
  void bytesGluedToTheGrantAreNotLost() throws Exception {
    byte[] banner = "the server speaks first, ".getBytes(US_ASCII);
    Answers answers = Answers.toRequest(SocksServer.GRANT + HexFormat.of().formatHex(banner));
    try (SocksServer socks = new SocksServer(answers)) {
      assertThat(exchange(socks, ";a=b", banner.length + REQUEST.length))
          .isEqualTo(join(banner, REQUEST));
    }
  }

  @Test
  void everyRefusalIsToldAndClosesTheLocalConnection() throws Exception {
    try (SocksServer socks = new SocksServer(Answers.GOOD);
        Program plugin = start(socks, ";a=secret;dial-timeout=1s").awaitReady()) {
      Refusals refusals = new Refusals(socks, plugin, port);
      refusals.request("01", "general failure, SOCKS code 01");
      refusals.request("02", "not allowed, SOCKS code 02");
      refusals.request("03", "network unreachable, SOCKS code 03");
      refusals.request("04", "host unreachable, SOCKS code 04");
      refusals.request("05", "connection refused, SOCKS code 05");
      refusals.request("06", "timed out, SOCKS code 06");
      refusals.request("07", "command not supported, SOCKS code 07");
      refusals.request("08", "address type not supported, SOCKS code 08");
      refusals.request("99", "SOCKS code 99");
      refusals.told(Answers.toLogin("0101"), "refuses the arguments for fake", "plugin options");
      refusals.told(Answers.toGreeting("05ff"), "SOCKS method ff");
      refusals.told(Answers.toGreeting("0500"), "method 00", "the arguments would be lost");
      refusals.told(Answers.toGreeting("48545450"), "not SOCKS");
      String silence = "no answer from the PT";
      refusals.told(Answers.toGreeting(""), silence, "agreeing on a login method");
      refusals.told(Answers.toLogin(""), silence, "handing over the arguments");
      refusals.told(Answers.toRequest(""), silence, "waiting for the connection to the server");
      assertThat(plugin.log()).noneMatch(line -> line.contains("secret"));
      assertThat(plugin.isRunning()).isTrue();
    }
  }

  /** Dials that fail, one after another. */
  private static final class Refusals {
    private final SocksServer socks;
    private final Program plugin;
    private final int port;
    private int dials;

    Refusals(SocksServer socks, Program plugin, int port) {
      this.socks = socks;
      this.plugin = plugin;
      this.port = port;
    }

    void request(String code, String words) throws IOException {
      told(Answers.toRequest("05" + code + "0001000000000000"), words);
    }

    void told(Answers answers, String... words) throws IOException {
      socks.answer(answers);
      dials++;
      try (Socket socket = Loopback.connect(port)) {
        socket.getOutputStream().write(REQUEST);
        assertThat(isClosed(socket)).isTrue();
      }
      assertThat(plugin.awaitLine(" WARN [pt-adapter] tunnel #" + dials + " failed: "))
          .contains(words);
    }
  }

  @Test
  void ptThatClosesWithoutAnAnswerIsNamed() throws Exception {
    try (TestServer closing = TestServer.start(socket -> socket.getInputStream().read())) {
      FakePt pt = FakePt.write(dir, FakePt.offers(closing.port()) + FakePt.STAYS);
      Sip sip = Sip.of(REMOTE_PORT, port, pt.options());
      try (Program plugin = Plugin.start(dir, sip).awaitReady();
          Socket socket = Loopback.connect(port)) {
        socket.getOutputStream().write(REQUEST);
        assertThat(isClosed(socket)).isTrue();
        plugin.awaitLine("tunnel #1 failed: ");
      }
    }
  }

  @Test
  void connectionsThatComeEarlyWaitForThePt() throws Exception {
    try (SocksServer socks = new SocksServer(Answers.GOOD)) {
      FakePt pt =
          FakePt.write(
              dir,
              "until [ -e $here/go ]; do sleep 0.02; done\n"
                  + FakePt.offers(socks.port())
                  + FakePt.STAYS);
      Sip sip = Sip.of(REMOTE_PORT, port, pt.options() + ";a=b;loglevel=debug");
      try (Program plugin = Plugin.start(dir, sip)) {
        plugin.awaitLine("listening on ");
        try (Socket socket = Loopback.connect(port)) {
          socket.getOutputStream().write(REQUEST);
          plugin.awaitLine("#1 wants a tunnel");
          assertThat(socks.messages()).isEmpty();
          pt.create("go");
          assertThat(socket.getInputStream().readNBytes(REQUEST.length)).isEqualTo(REQUEST);
        }
      }
    }
  }

  private Program start(SocksServer socks, String args) {
    FakePt pt = FakePt.write(dir, FakePt.offers(socks.port()) + FakePt.STAYS);
    return Plugin.start(dir, Sip.of(REMOTE_PORT, port, pt.options() + args));
  }

  /** Sends the request at once, in two pieces, and reads an answer of {@code size} bytes. */
  private byte[] exchange(SocksServer socks, String args, int size) throws IOException {
    try (Program plugin = start(socks, args)) {
      plugin.awaitReady();
      try (Socket socket = Loopback.connect(port)) {
        socket.getOutputStream().write(REQUEST, 0, 3);
        socket.getOutputStream().write(REQUEST, 3, REQUEST.length - 3);
        return socket.getInputStream().readNBytes(size);
      }
    }
  }

  private static boolean isClosed(Socket socket) {
    try {
      return socket.getInputStream().read() < 0;
    } catch (IOException e) {
      return true;
    }
  }

  /** The login message in hexadecimal digits. */
  private static String login(String user, String password) {
    return "01" + field(user) + field(password);
  }

  private static String field(String text) {
    byte[] bytes = text.getBytes(UTF_8);
    return "%02x".formatted(bytes.length) + HexFormat.of().formatHex(bytes);
  }

  private static byte[] join(byte[] a, byte[] b) {
    byte[] both = Arrays.copyOf(a, a.length + b.length);
    System.arraycopy(b, 0, both, a.length, b.length);
    return both;
  }
}
