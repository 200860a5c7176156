package io.github.ptadapter.adapter;

import static io.github.ptadapter.adapter.Refusals.refused;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.slf4j.event.Level;

class LogOutputTest {

  private static final Pattern LINE =
      Pattern.compile(
          "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z (ERROR|WARN|INFO|DEBUG|TRACE)"
              + " \\[pt-adapter] .*");

  @TempDir private Path folder;
  private Path file;

  /** Lines of one kind are limited, and the limit outlives a test. */
  private String kind;

  @BeforeEach
  void configure(TestInfo test) throws Exception {
    file = folder.resolve("test.log");
    kind = test.getDisplayName() + " {}";
    configure(file, Level.INFO);
  }

  @AfterEach
  void returnToTheSharedFile() throws Exception {
    new CapturedLog().begin();
  }

  @ParameterizedTest
  @CsvSource({"ERROR", "WARN", "INFO", "DEBUG", "TRACE"})
  void writesTimeLevelAndNameBeforeTheText(Level level) throws Exception {
    configure(file, Level.TRACE);
    Instant before = Instant.now().minusMillis(1);
    log(level, "ready: obfs4");
    String line = lines().getFirst();
    assertThat(line).matches(LINE).endsWith("Z " + level + " [pt-adapter] ready: obfs4");
    assertThat(Instant.parse(line.substring(0, line.indexOf(' '))))
        .isBetween(before, Instant.now());
    assertThat(Files.readString(file)).isEqualTo(line + "\n");
  }

  /** What a PT says goes into the log, and must not look like more than one line of ours. */
  @ParameterizedTest
  @CsvSource(
      delimiterString = " -> ",
      quoteCharacter = '~',
      textBlock =
          """
          a\\nb -> a / b
          a\\n2026-11-22T10:15:30.123Z INFO [pt-adapter] forged -> a / 2026-11-22T10:15:30.123Z INFO [pt-adapter] forged
          a\\r\\nb -> ~a  / b~
          a\\rb -> a b
          a\\tb -> a b
          a\\0b -> a b
          a\\e[2Jb -> a [2Jb
          a\\dela -> a a
          a\\nelb -> a b
          é日本 -> é日本
          """)
  void keepsAMessageInOneLine(String text, String printed) throws Exception {
    log(
        Level.INFO,
        text.replace("\\nel", "\u0085")
            .replace("\\n", "\n")
            .replace("\\r", "\r")
            .replace("\\t", "\t")
            .replace("\\0", "\0")
            .replace("\\e", "\u001b")
            .replace("\\del", "\u007f"));
    assertThat(Files.readString(flushed())).endsWith(" INFO [pt-adapter] " + printed + "\n");
    assertThat(lines()).hasSize(1);
  }

  @Test
  void cutsALineThatIsTooLong() throws Exception {
    log(Level.INFO, "x".repeat(2000));
    log(Level.INFO, "y".repeat(2001));
    assertThat(lines().get(0)).endsWith("] " + "x".repeat(2000));
    assertThat(lines().get(1)).endsWith("] " + "y".repeat(2000) + " ...");
  }

  @ParameterizedTest
  @CsvSource({
    "ERROR, 1",
    "WARN,  2",
    "INFO,  3",
    "DEBUG, 4",
    "TRACE, 5",
  })
  void knowsWhichLevelsAreWanted(Level threshold, int enabled) throws Exception {
    configure(file, threshold);
    assertThat(List.of(Level.values())).filteredOn(LogOutput::isEnabled).hasSize(enabled);
  }

  @Test
  void tellsOfAnErrorInOneLine() throws Exception {
    LogOutput.log(Level.ERROR, kind, "internal error", new IllegalStateException("bug\nhere"));
    assertThat(lines())
        .singleElement()
        .asString()
        .endsWith("[pt-adapter] internal error: java.lang.IllegalStateException: bug / here");
  }

  @Test
  void tellsWhereAnErrorWasAtDebug() throws Exception {
    configure(file, Level.DEBUG);
    LogOutput.log(Level.ERROR, kind, "internal error", new IllegalStateException("bug"));
    assertThat(lines())
        .singleElement()
        .asString()
        .contains("internal error: java.lang.IllegalStateException: bug / ")
        .contains("LogOutputTest.tellsWhereAnErrorWasAtDebug(");
  }

  @Test
  void leavesOutAFloodOfOneKind() throws Exception {
    for (int i = 0; i < 30; i++) {
      log(Level.INFO, "line " + i);
      LogOutput.log(Level.INFO, kind + i, "another kind", null);
    }
    assertThat(lines()).filteredOn(line -> line.contains("line ")).hasSize(20);
    assertThat(lines())
        .filteredOn(line -> line.contains("more of this kind"))
        .singleElement()
        .asString()
        .endsWith("line 19 (more of this kind are left out)");
    assertThat(lines()).filteredOn(line -> line.endsWith("another kind")).hasSize(30);
  }

  /** A PT that says something of each connection must not hide what it says of its failure. */
  @Test
  void aFloodOfNoticesLeavesOutNoErrorOfTheSamePattern() throws Exception {
    for (int i = 0; i < 30; i++) {
      log(Level.INFO, "notice " + i);
    }
    log(Level.ERROR, "the failure");
    assertThat(lines()).filteredOn(line -> line.contains("notice ")).hasSize(20);
    assertThat(lines()).last().asString().endsWith("ERROR [pt-adapter] the failure");
  }

  @Test
  void leavesOutNothingAtDebug() throws Exception {
    configure(file, Level.DEBUG);
    for (int i = 0; i < 100; i++) {
      log(Level.INFO, "line " + i);
    }
    assertThat(lines()).hasSize(100).noneMatch(line -> line.contains("more of this kind"));
  }

  @Test
  void appendsToAPrivateFile() throws Exception {
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-------");
    Files.writeString(file, "of the run before\n");
    configure(file, Level.INFO);
    log(Level.INFO, "of this run");
    assertThat(lines()).hasSize(2).first().isEqualTo("of the run before");
    assertThat(lines().get(1)).endsWith("of this run");
  }

  @Test
  void refusesAFileOfAnotherUser() throws Exception {
    Path foreign = Files.createFile(folder.resolve("foreign.log"));
    OtherUser.give(foreign);
    refused(
        () -> configure(foreign, Level.INFO),
        "cannot write the log file " + foreign,
        "it belongs to another user",
        "; name another with log=FILE");
    log(Level.INFO, "not for others");
    assertThat(foreign).isEmptyFile();
  }

  @ParameterizedTest
  @CsvSource({"there", "not-there"})
  void refusesALinkOfAnotherUser(String name) throws Exception {
    Files.writeString(folder.resolve("there"), "untouched");
    Path link = Files.createSymbolicLink(folder.resolve("link.log"), folder.resolve(name));
    OtherUser.give(link);
    refused(() -> configure(link, Level.INFO), "it belongs to another user");
    assertThat(folder.resolve("there")).hasContent("untouched");
    assertThat(folder.resolve("not-there")).doesNotExist();
  }

  @ParameterizedTest
  @CsvSource({"there", "not-there"})
  void followsALinkOfItsOwnUser(String name) throws Exception {
    Files.writeString(folder.resolve("there"), "");
    file = folder.resolve(name);
    configure(Files.createSymbolicLink(folder.resolve("link.log"), file), Level.INFO);
    log(Level.INFO, "through the link");
    assertThat(lines()).singleElement().asString().endsWith("through the link");
  }

  @Test
  void saysWhyAFileCannotBeUsed() throws Exception {
    Files.writeString(folder.resolve("obstacle"), "");
    refused(
        () -> configure(folder, Level.INFO),
        "cannot write the log file " + folder,
        "Is a directory",
        "; name another with log=FILE");
    Path below = folder.resolve("obstacle/x.log");
    refused(
        () -> configure(below, Level.INFO),
        "cannot write the log file " + below,
        "Not a directory");
    Path missing = folder.resolve("missing/x.log");
    refused(
        () -> configure(missing, Level.INFO),
        "cannot write the log file " + missing,
        "no such file or folder");
  }

  /** Whoever reads our standard error may stop: the tunnels must not. */
  @Test
  void neverMakesACallerWaitForASlowOutput() throws Exception {
    Path pipe = folder.resolve("pipe");
    assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor()).isZero();
    try (RandomAccessFile reader = new RandomAccessFile(pipe.toFile(), "rw")) {
      configure(pipe, Level.DEBUG);
      CompletableFuture<Void> logged = new CompletableFuture<>();
      Thread.ofVirtual()
          .start(() -> {
            for (int i = 0; i < 5000; i++) {
              log(Level.INFO, "x".repeat(1000));
            }
            logged.complete(null);
          });
      logged.get(10, TimeUnit.SECONDS);
      long begin = System.nanoTime();
      LogOutput.flush(Duration.ofMillis(200));
      assertThat(Duration.ofNanos(System.nanoTime() - begin))
          .isBetween(Duration.ofMillis(195), Duration.ofSeconds(5));

      String line;
      do {
        line = reader.readLine();
        assertThat(line).matches(LINE);
      } while (!line.contains("log lines were dropped"));
      assertThat(line).matches(".* WARN \\[pt-adapter] \\d{4} log lines were dropped: .* too slow");
      CompletableFuture<Void> drained =
          CompletableFuture.runAsync(() -> {
            try {
              while (!reader.readLine().endsWith("the end")) {}
            } catch (IOException e) {
              throw new IllegalStateException(e);
            }
          });
      Waiting.until(
          "the output has recovered",
          () -> {
            log(Level.INFO, "the end");
            return drained.isDone();
          });
    }
  }

  @Test
  void livesWithAClosedOutput() throws Exception {
    Path pipe = folder.resolve("pipe");
    assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor()).isZero();
    try (RandomAccessFile reader = new RandomAccessFile(pipe.toFile(), "rw")) {
      configure(pipe, Level.INFO);
      assertThat(reader.getFD().valid()).isTrue();
    }
    for (int i = 0; i < 10; i++) {
      log(Level.INFO, "to nobody");
    }
    LogOutput.flush(Duration.ofSeconds(5));
    configure(file, Level.INFO);
    log(Level.INFO, "to somebody");
    assertThat(lines()).singleElement().asString().endsWith("to somebody");
  }

  @Test
  void keepsTheLinesOfManyThreadsApart() throws Exception {
    configure(file, Level.DEBUG);
    List<Thread> threads =
        List.of('a', 'b', 'c', 'd').stream()
            .map(c ->
                Thread.ofPlatform()
                    .start(() -> {
                      for (int i = 0; i < 100; i++) {
                        log(Level.INFO, c.toString().repeat(500));
                      }
                    }))
            .toList();
    for (Thread thread : threads) {
      thread.join();
    }
    assertThat(lines()).hasSize(400).allMatch(line -> line.matches(".*] (.)\\1{499}"));
  }

  private void log(Level level, String text) {
    LogOutput.log(level, kind, text, null);
  }

  private Path flushed() throws InterruptedException {
    LogOutput.flush(Duration.ofSeconds(5));
    return file;
  }

  private List<String> lines() throws IOException, InterruptedException {
    return Files.readString(flushed(), UTF_8).lines().toList();
  }

  private static void configure(Path file, Level level) throws Exception {
    LogOutput.flush(Duration.ofSeconds(1));
    LogOutput.configure(new PluginOptions.Logging(Optional.of(file), level));
  }
}
