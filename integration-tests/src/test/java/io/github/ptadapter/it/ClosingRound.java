package io.github.ptadapter.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.SplittableRandom;

/**
 * What happens in a tunnel: an upload, a download and an end.
 *
 * @param order how it ends
 * @param seed of what is sent
 * @param up bytes to the server
 * @param down bytes to the client
 */
record ClosingRound(Order order, long seed, int up, int down) {

  /** Who ends it, and how; the other end follows. */
  enum Order {
    /** Before the answer. */
    CLIENT_FIN,
    SERVER_FIN,
    /** Behind the last byte sent. */
    CLIENT_CLOSE,
    SERVER_CLOSE,
    CLIENT_RESET,
    SERVER_RESET
  }

  private static final int MAX_PAYLOAD = 40_000;
  private static final int GOT_ALL = 'A';

  static ClosingRound of(Order order, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int up = random.nextInt(1, MAX_PAYLOAD);
    // What a client that closes at once has not read would turn its close into a reset.
    int down = order == Order.CLIENT_CLOSE ? 0 : random.nextInt(1, MAX_PAYLOAD);
    return new ClosingRound(order, seed, up, down);
  }

  /**
   * The client's part.
   *
   * @param patience how long to wait for the server's end before closing all the same
   * @return whether the server's end was seen
   */
  boolean client(Socket socket, Duration patience) throws IOException {
    DataOutputStream out = new DataOutputStream(socket.getOutputStream());
    out.writeUTF(order.name());
    out.writeLong(seed);
    out.writeInt(up);
    out.writeInt(down);
    upload().writeTo(out);
    if (order == Order.CLIENT_FIN) {
      socket.shutdownOutput();
    }
    takeWhole(socket, download());
    switch (order) {
      case CLIENT_CLOSE -> {
        return true;
      }
      case CLIENT_RESET -> {
        reset(socket);
        return true;
      }
      case SERVER_RESET -> out.write(GOT_ALL);
      default -> {}
    }
    return seesEnd(socket, patience);
  }

  /**
   * The server's part.
   *
   * @param patience how long to wait for the client's end before closing all the same
   * @return whether the client's end was seen
   */
  static boolean server(Socket socket, Duration patience) throws IOException {
    DataInputStream in = new DataInputStream(socket.getInputStream());
    ClosingRound round =
        new ClosingRound(Order.valueOf(in.readUTF()), in.readLong(), in.readInt(), in.readInt());
    takeWhole(socket, round.upload());
    round.download().writeTo(socket.getOutputStream());
    switch (round.order) {
      case CLIENT_FIN, SERVER_CLOSE -> {
        return true;
      }
      case SERVER_RESET -> {
        assertThat(socket.getInputStream().read()).isEqualTo(GOT_ALL);
        reset(socket);
        return true;
      }
      case SERVER_FIN -> socket.shutdownOutput();
      default -> {}
    }
    return seesEnd(socket, patience);
  }

  /** Waits for an end of input or a reset. */
  static boolean seesEnd(Socket socket, Duration patience) throws IOException {
    socket.setSoTimeout((int) patience.toMillis());
    try {
      assertThat(socket.getInputStream().read()).as("byte behind the last").isEqualTo(-1);
      return true;
    } catch (SocketTimeoutException e) {
      return false;
    } catch (SocketException e) {
      return true;
    }
  }

  static void close(Socket socket) throws IOException {
    socket.close();
  }

  static void reset(Socket socket) throws IOException {
    socket.setSoLinger(true, 0);
    socket.close();
  }

  private Payload upload() {
    return new Payload(seed, up);
  }

  private Payload download() {
    return new Payload(seed + 1, down);
  }

  private static void takeWhole(Socket socket, Payload payload) throws IOException {
    assertThat(Payload.sha256(socket.getInputStream(), payload.size())).isEqualTo(payload.sha256());
  }
}
