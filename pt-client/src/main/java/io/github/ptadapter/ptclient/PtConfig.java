package io.github.ptadapter.ptclient;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Everything that a PT process needs to start.
 *
 * @param command the program, a path or a name on {@code PATH}, and its arguments, passed on
 *     exactly
 * @param role client or server
 * @param stateDirectory where the PT keeps its state; the PT makes it when it is missing
 * @param startTimeout how long the PT may take until it has offered its methods
 */
public record PtConfig(
    List<String> command, PtRole role, Path stateDirectory, Duration startTimeout) {

  /** How long a PT may take to start where nobody says otherwise; Arti's limit. */
  public static final Duration DEFAULT_START_TIMEOUT = Duration.ofSeconds(30);

  /**
   * Checks the command.
   *
   * @throws IllegalArgumentException when there is no program, a word holds a NUL, or the time is
   *     not positive
   */
  public PtConfig {
    command = List.copyOf(command);
    if (command.isEmpty() || command.getFirst().isBlank()) {
      throw new IllegalArgumentException("no program");
    }
    if (command.stream().anyMatch(word -> word.indexOf('\0') >= 0)) {
      throw new IllegalArgumentException("a NUL cannot stand in a command");
    }
    if (!startTimeout.isPositive()) {
      throw new IllegalArgumentException("the start timeout must be positive");
    }
  }

  /**
   * Builds the whole environment of the PT (pt-spec 3.2).
   *
   * @param base what the PT inherits; every {@code TOR_PT_*} in it is dropped, since a stale one
   *     changes what the PT does
   * @return names and values
   */
  public Map<String, String> environment(Map<String, String> base) {
    Map<String, String> variables = new TreeMap<>(base);
    variables.keySet().removeIf(name -> name.startsWith("TOR_PT_"));
    variables.put("TOR_PT_MANAGED_TRANSPORT_VER", "1");
    // A trailing slash as tor gives it: conjure puts its file names right behind.
    variables.put("TOR_PT_STATE_LOCATION", stateDirectory.toAbsolutePath() + "/");
    // Also keeps obfs4proxy from asking the kernel for a signal at the death of the thread that
    // started it.
    variables.put("TOR_PT_EXIT_ON_STDIN_CLOSE", "1");
    variables.putAll(role.environment());
    return variables;
  }
}
