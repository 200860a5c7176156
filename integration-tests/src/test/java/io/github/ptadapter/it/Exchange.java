package io.github.ptadapter.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.nio.ByteBuffer;

/** A protocol for transfers either way: kind, seed, size, then bytes or their SHA-256. */
final class Exchange {

  private static final int DOWN = 'D';
  private static final int UP = 'U';

  private Exchange() {}

  /** Takes requests until the other end closes. */
  static TestServer server(String host) {
    return TestServer.start(host, Exchange::serve);
  }

  static void down(Socket socket, Payload payload) throws IOException {
    request(socket, DOWN, payload);
    assertThat(Payload.sha256(socket.getInputStream(), payload.size()))
        .as("SHA-256 of %s, down", payload)
        .isEqualTo(payload.sha256());
  }

  static void up(Socket socket, Payload payload) throws IOException {
    request(socket, UP, payload);
    payload.writeTo(socket.getOutputStream());
    assertThat(new DataInputStream(socket.getInputStream()).readUTF())
        .as("SHA-256 of %s, up", payload)
        .isEqualTo(payload.sha256());
  }

  /** Asks for a payload without taking it. */
  static void askDown(Socket socket, Payload payload) throws IOException {
    request(socket, DOWN, payload);
  }

  private static void request(Socket socket, int kind, Payload payload) throws IOException {
    DataOutputStream out = new DataOutputStream(socket.getOutputStream());
    byte[] header = new byte[17];
    ByteBuffer.wrap(header).put((byte) kind).putLong(payload.seed()).putLong(payload.size());
    out.write(header);
    out.flush();
  }

  private static void serve(Socket socket) throws IOException {
    serve(socket, socket.getInputStream().read());
  }

  /** Takes requests, the first byte of which has been read. */
  static void serve(Socket socket, int first) throws IOException {
    DataInputStream in = new DataInputStream(socket.getInputStream());
    for (int kind = first; kind >= 0; kind = in.read()) {
      Payload payload = new Payload(in.readLong(), in.readLong());
      if (kind == DOWN) {
        payload.writeTo(socket.getOutputStream());
      } else {
        String sha256 = Payload.sha256(in, payload.size());
        new DataOutputStream(socket.getOutputStream()).writeUTF(sha256);
      }
    }
  }
}
