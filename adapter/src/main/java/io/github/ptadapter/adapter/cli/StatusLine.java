package io.github.ptadapter.adapter.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.github.ptadapter.adapter.Meter;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Locale;

/**
 * The last line of a terminal, written anew every second; log lines, which go through here too,
 * come above it.
 */
final class StatusLine extends OutputStream {

  private static final String ERASE = "\r\033[K";

  /** A line that went on in a second row could not be taken away. */
  private static final String NO_WRAP = "\033[?7l";

  private static final String WRAP = "\033[?7h";

  private static final long PERIOD_MILLIS = 1000;

  private static final String[] UNITS = {"kB", "MB", "GB", "TB"};

  private final Meter meter;
  private final boolean server;
  private final OutputStream terminal;
  private boolean shown;
  private boolean ended;
  private long lastUp;
  private long lastDown;
  private long rateUp;
  private long rateDown;
  private long lastTime = System.nanoTime();

  /** In the server role the PT carries the bytes, so there is nothing to count. */
  StatusLine(Meter meter, boolean server, OutputStream terminal) {
    this.meter = meter;
    this.server = server;
    this.terminal = terminal;
  }

  /** Shows the line until {@link #end}. */
  void start() {
    Thread.ofPlatform().name("status").daemon().start(this::run);
  }

  private void run() {
    try {
      while (show()) {
        Thread.sleep(PERIOD_MILLIS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Writes the line anew; false after the end. */
  synchronized boolean show() {
    if (ended) {
      return false;
    }
    long now = System.nanoTime();
    measure((now - lastTime) / 1e9);
    lastTime = now;
    shown = true;
    put(ERASE + NO_WRAP + line() + WRAP);
    return true;
  }

  /** Takes the rates of so many seconds. */
  private void measure(double seconds) {
    long up = meter.bytesUp();
    long down = meter.bytesDown();
    rateUp = rate(up - lastUp, seconds);
    rateDown = rate(down - lastDown, seconds);
    lastUp = up;
    lastDown = down;
  }

  /** The line as things are now, with the rates last taken. */
  String line() {
    String state =
        switch (meter.state()) {
          case STARTING -> "starting";
          case READY -> "ready";
          case RESTARTING -> "restarting";
        };
    if (server) {
      return state + " | the transport's own program carries the bytes";
    }
    return "%s | tunnels %d | up %s, %s/s | down %s, %s/s"
        .formatted(
            state,
            meter.tunnels(),
            bytes(meter.bytesUp()),
            bytes(rateUp),
            bytes(meter.bytesDown()),
            bytes(rateDown));
  }

  private static long rate(long bytes, double seconds) {
    return seconds <= 0 ? 0 : Math.round(bytes / seconds);
  }

  /** Three digits or so, in powers of ten. */
  static String bytes(long bytes) {
    double value = bytes;
    int unit = -1;
    while (value >= 999.5 && unit < UNITS.length - 1) {
      value /= 1000;
      unit++;
    }
    if (unit < 0) {
      return bytes + " B";
    }
    return String.format(Locale.ROOT, value < 99.95 ? "%.1f %s" : "%.0f %s", value, UNITS[unit]);
  }

  @Override
  public synchronized void write(int one) {
    write(new byte[] {(byte) one}, 0, 1);
  }

  /** A log line, whole. */
  @Override
  public synchronized void write(byte[] bytes, int from, int count) {
    String text = new String(bytes, from, count, UTF_8);
    put(shown ? ERASE + text + NO_WRAP + line() + WRAP : text);
  }

  /** Takes the line away; log lines may still come. */
  synchronized void end() {
    ended = true;
    if (shown) {
      shown = false;
      put(ERASE);
    }
  }

  private void put(String text) {
    try {
      terminal.write(text.getBytes(UTF_8));
      terminal.flush();
    } catch (IOException e) {
      // The terminal is gone, and nobody looks on.
    }
  }
}
