package io.github.ptadapter.ptclient;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class HeldStdioTest {

  /** Longer than an idle reader is waited for. */
  private static final Duration SLOW = Duration.ofMillis(600);

  private final List<String> lines = new CopyOnWriteArrayList<>();

  @Test
  void lastWordsAreHeardOnABusyMachine() {
    HeldStdio stdio = new HeldStdio(this::slowly, () -> lines.add("end"));
    stdio.setProcessOutputStream(
        new ByteArrayInputStream("VERSION 1\nENV-ERROR why\n".getBytes(UTF_8)));
    stdio.setProcessErrorStream(InputStream.nullInputStream());
    stdio.start();
    stdio.stop();
    assertThat(lines).containsExactly("VERSION 1", "ENV-ERROR why", "end");
  }

  @Test
  @Timeout(2)
  void outputThatAChildHoldsIsNotWaitedFor() throws Exception {
    HeldStdio stdio = new HeldStdio(lines::add, () -> lines.add("end"));
    try (PipedOutputStream child = new PipedOutputStream()) {
      stdio.setProcessOutputStream(new PipedInputStream(child));
      stdio.setProcessErrorStream(InputStream.nullInputStream());
      child.write("VERSION 1\n".getBytes(UTF_8));
      child.flush();
      stdio.start();
      stdio.stop();
      assertThat(lines).containsExactly("VERSION 1");
    }
  }

  private void slowly(String line) {
    LockSupport.parkNanos(SLOW.toNanos());
    lines.add(line);
  }
}
