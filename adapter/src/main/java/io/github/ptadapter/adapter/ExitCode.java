package io.github.ptadapter.adapter;

/** How this program ends, for the host and for scripts. */
public enum ExitCode {
  /** Stopped by its host, or the host is gone. */
  STOPPED(0),
  /** A mistake of this program. */
  INTERNAL(1),
  /** Bad options or environment. */
  CONFIG(2),
  /** Cannot listen on {@code SS_LOCAL}. */
  LISTEN(3),
  /** The PT could not be started, or reported an error. */
  PT_FAILED(4),
  /** The PT kept dying, or never became ready again. */
  PT_LOST(5),
  /** A check found no tunnel to the far side. */
  NO_TUNNEL(6);

  private final int value;

  ExitCode(int value) {
    this.value = value;
  }

  /** The number that the program ends with. */
  public int value() {
    return value;
  }
}
