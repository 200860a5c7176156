package io.github.ptadapter.ptclient;

import java.util.List;
import java.util.Optional;

/**
 * One line of a PT's standard output (pt-spec 3.3).
 *
 * <p>{@link #parse} is total: a line that cannot be understood is {@link Unknown} or {@link
 * Malformed}, never an exception. Whether a message fits the moment is not decided here.
 */
public sealed interface PtMessage
    permits ClientMethod,
        ServerMethod,
        PtMessage.Version,
        PtMessage.VersionError,
        PtMessage.EnvError,
        PtMessage.ProxyDone,
        PtMessage.ProxyError,
        PtMessage.MethodError,
        PtMessage.ClientMethodsDone,
        PtMessage.ServerMethodsDone,
        PtMessage.Log,
        PtMessage.Status,
        PtMessage.Unknown,
        PtMessage.Malformed {

  /**
   * {@code VERSION}: the protocol version that the PT chose (3.3.1).
   *
   * @param version such as {@code 1}
   */
  record Version(String version) implements PtMessage {}

  /**
   * {@code VERSION-ERROR}: the PT speaks none of the versions that were offered (3.3.1).
   *
   * @param text the PT's words, usually {@code no-version}, maybe empty
   */
  record VersionError(String text) implements PtMessage {}

  /**
   * {@code ENV-ERROR}: the PT refuses its environment (3.3.1); may come before {@code VERSION}.
   *
   * @param text the PT's words, maybe empty
   */
  record EnvError(String text) implements PtMessage {}

  /** {@code PROXY DONE}: the PT will use the upstream proxy (3.3.2). */
  record ProxyDone() implements PtMessage {}

  /**
   * {@code PROXY-ERROR}: the PT cannot use the upstream proxy (3.3.2).
   *
   * @param text the PT's words, maybe empty
   */
  record ProxyError(String text) implements PtMessage {}

  /**
   * {@code CMETHOD-ERROR} or {@code SMETHOD-ERROR}: one transport failed, others may work (3.3.2,
   * 3.3.3).
   *
   * @param transport the transport
   * @param text the PT's words, maybe empty
   */
  record MethodError(TransportName transport, String text) implements PtMessage {}

  /** {@code CMETHODS DONE}: no further client method follows (3.3.2). */
  record ClientMethodsDone() implements PtMessage {}

  /** {@code SMETHODS DONE}: no further server method follows (3.3.3). */
  record ServerMethodsDone() implements PtMessage {}

  /**
   * {@code LOG}: something for the user's log (3.3.4).
   *
   * @param severity {@code error}, {@code warning}, {@code notice}, {@code info}, {@code debug}, or
   *     what else the PT wrote
   * @param text the message, escapes resolved
   */
  record Log(String severity, String text) implements PtMessage {}

  /**
   * {@code STATUS}: something for a program (3.3.5).
   *
   * @param fields keys and values in order
   */
  record Status(List<PtArgs.Pair> fields) implements PtMessage {
    /** Copies the list. */
    public Status {
      fields = List.copyOf(fields);
    }
  }

  /**
   * A line with a keyword that is not known, which must be ignored (3.3).
   *
   * @param keyword the first word, maybe empty, without control characters, at most 40 characters
   */
  record Unknown(String keyword) implements PtMessage {}

  /**
   * A line with a known keyword that breaks its grammar. The line itself is not kept, since it may
   * hold a server's cert.
   *
   * @param keyword the first word
   * @param transport the transport that it is about, when it names one
   * @param reason what is wrong
   */
  record Malformed(String keyword, Optional<TransportName> transport, String reason)
      implements PtMessage {
    /** Returns keyword, transport and reason in words. */
    @Override
    public String toString() {
      return keyword + transport.map(t -> " for " + t).orElse("") + ": " + reason;
    }
  }

  /**
   * Reads a line.
   *
   * @param line the line without its line feed; one carriage return at the end is dropped
   * @return the message
   */
  static PtMessage parse(String line) {
    return LineParser.parse(line.endsWith("\r") ? line.substring(0, line.length() - 1) : line);
  }
}
