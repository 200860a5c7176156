package io.github.ptadapter.adapter;

/**
 * A reason to end that the user can do something about: one line that says what happened and what
 * to do, and the exit code.
 */
public final class AdapterException extends Exception {

  private static final long serialVersionUID = 1L;

  private final ExitCode code;

  /** With one line for the user. */
  public AdapterException(ExitCode code, String message) {
    super(message, null, false, false);
    this.code = code;
  }

  /** A mistake in the options or in the environment. */
  public static AdapterException config(String message) {
    return new AdapterException(ExitCode.CONFIG, message);
  }

  /** How the program ends. */
  public ExitCode code() {
    return code;
  }

  @Override
  public String getMessage() {
    return String.valueOf(super.getMessage());
  }
}
