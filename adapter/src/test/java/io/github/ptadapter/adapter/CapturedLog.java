package io.github.ptadapter.adapter;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.slf4j.event.Level;

/** The log of the running test at level debug, in a file that all tests share. */
final class CapturedLog implements BeforeEachCallback {

  private static final Path FILE =
      Path.of("target", "test-logs", ProcessHandle.current().pid() + ".log").toAbsolutePath();

  private long start;

  @Override
  public void beforeEach(ExtensionContext context) throws Exception {
    begin();
  }

  /** Forgets what was logged so far. */
  void begin() throws Exception {
    Files.createDirectories(FILE.getParent());
    LogOutput.flush(Duration.ofSeconds(1));
    LogOutput.configure(new PluginOptions.Logging(Optional.of(FILE), Level.DEBUG));
    start = Files.size(FILE);
  }

  /** The plugin options that lead a program's log here. */
  String options() {
    return "loglevel=debug;log=" + FILE;
  }

  List<String> lines() throws IOException, InterruptedException {
    LogOutput.flush(Duration.ofSeconds(1));
    byte[] all = Files.readAllBytes(FILE);
    String text =
        new String(Arrays.copyOfRange(all, (int) start, all.length), StandardCharsets.UTF_8);
    return text.lines().toList();
  }

  /** Waits for a line that holds all the words and returns it. */
  String await(String... words) throws Exception {
    try {
      Waiting.until("a log line with " + String.join(", ", words), () -> find(words).isPresent());
    } catch (AssertionError e) {
      assertThat(lines()).as(e.getMessage()).anySatisfy(line -> assertThat(line).contains(words));
    }
    return find(words).orElseThrow();
  }

  private Optional<String> find(String... words) throws Exception {
    return lines().stream()
        .filter(line -> List.of(words).stream().allMatch(line::contains))
        .findFirst();
  }
}
