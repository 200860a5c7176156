package io.github.ptadapter.it;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.HashSet;
import java.util.Set;

/** Ports and connections of this machine's own addresses. */
final class Loopback {

  static final String IPV4 = "127.0.0.1";
  static final String IPV6 = "::1";

  /** The system may give a port twice, as it is closed again until its user takes it. */
  private static final Set<Integer> given = new HashSet<>();

  private static final int READ_LIMIT_MILLIS = 60_000;

  private Loopback() {}

  static int freePort() {
    return freePort(IPV4);
  }

  static synchronized int freePort(String host) {
    while (true) {
      try (ServerSocket probe = new ServerSocket(0, 1, InetAddress.getByName(host))) {
        if (given.add(probe.getLocalPort())) {
          return probe.getLocalPort();
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  static boolean isFree(String host, int port) {
    try (ServerSocket probe = new ServerSocket(port, 1, InetAddress.getByName(host))) {
      return probe.isBound();
    } catch (IOException e) {
      return false;
    }
  }

  static boolean hasIpV6() {
    return isFree(IPV6, 0);
  }

  static InetSocketAddress address(String host, int port) {
    return new InetSocketAddress(host, port);
  }

  static Socket connect(int port) throws IOException {
    return connect(new Socket(), IPV4, port);
  }

  static Socket connect(Socket socket, String host, int port) throws IOException {
    socket.setTcpNoDelay(true);
    socket.setSoTimeout(READ_LIMIT_MILLIS);
    socket.connect(new InetSocketAddress(host, port), READ_LIMIT_MILLIS);
    return socket;
  }
}
