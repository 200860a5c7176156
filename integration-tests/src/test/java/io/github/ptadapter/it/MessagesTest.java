package io.github.ptadapter.it;

import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.ptadapter.adapter.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The page of messages, which must have every message of the program and no other. */
final class MessagesTest {

  private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();
  private static final Pattern CODE = Pattern.compile("`([^`]+)`");

  /** What stands on the page in the place of a gap: words in capitals, or nothing. */
  private static final String FILLED = "[^a-z]*";

  /** Each message with the file where it stands. */
  private static final Map<String, String> messages = new LinkedHashMap<>();

  private static final List<String> entries = new ArrayList<>();

  @BeforeAll
  static void read() throws IOException {
    messages.putAll(
        SourceMessages.in(
            ROOT.resolve("pt-client/src/main/java"), ROOT.resolve("adapter/src/main/java")));
    messages.put(launcher(), "bin/pt-adapter");
    for (String line : Files.readAllLines(ROOT.resolve("docs/messages.md"))) {
      if (line.startsWith("| `")) {
        CODE.matcher(line.split(" \\| ", 2)[0])
            .results()
            .map(entry -> entry.group(1))
            .forEach(entries::add);
      }
    }
  }

  /** What the shell says before there is a Java. */
  private static String launcher() throws IOException {
    String script = Files.readString(ROOT.resolve("adapter/src/dist/bin/pt-adapter"));
    Matcher error =
        Pattern.compile("ERROR \\[pt-adapter] ([^\"]+)\" \\\\\\s*'([^']+)'").matcher(script);
    assertThat(error.results().count()).as("errors in the launcher").isEqualTo(1);
    MatchResult only = error.reset().results().findFirst().orElseThrow();
    return (only.group(1) + " " + only.group(2)).replaceAll("\\$(\\w+|\\{[^}]*})", "\0");
  }

  @Test
  void everyMessageIsOnThePage() {
    assertThat(messages.entrySet())
        .filteredOn(message -> entries.stream().noneMatch(pattern(message.getKey())::matches))
        .extracting(message ->
            message.getValue() + ": " + message.getKey().replace(SourceMessages.GAP, "X"))
        .as("messages that docs/messages.md does not have")
        .isEmpty();
  }

  @Test
  void everyEntryIsAMessage() {
    List<Matching> patterns = messages.keySet().stream().map(MessagesTest::pattern).toList();
    assertThat(entries)
        .filteredOn(entry -> patterns.stream().noneMatch(pattern -> pattern.matches(entry)))
        .as("entries of docs/messages.md that no source has")
        .isEmpty();
    assertThat(entries).doesNotHaveDuplicates().hasSizeGreaterThan(100);
  }

  @Test
  void everyExitCodeIsOnThePage() throws IOException {
    List<String> codes =
        Files.readAllLines(ROOT.resolve("docs/messages.md")).stream()
            .filter(line -> line.matches("\\| \\d+ \\| .*"))
            .map(line -> line.split(" ", 3)[1])
            .toList();
    assertThat(codes)
        .containsExactlyElementsOf(
            Arrays.stream(ExitCode.values()).map(code -> "" + code.value()).toList());
  }

  private static Matching pattern(String message) {
    Pattern pattern =
        Pattern.compile(
            Arrays.stream(message.split(SourceMessages.GAP, -1))
                .map(Pattern::quote)
                .collect(joining(FILLED)));
    return entry -> pattern.matcher(entry).matches();
  }

  /** Tells whether an entry of the page is a message. */
  private interface Matching {
    boolean matches(String entry);
  }
}
