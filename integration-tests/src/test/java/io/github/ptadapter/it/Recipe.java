package io.github.ptadapter.it;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A host's configuration out of {@code docs/hosts.md}, which so tells of what was tested.
 *
 * @param heading of its section
 * @param command what is typed
 * @param json the configuration file that the command names, if it names one
 */
record Recipe(String heading, String command, Optional<String> json) {

  static final String CLIENT_OPTIONS = "transport=obfs4;cert=...;iat-mode=0";

  private static final Pattern CONFIG_FILE = Pattern.compile("(?<= -c )\\S+\\.json");

  static Recipe of(String heading) {
    Document.Section section = Document.HOSTS.section(heading);
    return new Recipe(heading, section.block("sh").orElseThrow(), section.block("json"));
  }

  /** The program that it runs. */
  String program() {
    return command.split(" ", 2)[0];
  }

  /** With a word of the document replaced, which must be there. */
  Recipe with(String word, String value) {
    Recipe changed =
        new Recipe(
            heading, command.replace(word, value), json.map(text -> text.replace(word, value)));
    if (changed.equals(this)) {
      throw new AssertionError("there is no '" + word + "' in " + this);
    }
    return changed;
  }

  /** For a server on 127.0.0.1. */
  Recipe asServer(int publicPort) {
    return with("0.0.0.0", Loopback.IPV4).port(443, publicPort);
  }

  /** For a client of a server on 127.0.0.1. */
  Recipe asClient(int publicPort, int socksPort, String options) {
    return with("SERVER", Loopback.IPV4)
        .port(443, publicPort)
        .port(1080, socksPort)
        .with(CLIENT_OPTIONS, options);
  }

  /** With a port of the document replaced, wherever it stands alone. */
  Recipe port(int documented, int port) {
    String pattern = "\\b" + documented + "\\b";
    return new Recipe(
        heading,
        command.replaceAll(pattern, String.valueOf(port)),
        json.map(text -> text.replaceAll(pattern, String.valueOf(port))));
  }

  /** As a shell runs it, with the launcher on PATH and the configuration file in the folder. */
  ProcessBuilder builder(Path dir) {
    return builder(dir, "eval \"exec $HOST\"");
  }

  /** Under a parent of its own: a shell script that finds the command in {@code $HOST}. */
  ProcessBuilder builder(Path dir, String parent) {
    Requirement.program(program());
    String line = command;
    if (json.isPresent()) {
      try {
        Path file = Files.createTempFile(dir, "host", ".json");
        Files.writeString(file, json.orElseThrow());
        line = CONFIG_FILE.matcher(command).replaceFirst(file.toString());
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    ProcessBuilder builder = new ProcessBuilder("sh", "-c", parent);
    Plugin.clean(builder, dir);
    builder.environment().put("HOST", line);
    builder.environment().put("PATH", Plugin.LAUNCHER.getParent() + ":" + Requirement.path());
    return builder;
  }
}
