package io.github.ptadapter.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.ptadapter.it.DelayBox.Line;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Lines that are slow, lose packets, or are cut without a word for a while. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class LineFaultsIT {

  private static final Line GOOD = Line.delay(Duration.ZERO);
  private static final Line CUT = GOOD.withLoss(1);
  private static final long SIZE = 1_000_000;
  private static final int TUNNELS = 200;

  private ContainerPath path;

  @BeforeAll
  void start() {
    path = ContainerPath.plan().through(GOOD).withClientOptions(";dial-timeout=10s").start();
  }

  @AfterAll
  void close() {
    if (path != null) {
      path.close();
    }
  }

  @ParameterizedTest
  @CsvSource({"50, 0, 0", "300, 0, 0", "0, 0.01, 0", "0, 0.05, 0", "0, 0, 500000"})
  void transfersOverABadLineAreWhole(int millis, double loss, long rate) {
    Line line = new Line(Duration.ofMillis(millis), loss, rate);
    Fault fault = Fault.begin("line of %d ms, loss %s, %d B/s".formatted(millis, loss, rate), path);
    path.box().set(line);
    fault.note("fetched in %d ms".formatted(path.fetch(SIZE).toMillis()));
    fault.note("uploaded in %d ms".formatted(path.upload(SIZE).toMillis()));
    path.box().set(GOOD);
    fault.over();
    fault.end();
    assertThat(fault.warnings(path.client())).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 10})
  void aShortCutLosesNothing(int seconds) {
    try (Tunnels tunnels = Tunnels.open(path, TUNNELS)) {
      Fault fault = Fault.begin("cut of %d s".formatted(seconds), path, tunnels);
      Download download = Download.start(path, 48 * SIZE, 12 * SIZE).awaitUnderWay();
      cut(Duration.ofSeconds(seconds));
      fault.over();
      download.awaitWhole();
      assertThat(fault.end()).as("lost tunnels").isZero();
      assertThat(fault.warnings(path.client())).isEmpty();
    }
  }

  @Test
  @EnabledIfSystemProperty(named = "ptadapter.full", matches = "true")
  void aLongCutLeavesNoWrongByte() {
    Fault fault = Fault.begin("cut of 120 s", path);
    Download download = Download.start(path, 48 * SIZE, 12 * SIZE).awaitUnderWay();
    cut(Duration.ofMinutes(2));
    fault.over();
    fault.note("curl ended with " + download.await().code());
    fault.end();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 10})
  void aCutInTheHandshakeEndsWellOrInOneLine(int seconds) {
    Fault fault = Fault.begin("cut of %d s in the handshake".formatted(seconds), path);
    // Slow enough to be met between the connection and the server's answer.
    path.box().set(Line.delay(Duration.ofMillis(300)));
    Download download = Download.start(path, 1, 1);
    Await.until("a connection to the server", () -> connections() > 0);
    cut(Duration.ofSeconds(seconds));
    fault.over();
    int code = download.await().code();
    fault.note("curl ended with " + code);
    fault.end();
    List<String> warnings = fault.warnings(path.client());
    if (code == 0) {
      assertThat(warnings).isEmpty();
    } else {
      assertThat(warnings).hasSize(1);
    }
  }

  private void cut(Duration time) {
    path.box().set(CUT);
    Await.pace(time);
    path.box().set(GOOD);
  }

  private long connections() {
    String server = path.server().ipv4(path.far());
    return path.client().run("ss", "-Htn", "state", "established", "dst", server).lines().count();
  }
}
