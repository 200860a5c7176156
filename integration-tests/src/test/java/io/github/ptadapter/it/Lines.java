package io.github.ptadapter.it;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.List;

/** The lines of a program's output so far, read to its end by a thread of their own. */
final class Lines {

  private final List<String> lines = new ArrayList<>();
  private volatile boolean ended;

  Lines(InputStream stream) {
    Thread.ofPlatform().daemon().start(() -> read(stream));
  }

  synchronized List<String> soFar() {
    return List.copyOf(lines);
  }

  boolean ended() {
    return ended;
  }

  private void read(InputStream stream) {
    try (BufferedReader reader = new BufferedReader(new InputStreamReader(stream, UTF_8))) {
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        synchronized (this) {
          lines.add(line);
        }
      }
    } catch (IOException e) {
      // The program was killed.
    } finally {
      ended = true;
    }
  }
}
