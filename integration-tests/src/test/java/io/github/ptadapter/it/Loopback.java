package io.github.ptadapter.it;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;

/** Ports and connections of this machine's own addresses. */
final class Loopback {

  static final String IPV4 = "127.0.0.1";
  static final String IPV6 = "::1";

  /**
   * Below the ports that systems give out by themselves (from 32768 on): hosts ask for one of those
   * for their plugin, and so does every connection, and one of them would now and then take a port
   * that was found free for another.
   */
  private static final int LOWEST_PORT = 20_000;

  private static final int PORTS = 12_000;

  private static final Set<Integer> given = new HashSet<>();

  private static final int READ_LIMIT_MILLIS = 60_000;

  private Loopback() {}

  static int freePort() {
    return freePort(IPV4);
  }

  static synchronized int freePort(String host) {
    while (true) {
      int port = LOWEST_PORT + ThreadLocalRandom.current().nextInt(PORTS);
      if (given.add(port) && isFree(host, port)) {
        return port;
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
