package io.github.ptadapter.ptclient;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.stream.Collectors.joining;

import io.github.ptadapter.ptclient.PtException.Reason;
import io.github.ptadapter.ptclient.PtMessage.Log;
import io.github.ptadapter.ptclient.PtMessage.Status;
import io.github.ptadapter.ptclient.PtMessage.Unknown;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import org.apache.commons.exec.CommandLine;
import org.apache.commons.exec.DefaultExecutor;
import org.apache.commons.exec.ExecuteException;
import org.apache.commons.exec.ExecuteResultHandler;
import org.apache.commons.exec.ProcessDestroyer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A PT process and its only owner (pt-spec 3).
 *
 * <p>The PT lives no longer than this program, whatever ends it: its standard input is a pipe that
 * only we hold, and it is told to end with it. All methods may be called from any thread.
 */
public final class PtProcess implements AutoCloseable {

  private static final Logger log = LoggerFactory.getLogger(PtProcess.class);

  /** How long each step of {@link #close} may take; real PTs are gone within 5 ms. */
  private static final Duration STEP = Duration.ofMillis(250);

  private final PtConfig config;
  private final Duration step;
  private final PtStartup startup;
  private final HeldStdio stdio;
  private final CompletableFuture<Process> process = new CompletableFuture<>();
  private final CompletableFuture<PtMethods> ready = new CompletableFuture<>();
  private final CompletableFuture<PtExit> exited = new CompletableFuture<>();

  private PtProcess(PtConfig config, Duration step) {
    this.config = config;
    this.step = step;
    startup = new PtStartup(config.role());
    stdio = new HeldStdio(this::stdoutLine, this::stdoutEnd);
  }

  /**
   * Starts a PT. Returns as soon as the process runs; {@link #awaitReady} waits for its methods.
   *
   * @param config what to start
   * @param environment what the PT inherits; {@link PtConfig#environment} is applied to it
   * @return the running process
   * @throws PtException with {@link Reason#SPAWN_FAILED} when the program cannot be run
   */
  public static PtProcess start(PtConfig config, Map<String, String> environment)
      throws PtException {
    return start(config, environment, STEP);
  }

  /** Starts a PT that gets another time for each step of {@link #close}. */
  static PtProcess start(PtConfig config, Map<String, String> environment, Duration step)
      throws PtException {
    PtProcess pt = new PtProcess(config, step);
    DefaultExecutor executor =
        DefaultExecutor.builder()
            .setExecuteStreamHandler(pt.stdio)
            .setThreadFactory(PtProcess::handToDaemon)
            .get();
    executor.setExitValues(null);
    executor.setProcessDestroyer(pt.new ProcessTap());
    String program = config.command().getFirst();
    try {
      executor.execute(
          new ExactCommand(config.command()), config.environment(environment), pt.new ExitTap());
      pt.process.join();
    } catch (IOException | CompletionException e) {
      Throwable cause = e instanceof IOException || e.getCause() == null ? e : e.getCause();
      throw new PtException(Reason.SPAWN_FAILED, spawnFailure(program, cause), cause);
    }
    log.debug("started the PT {} as process {}", program, pt.pid());
    return pt;
  }

  /**
   * Waits until the PT has offered its methods, no longer than the start timeout of its {@link
   * PtConfig}. A PT that fails is stopped before this returns.
   *
   * @return at least one method
   * @throws PtException when the PT reports an error, breaks the protocol, ends or stays silent
   * @throws InterruptedException when this thread is interrupted
   */
  public PtMethods awaitReady() throws PtException, InterruptedException {
    try {
      return ready.get(config.startTimeout().toMillis(), MILLISECONDS);
    } catch (TimeoutException e) {
      close();
      throw new PtException(
          Reason.TIMED_OUT,
          "the PT was not ready within "
              + PtException.words(config.startTimeout())
              + " (its last step: "
              + startup.progress()
              + ")");
    } catch (ExecutionException e) {
      close();
      if (e.getCause() instanceof PtException cause) {
        throw cause;
      }
      throw new IllegalStateException("bug: the PT's start ended in an unknown way", e.getCause());
    }
  }

  /**
   * Tells when and how the process ends.
   *
   * @return completed at the end of the process, never exceptionally
   */
  public CompletableFuture<PtExit> exited() {
    return exited.copy();
  }

  /**
   * Names the process.
   *
   * @return its process id
   */
  public long pid() {
    return process.join().pid();
  }

  /**
   * Asks the PT to end, by closing its standard input and by SIGTERM at once, and does not wait.
   * For a program that is about to end itself; repeating it does nothing.
   */
  public void terminate() {
    stdio.closeStdin();
    process.join().destroy();
  }

  /** Kills the PT and does not wait; repeating it does nothing. */
  public void kill() {
    process.join().destroyForcibly();
  }

  /**
   * Ends the PT in the order of pt-spec 3.4: closes its standard input, waits, sends SIGTERM,
   * waits, kills it and what it has started. Takes some milliseconds with a PT that obeys and less
   * than a second with one that does not; repeating it does nothing.
   */
  @Override
  public void close() {
    List<ProcessHandle> family = process.join().descendants().toList();
    stdio.closeStdin();
    if (!endsWithin(step)) {
      process.join().destroy();
      if (!endsWithin(step)) {
        log.warn("the PT ignored the end of its input and SIGTERM, so it is killed");
        process.join().destroyForcibly();
        endsWithin(step);
      }
    }
    family.forEach(ProcessHandle::destroyForcibly);
  }

  private boolean endsWithin(Duration limit) {
    try {
      process.join().toHandle().onExit().get(limit.toMillis(), MILLISECONDS);
      return true;
    } catch (TimeoutException e) {
      return false;
    } catch (ExecutionException e) {
      throw new IllegalStateException("bug: waiting for a process failed", e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private void stdoutLine(String line) {
    PtMessage message = PtMessage.parse(line);
    try {
      startup.accept(message).ifPresent(ready::complete);
    } catch (PtException e) {
      ready.completeExceptionally(e);
    }
    switch (message) {
      case Log(String severity, String text) -> {
        switch (severity) {
          case "error" -> log.error("PT: {}", text);
          case "warning" -> log.warn("PT: {}", text);
          case "notice", "info" -> log.info("PT: {}", text);
          case "debug" -> log.debug("PT: {}", text);
          default -> log.info("PT ({}): {}", severity, text);
        }
      }
      // May hold addresses.
      case Status(List<PtArgs.Pair> fields) ->
          log.debug(
              "PT status: {}",
              fields.stream().map(f -> f.key() + "=" + f.value()).collect(joining(" ")));
      case Unknown(String keyword) -> log.debug("ignored a line of the PT: '{}'", keyword);
      default -> log.trace("PT says {}", message.getClass().getSimpleName());
    }
  }

  private void stdoutEnd() {
    if (ready.isDone()) {
      return;
    }
    // Mostly the process has ended too: then its code says more than the end of its output.
    CompletableFuture.delayedExecutor(step.toMillis(), MILLISECONDS)
        .execute(() -> notReady("closed its output", ""));
  }

  /** The output of an ended process need not end: a child of the PT may hold it. */
  private void processEnd(int code) {
    PtExit exit = new PtExit(code, stdio.stderrTail());
    if (!ready.isDone()) {
      notReady("ended", " (" + exit + ")");
    }
    exited.complete(exit);
  }

  private void notReady(String what, String details) {
    String missing = config.role() instanceof PtRole.Client ? "CMETHODS DONE" : "SMETHODS DONE";
    ready.completeExceptionally(
        new PtException(Reason.EXITED, "the PT " + what + " before " + missing + details));
  }

  private static String spawnFailure(String program, Throwable cause) {
    Path path = Path.of(program);
    String why;
    if (program.indexOf(File.separatorChar) < 0) {
      why = "it is not on PATH or cannot be run";
    } else if (!Files.exists(path)) {
      why = "there is no such file";
    } else if (Files.isDirectory(path)) {
      why = "it is a directory";
    } else if (!Files.isExecutable(path)) {
      why = "it is not executable";
    } else {
      why = String.valueOf(cause.getMessage());
    }
    return "cannot run the PT " + program + ": " + why;
  }

  /** The library takes the daemon flag from its thread, which would keep the program alive. */
  private static Thread handToDaemon(Runnable task) {
    return new Thread(() -> Thread.ofPlatform().name("pt-wait").daemon().start(task));
  }

  /** The command with its words exactly as given: the library would trim them. */
  private static final class ExactCommand extends CommandLine {
    private final List<String> words;

    ExactCommand(List<String> words) {
      super(words.getFirst());
      this.words = words;
    }

    @Override
    public String[] toStrings() {
      return words.toArray(String[]::new);
    }
  }

  /** The library's seam that shows the started process. */
  private final class ProcessTap implements ProcessDestroyer {
    @Override
    public boolean add(Process started) {
      return process.complete(started);
    }

    @Override
    public boolean remove(Process ended) {
      return true;
    }

    @Override
    public int size() {
      return process.isDone() ? 1 : 0;
    }
  }

  /** The library's seam that shows the end of the process. */
  private final class ExitTap implements ExecuteResultHandler {
    @Override
    public void onProcessComplete(int code) {
      processEnd(code);
    }

    @Override
    public void onProcessFailed(ExecuteException e) {
      process.completeExceptionally(e.getCause() == null ? e : e.getCause());
      processEnd(e.getExitValue());
    }
  }
}
