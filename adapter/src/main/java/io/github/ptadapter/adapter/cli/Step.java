package io.github.ptadapter.adapter.cli;

import io.github.ptadapter.adapter.ExitCode;
import java.time.Duration;

/**
 * One step of a check, and how it ended.
 *
 * @param name what was tried, a word
 * @param mark how it ended
 * @param took how long it took
 * @param text what was seen
 * @param advice what it means and what to do; may be empty
 * @param code how the program ends when this is the first step that failed
 */
record Step(String name, Mark mark, Duration took, String text, String advice, ExitCode code) {

  /** How a step ended. */
  enum Mark {
    GOOD("✓", "good"),
    BAD("✗", "bad"),
    /** It cannot be known, or need not be wrong. */
    UNKNOWN("?", "unknown");

    private final String sign;
    private final String word;

    Mark(String sign, String word) {
      this.sign = sign;
      this.word = word;
    }

    String sign() {
      return sign;
    }

    String word() {
      return word;
    }
  }
}
