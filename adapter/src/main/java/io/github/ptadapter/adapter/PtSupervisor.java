package io.github.ptadapter.adapter;

import static java.util.concurrent.TimeUnit.NANOSECONDS;

import io.github.ptadapter.ptclient.PtConfig;
import io.github.ptadapter.ptclient.PtException;
import io.github.ptadapter.ptclient.PtExit;
import io.github.ptadapter.ptclient.PtMethods;
import io.github.ptadapter.ptclient.PtProcess;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Keeps one PT running: starts it, and starts it again when it dies. */
final class PtSupervisor {

  private static final Logger log = LoggerFactory.getLogger(PtSupervisor.class);

  /** So many deaths within {@link #DEATHS_WITHIN}, or relaunches without success, are the end. */
  private static final int MAX_DEATHS = 5;

  private static final Duration DEATHS_WITHIN = Duration.ofMinutes(1);

  /** The pause before each relaunch; the last stands for all further ones. */
  private static final List<Duration> PAUSES =
      List.of(
          Duration.ofMillis(100),
          Duration.ofMillis(500),
          Duration.ofSeconds(1),
          Duration.ofSeconds(2),
          Duration.ofSeconds(4));

  /**
   * How long a PT may take to end where hosts kill us soon: real ones take 1 to 5 ms. While it
   * lives, our threads at its pipes are in system calls, for which the JVM waits at its end.
   */
  private static final Duration OBEYS_WITHIN = Duration.ofMillis(4);

  private static final Duration DIES_WITHIN = Duration.ofMillis(20);

  /** Who uses the PT. */
  interface User {
    /** The PT offers its methods. */
    void ready(PtMethods methods) throws AdapterException;

    /** The PT is gone; what it offered is void. */
    void lost() throws AdapterException;
  }

  private final PtConfig config;
  private final Map<String, String> environment;
  private final boolean restart;
  private final User user;
  private final Deque<Long> deaths = new ArrayDeque<>();
  private int failedRelaunches;
  private @Nullable PtProcess process;
  private boolean closed;

  PtSupervisor(PtConfig config, Map<String, String> environment, boolean restart, User user) {
    this.config = config;
    this.environment = environment;
    this.restart = restart;
    this.user = user;
  }

  /**
   * Runs the PT until {@link #terminate} or {@link #close}.
   *
   * @throws AdapterException when there is no hope left
   */
  void run() throws AdapterException, InterruptedException {
    boolean everReady = false;
    while (!isClosed()) {
      String death;
      try {
        PtProcess running = start();
        user.ready(running.awaitReady());
        everReady = true;
        failedRelaunches = 0;
        PtExit exit = running.exited().get();
        if (isClosed()) {
          // Not a word: the JVM waits at its end for a thread that loads classes.
          return;
        }
        death = "the PT died (" + exit + ")";
      } catch (PtException e) {
        if (!everReady && !isClosed()) {
          throw new AdapterException(ExitCode.PT_FAILED, e.getMessage());
        }
        failedRelaunches++;
        death = e.getMessage();
      } catch (ExecutionException e) {
        throw new IllegalStateException("bug: the end of a PT is never an error", e);
      }
      if (isClosed()) {
        return;
      }
      user.lost();
      Duration pause = pauseAfter(death);
      log.warn("{}: it is started again in {}", death, Durations.words(pause));
      Thread.sleep(pause);
    }
  }

  /** Does the first half of {@link #terminate}, for those who have something to do meanwhile. */
  void askToEnd() {
    @Nullable PtProcess last = closed();
    if (last != null) {
      last.terminate();
    }
  }

  /** Ends the PT within some milliseconds, for a program that ends itself at once. */
  void terminate() {
    askToEnd();
    @Nullable PtProcess last = closed();
    if (last != null && !endsWithin(last, OBEYS_WITHIN)) {
      last.kill();
      endsWithin(last, DIES_WITHIN);
    }
  }

  private static boolean endsWithin(PtProcess process, Duration limit) {
    try {
      process.exited().get(limit.toNanos(), NANOSECONDS);
      return true;
    } catch (TimeoutException | ExecutionException e) {
      return false;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  /** Ends the PT, by force where it must be; takes less than a second. */
  void close() {
    @Nullable PtProcess last = closed();
    if (last != null) {
      last.close();
    }
  }

  private synchronized @Nullable PtProcess closed() {
    closed = true;
    return process;
  }

  private synchronized boolean isClosed() {
    return closed;
  }

  /** Starts a process that {@link #terminate} knows of from its first moment on. */
  private synchronized PtProcess start() throws PtException, InterruptedException {
    if (closed) {
      throw new InterruptedException("closed");
    }
    PtProcess started = PtProcess.start(config, environment);
    process = started;
    return started;
  }

  private Duration pauseAfter(String death) throws AdapterException {
    if (!restart) {
      throw new AdapterException(ExitCode.PT_LOST, death + "; restart=off, so this is the end");
    }
    long now = System.nanoTime();
    deaths.addLast(now);
    while (now - deaths.getFirst() > DEATHS_WITHIN.toNanos()) {
      deaths.removeFirst();
    }
    if (deaths.size() >= MAX_DEATHS || failedRelaunches >= MAX_DEATHS) {
      throw new AdapterException(
          ExitCode.PT_LOST,
          "%s; that was death %d %s, so this is the end: see what the PT itself reports"
              .formatted(
                  death,
                  Math.max(deaths.size(), failedRelaunches),
                  deaths.size() >= MAX_DEATHS ? "within a minute" : "in a row"));
    }
    int step = Math.max(deaths.size(), failedRelaunches) - 1;
    return PAUSES.get(Math.min(step, PAUSES.size() - 1));
  }
}
