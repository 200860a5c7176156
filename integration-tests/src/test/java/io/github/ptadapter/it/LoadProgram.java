package io.github.ptadapter.it;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Makes the load of {@link LoadIT}, in containers: many conversations at once through a SOCKS port,
 * or the far side of them. It is one file that needs {@code java.base} only.
 *
 * <p>A conversation begins with its {@link Script}, from which both sides know every byte of the
 * other.
 */
final class LoadProgram {

  /** For each byte that is waited for; a tunnel's drain timeout is 10 s. */
  private static final Duration SILENCE = Duration.ofSeconds(60);

  private static final int BACKLOG = 4096;

  /** So many open their tunnels at the same time. */
  private static final int OPENING = 200;

  private static final int SHOWN_FAILURES = 20;

  private static final List<End> ENDS = List.of(End.values());

  /** How a conversation ends, behind the last message of one side. */
  private enum End {
    CLIENT_CLOSES,
    CLIENT_ENDS_OUTPUT,
    SERVER_CLOSES,
    SERVER_ENDS_OUTPUT,
    /** In the middle of the server's last message. */
    CLIENT_RESETS,
    /** In the middle of the client's last message. */
    SERVER_RESETS
  }

  /** The bytes were others. */
  private static final class WrongBytes extends IOException {
    private static final long serialVersionUID = 1L;

    WrongBytes(String message) {
      super(message);
    }
  }

  /**
   * What is said in a conversation.
   *
   * @param seed of sizes and bytes
   * @param end how it ends
   * @param exchanges a message each way, so often, before the last message
   * @param size of a message, at most
   */
  private record Script(long seed, End end, int exchanges, int size) {

    void write(OutputStream stream) throws IOException {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      DataOutputStream out = new DataOutputStream(bytes);
      out.writeLong(seed);
      out.writeUTF(end.name());
      out.writeInt(exchanges);
      out.writeInt(size);
      bytes.writeTo(stream);
    }

    static Script read(DataInputStream in) throws IOException {
      return new Script(in.readLong(), End.valueOf(in.readUTF()), in.readInt(), in.readInt());
    }

    SplittableRandom random() {
      return new SplittableRandom(seed);
    }

    byte[] message(SplittableRandom random) {
      // Most are short.
      byte[] message = new byte[random.nextInt(1, random.nextInt(1, size + 1) + 1)];
      random.nextBytes(message);
      return message;
    }
  }

  private final String name;
  private final AtomicInteger whole = new AtomicInteger();
  private final AtomicInteger lost = new AtomicInteger();
  private final AtomicInteger wrong = new AtomicInteger();
  private final AtomicLong bytes = new AtomicLong();
  private final long begin = System.nanoTime();

  private LoadProgram(String name) {
    this.name = name;
  }

  /**
   * The far side: {@code serve PORT}. The near side, through a SOCKS port of this machine: {@code
   * hold SOCKS_PORT HOST PORT SEED TUNNELS}, {@code turnover ... TUNNELS AT_ONCE}, {@code soak ...
   * SECONDS AT_ONCE}.
   */
  public static void main(String[] args) throws IOException {
    new LoadProgram(args[0]).run(args);
  }

  private void run(String[] args) throws IOException {
    if (name.equals("serve")) {
      serve(Integer.parseInt(args[1]));
      return;
    }
    Near near =
        new Near(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), Integer.parseInt(args[1])),
            new InetSocketAddress(args[2], Integer.parseInt(args[3])),
            Long.parseLong(args[4]));
    int amount = Integer.parseInt(args[5]);
    switch (name) {
      case "hold" -> near.hold(amount);
      case "turnover" -> near.turnover(amount, Integer.parseInt(args[6]));
      case "soak" -> near.soak(Duration.ofSeconds(amount), Integer.parseInt(args[6]));
      default -> throw new IllegalArgumentException(name);
    }
    printFigures();
  }

  private void printFigures() {
    System.out.printf(
        "%s: conversations=%d lost=%d wrong=%d megabytes=%.1f seconds=%.1f%n",
        name,
        whole.get() + lost.get() + wrong.get(),
        lost.get(),
        wrong.get(),
        bytes.get() / 1e6,
        (System.nanoTime() - begin) / 1e9);
  }

  /** Answers for ever, and prints the figures whenever they have changed for a second. */
  private void serve(int port) throws IOException {
    try (ServerSocket listener = new ServerSocket(port, BACKLOG);
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      printFigures();
      threads.submit(() -> {
        for (int printed = 0; true; Thread.sleep(1000)) {
          int now = whole.get() + lost.get() + wrong.get();
          if (now != printed) {
            printFigures();
            printed = now;
          }
        }
      });
      while (true) {
        Socket socket = listener.accept();
        threads.submit(() -> far(socket));
      }
    }
  }

  private void far(Socket socket) {
    String what = "of a client that has not said a word";
    try (socket) {
      DataInputStream in = prepared(socket);
      Script script = Script.read(in);
      what = script.toString();
      SplittableRandom random = script.random();
      for (int i = 0; i < script.exchanges(); i++) {
        read(in, script.message(random));
        write(socket, script.message(random));
      }
      byte[] last = script.message(random);
      switch (script.end()) {
        case CLIENT_CLOSES, CLIENT_ENDS_OUTPUT -> {
          read(in, last);
          readEnd(in);
        }
        case SERVER_CLOSES -> write(socket, last);
        case SERVER_ENDS_OUTPUT -> {
          write(socket, last);
          socket.shutdownOutput();
          readEnd(in);
        }
        case SERVER_RESETS -> {
          read(in, Arrays.copyOf(last, last.length / 2));
          socket.setSoLinger(true, 0);
        }
        case CLIENT_RESETS -> seeReset(socket, in, last);
      }
      whole.incrementAndGet();
    } catch (IOException e) {
      failed(what, e);
    }
  }

  /** The side that opens the conversations. */
  private final class Near {

    private final InetSocketAddress socks;
    private final InetSocketAddress target;
    private final SplittableRandom random;
    private final Semaphore opening = new Semaphore(OPENING);

    Near(InetSocketAddress socks, InetSocketAddress target, long seed) {
      this.socks = socks;
      this.target = target;
      random = new SplittableRandom(seed);
    }

    /** Opens all, and only then goes on with them. */
    void hold(int tunnels) {
      CountDownLatch allOpen = new CountDownLatch(tunnels);
      try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
        for (int i = 0; i < tunnels; i++) {
          SplittableRandom own = random.split();
          Script script = new Script(own.nextLong(), eitherCloses(own), 6, 8192);
          threads.submit(() -> converse(script, own, 1000, allOpen));
        }
      }
    }

    /** Opens and closes them, so many at once. */
    void turnover(int tunnels, int atOnce) {
      AtomicInteger left = new AtomicInteger(tunnels);
      inParallel(
          atOnce,
          own -> {
            if (left.getAndDecrement() <= 0) {
              return false;
            }
            End end = eitherCloses(own);
            converse(new Script(own.nextLong(), end, 1, 2048), own, 1, new CountDownLatch(1));
            return true;
          });
    }

    /** Opens, talks and ends in every way, so many at once. */
    void soak(Duration time, int atOnce) {
      long until = System.nanoTime() + time.toNanos();
      inParallel(
          atOnce,
          own -> {
            if (System.nanoTime() > until) {
              return false;
            }
            End end = ENDS.get(own.nextInt(ENDS.size()));
            int size = own.nextInt(10) == 0 ? 1_000_000 : 20_000;
            Script script = new Script(own.nextLong(), end, own.nextInt(1, 6), size);
            converse(script, own, 500, new CountDownLatch(1));
            return true;
          });
    }

    private interface Step {
      boolean run(SplittableRandom own);
    }

    private void inParallel(int atOnce, Step step) {
      try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
        for (int i = 0; i < atOnce; i++) {
          SplittableRandom own = random.split();
          threads.submit(() -> {
            while (step.run(own)) {}
          });
        }
      }
    }

    /**
     * Mostly the server: where the client does, the tunnel stays for the drain timeout, and counts
     * among the 4096 that are allowed, which are 400 a second.
     */
    private static End eitherCloses(SplittableRandom random) {
      return random.nextInt(4) == 0 ? End.CLIENT_CLOSES : End.SERVER_CLOSES;
    }

    private void converse(
        Script script, SplittableRandom own, int maxPause, CountDownLatch opened) {
      boolean open = false;
      try (Socket socket = new Socket()) {
        SplittableRandom messages = script.random();
        opening.acquire();
        DataInputStream in;
        try {
          socket.connect(socks, (int) SILENCE.toMillis());
          in = prepared(socket);
          askSocks(socket, in);
          script.write(socket.getOutputStream());
          exchange(script, socket, in, messages);
        } finally {
          opening.release();
        }
        open = true;
        opened.countDown();
        opened.await();
        for (int i = 1; i < script.exchanges(); i++) {
          Thread.sleep(own.nextInt(maxPause));
          exchange(script, socket, in, messages);
        }
        Thread.sleep(own.nextInt(maxPause));
        end(script.end(), socket, in, script.message(messages));
        whole.incrementAndGet();
      } catch (IOException e) {
        failed(script.toString(), e);
      } catch (InterruptedException e) {
        throw new AssertionError("nobody interrupts", e);
      } finally {
        if (!open) {
          // The others go on.
          opened.countDown();
        }
      }
    }

    private void exchange(Script script, Socket socket, DataInputStream in, SplittableRandom random)
        throws IOException {
      write(socket, script.message(random));
      read(in, script.message(random));
    }

    private void end(End end, Socket socket, DataInputStream in, byte[] last) throws IOException {
      switch (end) {
        case CLIENT_CLOSES -> write(socket, last);
        case CLIENT_ENDS_OUTPUT -> {
          write(socket, last);
          socket.shutdownOutput();
          readEnd(in);
        }
        case SERVER_CLOSES, SERVER_ENDS_OUTPUT -> {
          read(in, last);
          readEnd(in);
        }
        case CLIENT_RESETS -> {
          read(in, Arrays.copyOf(last, last.length / 2));
          socket.setSoLinger(true, 0);
        }
        case SERVER_RESETS -> seeReset(socket, in, last);
      }
    }

    private void askSocks(Socket socket, DataInputStream in) throws IOException {
      socket.getOutputStream().write(new byte[] {5, 1, 0});
      read(in, new byte[] {5, 0});
      byte[] request =
          ByteBuffer.allocate(10)
              .put(new byte[] {5, 1, 0, 1})
              .put(target.getAddress().getAddress())
              .putShort((short) target.getPort())
              .array();
      socket.getOutputStream().write(request);
      read(in, new byte[] {5, 0, 0, 1});
      // The address that ss-local makes up.
      in.readFully(new byte[6]);
    }
  }

  private static DataInputStream prepared(Socket socket) throws IOException {
    socket.setSoTimeout((int) SILENCE.toMillis());
    socket.setTcpNoDelay(true);
    return new DataInputStream(new BufferedInputStream(socket.getInputStream()));
  }

  private void write(Socket socket, byte[] message) throws IOException {
    socket.getOutputStream().write(message);
    bytes.addAndGet(message.length);
  }

  private static void read(DataInputStream in, byte[] expected) throws IOException {
    byte[] message = new byte[expected.length];
    in.readFully(message);
    int difference = Arrays.mismatch(message, expected);
    if (difference >= 0) {
      throw new WrongBytes("byte " + difference + " of " + expected.length);
    }
  }

  private static void readEnd(InputStream in) throws IOException {
    if (in.read() >= 0) {
      throw new WrongBytes("a byte behind the last");
    }
  }

  /** The other side resets in the middle of the message. */
  private void seeReset(Socket socket, InputStream in, byte[] message) throws IOException {
    try {
      write(socket, message);
      readEnd(in);
    } catch (SocketException e) {
      // As it must be.
    }
  }

  private void failed(String what, IOException e) {
    boolean isWrong = e instanceof WrongBytes;
    int number = (isWrong ? wrong : lost).incrementAndGet();
    if (number <= SHOWN_FAILURES) {
      System.out.printf(
          "%s: FAILED after %.1f s: %s: %s%n", name, (System.nanoTime() - begin) / 1e9, what, e);
    }
  }
}
