package io.github.ptadapter.ptclient;

import static io.github.ptadapter.ptclient.PtException.Reason.ARGS_REJECTED;
import static io.github.ptadapter.ptclient.PtException.Reason.DIAL_BROKEN;
import static io.github.ptadapter.ptclient.PtException.Reason.DIAL_REFUSED;
import static io.github.ptadapter.ptclient.PtException.Reason.NOT_EXPRESSIBLE;
import static io.github.ptadapter.ptclient.PtException.Reason.PROTOCOL_VIOLATION;
import static io.github.ptadapter.ptclient.PtException.Reason.TIMED_OUT;
import static io.github.ptadapter.ptclient.SocksVersion.SOCKS4;
import static io.github.ptadapter.ptclient.SocksVersion.SOCKS5;
import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.ptadapter.ptclient.PtException.Reason;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.Promise;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(LeakPresenceExtension.class)
@Timeout(60)
class PtDialerTest {

  private static final Duration LIMIT = Duration.ofSeconds(20);
  private static final PtArgs ARGS = PtArgs.NONE.with("a", "b");
  private static final Endpoint TARGET = new Endpoint("127.0.0.1", 1001);

  private static final String GREETING = "050102";
  private static final String LOGIN = "0103613d620100";
  private static final String REQUEST = "050100017f00000103e9";
  private static final String GRANT = "05000001000000000000";
  private static final String SOCKS4_REQUEST = "040103e97f000001613d6200";
  private static final String SOCKS4_GRANT = "005a000000000000";

  private static EventLoopGroup group;
  private static EventLoop loop;

  @BeforeAll
  static void startLoop() {
    group = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
    loop = group.next();
  }

  @AfterAll
  static void stopLoop() {
    assertThat(group.shutdownGracefully(0, 5, SECONDS).awaitUninterruptibly(10, SECONDS)).isTrue();
  }

  @TestFactory
  Stream<DynamicTest> socks5Traces() {
    return traces("socks5_traces", SOCKS5);
  }

  @TestFactory
  Stream<DynamicTest> socks4Traces() {
    return traces("socks4_traces", SOCKS4);
  }

  private static Stream<DynamicTest> traces(String group, SocksVersion version) {
    return Vectors.group(group)
        .flatMap(row ->
            Stream.of(false, true)
                .map(trickle ->
                    dynamicTest(
                        row.path("name").textValue() + (trickle ? ", byte by byte" : ""),
                        () -> checkTrace(row, version, trickle))));
  }

  private static void checkTrace(JsonNode row, SocksVersion version, boolean trickle)
      throws Exception {
    List<String> steps = Vectors.strings(row.path("steps"));
    String expected = row.path("expect").textValue();
    Traffic traffic = new Traffic();
    try (FakeSocks pt = new FakeSocks(loop, p -> play(p, steps, trickle))) {
      Future<Channel> dial =
          new PtDialer(pt.method(version), Vectors.args(row.path("args")))
              .dial(loop, target(row.path("target").textValue()), LIMIT, traffic);
      if (expected.equals("connected")) {
        Channel channel = connected(dial);
        String payload = row.path("payload").asText("");
        assertThat(new String(traffic.awaitBytes(payload.length()), UTF_8)).isEqualTo(payload);
        close(channel);
      } else {
        PtException failure = failure(dial, Reason.valueOf(expected));
        assertThat(failure.socksCode())
            .isEqualTo(
                row.has("code")
                    ? OptionalInt.of(row.path("code").intValue())
                    : OptionalInt.empty());
      }
      if (!steps.isEmpty()) {
        pt.join();
      }
    }
  }

  private static void play(FakeSocks pt, List<String> steps, boolean trickle) throws Exception {
    for (String step : steps) {
      if (step.startsWith("> ")) {
        pt.expect(step.substring(2));
      } else if (step.equals("closes")) {
        pt.hangUp();
        return;
      } else if (trickle) {
        pt.sendByteByByte(step.substring(2));
      } else {
        pt.send(step.substring(2));
      }
    }
    pt.expectEnd();
  }

  /** RFC 1929 has two fields of at most 255 bytes; pt-spec says how they are filled. */
  @TestFactory
  Stream<DynamicTest> loginsOfAllArgs() {
    return Vectors.group("args_encoding")
        .filter(row -> row.has("uname_len"))
        .map(row -> dynamicTest(row.path("bytes") + " bytes", () -> checkLogin(row)));
  }

  private static void checkLogin(JsonNode row) throws Exception {
    PtArgs args = Vectors.args(row.path("pairs"));
    checkLogin(
        args,
        row.path("uname_len").intValue(),
        row.has("passwd_hex")
            ? Vectors.bytes(row.path("passwd_hex").textValue())
            : tail(args.encode().getBytes(UTF_8), row.path("uname_len").intValue()));
  }

  private static void checkLogin(PtArgs args, int userLength, byte[] password) throws Exception {
    byte[] encoded = args.encode().getBytes(UTF_8);
    ByteArrayOutputStream login = new ByteArrayOutputStream();
    login.write(1);
    login.write(userLength);
    login.write(encoded, 0, userLength);
    login.write(password.length);
    login.writeBytes(password);
    FakeSocks.Talk talk =
        pt -> {
          pt.expect(GREETING);
          pt.send("0502");
          pt.expect(HexFormat.of().formatHex(login.toByteArray()));
          pt.send("0101");
          pt.expectEnd();
        };
    try (FakeSocks pt = new FakeSocks(loop, talk)) {
      Future<Channel> dial =
          new PtDialer(pt.method(SOCKS5), args).dial(loop, TARGET, LIMIT, new Traffic());
      PtException failure = failure(dial, ARGS_REJECTED);
      assertThat(failure).message().doesNotContain(args.encode());
      pt.join();
    }
  }

  @Test
  void argsAreBytesOfUtf8() throws Exception {
    PtArgs args = PtArgs.NONE.with("ключ", "é中😀;\\=");
    assertThat(args.encode().getBytes(UTF_8))
        .isEqualTo(HexFormat.of().parseHex("d0bad0bbd18ed1873dc3a9e4b8adf09f98805c3b5c5c3d"));
    checkLogin(args, 23, new byte[] {0});
  }

  /** The PT puts the two fields together again before it decodes them. */
  @Test
  void argsMayBeSplitInsideOfACharacter() throws Exception {
    PtArgs args = PtArgs.NONE.with("k", "x".repeat(252) + "中");
    checkLogin(args, 255, new byte[] {(byte) 0xb8, (byte) 0xad});
  }

  @Test
  void withoutArgsThereIsNoLogin() throws Exception {
    FakeSocks.Talk talk =
        pt -> {
          pt.expect("050100");
          pt.send("0500");
          pt.expect(REQUEST);
          pt.send(GRANT);
          pt.expectEnd();
        };
    try (FakeSocks pt = new FakeSocks(loop, talk)) {
      Future<Channel> dial =
          new PtDialer(pt.method(SOCKS5), PtArgs.NONE).dial(loop, TARGET, LIMIT, new Traffic());
      close(connected(dial));
      pt.join();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "192.0.2.1,          01c0000201",
    "0.0.0.1,            0100000001",
    "2001:db8::1,        0420010db8000000000000000000000001",
    "64:ff9b::192.0.2.1, 040064ff9b0000000000000000c0000201",
    "::00001,            0400000000000000000000000000000001",
    "::192.0.2.1,        04000000000000000000000000c0000201",
    "::ffff:192.0.2.1,   01c0000201",
    "a,                  030161",
    "www.example.org,    030f7777772e6578616d706c652e6f7267",
    "WWW.example.org.,   03105757572e6578616d706c652e6f72672e",
    "a..b,               0304612e2e62",
    "bücher.例え,          030e62c3bc636865722ee4be8be38188",
  })
  void socks5Targets(String host, String hex) throws Exception {
    checkSocks5Target(host, hex);
  }

  @Test
  void longestNames() throws Exception {
    checkSocks5Target("a".repeat(255), "03ff(61x255)");
    checkSocks5Target("é".repeat(127) + "a", "03ff" + "c3a9".repeat(127) + "61");
  }

  private static void checkSocks5Target(String host, String hex) throws Exception {
    Endpoint target = new Endpoint(host, 443);
    List<String> steps =
        List.of(
            "> " + GREETING,
            "< 0502",
            "> " + LOGIN,
            "< 0100",
            "> 050100" + hex + "01bb",
            "< " + GRANT);
    try (FakeSocks pt = new FakeSocks(loop, p -> play(p, steps, false))) {
      Future<Channel> dial =
          new PtDialer(pt.method(SOCKS5), ARGS).dial(loop, target, LIMIT, new Traffic());
      close(connected(dial));
      pt.join();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "192.0.2.1,       040101bbc0000201613d6200",
    "www.example.org, 040101bb00000001613d62007777772e6578616d706c652e6f726700",
    "a..b,            040101bb00000001613d6200612e2e6200",
    "bücher.例え,       040101bb00000001613d620062c3bc636865722ee4be8be3818800",
  })
  void socks4Targets(String host, String hex) throws Exception {
    List<String> steps = List.of("> " + hex, "< " + SOCKS4_GRANT);
    try (FakeSocks pt = new FakeSocks(loop, p -> play(p, steps, false))) {
      Future<Channel> dial =
          new PtDialer(pt.method(SOCKS4), ARGS)
              .dial(loop, new Endpoint(host, 443), LIMIT, new Traffic());
      close(connected(dial));
      pt.join();
    }
  }

  @Test
  void socks4ArgsAreBytesOfUtf8() throws Exception {
    List<String> steps = List.of("> 040103e97f0000016b3dc3a9e4b8adf09f988000", "< " + SOCKS4_GRANT);
    try (FakeSocks pt = new FakeSocks(loop, p -> play(p, steps, false))) {
      Future<Channel> dial =
          new PtDialer(pt.method(SOCKS4), PtArgs.NONE.with("k", "é中😀"))
              .dial(loop, TARGET, LIMIT, new Traffic());
      close(connected(dial));
      pt.join();
    }
  }

  @Test
  void socks4CannotNameIpv6() throws Exception {
    try (FakeSocks pt = new FakeSocks(loop, p -> p.read(1))) {
      PtDialer dialer = new PtDialer(pt.method(SOCKS4), ARGS);
      Endpoint target = new Endpoint("2001:db8::1", 443);
      Future<Channel> dial = dialer.dial(loop, target, LIMIT, new Traffic());
      assertThat(dial.isDone()).as("refused before connecting").isTrue();
      failure(dial, NOT_EXPRESSIBLE);
    }
  }

  /** A server that speaks first, through a PT that puts reply and payload into one packet. */
  @ParameterizedTest
  @CsvSource({"SOCKS5, 1", "SOCKS5, 100000", "SOCKS4, 1", "SOCKS4, 100000"})
  void payloadBehindTheGrantIsKept(SocksVersion version, int bytes) throws Exception {
    byte[] payload = new byte[bytes];
    new Random(bytes).nextBytes(payload);
    FakeSocks.Talk talk =
        pt -> {
          String grant = upToRequest(pt, version);
          pt.send(concat(Vectors.bytes(grant), payload));
          pt.expectEnd();
        };
    Traffic traffic = new Traffic();
    try (FakeSocks pt = new FakeSocks(loop, talk)) {
      Future<Channel> dial =
          new PtDialer(pt.method(version), ARGS).dial(loop, TARGET, LIMIT, traffic);
      Channel channel = connected(dial);
      assertThat(traffic.awaitBytes(bytes)).isEqualTo(payload);
      close(channel);
      pt.join();
    }
  }

  @ParameterizedTest
  @EnumSource(SocksVersion.class)
  void afterTheGrantNothingOfTheHandshakeIsLeft(SocksVersion version) throws Exception {
    FakeSocks.Talk talk =
        pt -> {
          pt.send(upToRequest(pt, version));
          assertThat(pt.read(5)).isEqualTo("hello".getBytes(UTF_8));
          pt.send("05020001000000000000");
          pt.expectEnd();
        };
    Traffic traffic = new Traffic();
    try (FakeSocks pt = new FakeSocks(loop, talk)) {
      Future<Channel> dial =
          new PtDialer(pt.method(version), ARGS).dial(loop, TARGET, LIMIT, traffic);
      dial.addListener(_ -> dial.getNow().writeAndFlush(Unpooled.copiedBuffer("hello", UTF_8)));
      Channel channel = connected(dial);
      assertThat(traffic.awaitBytes(10)).isEqualTo(Vectors.bytes("05020001000000000000"));
      assertThat(channel.isActive()).isTrue();
      assertThat(channel.pipeline().toMap().values()).containsExactly(traffic);
      close(channel);
      pt.join();
    }
  }

  /** Without sockets, where the clock can be turned. */
  @Test
  void theLimitIsForTheDialAlone() throws Exception {
    EmbeddedChannel channel = new EmbeddedChannel();
    Future<Channel> dial = handshake(channel);
    assertThat(channel.runScheduledPendingTasks()).as("the limit runs").isPositive();
    for (String answer : List.of("0502", "0100", GRANT)) {
      channel.writeInbound(Unpooled.wrappedBuffer(Vectors.bytes(answer)));
    }
    assertThat(dial.isSuccess()).isTrue();
    assertThat(channel.runScheduledPendingTasks()).as("no task is left").isEqualTo(-1);
    channel.finishAndReleaseAll();
  }

  @ParameterizedTest
  @CsvSource({
    "'',           agreeing on a login method",
    "05,           agreeing on a login method",
    "0502,         handing over the arguments",
    "0502 0100,    waiting for the connection to the server",
    "0502 0100 05, waiting for the connection to the server",
  })
  void theLimitHoldsInEveryStep(String answers, String step) throws Exception {
    EmbeddedChannel channel = new EmbeddedChannel();
    channel.freezeTime();
    Future<Channel> dial = handshake(channel);
    for (String answer : answers.isEmpty() ? new String[0] : answers.split(" ")) {
      channel.writeInbound(Unpooled.wrappedBuffer(Vectors.bytes(answer)));
    }
    channel.advanceTimeBy(LIMIT.toMillis() - 1, MILLISECONDS);
    channel.runScheduledPendingTasks();
    assertThat(dial.isDone()).as("before the limit").isFalse();
    channel.advanceTimeBy(1, MILLISECONDS);
    channel.runScheduledPendingTasks();
    assertThat(failure(dial, TIMED_OUT))
        .hasMessage("no answer from the PT within 20 s while " + step);
    assertThat(channel.isOpen()).isFalse();
    channel.finishAndReleaseAll();
  }

  private static Future<Channel> handshake(EmbeddedChannel channel) {
    Promise<Channel> dialled = channel.eventLoop().newPromise();
    ClientMethod method =
        new ClientMethod(new TransportName("obfs4"), SOCKS5, new Endpoint("127.0.0.1", 1));
    channel
        .pipeline()
        .addLast(new SocksHandshake(method, ARGS.encode(), TARGET, LIMIT, dialled))
        .fireChannelActive();
    return dialled;
  }

  @ParameterizedTest
  @CsvSource({
    "1,   general failure",
    "2,   not allowed",
    "3,   network unreachable",
    "4,   host unreachable",
    "5,   connection refused",
    "6,   timed out",
    "7,   command not supported",
    "8,   address type not supported",
    "9,   unknown reason",
    "240, unknown reason",
    "255, unknown reason",
  })
  void socks5Refusals(int code, String words) throws Exception {
    PtException failure = refusal(SOCKS5, "05%02x0001000000000000".formatted(code));
    assertThat(failure.socksCode()).hasValue(code);
    assertThat(failure).hasMessageContaining("(" + words + ", SOCKS code %02x)".formatted(code));
  }

  @ParameterizedTest
  @ValueSource(ints = {0x5b, 0x5c, 0x5d, 0xff})
  void socks4Refusals(int code) throws Exception {
    PtException failure = refusal(SOCKS4, "00%02x000000000000".formatted(code));
    assertThat(failure.socksCode()).hasValue(code);
    assertThat(failure).hasMessageContaining("(rejected, SOCKS code %02x)".formatted(code));
  }

  private static PtException refusal(SocksVersion version, String answer) throws Exception {
    FakeSocks.Talk talk =
        pt -> {
          upToRequest(pt, version);
          pt.send(answer);
          pt.expectEnd();
        };
    try (FakeSocks pt = new FakeSocks(loop, talk)) {
      Future<Channel> dial =
          new PtDialer(pt.method(version), ARGS).dial(loop, TARGET, LIMIT, new Traffic());
      PtException failure = failure(dial, DIAL_REFUSED);
      pt.join();
      return failure;
    }
  }

  @ParameterizedTest
  @CsvSource({"SOCKS5, 05010001000000000000", "SOCKS4, 005b000000000000"})
  void bytesBehindARefusalAreDropped(SocksVersion version, String answer) throws Exception {
    FakeSocks.Talk talk =
        pt -> {
          upToRequest(pt, version);
          pt.send(answer + "68656c6c6f");
          pt.expectEnd();
        };
    Traffic traffic = new Traffic();
    try (FakeSocks pt = new FakeSocks(loop, talk)) {
      Future<Channel> dial =
          new PtDialer(pt.method(version), ARGS).dial(loop, TARGET, LIMIT, traffic);
      failure(dial, DIAL_REFUSED);
      pt.join();
      traffic.awaitEnd();
      assertThat(traffic.awaitBytes(0)).isEmpty();
    }
  }

  /** What the PT has sent when it goes: whole answers and halves. */
  @ParameterizedTest
  @CsvSource({
    "SOCKS5, '',             agreeing on a login method",
    "SOCKS5, 05,             agreeing on a login method",
    "SOCKS5, 0502,           handing over the arguments",
    "SOCKS5, 0502 01,        handing over the arguments",
    "SOCKS5, 0502 0100,      waiting for the connection to the server",
    "SOCKS5, 0502 0100 05,   waiting for the connection to the server",
    "SOCKS5, 0502 0100 050000010000000000, waiting for the connection to the server",
    "SOCKS5, 0502 0100 05000003ff61,       waiting for the connection to the server",
    "SOCKS4, '',             waiting for the connection to the server",
    "SOCKS4, 005a0000000000, waiting for the connection to the server",
  })
  void ptGoesAway(SocksVersion version, String answers, String step) throws Exception {
    for (boolean reset : new boolean[] {false, true}) {
      FakeSocks.Talk talk =
          pt -> {
            answer(pt, version, answers);
            if (reset) {
              pt.reset();
            } else {
              pt.hangUp();
            }
          };
      try (FakeSocks pt = new FakeSocks(loop, talk)) {
        Future<Channel> dial =
            new PtDialer(pt.method(version), ARGS).dial(loop, TARGET, LIMIT, new Traffic());
        assertThat(failure(dial, DIAL_BROKEN)).hasMessageContaining("while " + step);
        pt.join();
      }
    }
  }

  @Test
  void ptGoesAwayAtOnce() throws Exception {
    try (FakeSocks pt = new FakeSocks(loop, FakeSocks::reset)) {
      Future<Channel> dial =
          new PtDialer(pt.method(SOCKS5), ARGS).dial(loop, TARGET, LIMIT, new Traffic());
      failure(dial, DIAL_BROKEN);
      pt.join();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "SOCKS5, 0402,                          agreeing on a login method",
    "SOCKS5, 485454502f312e31,              agreeing on a login method",
    "SOCKS5, 05ff,                          method ff",
    "SOCKS5, 0500,                          the arguments would be lost",
    "SOCKS5, 0501,                          method 01",
    "SOCKS5, 0502 0500,                     handing over the arguments",
    "SOCKS5, 0502 0000,                     handing over the arguments",
    "SOCKS5, 0502 0100 04000001000000000000, waiting for the connection",
    "SOCKS5, 0502 0100 48545450,            waiting for the connection",
    "SOCKS5, 0502 0100 05000002000000000000, waiting for the connection",
    "SOCKS4, 045a000000000000,              waiting for the connection",
    "SOCKS4, 4854545021212121,              waiting for the connection",
  })
  void ptSpeaksNonsense(SocksVersion version, String answers, String words) throws Exception {
    FakeSocks.Talk talk =
        pt -> {
          answer(pt, version, answers);
          pt.expectEnd();
        };
    Traffic traffic = new Traffic();
    try (FakeSocks pt = new FakeSocks(loop, talk)) {
      Future<Channel> dial =
          new PtDialer(pt.method(version), ARGS).dial(loop, TARGET, LIMIT, traffic);
      assertThat(failure(dial, PROTOCOL_VIOLATION)).hasMessageContaining(words);
      pt.join();
      traffic.awaitEnd();
      assertThat(traffic.awaitBytes(0)).isEmpty();
    }
  }

  @Test
  void ptWantsArgsThatWeDoNotHave() throws Exception {
    FakeSocks.Talk talk =
        pt -> {
          pt.expect("050100");
          pt.send("0502");
          pt.expectEnd();
        };
    try (FakeSocks pt = new FakeSocks(loop, talk)) {
      Future<Channel> dial =
          new PtDialer(pt.method(SOCKS5), PtArgs.NONE).dial(loop, TARGET, LIMIT, new Traffic());
      assertThat(failure(dial, PROTOCOL_VIOLATION)).hasMessageContaining("it wants arguments");
      pt.join();
    }
  }

  @ParameterizedTest
  @EnumSource(SocksVersion.class)
  void ptIsSilent(SocksVersion version) throws Exception {
    Traffic traffic = new Traffic();
    try (FakeSocks pt = new FakeSocks(loop, FakeSocks::readToEnd)) {
      Future<Channel> dial =
          new PtDialer(pt.method(version), ARGS)
              .dial(loop, TARGET, Duration.ofMillis(300), traffic);
      assertThat(failure(dial, TIMED_OUT))
          .hasMessageStartingWith("no answer from the PT within 300 ms while ");
      pt.join();
      traffic.awaitEnd();
    }
  }

  @Test
  void nobodyListens() throws Exception {
    // Bound, so that nobody else gets the port, but not listening.
    try (Socket reserved = new Socket()) {
      reserved.bind(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0));
      ClientMethod method =
          new ClientMethod(
              new TransportName("obfs4"),
              SOCKS5,
              new Endpoint("127.0.0.1", reserved.getLocalPort()));
      Future<Channel> dial = new PtDialer(method, ARGS).dial(loop, TARGET, LIMIT, new Traffic());
      assertThat(failure(dial, DIAL_BROKEN))
          .hasMessageContaining("does not accept connections")
          .hasCauseInstanceOf(IOException.class);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "0502", "0502 0100", "0502 0100 05"})
  void cancellingClosesTheConnection(String answers) throws Exception {
    CompletableFuture<Void> answered = new CompletableFuture<>();
    FakeSocks.Talk talk =
        pt -> {
          answer(pt, SOCKS5, answers);
          answered.complete(null);
          pt.expectEnd();
        };
    Traffic traffic = new Traffic();
    try (FakeSocks pt = new FakeSocks(loop, talk)) {
      Future<Channel> dial =
          new PtDialer(pt.method(SOCKS5), ARGS).dial(loop, TARGET, LIMIT, traffic);
      answered.get(10, SECONDS);
      assertThat(dial.cancel(false)).isTrue();
      pt.join();
      traffic.awaitEnd();
      assertThat(dial.isCancelled()).isTrue();
    }
  }

  @Test
  void cancellingAtOnceClosesTheConnection() throws Exception {
    // Whether there is a connection by then is open, so the PT does nothing with it.
    try (FakeSocks pt = new FakeSocks(loop, _ -> {})) {
      Traffic traffic = new Traffic();
      Future<Channel> dial =
          new PtDialer(pt.method(SOCKS5), ARGS).dial(loop, TARGET, LIMIT, traffic);
      assertThat(dial.cancel(false)).isTrue();
      traffic.awaitEnd();
    }
  }

  /** Plays the PT up to the client's request, and returns the grant that is due. */
  private static String upToRequest(FakeSocks pt, SocksVersion version) throws Exception {
    if (version == SOCKS4) {
      pt.expect(SOCKS4_REQUEST);
      return SOCKS4_GRANT;
    }
    pt.expect(GREETING);
    pt.send("0502");
    pt.expect(LOGIN);
    pt.send("0100");
    pt.expect(REQUEST);
    return GRANT;
  }

  /**
   * Gives answers, each behind the message that it belongs to; takes the next message too, if the
   * last answer was a whole and good one.
   */
  private static void answer(FakeSocks pt, SocksVersion version, String answers) throws Exception {
    List<String> questions =
        version == SOCKS4 ? List.of(SOCKS4_REQUEST) : List.of(GREETING, LOGIN, REQUEST);
    List<String> goodAnswers =
        version == SOCKS4 ? List.of(SOCKS4_GRANT) : List.of("0502", "0100", GRANT);
    String last = goodAnswers.getFirst();
    int asked = 0;
    for (String answer : answers.isEmpty() ? new String[0] : answers.split(" ")) {
      pt.expect(questions.get(asked));
      pt.send(answer);
      last = goodAnswers.get(asked++).equals(answer) ? answer : "";
    }
    if (!last.isEmpty()) {
      pt.expect(questions.get(asked));
    }
  }

  private static Endpoint target(String text) {
    int colon = text.lastIndexOf(':');
    String host = text.substring(0, colon);
    return new Endpoint(
        host.startsWith("[") ? host.substring(1, host.length() - 1) : host,
        Endpoint.parsePort(text.substring(colon + 1)));
  }

  private static Channel connected(Future<Channel> dial) throws Exception {
    return dial.get(LIMIT.toMillis(), MILLISECONDS);
  }

  private static PtException failure(Future<Channel> dial, Reason reason) throws Exception {
    assertThat(dial.await(LIMIT.toMillis())).as("the dial ends").isTrue();
    assertThat(dial.cause()).isInstanceOf(PtException.class);
    PtException failure = (PtException) dial.cause();
    assertThat(failure.reason()).as(failure.getMessage()).isEqualTo(reason);
    return failure;
  }

  private static void close(Channel channel) throws Exception {
    channel.close().get(LIMIT.toMillis(), MILLISECONDS);
  }

  private static byte[] tail(byte[] bytes, int from) {
    return Arrays.copyOfRange(bytes, from, bytes.length);
  }

  private static byte[] concat(byte[] first, byte[] second) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    all.writeBytes(first);
    all.writeBytes(second);
    return all.toByteArray();
  }

  /** Keeps what comes through the tunnel. */
  private static final class Traffic extends ChannelInboundHandlerAdapter {

    private final ByteArrayOutputStream received = new ByteArrayOutputStream();
    private final CompletableFuture<Void> removed = new CompletableFuture<>();

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
      try {
        synchronized (received) {
          received.writeBytes(ByteBufUtil.getBytes((ByteBuf) message));
          received.notifyAll();
        }
      } finally {
        ReferenceCountUtil.release(message);
      }
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext ctx) {
      removed.complete(null);
    }

    /** Waits until so many bytes have come, and returns all that have. */
    byte[] awaitBytes(int count) throws InterruptedException {
      long deadline = System.nanoTime() + LIMIT.toNanos();
      synchronized (received) {
        while (received.size() < count && System.nanoTime() < deadline) {
          received.wait(100);
        }
        return received.toByteArray();
      }
    }

    /** Waits until the channel is gone, with all its events. */
    void awaitEnd() throws Exception {
      removed.get(LIMIT.toMillis(), MILLISECONDS);
    }
  }
}
