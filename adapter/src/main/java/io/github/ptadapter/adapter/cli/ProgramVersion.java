package io.github.ptadapter.adapter.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.concurrent.TimeUnit.MILLISECONDS;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;

/** Asks a PT for its version. */
final class ProgramVersion {

  /** Those that are known to answer {@code -version}; others might do anything. */
  private static final Set<String> ANSWERS =
      Set.of("obfs4proxy", "lyrebird", "snowflake-client", "snowflake-server");

  private static final Duration LIMIT = Duration.ofSeconds(2);
  private static final int MOST_BYTES = 200;

  private ProgramVersion() {}

  static Optional<String> of(String program, Map<String, String> environment)
      throws InterruptedException {
    Path name = Path.of(program).getFileName();
    if (name == null || !ANSWERS.contains(name.toString())) {
      return Optional.empty();
    }
    ProcessBuilder builder = new ProcessBuilder(program, "-version").redirectErrorStream(true);
    builder.environment().clear();
    builder.environment().putAll(environment);
    try {
      Process process = builder.start();
      try {
        process.getOutputStream().close();
        return CompletableFuture.supplyAsync(() -> firstLine(process))
            .get(LIMIT.toMillis(), MILLISECONDS)
            .filter(line -> !line.isEmpty());
      } finally {
        process.destroyForcibly();
      }
    } catch (IOException | ExecutionException | TimeoutException e) {
      // The launch will tell what is wrong with it.
      return Optional.empty();
    }
  }

  private static Optional<String> firstLine(Process process) {
    try {
      String text = new String(process.getInputStream().readNBytes(MOST_BYTES), UTF_8);
      return text.lines().findFirst().map(Text::oneLine);
    } catch (IOException e) {
      return Optional.empty();
    }
  }
}
