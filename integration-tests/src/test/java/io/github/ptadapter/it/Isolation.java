package io.github.ptadapter.it;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * A network of its own for a test, out of which nothing leads: for programs that would call others,
 * or that refuse loopback addresses.
 */
final class Isolation {

  /** The one address beside loopback: of no private range, and nobody's (RFC 5737). */
  static final String ADDRESS = "203.0.113.1";

  /** Programs look for interfaces that are no loopback: one end of a cable is one. */
  private static final String NETWORK =
      """
      set -e
      ip link set lo up
      ip link add name pub type veth peer name end
      ip address add %s/24 dev pub
      ip link set end up
      ip link set pub up
      exec "$@"
      """
          .formatted(ADDRESS);

  private static final Duration LIMIT = Duration.ofMinutes(2);

  private Isolation() {}

  /** Runs a main class of the tests there, which must succeed. */
  static void run(Class<?> main, String... args) {
    Requirement.program("unshare");
    Requirement.program("ip");
    try (Program trial = start(List.of("true"))) {
      Requirement.orSkip(
          trial.awaitExit(Await.LIMIT) == 0, "way to a network namespace (unshare -rn, veth)");
    }
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
    try (Program program = start(command)) {
      int code = program.awaitExit(LIMIT);
      program.out().forEach(System.out::println);
      if (code != 0) {
        throw new AssertionError("exit code " + code + " of " + program);
      }
    }
  }

  private static Program start(List<String> command) {
    List<String> whole = new ArrayList<>(List.of("unshare", "--map-root-user", "--net"));
    whole.addAll(List.of("sh", "-c", NETWORK, "sh"));
    whole.addAll(command);
    return Program.start(new ProcessBuilder(whole));
  }
}
