package io.github.ptadapter.it;

import java.util.Map;

/**
 * What a host tells its plugin.
 *
 * @param remote the server's public side
 * @param local the side of the host
 * @param options {@code SS_PLUGIN_OPTIONS}
 */
record Sip(Address remote, Address local, String options) {

  /** A host, or several, and a port. */
  record Address(String host, int port) {}

  /** Both sides on 127.0.0.1. */
  static Sip of(int remotePort, int localPort, String options) {
    return new Sip(
        new Address(Loopback.IPV4, remotePort), new Address(Loopback.IPV4, localPort), options);
  }

  /** For a plugin that nobody connects to. */
  static Sip of(String options) {
    return of(Loopback.freePort(), Loopback.freePort(), options);
  }

  Map<String, String> environment() {
    return Map.of(
        "SS_REMOTE_HOST", remote.host(),
        "SS_REMOTE_PORT", String.valueOf(remote.port()),
        "SS_LOCAL_HOST", local.host(),
        "SS_LOCAL_PORT", String.valueOf(local.port()),
        "SS_PLUGIN_OPTIONS", options);
  }
}
