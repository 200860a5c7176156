package io.github.ptadapter.it;

import java.io.DataInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.Socket;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * A program of its own, for a client's machine: holds connections through a SOCKS port to the
 * {@code echo} of the containers, sends random bytes over each and compares what comes back. One
 * that ends is counted and made anew. Ten times a second it writes a line of {@link Tunnels}.
 */
final class Crowd {

  /** Between two exchanges of a connection: together they shall not be a load. */
  private static final int PAUSE_MILLIS = 500;

  private static final int RETRY_MILLIS = 500;
  private static final int LINE_MILLIS = 100;
  private static final int MAX_BYTES = 4096;

  private final Proxy socks;
  private final InetSocketAddress echo;
  private final long seed;
  private final AtomicInteger lost = new AtomicInteger();
  private final AtomicLong wrong = new AtomicLong();
  private final AtomicLong exchanges = new AtomicLong();

  /** When each has last had its bytes back, in milliseconds of the clock; 0 while it has not. */
  private final AtomicLongArray heard;

  private Crowd(int size, int socksPort, InetSocketAddress echo, long seed) {
    socks =
        new Proxy(
            Proxy.Type.SOCKS, new InetSocketAddress(InetAddress.getLoopbackAddress(), socksPort));
    this.echo = echo;
    this.seed = seed;
    heard = new AtomicLongArray(size);
  }

  /** Arguments: how many connections, the SOCKS port, the echo's host and port, a seed. */
  public static void main(String[] arguments) throws InterruptedException {
    InetSocketAddress echo =
        InetSocketAddress.createUnresolved(arguments[2], Integer.parseInt(arguments[3]));
    new Crowd(
            Integer.parseInt(arguments[0]),
            Integer.parseInt(arguments[1]),
            echo,
            Long.parseLong(arguments[4]))
        .run();
  }

  private void run() throws InterruptedException {
    for (int i = 0; i < heard.length(); i++) {
      int number = i;
      Thread.ofVirtual().start(() -> member(number));
    }
    while (true) {
      report();
      Thread.sleep(LINE_MILLIS);
    }
  }

  private void member(int number) {
    Random random = new Random(seed + number);
    try {
      while (true) {
        try (Socket socket = new Socket(socks)) {
          socket.setTcpNoDelay(true);
          socket.connect(echo);
          while (true) {
            exchange(socket, random);
            heard.set(number, System.currentTimeMillis());
            Thread.sleep(random.nextInt(2 * PAUSE_MILLIS));
          }
        } catch (IOException e) {
          if (heard.getAndSet(number, 0) > 0) {
            lost.incrementAndGet();
          }
          Thread.sleep(RETRY_MILLIS);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void exchange(Socket socket, Random random) throws IOException {
    byte[] sent = new byte[1 + random.nextInt(MAX_BYTES)];
    random.nextBytes(sent);
    socket.getOutputStream().write(sent);
    byte[] back = new byte[sent.length];
    new DataInputStream(socket.getInputStream()).readFully(back);
    for (int i = 0; i < sent.length; i++) {
      if (sent[i] != back[i]) {
        wrong.incrementAndGet();
      }
    }
    exchanges.incrementAndGet();
  }

  private void report() {
    long now = System.currentTimeMillis();
    int alive = 0;
    long oldest = now;
    for (int i = 0; i < heard.length(); i++) {
      long time = heard.get(i);
      alive += time > 0 ? 1 : 0;
      oldest = Math.min(oldest, time);
    }
    System.out.println(
        String.join(
            " ",
            String.valueOf(now),
            String.valueOf(alive),
            String.valueOf(lost.get()),
            String.valueOf(wrong.get()),
            String.valueOf(exchanges.get()),
            String.valueOf(oldest)));
  }
}
