package io.github.ptadapter.it;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Runs a main class of the tests in a network of its own, with all that it starts. */
final class Isolation {

  private static final Duration LIMIT = Duration.ofMinutes(2);

  private Isolation() {}

  /** Runs it, which must succeed. */
  static void run(Class<?> main, String... args) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    for (String property : List.of("ptadapter.home", "ptadapter.docs")) {
      String value = System.getProperty(property);
      if (value != null) {
        command.add("-D" + property + "=" + value);
      }
    }
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
    command.addAll(List.of(args));
    try (NetworkNamespace network = NetworkNamespace.withAddress();
        Program program = Program.start(network.inside(new ProcessBuilder(command)))) {
      int code = program.awaitExit(LIMIT);
      program.out().forEach(System.out::println);
      if (code != 0) {
        throw new AssertionError("exit code " + code + " of " + program);
      }
    }
  }
}
