package io.github.ptadapter.ptclient;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.EventLoop;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.util.HexFormat;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * The SOCKS port of a PT, for one connection. It is as strict as obfs4proxy and goptlib: when a
 * message has come, nothing may follow it before the answer.
 */
final class FakeSocks implements AutoCloseable {

  /** What the PT does with the connection. */
  interface Talk {
    void run(FakeSocks pt) throws Exception;
  }

  private static final int LIMIT_MILLIS = 10_000;

  private final EventLoop clientLoop;
  private final ServerSocket listener;
  private final CompletableFuture<Void> talked;
  private volatile Socket socket = new Socket();

  /**
   * @param clientLoop where the client runs, to know when it has nothing more to do
   */
  FakeSocks(EventLoop clientLoop, Talk talk) throws IOException {
    this.clientLoop = clientLoop;
    listener = new ServerSocket(0, 1, InetAddress.ofLiteral("127.0.0.1"));
    talked =
        CompletableFuture.runAsync(
            () -> {
              try {
                socket = listener.accept();
                socket.setTcpNoDelay(true);
                socket.setSoTimeout(LIMIT_MILLIS);
                talk.run(this);
              } catch (Exception | AssertionError e) {
                hangUp();
                throw new CompletionException(e);
              }
            },
            task -> Thread.ofPlatform().name("fake-socks").daemon().start(task));
  }

  ClientMethod method(SocksVersion version) {
    return new ClientMethod(
        new TransportName("obfs4"), version, new Endpoint("127.0.0.1", listener.getLocalPort()));
  }

  /** Takes a message of the client, and makes sure that the client now waits. */
  void expect(String hex) throws Exception {
    byte[] expected = Vectors.bytes(hex);
    assertThat(HexFormat.of().formatHex(read(expected.length)))
        .isEqualTo(HexFormat.of().formatHex(expected));
    expectSilence();
  }

  byte[] read(int bytes) throws IOException {
    return socket.getInputStream().readNBytes(bytes);
  }

  void expectSilence() throws Exception {
    letClientAct();
    assertThat(socket.getInputStream().available()).as("bytes before the answer").isZero();
  }

  /** Takes the end of the stream; a client that gives up may also reset the connection. */
  void expectEnd() throws IOException {
    InputStream stream = socket.getInputStream();
    int next;
    try {
      next = stream.read();
    } catch (SocketException e) {
      next = -1;
    }
    assertThat(next).as("byte after which the connection should have ended").isEqualTo(-1);
  }

  /** Takes whatever comes, until the client closes. */
  void readToEnd() throws IOException {
    socket.getInputStream().transferTo(OutputStream.nullOutputStream());
  }

  void send(String hex) throws IOException {
    send(Vectors.bytes(hex));
  }

  void send(byte[] bytes) throws IOException {
    socket.getOutputStream().write(bytes);
  }

  /** Sends so that the client reads every byte by itself. */
  void sendByteByByte(String hex) throws Exception {
    for (byte b : Vectors.bytes(hex)) {
      socket.getOutputStream().write(b);
      letClientAct();
    }
  }

  void reset() throws IOException {
    socket.setSoLinger(true, 0);
    socket.close();
  }

  /** Waits until the talk is over and fails with what failed in it. */
  void join() throws InterruptedException {
    try {
      talked.get(LIMIT_MILLIS, TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      throw new AssertionError("the PT's side of the talk failed", e.getCause());
    } catch (TimeoutException e) {
      throw new AssertionError("the PT's side of the talk does not end", e);
    }
  }

  void hangUp() {
    try {
      socket.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Ends the talk; when it had failed, that is told. */
  @Override
  public void close() throws IOException {
    boolean failed = talked.isCompletedExceptionally();
    listener.close();
    hangUp();
    if (failed) {
      throw new AssertionError("the PT's side of the talk failed", talked.exceptionNow());
    }
  }

  /** Two turns of the event loop: in the first one it may not have read its sockets. */
  private void letClientAct() throws Exception {
    for (int i = 0; i < 2; i++) {
      clientLoop.submit(() -> {}).get(LIMIT_MILLIS, TimeUnit.MILLISECONDS);
    }
  }
}
