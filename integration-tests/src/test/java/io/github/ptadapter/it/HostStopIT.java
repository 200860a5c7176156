package io.github.ptadapter.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * However a host ends: plugin and PT end too, and the next one starts on the same ports at once.
 */
final class HostStopIT {

  /** The contract's limit for all that hangs on a host. */
  private static final Duration LIMIT = Duration.ofSeconds(1);

  private static final String CERT = "transport=obfs4;cert=" + "A".repeat(70) + ";iat-mode=0";

  /** Stays the host's parent and does not collect its remains. */
  private static final String NEGLIGENT = "eval \"$HOST &\"; exec sleep 600";

  /** Becomes the parent of all whose parents die below it, as a session's systemd does. */
  private static final String SUBREAPER =
      """
      exec python3 -c 'import ctypes, os, subprocess, time
      ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
      subprocess.Popen(["sh", "-c", "exec " + os.environ["HOST"]])
      time.sleep(600)'
      """;

  /** A foreground process group, as of a terminal. */
  private static final String GROUP = "eval \"exec setsid $HOST\"";

  @TempDir Path dir;

  private final int publicPort = Loopback.freePort();
  private final int socksPort = Loopback.freePort();

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ss-local",
        "ss-redir",
        "ss-tunnel",
        "ss-server",
        "sslocal",
        "ssserver",
        "go-shadowsocks2, client",
        "go-shadowsocks2, server"
      })
  void nothingIsLeftAndTheNextStartsOnTheSamePorts(String host) {
    List<String> times = new ArrayList<>();
    for (String signal : List.of("TERM", "KILL", "INT", "HUP", "QUIT")) {
      long start = System.nanoTime();
      try (Program program = Program.start(recipe(host).builder(dir)).awaitReady()) {
        long ready = millisSince(start);
        long stop = end(program, program.pid(), signal);
        times.add("%s %d (start %d)".formatted(signal, stop, ready));
      }
    }
    System.out.printf("HostStopIT: %s, all gone, ms: %s%n", host, String.join(", ", times));
  }

  @ParameterizedTest
  @ValueSource(strings = {"ss-local", "sslocal"})
  void zombieHostIsADeadHost(String host) {
    try (Program parent = Program.start(recipe(host).builder(dir, NEGLIGENT)).awaitReady()) {
      endBelow(parent, host);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"ss-local", "sslocal"})
  void orphansMayGoToAnotherParentThanInit(String host) {
    Requirement.program("python3");
    try (Program parent = Program.start(recipe(host).builder(dir, SUBREAPER)).awaitReady()) {
      endBelow(parent, host);
    }
  }

  private void endBelow(Program parent, String host) {
    long stop = end(parent, parent.awaitChild(host), "KILL");
    System.out.printf("HostStopIT: %s below %s, all gone after %d ms%n", host, parent.pid(), stop);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ss-local",
        "ss-server",
        "sslocal",
        "ssserver",
        "go-shadowsocks2, client",
        "go-shadowsocks2, server"
      })
  void interruptFromTheTerminalEndsAllOfTheGroupOnce(String host) {
    try (Program program = Program.start(recipe(host).builder(dir, GROUP)).awaitReady()) {
      long stop = end(program, -program.pid(), "INT");
      int code = program.awaitExit(LIMIT);
      assertNoTrace(program);
      System.out.printf(
          "HostStopIT: Ctrl-C to %s: all gone after %d ms, exit code %d%n", host, stop, code);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"INT", "TERM"})
  void signalToTheGroupOfThePluginEndsItWithCodeZero(String signal) {
    Sip sip = Sip.of(publicPort, socksPort, CERT + ";state=" + dir + ";loglevel=debug");
    ProcessBuilder builder = Plugin.command(dir, sip);
    builder.command().addFirst("setsid");
    try (Program plugin = Program.start(builder).awaitReady()) {
      plugin.awaitChild("obfs4proxy");
      List<Long> family = plugin.family();
      Processes.signal(signal, -plugin.pid());
      assertThat(plugin.awaitExit(LIMIT)).isZero();
      Await.until("end of " + family, LIMIT, () -> noneRuns(family));
      assertNoTrace(plugin);
    }
  }

  @Test
  void hostThatCannotListenItselfLeavesNothing() throws IOException {
    try (ServerSocket taken = new ServerSocket()) {
      taken.bind(Loopback.address(Loopback.IPV4, socksPort));
      endsByItself();
    }
  }

  private void endsByItself() {
    try (Program host = Program.start(recipe("ss-local").builder(dir))) {
      host.awaitExit(Await.LIMIT);
      List<Long> family = host.family();
      Await.until("end of " + family, LIMIT, () -> noneRuns(family));
    }
  }

  private Recipe recipe(String host) {
    Recipe recipe = Recipe.of(host);
    if (recipe.command().contains("\"server;")) {
      return recipe.asServer(publicPort).with("/var/lib/pt-adapter", dir + "/state-of-server");
    }
    Recipe client = recipe.asClient(publicPort, socksPort, CERT);
    return host.equals("ss-tunnel") ? client.with("TARGET:80", "127.0.0.1:80") : client;
  }

  /** Sends a signal and waits for the end of all; returns the milliseconds that it took. */
  private long end(Program program, long target, String signal) {
    long plugin = program.awaitChild("java");
    program.awaitChild("obfs4proxy");
    int local = Integer.parseInt(Processes.environment(plugin).get("SS_LOCAL_PORT"));
    List<Long> family = program.family();
    // All but the parent of a host, which stays.
    List<Long> ending =
        target == program.pid() || target == -program.pid()
            ? family
            : family.stream().filter(pid -> pid != program.pid()).toList();
    assertThat(ending).hasSizeGreaterThanOrEqualTo(3);
    long sent = Processes.signal(signal, target);
    Await.until(
        "end of " + ending + " of " + program + ", and their ports free",
        LIMIT,
        () ->
            noneRuns(ending)
                && Loopback.isFree(Loopback.IPV4, publicPort)
                && Loopback.isFree(Loopback.IPV4, socksPort)
                && Loopback.isFree(Loopback.IPV4, local));
    return millisSince(sent);
  }

  private static boolean noneRuns(List<Long> pids) {
    return pids.stream().noneMatch(Processes::isRunning);
  }

  private static void assertNoTrace(Program program) {
    assertThat(program.log())
        .noneMatch(line -> line.startsWith("\tat ") || line.contains("Exception"));
    assertThat(program.errors()).isEmpty();
  }

  private static long millisSince(long nanoTime) {
    return Duration.ofNanos(System.nanoTime() - nanoTime).toMillis();
  }
}
