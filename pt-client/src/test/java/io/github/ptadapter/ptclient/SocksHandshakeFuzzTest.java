package io.github.ptadapter.ptclient;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.util.stream.Collectors.joining;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.util.concurrent.ImmediateEventExecutor;
import io.netty.util.concurrent.Promise;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whatever a PT answers, a dial is granted or fails with its reason. */
@ExtendWith(LeakPresenceExtension.class)
class SocksHandshakeFuzzTest {

  private static final String SPECIAL = "\0\1\2\3\4\5Z[\u00ff";

  /** So many share the inputs. */
  private static final int TRACES = 3;

  /** The vectors, the version, the login. */
  @ParameterizedTest
  @Timeout(180)
  @CsvSource({
    "socks5_traces, SOCKS5, a=b",
    "socks5_traces, SOCKS5, ''",
    "socks4_traces, SOCKS4, a=b",
  })
  void anyAnswerIsAGrantOrAReason(String traces, SocksVersion version, String login) {
    List<String> good =
        Vectors.group(traces)
            .map(trace ->
                Vectors.strings(trace.path("steps")).stream()
                    .filter(step -> step.startsWith("< "))
                    .map(step -> Vectors.latin1(step.substring(2)))
                    .collect(joining()))
            .filter(answers -> !answers.isEmpty())
            .toList();
    Fuzz fuzz = new Fuzz(good, SPECIAL);
    fuzz.run(TRACES, answers -> dial(version, login, answers, fuzz));
  }

  private static void dial(SocksVersion version, String login, String answers, Fuzz fuzz) {
    Promise<Channel> dialled = ImmediateEventExecutor.INSTANCE.newPromise();
    ClientMethod method =
        new ClientMethod(new TransportName("obfs4"), version, new Endpoint("127.0.0.1", 1));
    SocksHandshake handshake =
        new SocksHandshake(
            method, login, new Endpoint("192.0.2.1", 443), Duration.ofMinutes(1), dialled);
    EmbeddedChannel channel = new EmbeddedChannel(handshake, new Traffic());
    for (int at = 0; at < answers.length() && channel.isOpen(); ) {
      int end = Math.min(answers.length(), at + 1 + fuzz.random().nextInt(12));
      channel.writeInbound(Unpooled.wrappedBuffer(answers.substring(at, end).getBytes(ISO_8859_1)));
      at = end;
    }
    channel.finishAndReleaseAll();
    // Without assertThat, which takes longer than the dial.
    if (!dialled.isSuccess()
        && !(dialled.cause() instanceof PtException reason && !reason.getMessage().isBlank())) {
      throw new AssertionError("no reason", dialled.cause());
    }
  }

  /** The tunnel, which takes only bytes and knows of its end. */
  private static final class Traffic extends ChannelInboundHandlerAdapter {
    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
      ((ByteBuf) message).release();
    }
  }
}
