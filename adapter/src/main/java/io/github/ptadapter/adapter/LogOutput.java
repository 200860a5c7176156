package io.github.ptadapter.adapter;

import static java.nio.file.LinkOption.NOFOLLOW_LINKS;
import static java.nio.file.StandardOpenOption.APPEND;
import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.CREATE_NEW;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.slf4j.event.Level;

/**
 * Where log lines go: standard error or a file, one line for each event, written by a thread of its
 * own.
 *
 * <p>Nothing that happens to the output reaches the callers: lines that it cannot take in time are
 * dropped and counted, those that a file cannot take go to standard error.
 */
public final class LogOutput {

  /** Lines that wait for a slow output. */
  private static final int QUEUED_LINES = 1000;

  private static final int MAX_LINE_CHARS = 2000;

  private static final BlockingQueue<String> queue = new ArrayBlockingQueue<>(QUEUED_LINES);
  private static final AtomicLong waiting = new AtomicLong();
  private static final AtomicLong dropped = new AtomicLong();
  private static final FloodLimit flood = new FloodLimit();

  private static volatile Level threshold = Level.INFO;
  private static final OutputStream standardError = new FileOutputStream(FileDescriptor.err);
  private static volatile OutputStream output = standardError;

  /** The output of which was told that it takes nothing; belongs to the writing thread. */
  private static @Nullable OutputStream failed;

  static {
    Thread.ofPlatform().name("log").daemon().stackSize(256 * 1024).start(LogOutput::write);
  }

  private LogOutput() {}

  /**
   * Sets where and how much to log.
   *
   * @throws AdapterException when the file cannot be opened
   */
  public static void configure(PluginOptions.Logging logging) throws AdapterException {
    threshold = logging.level();
    if (logging.file().isPresent()) {
      Path file = logging.file().orElseThrow();
      try {
        output = open(file);
      } catch (IOException e) {
        throw AdapterException.config(
            "cannot write the log file "
                + file
                + ": "
                + StateDirectory.reason(e)
                + "; name another with log=FILE");
      }
    }
  }

  /**
   * Opens a file of this user's: in a folder where others may write, one of them may have laid a
   * file or a link there, to read the log or to have it appended to something else.
   */
  private static OutputStream open(Path file) throws IOException {
    try {
      return open(file, Set.of(CREATE_NEW, APPEND));
    } catch (FileAlreadyExistsException e) {
      if (Owner.isForeign(file, NOFOLLOW_LINKS)) {
        throw new FileSystemException(file.toString(), null, "it belongs to another user");
      }
      // Through a link of this user's or of root, such as /dev/stderr.
      return Files.isSymbolicLink(file)
          ? open(file, Set.of(CREATE, APPEND))
          : open(file, Set.of(APPEND, NOFOLLOW_LINKS));
    }
  }

  private static OutputStream open(Path file, Set<OpenOption> options) throws IOException {
    return Channels.newOutputStream(
        Files.newByteChannel(
            file,
            options,
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"))));
  }

  /** Leads the lines elsewhere, each in one call; {@link #configure} may name a file yet. */
  public static void redirect(OutputStream other) {
    output = other;
  }

  static boolean isEnabled(Level level) {
    return level.toInt() >= threshold.toInt();
  }

  /**
   * Logs a line.
   *
   * @param pattern what lines of the same kind have in common, beside their level
   */
  static void log(Level level, String pattern, String text, @Nullable Throwable throwable) {
    // Whoever asks for debug wants everything.
    boolean limited = level.toInt() >= Level.INFO.toInt() && !isEnabled(Level.DEBUG);
    switch (limited ? flood.pass(level + pattern) : FloodLimit.Verdict.PASS) {
      case PASS -> offer(line(level, text, throwable));
      case LAST -> offer(line(level, text + " (more of this kind are left out)", throwable));
      case DROP -> {}
    }
  }

  /** Waits until everything is written, no longer than {@code limit}. */
  public static void flush(Duration limit) throws InterruptedException {
    long end = System.nanoTime() + limit.toNanos();
    while (waiting.get() > 0 && System.nanoTime() < end) {
      Thread.sleep(1);
    }
  }

  private static void offer(String line) {
    waiting.incrementAndGet();
    if (!queue.offer(line)) {
      waiting.decrementAndGet();
      dropped.incrementAndGet();
    }
  }

  private static void write() {
    try {
      while (true) {
        String line = queue.take();
        long lost = dropped.getAndSet(0);
        try {
          if (lost > 0) {
            put(line(Level.WARN, lost + " log lines were dropped: the output is too slow", null));
          }
          put(line);
        } catch (IOException e) {
          putOnStandardError(line, e);
        } finally {
          waiting.decrementAndGet();
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** A full disk must not hide what is wrong. */
  private static void putOnStandardError(String line, IOException why) {
    OutputStream broken = output;
    if (broken.equals(standardError)) {
      return;
    }
    try {
      if (!broken.equals(failed)) {
        failed = broken;
        String reason = StateDirectory.reason(why);
        standardError.write(
            line(Level.WARN, "cannot write the log: " + reason + "; its lines come here", null)
                .getBytes(StandardCharsets.UTF_8));
      }
      standardError.write(line.getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      // There is nobody left to tell.
    }
  }

  private static void put(String line) throws IOException {
    output.write(line.getBytes(StandardCharsets.UTF_8));
    output.flush();
  }

  private static String line(Level level, String text, @Nullable Throwable throwable) {
    StringBuilder line = new StringBuilder(text.length() + 64);
    appendTime(line);
    line.append(' ').append(level).append(" [pt-adapter] ");
    appendPrintable(line, text);
    if (throwable != null) {
      appendPrintable(line, ": " + (isEnabled(Level.DEBUG) ? trace(throwable) : throwable));
    }
    return line.append('\n').toString();
  }

  /** UTC with milliseconds; the formatters of java.time would cost a start 20 ms. */
  private static void appendTime(StringBuilder line) {
    LocalDateTime now = LocalDateTime.now(ZoneOffset.UTC);
    line.append(now.getYear()).append('-');
    appendDigits(line, now.getMonthValue(), 2).append('-');
    appendDigits(line, now.getDayOfMonth(), 2).append('T');
    appendDigits(line, now.getHour(), 2).append(':');
    appendDigits(line, now.getMinute(), 2).append(':');
    appendDigits(line, now.getSecond(), 2).append('.');
    appendDigits(line, now.getNano() / 1_000_000, 3).append('Z');
  }

  private static StringBuilder appendDigits(StringBuilder line, int number, int digits) {
    String text = Integer.toString(number);
    return line.repeat("0", digits - text.length()).append(text);
  }

  /** What a PT says may hold line feeds or escape sequences for a terminal. */
  private static void appendPrintable(StringBuilder line, String text) {
    int length = Math.min(text.length(), MAX_LINE_CHARS);
    for (int i = 0; i < length; i++) {
      char c = text.charAt(i);
      if (c == '\n') {
        line.append(" / ");
      } else {
        line.append(Character.isISOControl(c) ? ' ' : c);
      }
    }
    if (length < text.length()) {
      line.append(" ...");
    }
  }

  private static String trace(Throwable throwable) {
    StringWriter trace = new StringWriter();
    throwable.printStackTrace(new PrintWriter(trace));
    return trace.toString();
  }
}
