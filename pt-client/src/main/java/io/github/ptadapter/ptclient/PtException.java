package io.github.ptadapter.ptclient;

import java.time.Duration;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * A PT that could not be started, or a connection that could not be made through it.
 *
 * <p>The message is one line for a person: what happened and why, without arguments or certs. There
 * is no stack trace, since the reasons lie outside this program.
 */
public final class PtException extends Exception {

  private static final long serialVersionUID = 1L;

  private static final int NO_CODE = -1;

  /** What kind of thing went wrong. */
  public enum Reason {
    /** The program could not be started at all. */
    SPAWN_FAILED,
    /** A limit of time ran out. */
    TIMED_OUT,
    /** The process ended, or closed its output, before it was ready. */
    EXITED,
    /** The PT broke the protocol. */
    PROTOCOL_VIOLATION,
    /** The PT speaks none of our versions: {@code VERSION-ERROR} (pt-spec 3.3.1). */
    VERSION_UNSUPPORTED,
    /** The PT refused its environment: {@code ENV-ERROR} (pt-spec 3.3.1). */
    ENV_REJECTED,
    /** The PT cannot use the upstream proxy: {@code PROXY-ERROR} or silence (pt-spec 3.3.2). */
    PROXY_REJECTED,
    /** No requested transport came up: {@code CMETHOD-ERROR}, {@code SMETHOD-ERROR} or silence. */
    TRANSPORT_FAILED,
    /** The PT refused the arguments of a connection (pt-spec 3.5). */
    ARGS_REJECTED,
    /** The arguments or the target cannot be expressed in the PT's SOCKS version. */
    NOT_EXPRESSIBLE,
    /** Nothing accepts connections on the PT's SOCKS port, or it closed without an answer. */
    DIAL_BROKEN,
    /** The PT answered that it has no connection to the target. */
    DIAL_REFUSED
  }

  private final Reason reason;
  private final int socksCode;

  PtException(Reason reason, String message) {
    this(reason, message, null, NO_CODE);
  }

  PtException(Reason reason, String message, @Nullable Throwable cause) {
    this(reason, message, cause, NO_CODE);
  }

  PtException(Reason reason, String message, int socksCode) {
    this(reason, message, null, socksCode);
  }

  private PtException(Reason reason, String message, @Nullable Throwable cause, int socksCode) {
    super(message, cause, false, false);
    this.reason = reason;
    this.socksCode = socksCode;
  }

  /**
   * Tells the kind.
   *
   * @return what kind of thing went wrong
   */
  public Reason reason() {
    return reason;
  }

  /**
   * Tells the PT's own code.
   *
   * @return the reply code of SOCKS5 (RFC 1928, section 6) or SOCKS4, for {@link
   *     Reason#DIAL_REFUSED}
   */
  public OptionalInt socksCode() {
    return socksCode == NO_CODE ? OptionalInt.empty() : OptionalInt.of(socksCode);
  }

  @Override
  public String getMessage() {
    return String.valueOf(super.getMessage());
  }

  /** Writes a limit of time as a person would: a share of 44995 ms reads 45 s. */
  static String words(Duration limit) {
    long tenths = (limit.toMillis() + 50) / 100;
    if (tenths < 10) {
      return limit.toMillis() + " ms";
    }
    return tenths % 10 == 0 ? tenths / 10 + " s" : tenths / 10 + "." + tenths % 10 + " s";
  }
}
