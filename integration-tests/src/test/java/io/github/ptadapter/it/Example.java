package io.github.ptadapter.it;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What a document tells its reader to type or to write into a file: a command, or a block.
 *
 * @param page the document
 * @param heading the one above it
 * @param kind what it is
 * @param text as the reader has it in the end: without its indentation, a command in one line
 */
record Example(String page, String heading, Kind kind, String text) {

  /** What a block holds, by the word behind its fence, or by its looks where there is none. */
  enum Kind {
    COMMAND,
    JSON,
    OPTIONS,
    OTHER
  }

  private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();

  private static final Pattern HEADING = Pattern.compile("#+ (.*)");
  private static final Pattern FENCE = Pattern.compile("( *)```(\\w*)");
  private static final Pattern LOG_LINE = Pattern.compile("(?s)(20\\d\\d-\\S+ )?(INFO|WARN) .*");
  private static final Pattern OPTIONS = Pattern.compile("(server;)?transport=\\S*\n?");
  private static final Pattern COMMENT = Pattern.compile(" {2,}#.*");

  /** Those of the README and of all pages of {@code docs}, in their order. */
  static List<Example> all() {
    List<Example> examples = new ArrayList<>();
    try (Stream<Path> pages = Files.list(ROOT.resolve("docs"))) {
      Stream.concat(Stream.of(ROOT.resolve("README.md")), pages.sorted())
          .filter(page -> page.toString().endsWith(".md"))
          .forEach(page -> new Reader(page, examples).read());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return List.copyOf(examples);
  }

  @Override
  public String toString() {
    return page + ", " + heading + ": " + text.lines().findFirst().orElse("");
  }

  /** Goes through a page, line by line. */
  private static final class Reader {

    private final String page;
    private final List<Example> examples;
    private final List<String> lines;
    private String heading = "";
    private int next;

    Reader(Path page, List<Example> examples) {
      this.page = page.getFileName().toString();
      this.examples = examples;
      try {
        lines = Files.readAllLines(page);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    void read() {
      boolean blankBefore = true;
      while (next < lines.size()) {
        String line = lines.get(next++);
        Matcher title = HEADING.matcher(line);
        Matcher fence = FENCE.matcher(line);
        if (fence.matches()) {
          add(fence.group(2), fenced(fence.group(1)));
        } else if (blankBefore && line.startsWith("    ")) {
          next--;
          add("", indented());
        } else if (title.matches()) {
          heading = title.group(1);
        }
        blankBefore = line.isBlank() || title.matches();
      }
    }

    private String fenced(String indentation) {
      StringBuilder block = new StringBuilder();
      while (!lines.get(next).equals(indentation + "```")) {
        block.append(cut(lines.get(next++), indentation.length())).append('\n');
      }
      next++;
      return block.toString();
    }

    private String indented() {
      StringBuilder block = new StringBuilder();
      while (next < lines.size() && lines.get(next).startsWith("    ")) {
        block.append(cut(lines.get(next++), 4)).append('\n');
      }
      return block.toString();
    }

    private static String cut(String line, int columns) {
      return line.substring(Math.min(columns, line.length()));
    }

    private void add(String language, String block) {
      switch (language) {
        case "sh" -> commands(block);
        case "json" -> add(Kind.JSON, block);
        case "text" -> add(OPTIONS.matcher(block).matches() ? Kind.OPTIONS : Kind.OTHER, block);
        case "" -> {
          if (OPTIONS.matcher(block).matches()) {
            add(Kind.OPTIONS, block);
          } else if (LOG_LINE.matcher(block).matches() || block.contains("──►")) {
            add(Kind.OTHER, block);
          } else if (!block.contains("═══")) {
            commands(block);
          }
        }
        default -> add(Kind.OTHER, block);
      }
    }

    private void commands(String block) {
      block
          .replaceAll("\\\\\n *", "")
          .lines()
          .map(line -> COMMENT.matcher(line).replaceFirst("").strip())
          .filter(line -> !line.isEmpty())
          .forEach(line -> add(Kind.COMMAND, line));
    }

    private void add(Kind kind, String text) {
      examples.add(new Example(page, heading, kind, text));
    }
  }
}
