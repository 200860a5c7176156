package io.github.ptadapter.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.assertj.core.api.ThrowableAssert.ThrowingCallable;

/** What must end with a message for the user. */
final class Refusals {

  private Refusals() {}

  /** Checks that the call ends as a mistake in options or environment, in words that say so. */
  static void refused(ThrowingCallable call, String... words) {
    refused(ExitCode.CONFIG, call, words);
  }

  static void refused(ExitCode code, ThrowingCallable call, String... words) {
    assertThat(words).isNotEmpty();
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            AdapterException.class,
            e -> {
              assertThat(e.getMessage()).contains(words);
              assertThat(e.getMessage()).doesNotContain("\n");
              assertThat(e.code()).isEqualTo(code);
            });
  }
}
