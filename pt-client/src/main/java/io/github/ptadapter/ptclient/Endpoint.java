package io.github.ptadapter.ptclient;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.regex.Pattern;

/**
 * A host and a port as they were written; nothing is ever looked up.
 *
 * @param host an IPv4 or IPv6 literal (without brackets) or a host name, 1 to 255 bytes of UTF-8
 * @param port 1 to 65535
 */
public record Endpoint(String host, int port) {

  private static final Pattern DOTTED_QUAD = Pattern.compile("\\d{1,3}(\\.\\d{1,3}){3}");

  /** The longest host name that a SOCKS5 request can hold (RFC 1928, section 5). */
  private static final int MAX_HOST_BYTES = 255;

  /**
   * Checks both parts.
   *
   * @throws IllegalArgumentException when the host is empty, too long or no host at all, or the
   *     port is out of range
   */
  public Endpoint {
    if (host.isEmpty()) {
      throw new IllegalArgumentException("no host");
    }
    if (host.chars().anyMatch(c -> c <= ' ' || c == 0x7f || c == '[' || c == ']')) {
      throw new IllegalArgumentException("'" + host + "' is not a host");
    }
    if (host.indexOf(':') >= 0 && !isIpV6(host)) {
      throw new IllegalArgumentException("'" + host + "' is not an IPv6 address");
    }
    if (PtArgs.utf8(host).length > MAX_HOST_BYTES) {
      throw new IllegalArgumentException("host name longer than " + MAX_HOST_BYTES + " bytes");
    }
    if (port < 1 || port > 65535) {
      throw new IllegalArgumentException("port " + port + " is not in 1..65535");
    }
  }

  /**
   * Reads {@code 192.0.2.1:443} or {@code [2001:db8::1]:443}, the form of every address in pt-spec.
   *
   * @param text an IP literal (IPv6 in brackets), a colon and a port
   * @return the endpoint
   * @throws IllegalArgumentException with the reason when it is anything else
   */
  public static Endpoint parseIp(String text) {
    int colon = text.lastIndexOf(':');
    boolean brackets = text.startsWith("[");
    if (colon < 0 || (brackets && text.charAt(colon - 1) != ']')) {
      throw new IllegalArgumentException("no port");
    }
    String host = brackets ? text.substring(1, colon - 1) : text.substring(0, colon);
    Endpoint endpoint = new Endpoint(host, parsePort(text.substring(colon + 1)));
    if (!endpoint.isIp()) {
      throw new IllegalArgumentException("host names are not allowed");
    }
    if (brackets != (host.indexOf(':') >= 0)) {
      throw new IllegalArgumentException("IPv6 addresses stand in brackets");
    }
    return endpoint;
  }

  /**
   * Reads a port number.
   *
   * @param text decimal digits
   * @return 1 to 65535
   * @throws IllegalArgumentException when it is anything else
   */
  public static int parsePort(String text) {
    if (text.isEmpty()) {
      throw new IllegalArgumentException("no port");
    }
    boolean digits = text.length() <= 5 && text.chars().allMatch(c -> c >= '0' && c <= '9');
    int port = digits ? Integer.parseInt(text) : 0;
    if (port < 1 || port > 65535) {
      throw new IllegalArgumentException("port '" + text + "' is not in 1..65535");
    }
    return port;
  }

  /**
   * Tells a literal address from a host name.
   *
   * @return whether the host is an IPv4 or IPv6 literal
   */
  public boolean isIp() {
    return isIpV4() || isIpV6();
  }

  /**
   * Tells a dotted quad.
   *
   * @return whether the host is an IPv4 literal of four decimal parts
   */
  public boolean isIpV4() {
    return DOTTED_QUAD.matcher(host).matches() && isLiteral(host);
  }

  /**
   * Tells an IPv6 literal.
   *
   * @return whether the host is an IPv6 literal
   */
  public boolean isIpV6() {
    return isIpV6(host);
  }

  /**
   * Tells an address that never leaves this machine.
   *
   * @return whether the host is a loopback literal
   */
  public boolean isLoopback() {
    return isIp() && InetAddress.ofLiteral(host).isLoopbackAddress();
  }

  /**
   * Tells an address that stands for all addresses of this machine.
   *
   * @return whether the host is {@code 0.0.0.0} or a form of {@code ::}
   */
  public boolean isWildcard() {
    return isIp() && InetAddress.ofLiteral(host).isAnyLocalAddress();
  }

  /**
   * Converts to a socket address without a look-up.
   *
   * @return the socket address
   * @throws IllegalStateException when the host is a name
   */
  public InetSocketAddress toSocketAddress() {
    if (!isIp()) {
      throw new IllegalStateException("'" + host + "' is a name");
    }
    return new InetSocketAddress(InetAddress.ofLiteral(host), port);
  }

  /** Returns {@code host:port}, with an IPv6 host in brackets. */
  @Override
  public String toString() {
    return isIpV6() ? "[" + host + "]:" + port : host + ":" + port;
  }

  private static boolean isIpV6(String host) {
    return host.indexOf(':') >= 0 && isLiteral(host);
  }

  private static boolean isLiteral(String host) {
    try {
      InetAddress.ofLiteral(host);
      return true;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }
}
