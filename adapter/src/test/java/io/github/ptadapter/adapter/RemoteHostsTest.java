package io.github.ptadapter.adapter;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.ptadapter.ptclient.Endpoint;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class RemoteHostsTest {

  private static final Endpoint A = new Endpoint("192.0.2.1", 443);
  private static final Endpoint B = new Endpoint("192.0.2.2", 443);
  private static final Endpoint C = new Endpoint("c.example", 443);

  /** Near the point where a nanosecond clock turns over. */
  private final AtomicLong now = new AtomicLong(Long.MAX_VALUE - 1000);

  private final RemoteHosts hosts = new RemoteHosts(List.of(A, B, C), now::get);

  @Test
  void keepsTheOrderOfTheHost() {
    assertThat(hosts.inOrder()).containsExactly(A, B, C);
  }

  @Test
  void triesAHostThatFailedLast() {
    hosts.failed(A);
    assertThat(hosts.inOrder()).containsExactly(B, C, A);
    hosts.failed(B);
    assertThat(hosts.inOrder()).containsExactly(C, A, B);
  }

  @Test
  void fallsBackToTheFirstOrderWhenAllFailed() {
    List.of(C, B, A).forEach(hosts::failed);
    assertThat(hosts.inOrder()).containsExactly(A, B, C);
  }

  @Test
  void forgetsAFailureAfterAMinute() {
    hosts.failed(A);
    pass(Duration.ofMillis(59_999));
    assertThat(hosts.inOrder()).containsExactly(B, C, A);
    pass(Duration.ofMillis(1));
    assertThat(hosts.inOrder()).containsExactly(A, B, C);
  }

  @Test
  void countsTheMinuteFromTheLastFailure() {
    hosts.failed(A);
    pass(Duration.ofSeconds(40));
    hosts.failed(A);
    pass(Duration.ofSeconds(40));
    assertThat(hosts.inOrder()).containsExactly(B, C, A);
  }

  @Test
  void forgetsAFailureWithASuccess() {
    hosts.failed(A);
    hosts.worked(A);
    assertThat(hosts.inOrder()).containsExactly(A, B, C);
  }

  /** libev joins what its user wrote, be it the same host twice. */
  @Test
  void livesWithAHostThatIsThereTwice() {
    RemoteHosts twice = new RemoteHosts(List.of(A, A, B), now::get);
    twice.failed(A);
    assertThat(twice.inOrder()).containsExactly(B, A, A);
  }

  private void pass(Duration time) {
    now.addAndGet(time.toNanos());
  }
}
