package io.github.ptadapter.ptclient;

import java.util.List;

/**
 * How a PT process ended.
 *
 * @param code its exit code; 128 and the signal's number when a signal ended it
 * @param stderrTail the last lines of its standard error, oldest first
 */
public record PtExit(int code, List<String> stderrTail) {

  /** Copies the list. */
  public PtExit {
    stderrTail = List.copyOf(stderrTail);
  }

  /** Returns code and last words in one line. */
  @Override
  public String toString() {
    // Java reports a death by signal as a shell does; codes above 192 are codes (Go's -1 is 255).
    String how = code > 128 && code < 128 + 65 ? "signal " + (code - 128) : "exit code " + code;
    return stderrTail.isEmpty() ? how : how + "; its last words: " + String.join(" / ", stderrTail);
  }
}
