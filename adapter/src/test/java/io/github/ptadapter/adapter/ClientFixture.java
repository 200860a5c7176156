package io.github.ptadapter.adapter;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.ptadapter.ptclient.Endpoint;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Stream;

/** A client role that serves on a port of its own, and connections to it as a host makes them. */
final class ClientFixture implements AutoCloseable {

  private static final int READ_LIMIT_MILLIS = 10_000;

  private final ClientRole role;
  private final Endpoint local;
  private final long others;
  private final Queue<Socket> ends = new ConcurrentLinkedQueue<>();

  /**
   * Starts to serve; there is no PT yet.
   *
   * @param hosts joined by {@code |}, as libev does
   * @param options what stands behind the transport in the plugin options
   */
  ClientFixture(String hosts, String options) throws Exception {
    List<Endpoint> remotes =
        Stream.of(hosts.split("\\|", -1)).map(host -> new Endpoint(host, 443)).toList();
    PluginOptions parsed =
        PluginOptions.of(OptionString.parse("transport=" + FakePt.TRANSPORT + ";" + options));
    local = new Endpoint("127.0.0.1", freePort());
    SipEnvironment sip = new SipEnvironment(remotes, local, "", SipEnvironment.Names.HOST);
    role = new ClientRole(sip, parsed, Optional.empty());
    role.bind();
    Waiting.until("the PTs of earlier tests have no connections", () -> FakePt.connected() == 0);
    others = sockets() - FakePt.listening();
    role.serve();
  }

  /** Starts to serve through a PT that is ready. */
  static ClientFixture through(FakePt pt, String options) throws Exception {
    ClientFixture fixture = new ClientFixture("server.example", options);
    fixture.ready(pt);
    return fixture;
  }

  void ready(FakePt pt) throws AdapterException {
    role.ready(pt.methods());
  }

  void lost() {
    role.lost();
  }

  Socket connect() throws IOException {
    Socket socket = new Socket();
    // Small, so that a slow reader's test sees our buffers and not the kernel's.
    socket.setReceiveBufferSize(64 * 1024);
    socket.setSendBufferSize(64 * 1024);
    socket.setTcpNoDelay(true);
    socket.setSoTimeout(READ_LIMIT_MILLIS);
    socket.connect(local.toSocketAddress());
    ends.add(socket);
    return socket;
  }

  /** Waits until nothing is open any more but listeners and the host's ends. */
  void awaitNoConnection(FakePt pt) throws Exception {
    pt.rethrow();
    Waiting.until("none of the PT's connections is open", () -> pt.open() == 0);
    Waiting.until("none of our connections is open", () -> connections() == 0);
    pt.rethrow();
  }

  /** Counts our ends of connections to host and PT. */
  long connections() throws IOException {
    return sockets()
        - others
        - FakePt.listening()
        - ends.stream().filter(s -> !s.isClosed()).count();
  }

  /** Counts the sockets of this process; Netty's own count does not see channels close. */
  private static long sockets() throws IOException {
    try (DirectoryStream<Path> descriptors = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
      long sockets = 0;
      for (Path descriptor : descriptors) {
        try {
          sockets += Files.readSymbolicLink(descriptor).toString().startsWith("socket:") ? 1 : 0;
        } catch (NoSuchFileException e) {
          // Closed meanwhile, or that of the list itself.
        }
      }
      return sockets;
    }
  }

  @Override
  public void close() {
    assertThat(role.close().awaitUninterruptibly(Waiting.LIMIT.toMillis()))
        .as("event loops ended")
        .isTrue();
  }

  /** A port that nobody uses, found as hosts do. */
  static int freePort() throws IOException {
    try (ServerSocket probe = new ServerSocket()) {
      probe.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
      return probe.getLocalPort();
    }
  }
}
