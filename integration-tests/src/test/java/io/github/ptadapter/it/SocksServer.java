package io.github.ptadapter.it;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.ToIntFunction;

/**
 * The SOCKS5 side of a strict PT, whose server echoes: like goptlib it wants each message alone,
 * with nothing behind it.
 */
final class SocksServer implements AutoCloseable {

  static final String GRANT = "05000001000000000000";

  private static final String LOGIN_METHOD = "0502";
  private static final String LOGIN_GOOD = "0100";

  private static final int MAX_MESSAGE = 1024;
  private static final int INCOMPLETE = Integer.MAX_VALUE;

  /**
   * What the PT answers, in hexadecimal digits: to say nothing is to leave the connection open, all
   * but the good beginning is to close it.
   *
   * @param method to the greeting
   * @param login to the login
   * @param request to the request
   * @param bytewise whether every byte travels alone
   */
  record Answers(String method, String login, String request, boolean bytewise) {

    static final Answers GOOD = toRequest(GRANT);

    static Answers toRequest(String answer) {
      return new Answers(LOGIN_METHOD, LOGIN_GOOD, answer, false);
    }

    static Answers toLogin(String answer) {
      return new Answers(LOGIN_METHOD, answer, GRANT, false);
    }

    static Answers toGreeting(String answer) {
      return new Answers(answer, LOGIN_GOOD, GRANT, false);
    }

    Answers byteByByte() {
      return new Answers(method, login, request, true);
    }
  }

  private volatile Answers answers;
  private final TestServer server;
  private final Queue<String> messages = new ConcurrentLinkedQueue<>();
  private final Queue<String> violations = new ConcurrentLinkedQueue<>();

  SocksServer(Answers answers) {
    this.answers = answers;
    server =
        TestServer.start(socket -> {
          if (grants(socket)) {
            TestServer.echo(socket);
          }
        });
  }

  /** Changes what further connections are answered. */
  void answer(Answers others) {
    answers = others;
  }

  int port() {
    return server.port();
  }

  /** The messages of all connections in order, in hexadecimal digits. */
  Queue<String> messages() {
    return messages;
  }

  /** What broke the lock-step. */
  Queue<String> violations() {
    return violations;
  }

  private boolean grants(Socket socket) throws IOException {
    return answers(socket, SocksServer::greetingSize, answers.method, LOGIN_METHOD)
        && answers(socket, SocksServer::loginSize, answers.login, LOGIN_GOOD)
        && answers(socket, SocksServer::requestSize, answers.request, GRANT.substring(0, 4));
  }

  /** Takes one message and answers it; tells whether the answer was a good one. */
  private boolean answers(
      Socket socket, ToIntFunction<byte[]> size, String answer, String goodBeginning)
      throws IOException {
    messages.add(HexFormat.of().formatHex(message(socket.getInputStream(), size)));
    OutputStream out = socket.getOutputStream();
    byte[] bytes = HexFormat.of().parseHex(answer);
    if (bytes.length == 0) {
      socket.getInputStream().transferTo(OutputStream.nullOutputStream());
    } else if (answers.bytewise) {
      for (byte b : bytes) {
        out.write(b);
        Await.pace(Duration.ofMillis(2));
      }
    } else {
      out.write(bytes);
    }
    return answer.startsWith(goodBeginning);
  }

  private byte[] message(InputStream in, ToIntFunction<byte[]> size) throws IOException {
    byte[] buffer = new byte[MAX_MESSAGE];
    int length = 0;
    while (true) {
      int n = in.read(buffer, length, MAX_MESSAGE - length);
      if (n < 0) {
        throw new EOFException();
      }
      length += n;
      byte[] message = Arrays.copyOf(buffer, length);
      int whole = size.applyAsInt(message);
      if (length < whole) {
        continue;
      }
      int more = length - whole + in.available();
      if (more > 0) {
        violations.add(more + " bytes behind the message of " + whole);
      }
      return message;
    }
  }

  private static int greetingSize(byte[] message) {
    return message.length < 2 ? INCOMPLETE : 2 + message[1];
  }

  private static int loginSize(byte[] message) {
    int password = message.length < 2 ? INCOMPLETE : 2 + Byte.toUnsignedInt(message[1]);
    return message.length <= password
        ? INCOMPLETE
        : password + 1 + Byte.toUnsignedInt(message[password]);
  }

  private static int requestSize(byte[] message) {
    if (message.length < 5) {
      return INCOMPLETE;
    }
    return switch (message[3]) {
      case 1 -> 4 + 4 + 2;
      case 4 -> 4 + 16 + 2;
      default -> 4 + 1 + Byte.toUnsignedInt(message[4]) + 2;
    };
  }

  @Override
  public void close() {
    server.close();
  }
}
