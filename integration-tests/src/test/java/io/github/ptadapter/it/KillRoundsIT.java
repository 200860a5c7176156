package io.github.ptadapter.it;

import static java.util.concurrent.TimeUnit.MICROSECONDS;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Hosts, plugins and PTs killed in any order at any moment, from a host's first millisecond on:
 * afterwards no process, no listening port and no file is left.
 *
 * <p>The rounds of one kind of host share their ports and their state, so each start is also the
 * test of the end before it. {@code -Dptadapter.seed=N} repeats the choices of a run, though not
 * its timing; {@code -Dptadapter.rounds=N} sets how many.
 */
final class KillRoundsIT {

  private static final int ROUNDS =
      Integer.getInteger("ptadapter.rounds", Boolean.getBoolean("ptadapter.full") ? 500 : 40);

  private static final long SEED =
      Long.getLong("ptadapter.seed", System.currentTimeMillis() % 1_000_000);

  /** Twice what the contract gives to the end of a host. */
  private static final Duration LIMIT = Duration.ofSeconds(2);

  /** A host that has not ended by then was hit by nothing that ends it. */
  private static final Duration HOST_MAY_TAKE = Duration.ofMillis(200);

  private static final List<String> SIGNALS = List.of("KILL", "TERM", "INT", "HUP", "QUIT");

  /** A variable that a host passes on to all that it starts, so that they are known by it. */
  private static final String MARK = "KILL_ROUND";

  private static final Payload SMALL = new Payload(7, 20_000);

  /** Who starts the plugin. The stand-ins give /dev/null as standard input, as many hosts do. */
  private enum Kind {
    SS_LOCAL,
    SS_SERVER,
    STAND_IN_CLIENT,
    STAND_IN_SERVER;

    boolean isServer() {
      return this == SS_SERVER || this == STAND_IN_SERVER;
    }

    boolean isStandIn() {
      return this == STAND_IN_CLIENT || this == STAND_IN_SERVER;
    }
  }

  private static final List<Kind> KINDS = List.of(Kind.values());

  /** What the transport's program does; the last three are scripts. */
  private enum Transport {
    REAL(""),
    DEAF_TO_TERM("trap '' TERM; exec cat"),
    DEAF_TO_INPUT("exec sleep 600"),
    DEAF_TO_BOTH("trap '' TERM; exec sleep 600");

    static final List<Transport> STUBBORN = List.of(DEAF_TO_TERM, DEAF_TO_INPUT, DEAF_TO_BOTH);

    private final String body;

    Transport(String body) {
      this.body = body;
    }

    /** Only such a PT may stay, and only when its plugin had no time for a last deed. */
    boolean mayOutliveKilledPlugin() {
      return this == DEAF_TO_INPUT || this == DEAF_TO_BOTH;
    }
  }

  private enum Target {
    HOST,
    PLUGIN,
    PT
  }

  @TempDir Path dir;

  private final Path temporary = Path.of("tmp");
  private final List<String> failures = new ArrayList<>();
  private int outlived;
  private int adoptedUnseen;

  private HostPair peers;
  private TestServer target;
  private Signals signals;

  @Test
  void nothingIsLeft() throws IOException {
    System.out.printf("KillRoundsIT: %d rounds, -Dptadapter.seed=%d%n", ROUNDS, SEED);
    Files.createDirectory(dir.resolve(temporary));
    Map<Kind, Integer> ports = new EnumMap<>(Kind.class);
    for (Kind kind : KINDS) {
      ports.put(kind, Loopback.freePort());
    }
    long start = System.nanoTime();
    try (TestServer exchange = Exchange.server(Loopback.IPV4);
        HostPair pair = HostPair.start(dir, Loopback.IPV4, "", Map.of());
        Signals shell = new Signals()) {
      target = exchange;
      peers = pair;
      signals = shell;
      for (int number = 1; number <= ROUNDS; number++) {
        Random random = new Random(SEED * 1_000_003 + number);
        Kind kind = KINDS.get(random.nextInt(KINDS.size()));
        new Round(number, kind, ports.get(kind), random).run();
      }
      for (Kind kind : KINDS) {
        new Round(ROUNDS + 1, kind, ports.get(kind), new Random(SEED)).serveAndEnd();
      }
    }
    System.out.printf(
        "KillRoundsIT: %d rounds in %d s; %d PTs deaf to the end of input outlived a SIGKILL of"
            + " their plugin, %d plugins whose host had died at once were not to be told%n",
        ROUNDS, Duration.ofNanos(System.nanoTime() - start).toSeconds(), outlived, adoptedUnseen);
    assertThat(failures).as("seed %d", SEED).isEmpty();
  }

  /** One host from its start to the end of all that it had started. */
  private final class Round {
    private final Kind kind;
    private final int port;
    private final Random random;
    private final Transport transport;
    private final String mark;
    private final StringBuilder story = new StringBuilder();
    private final Set<Long> seen = new TreeSet<>();
    private boolean pluginKilled;

    Round(int number, Kind kind, int port, Random random) {
      this.kind = kind;
      this.port = port;
      this.random = random;
      boolean real = kind != Kind.STAND_IN_CLIENT || random.nextInt(3) == 0;
      transport = real ? Transport.REAL : pick(Transport.STUBBORN);
      mark = ProcessHandle.current().pid() + "-" + number;
      story.append("round %d, %s, PT %s".formatted(number, kind, transport));
    }

    void run() throws IOException {
      try (Program host = Program.start(command())) {
        try {
          await(host);
          List<Target> targets = new ArrayList<>(List.of(Target.values()));
          Collections.shuffle(targets, random);
          for (Target victim : targets.subList(0, 1 + random.nextInt(targets.size()))) {
            kill(victim, host, pick(SIGNALS));
            LockSupport.parkNanos(MICROSECONDS.toNanos(random.nextInt(3000)));
          }
          end(host, random.nextBoolean() ? "KILL" : "TERM");
        } catch (AssertionError e) {
          if (marked().stream().anyMatch(pid -> isAdoptedUnseen(pid, host))) {
            adoptedUnseen++;
            return;
          }
          failures.add(story + ": " + e.getMessage());
        } finally {
          signals.send("KILL", marked());
        }
      }
    }

    private <T> T pick(List<T> choices) {
      return choices.get(random.nextInt(choices.size()));
    }

    /** After all rounds nothing stands in the way of a start. */
    void serveAndEnd() throws IOException {
      try (Program host = Program.start(command())) {
        host.awaitReady();
        end(host, "TERM");
      } catch (AssertionError e) {
        failures.add("start after all rounds, " + kind + ": " + e.getMessage());
      } finally {
        signals.send("KILL", marked());
      }
    }

    private ProcessBuilder command() throws IOException {
      List<String> command;
      String options = options();
      if (kind.isStandIn()) {
        // Not the last command, which the shell would become itself.
        String script = "\"$0\" </dev/null; exit $?";
        command = List.of("sh", "-c", script, Plugin.LAUNCHER.toString());
      } else {
        boolean server = kind.isServer();
        String remote = String.valueOf(server ? port : peers.publicPort());
        command = new ArrayList<>(List.of(server ? "ss-server" : "ss-local"));
        command.addAll(List.of("-s", Loopback.IPV4, "-p", remote, "-k", "tests"));
        command.addAll(List.of("-m", "aes-256-gcm", "--plugin", Plugin.LAUNCHER.toString()));
        command.addAll(List.of("--plugin-opts", options));
        if (!server) {
          command.addAll(List.of("-b", Loopback.IPV4, "-l", String.valueOf(port)));
        }
      }
      ProcessBuilder builder = new ProcessBuilder(command).directory(dir.toFile());
      Plugin.clean(builder, dir);
      if (kind.isStandIn()) {
        Sip sip =
            kind.isServer()
                ? Sip.of(port, target.port(), options)
                : Sip.of(peers.publicPort(), port, options);
        builder.environment().putAll(sip.environment());
      }
      builder.environment().put("TMPDIR", dir.resolve(temporary).toString());
      builder.environment().put(MARK, mark);
      return builder;
    }

    private String options() throws IOException {
      String state = ";state=" + state();
      if (kind.isServer()) {
        return "server;transport=obfs4;exec=" + Plugin.EMBEDDED_PT + state;
      }
      if (transport == Transport.REAL) {
        Path offered = dir.resolve("server-state").resolve("client-plugin-opts.txt");
        return Files.readString(offered).strip() + ";exec=" + Plugin.EMBEDDED_PT + state;
      }
      FakePt pt = FakePt.write(dir.resolve(transport.name()), FakePt.offers(9) + transport.body);
      return "transport=fake;a=b;exec=" + pt.script() + state;
    }

    private Path state() {
      return dir.resolve("state-of-" + kind);
    }

    /** Waits for the moment of the first kill. */
    private void await(Program host) throws IOException {
      int moment = random.nextInt(10);
      if (moment < 7) {
        int micros = random.nextInt(moment < 2 ? 5_000 : moment < 4 ? 20_000 : 400_000);
        story.append(", after %.1f ms".formatted(micros / 1e3));
        LockSupport.parkNanos(MICROSECONDS.toNanos(micros));
        return;
      }
      story.append(", when ready");
      host.awaitReady();
      if (moment > 7 && transport == Transport.REAL) {
        story.append(" and busy");
        // Left open: the kernel closes it at the other end.
        Socket socket =
            kind == Kind.SS_LOCAL
                ? Loopback.connect(new Socket(socks()), Loopback.IPV4, target.port())
                : Loopback.connect(port);
        if (kind == Kind.SS_LOCAL) {
          Exchange.up(socket, SMALL);
          Exchange.askDown(socket, new Payload(8, 1_000_000_000));
        } else {
          SMALL.writeTo(socket.getOutputStream());
        }
        closeLater(socket);
      }
    }

    private Proxy socks() {
      return new Proxy(
          Proxy.Type.SOCKS, new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
    }

    private void kill(Target victim, Program host, String signal) {
      Optional<Long> pid =
          switch (victim) {
            case HOST -> Optional.of(host.pid()).filter(Processes::isRunning);
            case PLUGIN -> others(host).stream().filter(this::isPlugin).findFirst();
            case PT -> others(host).stream().filter(p -> !isPlugin(p)).findFirst();
          };
      story.append(", ").append(signal).append(' ').append(pid.isPresent() ? "" : "no ");
      story.append(victim);
      pluginKilled |= victim == Target.PLUGIN && signal.equals("KILL") && pid.isPresent();
      signals.send(signal, pid.stream().toList());
    }

    /**
     * Tells of a plugin whose host died before the launcher could ask for its parent, and whose new
     * parent looks like a host, being of the same session: that can be in a container.
     */
    private boolean isAdoptedUnseen(long pid, Program host) {
      String parent = Processes.environment(pid).getOrDefault("PT_ADAPTER_PARENT", "");
      return !parent.isEmpty()
          && Long.parseLong(parent) != host.pid()
          && Processes.session(Long.parseLong(parent)).equals(Processes.session(pid));
    }

    /** Only hosts and plugins have these variables. */
    private boolean isPlugin(long pid) {
      return Processes.environment(pid).containsKey("SS_REMOTE_PORT");
    }

    private List<Long> others(Program host) {
      return marked().stream().filter(pid -> pid != host.pid()).toList();
    }

    private List<Long> marked() {
      try (Stream<Path> entries = Files.list(Path.of("/proc"))) {
        List<Long> pids =
            entries
                .map(entry -> entry.getFileName().toString())
                .filter(name -> Character.isDigit(name.charAt(0)))
                .map(Long::valueOf)
                .filter(pid -> mark.equals(Processes.environment(pid).get(MARK)))
                .filter(Processes::isRunning)
                .toList();
        seen.addAll(pids);
        return pids;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    private void end(Program host, String signal) {
      long until = System.nanoTime() + HOST_MAY_TAKE.toNanos();
      while (host.isRunning() && System.nanoTime() < until) {
        Await.pace(Duration.ofMillis(2));
      }
      if (host.isRunning()) {
        kill(Target.HOST, host, signal);
      }
      boolean ptMayStay = pluginKilled && transport.mayOutliveKilledPlugin();
      try {
        Await.until("end", LIMIT, () -> marked().stream().allMatch(p -> ptMayStay && !isPlugin(p)));
      } catch (AssertionError e) {
        throw new AssertionError(
            "left behind: "
                + marked().stream().map(KillRoundsIT::describe).collect(Collectors.joining(", "))
                + ", log: "
                + host.log(),
            e);
      }
      outlived += marked().size();
      Await.until("free port", LIMIT, () -> Loopback.isFree(Loopback.IPV4, port));
      assertThat(files(dir.resolve(temporary))).as("temporary files").isEmpty();
      assertThat(files(state()))
          .as("state")
          .isSubsetOf(
              "client-plugin-opts.txt",
              // The next start replaces it.
              "client-plugin-opts.txt.new",
              "obfs4_bridgeline.txt",
              "obfs4_state.json",
              "obfs4_state.json.copy",
              "obfs4_state.json.copy.new",
              "obfs4_state.json.new",
              "obfs4proxy.log");
      for (long pid : seen) {
        try (Stream<Path> folders = Files.list(Path.of("/tmp"))) {
          assertThat(folders.map(folder -> folder.resolve(String.valueOf(pid))))
              .as("/tmp/hsperfdata_*/" + pid)
              .noneMatch(file -> file.toString().contains("hsperfdata") && Files.exists(file));
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      }
    }
  }

  private static void closeLater(Socket socket) {
    Thread.ofVirtual()
        .start(() -> {
          try (socket) {
            socket.getInputStream().skipNBytes(Long.MAX_VALUE);
          } catch (IOException e) {
            // The other end is gone.
          }
        });
  }

  private static String describe(long pid) {
    Map<String, String> environment = Processes.environment(pid);
    return "%s %d (launcher's parent %s)"
        .formatted(Processes.name(pid), pid, environment.get("PT_ADAPTER_PARENT"));
  }

  private static List<String> files(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).toList();
    } catch (NoSuchFileException e) {
      return List.of();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** One shell for all signals: to start one for each would take longer than what is tested. */
  private static final class Signals implements AutoCloseable {
    private final Process shell;
    private final Writer commands;
    private final BufferedReader answers;

    Signals() throws IOException {
      shell = new ProcessBuilder("sh").start();
      commands = shell.outputWriter(StandardCharsets.US_ASCII);
      answers = shell.inputReader(StandardCharsets.US_ASCII);
    }

    /** Sends a signal to those of the processes that are still there. */
    void send(String signal, List<Long> pids) {
      try {
        for (long pid : pids) {
          commands.write("kill -s " + signal + " " + pid + " 2>&-; echo\n");
          commands.flush();
          answers.readLine();
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public void close() throws IOException {
      commands.close();
      Await.until("end of the shell", () -> !shell.isAlive());
    }
  }
}
