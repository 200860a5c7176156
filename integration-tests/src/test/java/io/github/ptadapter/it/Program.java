package io.github.ptadapter.it;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/** A running program with all that it starts; nothing of it outlives {@link #close}. */
final class Program implements AutoCloseable {

  private final Process process;
  private final Lines out;
  private final Lines err;
  private final Set<ProcessHandle> family = new LinkedHashSet<>();

  private Program(Process process) {
    this.process = process;
    out = new Lines(process.getInputStream());
    err = new Lines(process.getErrorStream());
  }

  static Program start(ProcessBuilder builder) {
    try {
      return new Program(builder.start());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  long pid() {
    return process.pid();
  }

  /** What it has written to standard error; the log. */
  List<String> log() {
    return err.soFar();
  }

  /** The lines of the log that tell of failures. */
  List<String> errors() {
    return log().stream().filter(line -> line.contains(" ERROR [pt-adapter] ")).toList();
  }

  List<String> out() {
    return out.soFar();
  }

  /** Waits for a line of the log that holds {@code part}. */
  String awaitLine(String part) {
    return awaitLine(part, 1);
  }

  /** Waits for the line of the log that is the {@code nth} to hold {@code part}. */
  String awaitLine(String part, int nth) {
    return Await.value(
        "line " + nth + " with '" + part + "' of " + this,
        Await.LIMIT,
        () -> {
          boolean last = err.ended();
          Optional<String> line =
              log().stream().filter(l -> l.contains(part)).skip(nth - 1L).findFirst();
          if (line.isEmpty() && last) {
            throw new AssertionError("ended without '" + part + "': " + this);
          }
          return line;
        });
  }

  /** Waits for the plugin's word that it serves. */
  Program awaitReady() {
    awaitLine("ready: ");
    return this;
  }

  /** Waits for the end of the program and of its output. */
  int awaitExit(Duration limit) {
    try {
      if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
        throw new AssertionError("still running after " + limit.toMillis() + " ms: " + this);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted", e);
    }
    Await.until("end of output of " + this, () -> out.ended() && err.ended());
    return process.exitValue();
  }

  boolean isRunning() {
    return Processes.isRunning(pid());
  }

  /** Waits for a process that this one has started, itself or through others. */
  long awaitChild(String name) {
    return awaitChild(name, -1);
  }

  /** Waits for a process of this name that is not the one before. */
  long awaitChild(String name, long before) {
    return Await.value(
        "child " + name + " of " + this,
        Await.LIMIT,
        () ->
            family().stream()
                .filter(pid -> pid != before && Processes.isRunning(pid))
                .filter(pid -> Processes.name(pid).equals(name))
                .findFirst());
  }

  /** This process and all that it has started, as far as they were ever seen here. */
  synchronized List<Long> family() {
    family.add(process.toHandle());
    process.descendants().forEach(family::add);
    return family.stream().map(ProcessHandle::pid).toList();
  }

  void closeStdin() {
    try {
      process.getOutputStream().close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    List<Long> pids = family();
    process.destroyForcibly();
    Await.until("end of " + this, () -> !process.isAlive());
    synchronized (this) {
      family.forEach(ProcessHandle::destroyForcibly);
    }
    Await.until("end of " + pids, () -> pids.stream().noneMatch(Processes::isRunning));
  }

  @Override
  public String toString() {
    return process.info().command().orElse("process")
        + " "
        + pid()
        + " with the log:\n  "
        + String.join("\n  ", log());
  }
}
