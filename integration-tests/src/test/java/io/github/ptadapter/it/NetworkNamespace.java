package io.github.ptadapter.it;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A network out of which nothing leads, for programs that would else look for the real one, or that
 * refuse loopback addresses. It is there as long as a program that runs in it.
 */
final class NetworkNamespace implements AutoCloseable {

  /** An address of no private range, and nobody's (RFC 5737). */
  static final String ADDRESS = "203.0.113.1";

  private static final String LOOPBACK = "set -e; ip link set lo up; ";

  /** Some programs look for an interface that is no loopback: an end of a cable is one. */
  private static final String CABLE =
      """
      ip link add name pub type veth peer name end
      ip address add %s/24 dev pub
      ip link set end up
      ip link set pub up
      """
          .formatted(ADDRESS);

  /** Ends with its input, so with this JVM, however that one ends. */
  private static final String HOLD = "echo up >&2; exec cat";

  private final Program holder;
  private final List<String> enter;

  private NetworkNamespace(Program holder, List<String> enter) {
    this.holder = holder;
    this.enter = enter;
  }

  /** A network with nothing in it but loopback. */
  static NetworkNamespace create() {
    return create(LOOPBACK + HOLD);
  }

  /** A network with {@link #ADDRESS} beside loopback. */
  static NetworkNamespace withAddress() {
    return create(LOOPBACK + CABLE + HOLD);
  }

  private static NetworkNamespace create(String script) {
    Requirement.program("unshare");
    Requirement.program("nsenter");
    Requirement.program("ip");
    List<String> unshare = new ArrayList<>(List.of("unshare", "--net"));
    List<String> enter = new ArrayList<>(List.of("nsenter", "--net"));
    if (!isRoot()) {
      // Many systems let anyone be root among processes of their own.
      unshare.add("--map-root-user");
      enter.addAll(List.of("--user", "--preserve-credentials"));
    }
    unshare.addAll(List.of("sh", "-c", script));
    Program holder = Program.start(new ProcessBuilder(unshare));
    enter.addAll(List.of("--target", String.valueOf(holder.pid()), "--"));
    Await.until("network of " + holder, () -> isUp(holder) || !holder.isRunning());
    Requirement.inCi(isUp(holder), "permission for a network namespace: " + holder);
    return new NetworkNamespace(holder, enter);
  }

  /** The same command, to run in here; it keeps its process id, its parent and its folder. */
  ProcessBuilder inside(ProcessBuilder builder) {
    List<String> command = new ArrayList<>(enter);
    command.addAll(builder.command());
    return builder.command(command);
  }

  private static boolean isUp(Program holder) {
    return holder.log().contains("up");
  }

  private static boolean isRoot() {
    try {
      return Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    holder.close();
  }
}
