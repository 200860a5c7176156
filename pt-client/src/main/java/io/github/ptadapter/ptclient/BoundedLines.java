package io.github.ptadapter.ptclient;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The lines of a PT's output, read to the end of the stream in bounded memory.
 *
 * <p>A line longer than {@link #MAX_BYTES} is dropped up to its line feed. Bytes that are not UTF-8
 * become replacement characters.
 */
final class BoundedLines {

  /** The longest line that is read, bytes; pt-spec sets no limit. */
  static final int MAX_BYTES = 64 * 1024;

  private static final Logger log = LoggerFactory.getLogger(BoundedLines.class);

  private static final int CHUNK_BYTES = 4096;

  private final Consumer<String> consumer;
  private byte[] line = new byte[256];
  private int length;
  private boolean overlong;

  private BoundedLines(Consumer<String> consumer) {
    this.consumer = consumer;
  }

  /** Reads until the stream ends or breaks; a last line without line feed counts. */
  static void read(InputStream stream, Consumer<String> consumer) {
    BoundedLines lines = new BoundedLines(consumer);
    byte[] chunk = new byte[CHUNK_BYTES];
    try {
      for (int n = stream.read(chunk); n >= 0; n = stream.read(chunk)) {
        lines.accept(chunk, n);
      }
    } catch (IOException e) {
      log.trace("the PT's output ended: {}", e.getMessage());
    }
    if (lines.length > 0 || lines.overlong) {
      lines.endLine();
    }
  }

  private void accept(byte[] chunk, int size) {
    for (int i = 0; i < size; i++) {
      if (chunk[i] == '\n') {
        endLine();
      } else if (length == MAX_BYTES) {
        overlong = true;
      } else {
        if (length == line.length) {
          line = Arrays.copyOf(line, Math.min(2 * length, MAX_BYTES));
        }
        line[length++] = chunk[i];
      }
    }
  }

  private void endLine() {
    if (overlong) {
      log.warn("ignored a line of the PT that was longer than {} bytes", MAX_BYTES);
    } else {
      consumer.accept(new String(line, 0, length, UTF_8));
    }
    length = 0;
    overlong = false;
  }
}
