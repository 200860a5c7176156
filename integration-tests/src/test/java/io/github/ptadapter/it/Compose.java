package io.github.ptadapter.it;

import com.github.dockerjava.api.DockerClient;
import com.github.dockerjava.api.model.ContainerNetwork;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.testcontainers.DockerClientFactory;

/** The compose example in a folder of its own, with its settings in {@code .env} there. */
final class Compose implements AutoCloseable {

  private static final Duration LIMIT = Duration.ofMinutes(2);

  private final Path folder;
  private final String project = "ptadapter" + Long.toHexString(System.nanoTime());
  private final List<String> program = program();
  private final DockerClient docker = DockerClientFactory.instance().client();
  private final List<String> guests = new ArrayList<>();

  private Compose(Path folder) {
    this.folder = folder;
  }

  static Compose in(Path folder, Map<String, String> settings) throws IOException {
    Files.createDirectory(folder);
    Files.copy(Path.of("../examples/compose.yaml"), folder.resolve("compose.yaml"));
    Map<String, String> all = new TreeMap<>(settings);
    all.put("IMAGE", Image.USERS.name());
    all.put("PASSWORD", "tests");
    all.put("SOCKS_PORT", String.valueOf(Loopback.freePort()));
    Files.writeString(
        folder.resolve(".env"),
        all.entrySet().stream()
            .map(setting -> setting.getKey() + "=" + setting.getValue() + "\n")
            .collect(Collectors.joining()));
    return new Compose(folder);
  }

  /** The one of Docker, or the older program. */
  private static List<String> program() {
    for (List<String> compose : List.of(List.of("docker", "compose"), List.of("docker-compose"))) {
      List<String> version = new ArrayList<>(compose);
      version.add("version");
      try (Program run = Program.start(new ProcessBuilder(version))) {
        if (run.awaitExit(LIMIT) == 0) {
          return compose;
        }
      } catch (UncheckedIOException e) {
        // There is no such program.
      }
    }
    Requirement.inCi(false, "'docker compose' or 'docker-compose'");
    throw new AssertionError();
  }

  /** Runs it, which must succeed; returns what it writes. */
  String run(String... arguments) {
    try (Program run = start(arguments)) {
      if (run.awaitExit(LIMIT) != 0) {
        throw new AssertionError(String.join(" ", arguments) + " failed: " + run);
      }
      return String.join("\n", run.out()).strip();
    }
  }

  boolean succeeds(String... arguments) {
    try (Program run = start(arguments)) {
      return run.awaitExit(LIMIT) == 0;
    }
  }

  private Program start(String... arguments) {
    List<String> command = new ArrayList<>(program);
    command.addAll(List.of("-p", project));
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command).directory(folder.toFile());
    builder.environment().keySet().removeIf(name -> name.matches("SERVER|PORT|PLUGIN_OPTS"));
    return Program.start(builder);
  }

  /** The container of a service. */
  String container(String service) {
    return run("ps", "-q", service);
  }

  /** Lets a container of elsewhere into its network, where it has a name. */
  void admit(String container, String name) {
    docker
        .connectToNetworkCmd()
        .withNetworkId(network())
        .withContainerId(container)
        .withContainerNetwork(new ContainerNetwork().withAliases(name))
        .exec();
    guests.add(container);
  }

  private String network() {
    return project + "_default";
  }

  /** Takes all of it down, volumes too. */
  @Override
  public void close() {
    for (String guest : guests) {
      docker.disconnectFromNetworkCmd().withNetworkId(network()).withContainerId(guest).exec();
    }
    run("down", "--volumes", "--timeout", "2");
  }
}
