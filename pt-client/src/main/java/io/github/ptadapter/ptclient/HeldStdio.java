package io.github.ptadapter.ptclient;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.function.Consumer;
import org.apache.commons.exec.ExecuteStreamHandler;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The three pipes of a PT: standard input is held open as the leash on which the PT hangs, both
 * outputs are always drained.
 */
final class HeldStdio implements ExecuteStreamHandler {

  private static final Logger log = LoggerFactory.getLogger(HeldStdio.class);

  /** How much of the standard error is kept for messages. */
  private static final int TAIL_LINES = 3;

  private static final int TAIL_LINE_CHARS = 300;

  /** A reader needs little; the default would reserve a megabyte. */
  private static final long STACK_BYTES = 256 * 1024;

  /** Output may be held open by a child of the PT, so the end is not waited for without limit. */
  private static final Duration DRAIN_AT_END = Duration.ofMillis(200);

  /** The limit for a reader that is not done with what it has, as on a machine that is busy. */
  private static final Duration BUSY_AT_END = Duration.ofSeconds(3);

  private final Consumer<String> stdoutLines;
  private final Runnable stdoutEnd;
  private final Deque<String> stderrTail = new ArrayDeque<>();
  private volatile @Nullable OutputStream stdin;
  private @Nullable Reader stdout;
  private @Nullable Reader stderr;

  HeldStdio(Consumer<String> stdoutLines, Runnable stdoutEnd) {
    this.stdoutLines = stdoutLines;
    this.stdoutEnd = stdoutEnd;
  }

  @Override
  public void setProcessInputStream(OutputStream stream) {
    stdin = stream;
  }

  @Override
  public void setProcessOutputStream(InputStream stream) {
    stdout = new Reader("pt-stdout", stream, stdoutLines, stdoutEnd);
  }

  @Override
  public void setProcessErrorStream(InputStream stream) {
    stderr = new Reader("pt-stderr", stream, this::stderrLine, () -> {});
  }

  @Override
  public void start() {
    readers().forEach(Reader::start);
  }

  /** Waits a little for what the ended process had written. */
  @Override
  public void stop() {
    try {
      for (Reader reader : readers()) {
        reader.awaitDrained();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Closes the PT's standard input, which asks it to end (pt-spec 3.4). */
  void closeStdin() {
    OutputStream held = stdin;
    if (held != null) {
      try {
        held.close();
      } catch (IOException e) {
        log.trace("the PT's standard input was closed already: {}", e.getMessage());
      }
    }
  }

  /** Returns the last lines of the standard error, oldest first. */
  List<String> stderrTail() {
    synchronized (stderrTail) {
      return List.copyOf(stderrTail);
    }
  }

  private void stderrLine(String line) {
    log.debug("stderr of the PT: {}", line);
    if (line.isBlank()) {
      return;
    }
    synchronized (stderrTail) {
      if (stderrTail.size() == TAIL_LINES) {
        stderrTail.removeFirst();
      }
      stderrTail.addLast(
          line.strip().substring(0, Math.min(line.strip().length(), TAIL_LINE_CHARS)));
    }
  }

  private List<Reader> readers() {
    return stdout == null || stderr == null ? List.of() : List.of(stdout, stderr);
  }

  /** One output of the PT, read by a thread of its own. */
  private static final class Reader extends FilterInputStream {
    private final Thread thread;
    private volatile boolean waiting;

    Reader(String name, InputStream stream, Consumer<String> lines, Runnable end) {
      super(stream);
      thread =
          Thread.ofPlatform()
              .name(name)
              .daemon()
              .stackSize(STACK_BYTES)
              .unstarted(() -> {
                BoundedLines.read(this, lines);
                end.run();
              });
    }

    void start() {
      thread.start();
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
      waiting = true;
      try {
        return super.read(bytes, offset, length);
      } finally {
        waiting = false;
      }
    }

    /** Waits until what the ended process wrote is dealt with; its children may write on. */
    void awaitDrained() throws InterruptedException {
      long begin = System.nanoTime();
      boolean ended = thread.join(DRAIN_AT_END);
      while (!ended && !waiting && System.nanoTime() - begin < BUSY_AT_END.toNanos()) {
        ended = thread.join(DRAIN_AT_END);
      }
    }
  }
}
