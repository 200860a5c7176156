package io.github.ptadapter.adapter;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

class LogProviderTest {

  private static final Logger own = LoggerFactory.getLogger(LogProviderTest.class);
  private static final Logger library = LoggerFactory.getLogger("io.netty.channel.Channel");

  @TempDir private Path folder;

  @AfterEach
  void returnToTheSharedFile() throws Exception {
    new CapturedLog().begin();
  }

  @Test
  void isTheOneThatIsFound() {
    assertThat(LoggerFactory.getILoggerFactory().getLogger("x").getClass().getName())
        .startsWith(LogProvider.class.getName());
  }

  /** The threshold, and how many of the five levels pass from us and from a library. */
  @ParameterizedTest
  @CsvSource({
    "ERROR, 1, 1",
    "WARN,  2, 2",
    "INFO,  3, 2",
    "DEBUG, 4, 2",
    "TRACE, 5, 5",
  })
  void keepsLibrariesQuiet(Level threshold, int ours, int theirs) throws Exception {
    Path file = configure(threshold);
    for (Level level : Level.values()) {
      own.atLevel(level).log("own {}", level);
      library.atLevel(level).log("library {}", level);
    }
    List<Level> levels = List.of(Level.values());
    assertThat(levels).filteredOn(own::isEnabledForLevel).hasSize(ours);
    assertThat(levels).filteredOn(library::isEnabledForLevel).hasSize(theirs);
    List<String> lines = lines(file);
    assertThat(lines).filteredOn(line -> line.contains("] own ")).hasSize(ours);
    assertThat(lines).filteredOn(line -> line.contains("] library ")).hasSize(theirs);
  }

  @Test
  void fillsArgumentsIn() throws Exception {
    Path file = configure(Level.INFO);
    own.info("plain");
    own.info("{} of {} and {}", 1, "two", List.of(3));
    own.info("no argument for {}");
    own.warn("with a cause {}", "here", new IllegalStateException("why"));
    assertThat(lines(file))
        .extracting(line -> line.substring(line.indexOf(']') + 2))
        .containsExactly(
            "plain",
            "1 of two and [3]",
            "no argument for {}",
            "with a cause here: java.lang.IllegalStateException: why");
  }

  /** The argument may come from a PT: what looks like a pattern in it stays as it is. */
  @Test
  void takesNoPatternFromAnArgument() throws Exception {
    Path file = configure(Level.INFO);
    own.info("PT: {}", "{} {}");
    assertThat(lines(file)).singleElement().asString().endsWith("PT: {} {}");
  }

  private Path configure(Level level) throws Exception {
    Path file = folder.resolve("test.log");
    LogOutput.configure(new PluginOptions.Logging(Optional.of(file), level));
    return file;
  }

  private static List<String> lines(Path file) throws Exception {
    LogOutput.flush(Duration.ofSeconds(5));
    return Files.readAllLines(file);
  }
}
