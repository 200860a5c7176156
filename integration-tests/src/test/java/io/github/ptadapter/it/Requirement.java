package io.github.ptadapter.it;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Assumptions;

/** What a test needs of the machine: without it the test is left out, loudly. */
final class Requirement {

  private Requirement() {}

  /** A program without which the tests prove little: in CI it must be there. */
  static Path program(String name) {
    return program(name, path());
  }

  /** A program in the version that {@code integration-tests/peers} installs. */
  static Path peer(String name) {
    return program(name, peers());
  }

  private static Path program(String name, String path) {
    Optional<Path> program =
        Arrays.stream(path.split(":", -1))
            .map(folder -> Path.of(folder, name))
            .filter(Files::isExecutable)
            .findFirst();
    inCi(program.isPresent(), "'" + name + "' on PATH or from integration-tests/peers");
    return program.orElseThrow();
  }

  /** Something that CI must have. */
  static void inCi(boolean there, String what) {
    if (!there && "true".equals(System.getenv("CI"))) {
      Assertions.fail("CI must test with it, and there is no " + what);
    }
    orSkip(there, what);
  }

  /** Where programs are looked for: PATH, then where {@code integration-tests/peers} puts them. */
  static String path() {
    return System.getenv().getOrDefault("PATH", "") + ":" + peers();
  }

  private static String peers() {
    Map<String, String> environment = System.getenv();
    String cache = environment.getOrDefault("XDG_CACHE_HOME", "");
    if (cache.isEmpty()) {
      cache = environment.get("HOME") + "/.cache";
    }
    return cache + "/pt-adapter/peers/bin";
  }

  /** Something that not every machine has. */
  static void orSkip(boolean there, String what) {
    if (!there) {
      String message = "NOT TESTED: there is no " + what;
      System.err.println("!!! " + message);
      Assumptions.abort(message);
    }
  }
}
