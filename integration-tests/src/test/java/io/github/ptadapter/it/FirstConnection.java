package io.github.ptadapter.it;

import java.io.IOException;
import java.net.Socket;
import java.util.Optional;

/** A connection to a port that is about to open. */
final class FirstConnection {

  private FirstConnection() {}

  static Optional<Socket> to(int port) {
    try {
      return Optional.of(Loopback.connect(port));
    } catch (IOException e) {
      return Optional.empty();
    }
  }
}
