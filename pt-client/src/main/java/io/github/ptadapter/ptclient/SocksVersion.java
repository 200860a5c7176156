package io.github.ptadapter.ptclient;

/** The protocols in which a client transport can be dialled (pt-spec 3.3.2). */
public enum SocksVersion {
  /** SOCKS4, arguments in the user id; IPv4 targets, names as SOCKS4a. */
  SOCKS4("socks4"),
  /** SOCKS5, arguments in user name and password (RFC 1928, RFC 1929). */
  SOCKS5("socks5");

  private final String word;

  SocksVersion(String word) {
    this.word = word;
  }

  /** Returns the word of the {@code CMETHOD} line. */
  @Override
  public String toString() {
    return word;
  }
}
