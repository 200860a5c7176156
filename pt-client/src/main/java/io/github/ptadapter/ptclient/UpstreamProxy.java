package io.github.ptadapter.ptclient;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.Set;

/**
 * A proxy that a PT goes through to the outside, {@code TOR_PT_PROXY} (pt-spec 3.2.2).
 *
 * <p>The address may hold a password: {@link #toString} leaves it out.
 *
 * @param uri {@code socks5}, {@code socks4a} or {@code http}, an optional user and password in
 *     percent-encoding, an IP literal and a port
 */
public record UpstreamProxy(URI uri) {

  private static final Set<String> SCHEMES = Set.of("socks5", "socks4a", "http");

  /** The longest user name or password of RFC 1929, bytes. */
  private static final int MAX_CREDENTIAL_BYTES = 255;

  /**
   * Checks the parts.
   *
   * @throws IllegalArgumentException with the reason when a PT could not use it
   */
  public UpstreamProxy {
    String scheme = uri.getScheme();
    if (scheme == null || !SCHEMES.contains(scheme)) {
      throw new IllegalArgumentException("it must begin with socks5://, socks4a:// or http://");
    }
    // An authority that java.net.URI cannot split has no host, for instance with a raw @ or /.
    if (uri.getHost() == null || uri.getPort() == -1) {
      throw new IllegalArgumentException(
          "it must be SCHEME://[USER:PASSWORD@]IP:PORT, special characters percent-encoded");
    }
    Endpoint address = new Endpoint(bare(uri.getHost()), uri.getPort());
    if (!address.isIp()) {
      throw new IllegalArgumentException("its host must be an IP address, not a name");
    }
    if (!uri.getRawPath().isEmpty() || uri.getRawQuery() != null || uri.getRawFragment() != null) {
      throw new IllegalArgumentException("nothing may follow the port");
    }
    String login = uri.getUserInfo();
    if (login != null) {
      int colon = uri.getRawUserInfo().indexOf(':');
      if (scheme.equals("socks4a") && colon >= 0) {
        throw new IllegalArgumentException("socks4a has a user but no password");
      }
      if (scheme.equals("socks5") && !bothPresent(uri.getRawUserInfo(), colon)) {
        throw new IllegalArgumentException(
            "socks5 needs both user and password, of 1 to 255 bytes each, or neither");
      }
    }
  }

  /**
   * Reads a proxy's URL.
   *
   * @param text such as {@code socks5://user:p%40ss@127.0.0.1:1080}
   * @return the proxy
   * @throws IllegalArgumentException with the reason, without quoting a password
   */
  public static UpstreamProxy parse(String text) {
    try {
      return new UpstreamProxy(new URI(text));
    } catch (URISyntaxException e) {
      // Without the cause, which quotes the whole text.
      throw new IllegalArgumentException(
          "it is not a URL (" + e.getReason() + "): percent-encode special characters");
    }
  }

  private static boolean bothPresent(String login, int colon) {
    return colon > 0
        && isCredential(login.substring(0, colon))
        && isCredential(login.substring(colon + 1));
  }

  private static boolean isCredential(String encoded) {
    int escapes = (int) encoded.chars().filter(c -> c == '%').count();
    int bytes = PtArgs.utf8(encoded).length - 2 * escapes;
    return bytes >= 1 && bytes <= MAX_CREDENTIAL_BYTES;
  }

  private static String bare(String host) {
    return host.startsWith("[") ? host.substring(1, host.length() - 1) : host;
  }

  /** Returns scheme, host and port, without the login. */
  @Override
  public String toString() {
    return uri.getScheme() + "://" + uri.getHost() + ":" + uri.getPort();
  }
}
