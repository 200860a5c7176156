package io.github.ptadapter.adapter;

import io.github.ptadapter.ptclient.TransportName;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Finds the program that speaks a transport when the user names none. */
public final class PtCommand {

  /** The folder of this distribution, from the launcher. */
  private static final String HOME_PROPERTY = "pt-adapter.home";

  /** Some hosts start plugins without any PATH. */
  private static final String DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin";

  private PtCommand() {}

  /**
   * Finds the program: on PATH, where the obfs4proxy of this distribution stands in for one.
   *
   * @throws AdapterException when there is none
   */
  public static List<String> find(
      TransportName transport, boolean server, Map<String, String> environment)
      throws AdapterException {
    List<String> names = names(transport, server);
    for (String name : names) {
      Optional<Path> found =
          onPath(name, environment.getOrDefault("PATH", DEFAULT_PATH))
              .or(() -> name.equals("obfs4proxy") ? embedded() : Optional.empty());
      if (found.isPresent()) {
        return List.of(found.orElseThrow().toString());
      }
    }
    throw new AdapterException(
        ExitCode.PT_FAILED,
        names.isEmpty()
            ? "no program is known for the transport '%s': name it with exec=COMMAND"
                .formatted(transport)
            : "no program for the transport '%s' found: install %s, or name it with exec=COMMAND"
                .formatted(transport, String.join(" or ", names)));
  }

  private static List<String> names(TransportName transport, boolean server) {
    return switch (transport.value()) {
      case "obfs4", "obfs3", "obfs2", "scramblesuit", "meek_lite" ->
          // lyrebird hides the end of one side from the other, and keeps what both have ended.
          List.of("obfs4proxy", "lyrebird");
      case "snowflake" ->
          server ? List.of("snowflake-server") : List.of("snowflake-client", "lyrebird");
      case "webtunnel" ->
          server ? List.of("webtunnel-server") : List.of("webtunnel-client", "lyrebird");
      case "meek" -> List.of(server ? "meek-server" : "meek-client");
      case "conjure" -> server ? List.of() : List.of("conjure-client");
      default -> List.of();
    };
  }

  private static Optional<Path> onPath(String name, String path) {
    for (String folder : path.split(File.pathSeparator, -1)) {
      Path program = Path.of(folder, name);
      if (isProgram(program)) {
        return Optional.of(program.toAbsolutePath());
      }
    }
    return Optional.empty();
  }

  private static Optional<Path> embedded() {
    return Optional.ofNullable(System.getProperty(HOME_PROPERTY))
        .map(home -> Path.of(home, "lib", "obfs4proxy"))
        .filter(PtCommand::isProgram);
  }

  private static boolean isProgram(Path path) {
    return Files.isRegularFile(path) && Files.isExecutable(path);
  }
}
