package io.github.ptadapter.ptclient;

import static io.github.ptadapter.ptclient.PtException.Reason.ENV_REJECTED;
import static io.github.ptadapter.ptclient.PtException.Reason.EXITED;
import static io.github.ptadapter.ptclient.PtException.Reason.SPAWN_FAILED;
import static io.github.ptadapter.ptclient.PtException.Reason.TIMED_OUT;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.github.ptadapter.ptclient.PtException.Reason;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Real processes: the modes of {@code fake-pt.sh}. */
@Timeout(60)
class PtProcessTest {

  private static final Duration LIMIT = Duration.ofSeconds(20);

  /** The steps of close are not cut short here, however busy the machine is. */
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  private static final TransportName FOO = new TransportName("foo");
  private static final PtRole CLIENT = PtStartupTest.client(false, FOO);

  /** What a shell adds to its environment. */
  private static final Set<String> VARIABLES_OF_SHELLS = Set.of("PWD", "OLDPWD", "SHLVL", "_");

  @TempDir private Path dir;
  private final List<PtProcess> started = new ArrayList<>();

  @AfterEach
  void noProcessIsLeft() throws Exception {
    List<ProcessHandle> family = new ArrayList<>(ProcessHandle.current().descendants().toList());
    child().ifPresent(family::add);
    try {
      for (PtProcess pt : started) {
        pt.close();
        assertThat(exit(pt)).isNotNull();
      }
      for (ProcessHandle process : family) {
        await("the end of process " + process.pid(), () -> !isRunning(process));
      }
    } finally {
      // One test's failure is not to be the next one's.
      family.forEach(ProcessHandle::destroyForcibly);
    }
  }

  @Test
  void clientOffersItsMethods() throws Exception {
    PtProcess pt = start("ready");
    assertThat(pt.awaitReady())
        .isEqualTo(
            new PtMethods(
                List.of(
                    new ClientMethod(FOO, SocksVersion.SOCKS5, new Endpoint("127.0.0.1", 4321))),
                List.of(),
                Map.of()));
    assertThat(ProcessHandle.of(pt.pid())).hasValueSatisfying(ProcessHandle::isAlive);
    assertThat(pt.exited()).isNotDone();

    pt.close();
    assertThat(exit(pt)).isEqualTo(new PtExit(0, List.of()));
  }

  @Test
  void serverOffersItsMethods() throws Exception {
    PtProcess pt = start(PtStartupTest.server(FOO), command("ready-server"), Map.of());
    assertThat(pt.awaitReady().server(FOO))
        .contains(
            new ServerMethod(
                FOO,
                new Endpoint("127.0.0.1", 4321),
                PtArgs.NONE.with("cert", "x").with("iat-mode", "0")));
  }

  @Test
  void methodsCanBeAskedForAgain() throws Exception {
    PtProcess pt = start("ready");
    assertThat(pt.awaitReady()).isEqualTo(pt.awaitReady());
  }

  @ParameterizedTest
  @ValueSource(strings = {"env-error", "env-error-and-stays"})
  void ptThatReportsAnErrorIsStopped(String mode) throws Exception {
    PtProcess pt = startWithRealLimits(mode);
    assertThat(failure(pt, ENV_REJECTED))
        .hasMessage(
            "the PT refuses its environment (ENV-ERROR): no TOR_PT_STATE_LOCATION environment"
                + " variable");
    assertGone(pt);
  }

  @Test
  void silentPtIsStopped() throws Exception {
    PtConfig config = new PtConfig(command("silent"), CLIENT, dir, Duration.ofMillis(300));
    PtProcess pt = started(PtProcess.start(config, System.getenv(), PATIENCE));
    assertThat(failure(pt, TIMED_OUT))
        .hasMessage("the PT was not ready within 300 ms (its last step: nothing)");
    assertGone(pt);
  }

  @Test
  void earlyExitShowsCodeAndLastWords() throws Exception {
    PtProcess pt = start("exits");
    assertThat(failure(pt, EXITED))
        .hasMessage(
            "the PT ended before CMETHODS DONE (exit code 7; its last words: two / three %s / four)");
    assertThat(exit(pt)).isEqualTo(new PtExit(7, List.of("two", "three %s", "four")));
  }

  @Test
  void earlyExitOfServer() throws Exception {
    PtProcess pt = start(PtStartupTest.server(FOO), command("exits"), Map.of());
    assertThat(failure(pt, EXITED)).hasMessageStartingWith("the PT ended before SMETHODS DONE");
  }

  @Test
  void longLastWordsAreCut() throws Exception {
    PtProcess pt = start("exits-with-long-words");
    failure(pt, EXITED);
    assertThat(exit(pt).stderrTail()).containsExactly("x".repeat(300));
  }

  @Test
  void deathBySignalIsNamed() throws Exception {
    assertThat(failure(start("dies"), EXITED))
        .hasMessage("the PT ended before CMETHODS DONE (signal 9)");
  }

  /** The child keeps the pipes open, so their end does not come with the end of the PT. */
  @Test
  void earlyExitCountsThoughAChildHoldsTheOutput() throws Exception {
    PtProcess pt = start("dies-and-leaves-child");
    try {
      assertThat(failure(pt, EXITED))
          .hasMessage(
              "the PT ended before CMETHODS DONE (exit code 3; its last words: child took over)");
    } finally {
      // An orphan is nobody's any more.
      child().ifPresent(ProcessHandle::destroyForcibly);
    }
  }

  @Test
  void laterDeathIsTold() throws Exception {
    PtProcess pt = start("dies-later");
    pt.awaitReady();
    assertThat(pt.exited()).isNotDone();
    Files.createFile(dir.resolve("die"));
    assertThat(exit(pt)).isEqualTo(new PtExit(5, List.of("last words")));
    pt.close();
    pt.terminate();
  }

  @Test
  void laterKillIsTold() throws Exception {
    PtProcess pt = start("ready");
    pt.awaitReady();
    ProcessHandle.of(pt.pid()).orElseThrow().destroyForcibly();
    assertThat(exit(pt)).hasToString("signal 9");
  }

  /** A program that forgets its PT can end all the same, and takes the PT with it. */
  @Test
  void noThreadKeepsTheProgramAlive() throws Exception {
    start("ready").awaitReady();
    List<Thread> threads =
        Thread.getAllStackTraces().keySet().stream()
            .filter(thread -> thread.getName().contains("pt-"))
            .toList();
    assertThat(threads).hasSizeGreaterThanOrEqualTo(3).allMatch(Thread::isDaemon);
  }

  @Test
  void nobodyElseCanSayThatItEnded() throws Exception {
    PtProcess pt = start("ready");
    pt.exited().complete(new PtExit(1, List.of()));
    assertThat(pt.exited()).isNotDone();
  }

  @Test
  void outputMayEndAfterDone() throws Exception {
    PtProcess pt = start("closes-stdout");
    pt.awaitReady();
    awaitFile("closed");
    assertThat(pt.exited()).isNotDone();
    assertThat(pt.awaitReady().clients()).hasSize(1);
    pt.close();
    assertThat(exit(pt).code()).isZero();
  }

  @Test
  void outputMayNotEndBeforeDone() throws Exception {
    PtProcess pt = startWithRealLimits("closes-stdout-before-done");
    assertThat(failure(pt, EXITED)).hasMessage("the PT closed its output before CMETHODS DONE");
    assertGone(pt);
  }

  @Test
  void ptThatIgnoresTheEndOfItsInputGetsSigterm() throws Exception {
    PtProcess pt = startWithRealLimits("ignores-stdin");
    pt.awaitReady();
    pt.close();
    assertThat(exit(pt)).hasToString("signal 15");
  }

  @Test
  void stubbornPtIsKilledWithItsChildren() throws Exception {
    PtProcess pt = startWithRealLimits("stubborn");
    pt.awaitReady();
    ProcessHandle child = child().orElseThrow();
    assertThat(isRunning(child)).isTrue();

    pt.terminate();
    assertThat(pt.exited()).as("SIGTERM is ignored").isNotDone();
    long begin = System.nanoTime();
    pt.close();
    assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(Duration.ofSeconds(5));
    assertGone(pt);
    assertThat(exit(pt).code()).isEqualTo(128 + 9);
    await("the end of the child", () -> !isRunning(child));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "endless-line",
        "log-flood",
        "stderr-flood",
        "stderr-endless-line",
      })
  void floodsBeforeDoneDoNoHarm(String mode) throws Exception {
    PtProcess pt = start(mode);
    assertThat(pt.awaitReady().clients()).hasSize(1);
  }

  /** A PT that writes to a full pipe would stop working. */
  @ParameterizedTest
  @ValueSource(strings = {"endless-line-at-end", "log-flood-after-done"})
  void floodsAfterDoneAreDrained(String mode) throws Exception {
    PtProcess pt = start(mode);
    pt.awaitReady();
    awaitFile("written");
    pt.close();
    assertThat(exit(pt).code()).isZero();
  }

  @Test
  void garbageDoesNoHarm() throws Exception {
    byte[] garbage = new byte[1_000_000];
    new Random(20261122).nextBytes(garbage);
    Files.write(dir.resolve("garbage"), garbage);
    assertThat(start("garbage").awaitReady().clients()).hasSize(1);
  }

  @Test
  void missingProgram() {
    assertSpawnFails(dir.resolve("missing").toString(), "there is no such file");
    assertSpawnFails(dir.resolve("missing dir/pt").toString(), "there is no such file");
    assertSpawnFails("no-such-pt-on-any-path", "it is not on PATH or cannot be run");
  }

  @Test
  void directoryAsProgram() {
    assertSpawnFails(dir.toString(), "it is a directory");
  }

  @Test
  void fileThatIsNotExecutable() throws IOException {
    Path file = Files.writeString(dir.resolve("pt"), "#!/bin/sh\nexit 0\n");
    assertSpawnFails(file.toString(), "it is not executable");
  }

  @Test
  void programsAreFoundOnThePath() throws Exception {
    List<String> command = command("ready");
    command.set(0, "sh");
    assertThat(start(CLIENT, command, Map.of()).awaitReady().clients()).hasSize(1);
  }

  @Test
  void argumentsArriveExactly() throws Exception {
    List<String> arguments =
        List.of(
            "",
            " ",
            "plain",
            " leading",
            "trailing ",
            "two  words",
            "\"double quoted\"",
            "'single quoted'",
            "\"",
            "'",
            "it's \"both\"",
            "back\\slash\\",
            "$HOME `id` $(id) ${x}",
            "* ? ~ ; & | < > #",
            "-option=value",
            "tab\tand\nnewline",
            "",
            "\n");
    Path program = Files.createDirectory(dir.resolve(" a 'b' \"c\"")).resolve("fake pt ");
    Files.copy(script(), program);
    assertThat(program.toFile().setExecutable(true)).isTrue();
    List<String> command =
        new ArrayList<>(List.of(program.toString(), "arguments", dir.toString()));
    command.addAll(arguments);

    start(CLIENT, command, Map.of()).awaitReady();
    assertThat(Files.readString(dir.resolve("arguments")))
        .isEqualTo(String.join("\0", arguments) + "\0");
  }

  @Test
  void environmentArrivesExactly() throws Exception {
    Map<String, String> base =
        Map.of(
            "PATH", System.getenv("PATH"),
            "KEPT", " a=b 'c' $d ",
            "EMPTY", "",
            "TOR_PT_PROXY", "socks5://127.0.0.1:1",
            "TOR_PT_SERVER_TRANSPORTS", "stale");
    start(CLIENT, command("environment"), base).awaitReady();

    Map<String, String> seen = new TreeMap<>();
    for (String line : Files.readAllLines(dir.resolve("environment"))) {
      int equals = line.indexOf('=');
      seen.put(line.substring(0, equals), line.substring(equals + 1));
    }
    seen.keySet().removeAll(VARIABLES_OF_SHELLS);
    assertThat(seen)
        .isEqualTo(
            Map.of(
                "PATH", System.getenv("PATH"),
                "KEPT", " a=b 'c' $d ",
                "EMPTY", "",
                "TOR_PT_CLIENT_TRANSPORTS", "foo",
                "TOR_PT_EXIT_ON_STDIN_CLOSE", "1",
                "TOR_PT_MANAGED_TRANSPORT_VER", "1",
                "TOR_PT_STATE_LOCATION", dir.toAbsolutePath() + "/"));
  }

  /** Exit code 9 would mean that the input had ended before. */
  @Test
  void closeEndsTheHeldInput() throws Exception {
    PtProcess pt = start("held-stdin");
    pt.awaitReady();
    Files.createFile(dir.resolve("closing"));
    pt.close();
    assertThat(exit(pt)).hasToString("exit code 0");
    pt.close();
  }

  @Test
  void terminateEndsAPtThatObeys() throws Exception {
    PtProcess pt = start("held-stdin");
    pt.awaitReady();
    Files.createFile(dir.resolve("closing"));
    pt.terminate();
    // Whichever of the end of input and SIGTERM it sees first.
    assertThat(exit(pt).code()).isIn(0, 128 + 15);
    pt.terminate();
  }

  @Test
  void closeEndsTheWaitForMethods() throws Exception {
    PtProcess pt = start("silent");
    CompletableFuture<PtException> waiting =
        CompletableFuture.supplyAsync(
            () -> catchThrowableOfType(PtException.class, pt::awaitReady),
            task -> Thread.ofPlatform().name("waiting").daemon().start(task));
    pt.close();
    PtException failure = waiting.get(LIMIT.toSeconds(), SECONDS);
    assertThat(failure.reason()).isEqualTo(EXITED);
    assertThat(failure).hasMessage("the PT ended before CMETHODS DONE (exit code 0)");
  }

  @Test
  void waitForMethodsCanBeInterrupted() throws Exception {
    PtProcess pt = start("silent");
    Thread.currentThread().interrupt();
    assertThatExceptionOfType(InterruptedException.class).isThrownBy(pt::awaitReady);
    assertThat(pt.exited()).isNotDone();
  }

  private PtProcess start(String mode) throws Exception {
    return start(CLIENT, command(mode), Map.of());
  }

  /** Starts with the environment given, or with ours when that is empty. */
  private PtProcess start(PtRole role, List<String> command, Map<String, String> environment)
      throws PtException {
    PtConfig config = new PtConfig(command, role, dir, LIMIT);
    Map<String, String> inherited = environment.isEmpty() ? System.getenv() : environment;
    return started(PtProcess.start(config, inherited, PATIENCE));
  }

  private PtProcess startWithRealLimits(String mode) throws Exception {
    PtConfig config = new PtConfig(command(mode), CLIENT, dir, LIMIT);
    return started(PtProcess.start(config, System.getenv()));
  }

  private PtProcess started(PtProcess pt) {
    started.add(pt);
    return pt;
  }

  private List<String> command(String mode) throws URISyntaxException {
    return new ArrayList<>(List.of("/bin/sh", script().toString(), mode, dir.toString()));
  }

  private static Path script() throws URISyntaxException {
    return Path.of(PtProcessTest.class.getResource("/fake-pt.sh").toURI());
  }

  private void assertSpawnFails(String program, String why) {
    PtException failure =
        catchThrowableOfType(
            PtException.class, () -> start(CLIENT, List.of(program, "x"), Map.of()));
    assertThat(failure).as("failure of " + program).isNotNull();
    assertThat(failure.reason()).isEqualTo(SPAWN_FAILED);
    assertThat(failure)
        .hasMessage("cannot run the PT " + program + ": " + why)
        .hasCauseInstanceOf(IOException.class);
  }

  private static PtException failure(PtProcess pt, Reason reason) {
    PtException failure = catchThrowableOfType(PtException.class, pt::awaitReady);
    assertThat(failure).as("failure of the start").isNotNull();
    assertThat(failure.reason()).as(failure.getMessage()).isEqualTo(reason);
    return failure;
  }

  private static PtExit exit(PtProcess pt) throws Exception {
    return pt.exited().get(LIMIT.toSeconds(), SECONDS);
  }

  private static void assertGone(PtProcess pt) {
    assertThat(ProcessHandle.of(pt.pid()).filter(PtProcessTest::isRunning)).isEmpty();
  }

  private Optional<ProcessHandle> child() throws IOException {
    Path file = dir.resolve("child");
    return Files.exists(file)
        ? ProcessHandle.of(Long.parseLong(Files.readString(file).strip()))
        : Optional.empty();
  }

  /** Whoever inherits an orphan may not reap it; a dead process has no program any more. */
  private static boolean isRunning(ProcessHandle process) {
    return process.isAlive() && process.info().command().isPresent();
  }

  private void awaitFile(String name) {
    await("the file " + name, () -> Files.exists(dir.resolve(name)));
  }

  private static void await(String what, BooleanSupplier condition) {
    long deadline = System.nanoTime() + LIMIT.toNanos();
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as("waiting for " + what).isLessThan(deadline);
      LockSupport.parkNanos(Duration.ofMillis(2).toNanos());
    }
  }
}
