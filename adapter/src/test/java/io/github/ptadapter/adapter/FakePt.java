package io.github.ptadapter.adapter;

import io.github.ptadapter.ptclient.ClientMethod;
import io.github.ptadapter.ptclient.Endpoint;
import io.github.ptadapter.ptclient.PtMethods;
import io.github.ptadapter.ptclient.SocksVersion;
import io.github.ptadapter.ptclient.TransportName;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;

/** The SOCKS5 port of a PT without a process; what it does with its connections is the test's. */
final class FakePt implements AutoCloseable {

  static final TransportName TRANSPORT = new TransportName("dummy");

  /**
   * A connection up to its SOCKS request, which is not answered yet.
   *
   * @param host the target's host
   * @param login user name and password, empty without
   */
  record Dial(Socket socket, String host, String login) {

    void grant() throws IOException {
      answer(0);
    }

    void answer(int code) throws IOException {
      socket.getOutputStream().write(reply(code));
    }

    static byte[] reply(int code) {
      return new byte[] {5, (byte) code, 0, 1, 0, 0, 0, 0, 0, 0};
    }

    InputStream in() throws IOException {
      return socket.getInputStream();
    }

    void send(byte[] bytes) throws IOException {
      socket.getOutputStream().write(bytes);
    }
  }

  /** What to do with a connection, in a thread of its own; the socket is closed afterwards. */
  interface Behaviour {
    void serve(Dial dial) throws Exception;
  }

  /** Sends back what comes. */
  static final Behaviour ECHO =
      dial -> {
        dial.grant();
        dial.in().transferTo(dial.socket().getOutputStream());
      };

  /** Never answers a request; ends with the other side. */
  static final Behaviour SILENT = dial -> dial.in().readAllBytes();

  private static final AtomicInteger listening = new AtomicInteger();
  private static final AtomicInteger connected = new AtomicInteger();

  private final ServerSocket listener;
  private final Thread acceptor;
  private final Behaviour behaviour;
  private final AtomicInteger accepted = new AtomicInteger();
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();
  private final BlockingQueue<String> hosts = new LinkedBlockingQueue<>();
  private final BlockingQueue<Throwable> failures = new LinkedBlockingQueue<>();

  FakePt(Behaviour behaviour) throws IOException {
    this.behaviour = behaviour;
    // A slow reader's test wants to see our buffers, not the kernel's.
    listener = new ServerSocket();
    listener.setReceiveBufferSize(64 * 1024);
    listener.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 1024);
    listening.incrementAndGet();
    acceptor = Thread.ofVirtual().start(this::accept);
  }

  /** How many PTs listen. */
  static int listening() {
    return listening.get();
  }

  /** How many connections are open to all PTs together. */
  static int connected() {
    return connected.get();
  }

  /** What a PT with this port alone offers. */
  PtMethods methods() {
    return methods(SocksVersion.SOCKS5);
  }

  PtMethods methods(SocksVersion version) {
    Endpoint address = new Endpoint("127.0.0.1", listener.getLocalPort());
    return new PtMethods(
        List.of(new ClientMethod(TRANSPORT, version, address)), List.of(), Map.of());
  }

  /** How many connections came. */
  int accepted() {
    return accepted.get();
  }

  /** How many connections are still served. */
  int open() {
    return open.size();
  }

  /** The hosts that were asked for, in order. */
  List<String> hosts() {
    return List.copyOf(hosts);
  }

  /** What went wrong in behaviours: failed assertions above all. */
  void rethrow() {
    Throwable failure = failures.poll();
    if (failure != null) {
      throw new AssertionError("in the PT: " + failure, failure);
    }
  }

  private void accept() {
    try {
      while (true) {
        Socket socket = listener.accept();
        accepted.incrementAndGet();
        open.add(socket);
        connected.incrementAndGet();
        Thread.ofVirtual().start(() -> serve(socket));
      }
    } catch (IOException e) {
      // Closed.
    }
  }

  private void serve(Socket socket) {
    try (socket) {
      socket.setTcpNoDelay(true);
      socket.setSendBufferSize(64 * 1024);
      Dial dial = handshake(socket);
      hosts.add(dial.host());
      behaviour.serve(dial);
    } catch (IOException e) {
      // The other side went away; tests look at what that does there.
    } catch (Throwable e) {
      failures.add(e);
    } finally {
      open.remove(socket);
      connected.decrementAndGet();
    }
  }

  private static Dial handshake(Socket socket) throws IOException {
    DataInputStream in = new DataInputStream(socket.getInputStream());
    in.readByte();
    byte[] offered = in.readNBytes(in.readByte());
    socket.getOutputStream().write(new byte[] {5, offered[0]});
    StringBuilder login = new StringBuilder();
    if (offered[0] == 2) {
      in.readByte();
      login.append(text(in)).append(text(in));
      socket.getOutputStream().write(new byte[] {1, 0});
    }
    in.readNBytes(3);
    byte type = in.readByte();
    String host =
        type == 3
            ? text(in)
            : InetAddress.getByAddress(in.readNBytes(type == 1 ? 4 : 16)).getHostAddress();
    in.readShort();
    return new Dial(socket, host, login.toString());
  }

  private static String text(DataInputStream in) throws IOException {
    return new String(in.readNBytes(in.readUnsignedByte()), StandardCharsets.UTF_8);
  }

  /** Ends its connections too, as that of an event loop which ended in the middle of a dial. */
  @Override
  public void close() throws IOException {
    stopListening();
    for (Socket socket : open) {
      socket.close();
    }
  }

  /** Takes no more connections. */
  void stopListening() throws IOException {
    if (!listener.isClosed()) {
      listener.close();
      try {
        // Only the thread that is in the middle of accepting really closes it.
        acceptor.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      listening.decrementAndGet();
    }
  }
}
