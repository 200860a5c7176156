package io.github.ptadapter.ptclient;

import java.util.regex.Pattern;

/**
 * The name of a transport: a C identifier, case sensitive (pt-spec 3.2.2, {@code
 * TOR_PT_CLIENT_TRANSPORTS}).
 *
 * @param value the name, such as {@code obfs4} or {@code meek_lite}
 */
public record TransportName(String value) {

  private static final Pattern C_IDENTIFIER = Pattern.compile("[a-zA-Z_][a-zA-Z0-9_]*");

  /**
   * Checks the name.
   *
   * @throws IllegalArgumentException when {@code value} is not a C identifier
   */
  public TransportName {
    if (!isValid(value)) {
      throw new IllegalArgumentException(
          "'" + value + "' is not a transport name: letters, digits and _ only, no digit first");
    }
  }

  static boolean isValid(String value) {
    return C_IDENTIFIER.matcher(value).matches();
  }

  /** Returns the bare name. */
  @Override
  public String toString() {
    return value;
  }
}
