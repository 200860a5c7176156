package io.github.ptadapter.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.ptadapter.it.ContainerPath.Address;
import io.github.ptadapter.it.DelayBox.Line;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The image for users, as client and as server, on machines and a network of their own. */
final class ContainersIT {

  private static final long SIZE = 16_000_000;

  /** Far below the ten seconds after which Docker kills. */
  private static final Duration STOP = Duration.ofSeconds(5);

  @ParameterizedTest
  @EnumSource(Address.class)
  void dataArriveBothWays(Address address) {
    try (ContainerPath path = ContainerPath.plan().to(address).start()) {
      path.fetch(SIZE);
      path.upload(SIZE);
      assertQuiet(path);
      assertStopsAtOnce(path.client());
      assertStopsAtOnce(path.server());
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = Address.class,
      names = {"IPV4", "IPV6"})
  void dataArriveOverASlowLine(Address address) {
    Line line = Line.delay(Duration.ofMillis(50));
    try (ContainerPath path = ContainerPath.plan().to(address).through(line).start()) {
      String url = "http://web/1";
      path.fetch(1);
      String seconds = path.curl("-o", "/dev/null", "-w", "%{time_starttransfer}", url);
      // Three round trips: TCP, obfs4, the request.
      assertThat(Double.parseDouble(seconds)).isBetween(0.3, 3.0);
      path.fetch(SIZE);
      path.upload(SIZE);
      assertQuiet(path);
    }
  }

  @Test
  void clientGoesOnByItselfWhenTheServerIsBack() {
    try (ContainerPath path = ContainerPath.plan().withClientOptions(";dial-timeout=3s").start()) {
      path.fetch(SIZE);
      List<String> before = path.server().log();
      assertStopsAtOnce(path.server());
      assertThat(path.tryCurl("http://web/" + SIZE).code()).isNotZero();
      path.client().awaitLine("tunnel #2 failed: ");
      path.server().startAgain();
      path.server().awaitLine("ready: ", 2);
      path.fetch(SIZE);
      path.upload(SIZE);
      assertThat(options(path.server().log()))
          .hasSize(2)
          .allMatch(options(before).getFirst()::equals);
    }
  }

  private static List<String> options(List<String> log) {
    return log.stream()
        .filter(line -> line.contains("the plugin options for clients: "))
        .map(line -> line.replaceFirst(".*for clients: ", ""))
        .toList();
  }

  private static void assertQuiet(ContainerPath path) {
    for (Machine machine : List.of(path.client(), path.server())) {
      assertThat(machine.log()).noneMatch(line -> line.matches(".* (WARN|ERROR)\\b.*"));
    }
  }

  /** The processes of a container end with its first one; nothing of them had to be killed. */
  private static void assertStopsAtOnce(Machine machine) {
    long begin = System.nanoTime();
    assertThat(machine.stop()).as("exit code of %s", machine).isZero();
    assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(STOP);
  }
}
