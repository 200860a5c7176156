package io.github.ptadapter.adapter;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.ptadapter.ptclient.PtConfig;
import io.github.ptadapter.ptclient.PtMethods;
import io.github.ptadapter.ptclient.PtRole;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PtSupervisorTest {

  @RegisterExtension private final CapturedLog log = new CapturedLog();

  @TempDir private Path folder;

  private final List<String> events = Collections.synchronizedList(new ArrayList<>());
  private final CompletableFuture<Optional<AdapterException>> end = new CompletableFuture<>();
  private PtScript script;
  private PtSupervisor supervisor;

  @AfterEach
  void close() {
    if (supervisor != null) {
      supervisor.close();
    }
  }

  @Test
  void startsAPtThatDiedAgain() throws Exception {
    supervise(true, PtScript.READY + "serve");
    awaitEvents("ready");
    script.started().getFirst().destroyForcibly();
    long died = System.nanoTime();
    awaitEvents("ready", "lost", "ready");
    assertThat(Duration.ofNanos(System.nanoTime() - died)).isGreaterThan(Duration.ofMillis(95));
    assertThat(script.starts()).isEqualTo(2);
    log.await(" WARN ", "the PT died (signal 9): it is started again in 100 ms");
    supervisor.close();
    assertThat(end.get(5, TimeUnit.SECONDS)).as("the end").isEmpty();
    assertThat(script.runs()).isFalse();
  }

  /** A death before the PT is ready again counts as any other. */
  @Test
  void endsAtTheFifthDeathWithinAMinute() throws Exception {
    long begin = System.nanoTime();
    supervise(
        true,
        """
        echo VERSION 1
        if [ $n = 2 ] || [ $n = 4 ]; then
          exit 1
        fi
        echo CMETHOD dummy socks5 127.0.0.1:9
        echo CMETHODS DONE
        echo boom $n >&2
        exit 3
        """);
    refusedAtTheEnd(
        ExitCode.PT_LOST,
        "the PT died (exit code 3; its last words: boom 5); that was death 5 within a minute,"
            + " so this is the end: see what the PT itself reports");
    assertThat(Duration.ofNanos(System.nanoTime() - begin)).isGreaterThan(Duration.ofMillis(3500));
    assertThat(script.starts()).isEqualTo(5);
    assertThat(events)
        .containsExactly("ready", "lost", "lost", "ready", "lost", "lost", "ready", "lost");
    String again = ": it is started again in ";
    assertThat(log.lines())
        .filteredOn(line -> line.contains(again))
        .extracting(line -> line.substring(line.indexOf("the PT")))
        .containsExactly(
            "the PT died (exit code 3; its last words: boom 1)" + again + "100 ms",
            "the PT ended before CMETHODS DONE (exit code 1)" + again + "500 ms",
            "the PT died (exit code 3; its last words: boom 3)" + again + "1 s",
            "the PT ended before CMETHODS DONE (exit code 1)" + again + "2 s");
  }

  @Test
  void endsAtTheFirstDeathWithoutRestart() throws Exception {
    supervise(false, PtScript.READY + "exit 0");
    refusedAtTheEnd(ExitCode.PT_LOST, "the PT died (exit code 0); restart=off, so this is the end");
    assertThat(script.starts()).isEqualTo(1);
    assertThat(events).startsWith("ready");
  }

  /** What the PT does instead of its start, and what the user is told. */
  @ParameterizedTest
  @CsvSource(
      delimiterString = " -> ",
      textBlock =
          """
          echo 'no such option' >&2; exit 2 -> the PT ended before CMETHODS DONE (exit code 2; its last words: no such option)
          echo 'ENV-ERROR bad bind address'; serve -> the PT refuses its environment (ENV-ERROR): bad bind address
          echo 'VERSION-ERROR no-version'; serve -> the PT does not speak version 1: no-version
          echo VERSION 1; echo 'CMETHOD-ERROR dummy no luck'; echo CMETHODS DONE; serve -> the PT does not offer dummy: no luck
          echo VERSION 1; echo 'CMETHOD dummy socks9 127.0.0.1:9'; serve -> the PT broke the protocol: bad CMETHOD for dummy
          """)
  void endsWhenTheFirstStartFails(String body, String words) throws Exception {
    supervise(true, body);
    refusedAtTheEnd(ExitCode.PT_FAILED, words);
    assertThat(script.starts()).isEqualTo(1);
    assertThat(script.runs()).isFalse();
    assertThat(events).isEmpty();
  }

  @Test
  void endsWhenThePtStaysSilent() throws Exception {
    script = PtScript.of(folder, "serve");
    PtRole role = config(script.path()).role();
    run(
        new PtSupervisor(
            new PtConfig(List.of(script.path().toString()), role, folder, Duration.ofMillis(300)),
            System.getenv(),
            true,
            new Recorder()));
    refusedAtTheEnd(
        ExitCode.PT_FAILED, "the PT was not ready within 300 ms (its last step: nothing)");
    assertThat(script.runs()).isFalse();
  }

  @Test
  void endsWhenThereIsNoProgram() throws Exception {
    Path missing = folder.resolve("missing");
    run(new PtSupervisor(config(missing), Map.of(), true, new Recorder()));
    refusedAtTheEnd(ExitCode.PT_FAILED, "cannot run the PT " + missing + ": there is no such file");
  }

  @Test
  void endsWhenItsUserCannotUseThePt() throws Exception {
    script = PtScript.of(folder, PtScript.READY + "serve");
    run(
        new PtSupervisor(
            config(script.path()),
            System.getenv(),
            true,
            new Recorder() {
              @Override
              public void ready(PtMethods methods) throws AdapterException {
                throw AdapterException.config("not like this");
              }
            }));
    refusedAtTheEnd(ExitCode.CONFIG, "not like this");
    supervisor.close();
    assertThat(script.runs()).isFalse();
  }

  @Test
  void leavesNoProcess() throws Exception {
    supervise(true, PtScript.READY + "serve");
    awaitEvents("ready");
    assertThat(script.runs()).isTrue();
    supervisor.terminate();
    Waiting.until("the PT is gone", () -> !script.runs());
    assertThat(end.get(5, TimeUnit.SECONDS)).as("the end").isEmpty();
    assertThat(events).containsExactly("ready");
    assertThat(log.lines()).noneMatch(line -> line.contains("it is started again"));
  }

  /** Both for a host that gives us milliseconds and for one that waits. */
  @ParameterizedTest
  @CsvSource({"terminate", "close"})
  void leavesNoProcessThatIgnoresIt(String how) throws Exception {
    supervise(true, "trap '' TERM HUP\n" + PtScript.READY + "while :; do sleep 0.2; done");
    awaitEvents("ready");
    if (how.equals("close")) {
      supervisor.close();
    } else {
      supervisor.terminate();
    }
    Waiting.until("the PT is gone", () -> !script.runs());
    assertThat(end.get(5, TimeUnit.SECONDS)).as("the end").isEmpty();
  }

  @Test
  void startsNothingOnceItIsClosed() throws Exception {
    script = PtScript.of(folder, PtScript.READY + "serve");
    PtSupervisor closed = new PtSupervisor(config(script.path()), Map.of(), true, new Recorder());
    closed.close();
    run(closed);
    assertThat(end.get(5, TimeUnit.SECONDS)).as("the end").isEmpty();
    assertThat(script.starts()).isZero();
  }

  @Test
  void startsNothingWhenItIsClosedDuringAPause() throws Exception {
    supervise(true, PtScript.READY + "if [ $n -lt 3 ]; then exit 1; fi; serve");
    log.await("it is started again in 500 ms");
    supervisor.close();
    assertThat(end.get(5, TimeUnit.SECONDS)).as("the end").isEmpty();
    assertThat(script.starts()).isEqualTo(2);
  }

  private class Recorder implements PtSupervisor.User {
    @Override
    public void ready(PtMethods methods) throws AdapterException {
      assertThat(methods.client(FakePt.TRANSPORT)).isPresent();
      events.add("ready");
    }

    @Override
    public void lost() {
      events.add("lost");
    }
  }

  private void supervise(boolean restart, String body) throws IOException {
    script = PtScript.of(folder, body);
    run(new PtSupervisor(config(script.path()), System.getenv(), restart, new Recorder()));
  }

  private void run(PtSupervisor started) {
    supervisor = started;
    Thread.ofPlatform()
        .daemon()
        .start(() -> {
          try {
            started.run();
            end.complete(Optional.empty());
          } catch (AdapterException e) {
            end.complete(Optional.of(e));
          } catch (InterruptedException | RuntimeException | Error e) {
            end.completeExceptionally(e);
          }
        });
  }

  private PtConfig config(Path program) {
    return new PtConfig(
        List.of(program.toString()),
        new PtRole.Client(List.of(FakePt.TRANSPORT), Optional.empty()),
        folder,
        PtConfig.DEFAULT_START_TIMEOUT);
  }

  private void refusedAtTheEnd(ExitCode code, String words) throws Exception {
    AdapterException reason = end.get(10, TimeUnit.SECONDS).orElseThrow();
    assertThat(reason.getMessage()).contains(words);
    assertThat(reason.code()).isEqualTo(code);
  }

  private void awaitEvents(String... expected) throws Exception {
    Waiting.until(List.of(expected) + ", not " + events, () -> events.equals(List.of(expected)));
  }
}
