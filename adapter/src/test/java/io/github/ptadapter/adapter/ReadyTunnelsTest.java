package io.github.ptadapter.adapter;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.ptadapter.adapter.ReadyTunnels.Times;
import io.github.ptadapter.ptclient.Endpoint;
import io.github.ptadapter.ptclient.PtArgs;
import io.github.ptadapter.ptclient.PtDialer;
import io.netty.channel.EventLoop;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.RegisterExtension;

@ExtendWith(LeakCheck.class)
class ReadyTunnelsTest {

  private static final Duration LONG = Duration.ofHours(1);
  private static final Duration SHORT = Duration.ofMillis(50);
  private static final Times STEADY = new Times(LONG, LONG, Duration.ZERO, LONG);

  private static final Endpoint SERVER = new Endpoint("192.0.2.1", 443);
  private static final Endpoint OTHER = new Endpoint("192.0.2.2", 443);

  @RegisterExtension private final CapturedLog log = new CapturedLog();

  private final MultiThreadIoEventLoopGroup group =
      new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());

  private final EventLoop loop = group.next();
  private final RemoteHosts remotes = new RemoteHosts(List.of(SERVER, OTHER));
  private final PtGate gate = new PtGate();

  /** A channel that is registered while its loop ends stays open, so the loop ends in quiet. */
  @AfterEach
  void endLoop() {
    gate.shut();
    assertThat(group.shutdownGracefully(50, 5_000, MILLISECONDS).awaitUninterruptibly(10, SECONDS))
        .isTrue();
  }

  @Test
  void keepsAsManyAsConnectionsCame() throws Exception {
    try (FakePt pt = new FakePt(FakePt.ECHO)) {
      PtDialer dialer = open(pt);
      ReadyTunnels tunnels = tunnels(8, STEADY);
      assertThat(take(tunnels, dialer)).isNull();
      log.await("a tunnel is ready, now 1");
      SocketChannel first = taken(tunnels, dialer);
      log.await("a tunnel is ready, now 2");
      assertThat(pt.accepted()).isEqualTo(3);
      SocketChannel second = taken(tunnels, dialer);
      assertThat(second).isNotEqualTo(first);
      assertThat(pt.hosts()).containsOnly("192.0.2.1");
      close(first, second);
    }
  }

  @Test
  void keepsNoMoreThanTheLimit() throws Exception {
    try (FakePt pt = new FakePt(FakePt.ECHO)) {
      PtDialer dialer = open(pt);
      ReadyTunnels tunnels = tunnels(3, STEADY);
      onLoop(() -> {
        for (int i = 0; i < 20; i++) {
          assertThat(tunnels.take(dialer, SERVER)).isNull();
        }
        return true;
      });
      log.await("a tunnel is ready, now 3");
      // What is still to be dialled would be by now.
      onLoop(() -> true);
      assertThat(pt.accepted()).isEqualTo(3);
      assertThat(log.lines()).noneMatch(line -> line.contains("now 4"));
    }
  }

  @Test
  void isEmptySomeTimeAfterTheLastConnection() throws Exception {
    Times times = new Times(SHORT, SHORT.multipliedBy(2), SHORT, LONG);
    try (FakePt pt = new FakePt(FakePt.ECHO)) {
      PtDialer dialer = open(pt);
      ReadyTunnels tunnels = tunnels(8, times);
      take(tunnels, dialer);
      log.await("a tunnel was ready for nobody, now 0");
      Waiting.until("the PT's connection is closed", () -> pt.open() == 0);
      assertThat(pt.accepted()).isEqualTo(1);
      assertThat(take(tunnels, dialer)).isNull();
    }
  }

  @Test
  void replacesOldOnesWhileConnectionsCome() throws Exception {
    try (FakePt pt = new FakePt(FakePt.ECHO)) {
      PtDialer dialer = open(pt);
      ReadyTunnels tunnels = tunnels(8, new Times(LONG, SHORT, Duration.ZERO, LONG));
      take(tunnels, dialer);
      Waiting.until("replaced twice", () -> pt.accepted() >= 3);
      Waiting.until("the old ones are closed", () -> pt.open() <= 1);
      assertThat(log.lines()).noneMatch(line -> line.contains("now 2"));
      gate.shut();
      Waiting.until("none is left", () -> pt.open() == 0);
    }
  }

  @Test
  void dropsOneThatTheFarSideEnds() throws Exception {
    CountDownLatch end = new CountDownLatch(1);
    FakePt.Behaviour untilThen =
        dial -> {
          dial.grant();
          await(end);
        };
    try (FakePt pt = new FakePt(untilThen)) {
      PtDialer dialer = open(pt);
      ReadyTunnels tunnels = tunnels(8, STEADY);
      take(tunnels, dialer);
      log.await("a tunnel is ready, now 1");
      end.countDown();
      log.await("a ready tunnel was ended by the far side");
      assertThat(take(tunnels, dialer)).isNull();
      onLoop(() -> true);
      assertThat(pt.accepted()).as("pauses").isEqualTo(1);
    }
  }

  @Test
  void dropsOneThatBringsBytes() throws Exception {
    FakePt.Behaviour speaksFirst =
        dial -> {
          dial.grant();
          dial.send(new byte[] {1});
          dial.in().readAllBytes();
        };
    try (FakePt pt = new FakePt(speaksFirst)) {
      PtDialer dialer = open(pt);
      ReadyTunnels tunnels = tunnels(8, STEADY);
      take(tunnels, dialer);
      log.await("a ready tunnel brought bytes before it was used");
      Waiting.until("the PT's connection is closed", () -> pt.open() == 0);
      assertThat(take(tunnels, dialer)).isNull();
    }
  }

  @Test
  void pausesAfterAFailedDialThenGoesOn() throws Exception {
    try (FakePt pt = new FakePt(_ -> {})) {
      PtDialer dialer = open(pt);
      ReadyTunnels steady = tunnels(8, STEADY);
      take(steady, dialer);
      log.await("no tunnel was got ready: the PT closed the connection");
      take(steady, dialer);
      onLoop(() -> true);
      assertThat(pt.accepted()).isEqualTo(1);
      ReadyTunnels hasty = tunnels(1, new Times(LONG, LONG, Duration.ZERO, SHORT));
      Waiting.until(
          "dialled again and again",
          () -> {
            take(hasty, dialer);
            return pt.accepted() >= 4;
          });
      assertThat(log.lines()).noneMatch(line -> line.contains(" WARN "));
    }
  }

  @Test
  void dropsThoseOfAnEarlierPt() throws Exception {
    try (FakePt first = new FakePt(FakePt.ECHO);
        FakePt second = new FakePt(FakePt.ECHO)) {
      ReadyTunnels tunnels = tunnels(8, STEADY);
      take(tunnels, open(first));
      log.await("a tunnel is ready, now 1");
      gate.shut();
      PtDialer next = open(second);
      assertThat(take(tunnels, next)).isNull();
      Waiting.until("the first PT's connection is closed", () -> first.open() == 0);
      log.await("a tunnel is ready, now 2");
      close(taken(tunnels, next));
      assertThat(second.accepted()).isGreaterThanOrEqualTo(2);
      assertThat(first.accepted()).isEqualTo(1);
    }
  }

  @Test
  void dropsThoseToAnotherServer() throws Exception {
    try (FakePt pt = new FakePt(FakePt.ECHO)) {
      PtDialer dialer = open(pt);
      ReadyTunnels tunnels = tunnels(8, STEADY);
      take(tunnels, dialer);
      log.await("a tunnel is ready, now 1");
      remotes.failed(SERVER);
      SocketChannel none = onLoop(() -> tunnels.take(dialer, OTHER));
      assertThat(none).isNull();
      log.await("a tunnel is ready, now 2");
      assertThat(pt.hosts()).containsExactly("192.0.2.1", "192.0.2.2", "192.0.2.2");
    }
  }

  @Test
  void leavesTheSlotsToThoseThatWait() throws Exception {
    try (FakePt pt = new FakePt(FakePt.ECHO)) {
      PtDialer dialer = open(pt);
      ReadyTunnels tunnels = tunnels(8, STEADY);
      for (int i = 0; i < DialSlots.PER_SERVER; i++) {
        assertThat(remotes.slots().tryTake(SERVER)).isTrue();
      }
      take(tunnels, dialer);
      onLoop(() -> true);
      assertThat(pt.accepted()).isZero();
      remotes.slots().free(SERVER);
      take(tunnels, dialer);
      log.await("a tunnel is ready, now 1");
      assertThat(pt.accepted()).isEqualTo(1);
      assertThat(remotes.slots().tryTake(SERVER)).as("given back").isTrue();
    }
  }

  private ReadyTunnels tunnels(int limit, Times times) {
    return new ReadyTunnels(
        loop, limit, Duration.ofSeconds(10), remotes, gate, new BulkReads(), times);
  }

  private PtDialer open(FakePt pt) throws Exception {
    PtDialer dialer =
        new PtDialer(pt.methods().client(FakePt.TRANSPORT).orElseThrow(), PtArgs.NONE);
    gate.open(dialer);
    return dialer;
  }

  private @Nullable SocketChannel take(ReadyTunnels tunnels, PtDialer dialer) throws Exception {
    return onLoop(() -> tunnels.take(dialer, SERVER));
  }

  private SocketChannel taken(ReadyTunnels tunnels, PtDialer dialer) throws Exception {
    SocketChannel pt = take(tunnels, dialer);
    assertThat(pt).isNotNull();
    assertThat(pt.isActive()).isTrue();
    assertThat(pt.pipeline().names()).as("handlers left").hasSize(1);
    return pt;
  }

  /** Runs it behind all that the loop has to do already. */
  private <T extends @Nullable Object> T onLoop(Callable<T> task) throws Exception {
    return loop.submit(task).get(10, SECONDS);
  }

  private static void close(SocketChannel... channels) {
    List<SocketChannel> all = new ArrayList<>(List.of(channels));
    all.forEach(channel -> channel.close().awaitUninterruptibly(10, SECONDS));
  }

  private static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(10, SECONDS)).isTrue();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted", e);
    }
  }
}
