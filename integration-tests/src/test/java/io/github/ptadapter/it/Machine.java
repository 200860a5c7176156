package io.github.ptadapter.it;

import com.github.dockerjava.api.DockerClient;
import com.github.dockerjava.api.command.InspectContainerResponse;
import com.github.dockerjava.api.model.Capability;
import com.github.dockerjava.api.model.ContainerNetwork;
import com.github.dockerjava.api.model.Device;
import com.github.dockerjava.api.model.HostConfig;
import com.github.dockerjava.api.model.Ulimit;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.testcontainers.containers.ExecConfig;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.images.ImagePullPolicy;
import org.testcontainers.utility.MountableFile;

/** A container that stands for a machine. */
final class Machine implements AutoCloseable {

  private static final long DESCRIPTORS = 20_000;

  /** Images are those that were just made. */
  private static final ImagePullPolicy NEVER = image -> false;

  /** Waits for nothing: who needs something of the machine waits for that. */
  private static final class Plain extends GenericContainer<Plain> {
    Plain(String image) {
      super(image);
      withImagePullPolicy(NEVER);
    }

    @Override
    protected void waitUntilContainerStarted() {}
  }

  /**
   * What a process takes.
   *
   * @param residentBytes memory
   * @param descriptors open files
   * @param sockets of those
   * @param threads of it
   */
  record Figures(long residentBytes, long descriptors, long sockets, long threads) {}

  /**
   * What a command has done.
   *
   * @param code its exit code
   * @param out what it has written to standard output
   * @param err what it has written to standard error
   */
  record Ended(int code, String out, String err) {}

  private final String name;
  private final Plain container;
  private final DockerClient docker;

  private Machine(String name, Plain container) {
    this.name = name;
    this.container = container;
    docker = container.getDockerClient();
  }

  /**
   * A machine of a network, where it has that name, and may change its routes and its clock's zone.
   */
  static Machine start(Image image, String name, Lan lan, String... command) {
    return start(image, name, lan, Map.of(), command);
  }

  /** The same with kernel settings. */
  static Machine start(
      Image image, String name, Lan lan, Map<String, String> sysctls, String... command) {
    Plain container = new Plain(image.name());
    container
        .withCommand(command)
        .withNetwork(lan.network())
        .withNetworkAliases(name)
        .withCreateContainerCmdModifier(create -> {
          create.withHostName(name);
          HostConfig host = Objects.requireNonNull(create.getHostConfig());
          host.withCapAdd(Capability.NET_ADMIN)
              .withUlimits(List.of(new Ulimit("nofile", DESCRIPTORS, DESCRIPTORS)));
          host.withSysctls(sysctls);
          if (sysctls.containsKey("net.ipv4.ip_forward")) {
            host.withDevices(new Device("rwm", "/dev/net/tun", "/dev/net/tun"));
          }
        });
    container.start();
    return new Machine(name, container);
  }

  /** Runs a command as the user of the image, which must succeed; returns what it writes. */
  String run(String... command) {
    return succeeded(exec("", command), command);
  }

  /** Runs a command as root. */
  String runAsRoot(String... command) {
    return runAs("root", command);
  }

  String runAs(String user, String... command) {
    return succeeded(exec(user, command), command);
  }

  /** Runs a command however it ends; as a user, or as the image's if that is empty. */
  Ended exec(String user, String... command) {
    ExecConfig.ExecConfigBuilder config = ExecConfig.builder().command(command);
    if (!user.isEmpty()) {
      config.user(user);
    }
    try {
      var result = container.execInContainer(config.build());
      return new Ended(result.getExitCode(), result.getStdout(), result.getStderr());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted", e);
    }
  }

  private String succeeded(Ended ended, String... command) {
    if (ended.code() != 0) {
      throw new AssertionError(
          "%s: exit code %d of %s: %s%s%nlog:%n  %s"
              .formatted(
                  name,
                  ended.code(),
                  String.join(" ", command),
                  ended.out(),
                  ended.err(),
                  String.join("\n  ", log())));
    }
    return ended.out().strip();
  }

  /** The process ids of a program, in the machine. */
  List<Long> pids(String program) {
    String pids = exec("root", "pgrep", "-x", program).out();
    return pids.lines().map(Long::valueOf).toList();
  }

  /**
   * Starts a command as the image's user. It has Docker as its parent: a host that had to take it
   * on would think its plugin had ended.
   */
  void runInBackground(String command) {
    Thread.ofPlatform().daemon().start(() -> exec("", "sh", "-c", command));
  }

  /** Waits for the one process of a program. */
  long awaitPid(String program) {
    return Await.value(
        program + " in " + name,
        Await.LIMIT,
        () -> Optional.of(pids(program)).filter(pids -> pids.size() == 1).map(List::getFirst));
  }

  /** What the one process of a program takes: {@code java} is the plugin. */
  Figures figures(String program) {
    String[] figures =
        // Root in a container may not see where the descriptors of others lead.
        run(
                "sh",
                "-c",
                "cd /proc/$0 && awk '/VmRSS/{print $2}' status && ls fd | wc -l"
                    + " && ls -l fd | awk '/socket:/{n++} END{print n+0}' && ls task | wc -l",
                String.valueOf(awaitPid(program)))
            .split("\\s+", -1);
    return new Figures(
        Long.parseLong(figures[0]) * 1024,
        Long.parseLong(figures[1]),
        Long.parseLong(figures[2]),
        Long.parseLong(figures[3]));
  }

  /** All that its processes have written to both outputs so far, over restarts too. */
  List<String> log() {
    return container.getLogs().lines().toList();
  }

  String awaitLine(String part) {
    return awaitLine(part, 1);
  }

  /** Waits for the line of the log that is the {@code nth} to hold {@code part}. */
  String awaitLine(String part, int nth) {
    return Await.value(
        "line " + nth + " with '" + part + "' of " + this,
        Duration.ofSeconds(30),
        () -> {
          boolean last = !isRunning();
          Optional<String> line =
              log().stream().filter(l -> l.contains(part)).skip(nth - 1L).findFirst();
          if (line.isEmpty()) {
            if (last) {
              throw new AssertionError("ended without '" + part + "': " + this);
            }
            Await.pace(Duration.ofMillis(50));
          }
          return line;
        });
  }

  boolean isRunning() {
    return Boolean.TRUE.equals(inspect().getState().getRunning());
  }

  /** {@code docker stop}; returns the exit code of its first process: 137 is that of a kill. */
  long stop() {
    docker.stopContainerCmd(id()).withTimeout(10).exec();
    return inspect().getState().getExitCodeLong();
  }

  /** Ends as by a failure of power. */
  void kill() {
    docker.killContainerCmd(id()).exec();
    Await.until("end of " + name, () -> !isRunning());
  }

  /**
   * Starts again after {@link #stop} or {@link #kill}, on the same disk and, as a rule, addresses.
   */
  void startAgain() {
    docker.startContainerCmd(id()).exec();
  }

  /** Freezes all its processes. */
  void pause() {
    docker.pauseContainerCmd(id()).exec();
  }

  void unpause() {
    docker.unpauseContainerCmd(id()).exec();
  }

  /** Puts a further cable in. */
  void connect(Lan lan) {
    docker
        .connectToNetworkCmd()
        .withContainerId(id())
        .withNetworkId(lan.id())
        .withContainerNetwork(new ContainerNetwork().withAliases(new ArrayList<>(List.of(name))))
        .exec();
  }

  /** Pulls the cable: its addresses are gone, those of its connections too. */
  void disconnect(Lan lan) {
    docker.disconnectFromNetworkCmd().withContainerId(id()).withNetworkId(lan.id()).exec();
  }

  String ipv4(Lan lan) {
    return in(lan).getIpAddress();
  }

  String ipv6(Lan lan) {
    return in(lan).getGlobalIPv6Address();
  }

  private ContainerNetwork in(Lan lan) {
    return inspect().getNetworkSettings().getNetworks().values().stream()
        .filter(network -> lan.id().equals(network.getNetworkID()))
        .findFirst()
        .orElseThrow(() -> new AssertionError(name + " is not in the network"));
  }

  private InspectContainerResponse inspect() {
    return docker.inspectContainerCmd(id()).exec();
  }

  String name() {
    return name;
  }

  /** For Docker. */
  String id() {
    return container.getContainerId();
  }

  void copy(Path file, String to) {
    container.copyFileToContainer(MountableFile.forHostPath(file), to);
  }

  @Override
  public void close() {
    container.stop();
  }

  @Override
  public String toString() {
    return name + " with the log:\n  " + String.join("\n  ", log());
  }
}
