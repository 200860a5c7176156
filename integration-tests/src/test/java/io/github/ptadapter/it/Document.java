package io.github.ptadapter.it;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A page of {@code docs}, whose examples the tests run as they stand. */
enum Document {
  HOSTS("hosts.md"),
  TRANSPORTS("transports.md");

  private final Path file;

  Document(String name) {
    file = Path.of(System.getProperty("ptadapter.docs", "../docs"), name);
  }

  /** What stands below a heading of the third level. */
  record Section(String text) {

    /** The first block of a language. */
    Optional<String> block(String language) {
      Matcher block =
          Pattern.compile("```" + language + "\n(.*?)```\n", Pattern.DOTALL).matcher(text);
      return block.find() ? Optional.of(block.group(1)) : Optional.empty();
    }
  }

  Section section(String heading) {
    try {
      String document = Files.readString(file);
      String start = "\n### " + heading + "\n";
      int from = document.indexOf(start);
      if (from < 0) {
        throw new AssertionError("no section '" + heading + "' in " + file);
      }
      return new Section(document.substring(from + start.length()).split("\n##", 2)[0]);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
