package io.github.ptadapter.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.ptadapter.it.Machine.Figures;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Load and time over a network between machines: ss-local, the plugin and obfs4 on one, obfs4 and
 * ss-server on another, and behind them a third. Nothing is lost, and nothing of it stays.
 *
 * <p>All programs have the limits that they come with, and may open 20,000 files.
 */
final class LoadIT {

  private static final boolean FULL = Boolean.getBoolean("ptadapter.full");
  private static final long SEED = Long.getLong("ptadapter.seed", System.nanoTime());

  private static final int TUNNELS_AT_ONCE = 2000;
  private static final int TUNNELS_IN_TURN = 20_000;
  private static final int IN_TURN_AT_ONCE = 200;
  private static final int SOAK_AT_ONCE = 60;
  private static final Duration SOAK = FULL ? Duration.ofMinutes(20) : Duration.ofMinutes(2);
  private static final Duration SOAK_FOR_LEAKS =
      FULL ? Duration.ofMinutes(2) : Duration.ofSeconds(10);

  /**
   * Finds all buffers that are lost, soon: a second after the last collection there is a full one.
   */
  private static final String LEAK_DETECTION =
      "-Dio.netty.leakDetection.level=paranoid"
          + " -XX:-UseSerialGC -XX:+UseG1GC -XX:G1PeriodicGCInterval=1000";

  /** How Netty's ResourceLeakDetector begins. */
  private static final String LEAK = "LEAK: ";

  /** The drain timeout is 10 s, and native memory is given back every 30 s. */
  private static final Duration QUIET = Duration.ofSeconds(90);

  private static final Duration SAMPLING = Duration.ofSeconds(4);

  /**
   * Resident memory of a plugin above that before its first tunnel: the heap of 64 MiB, most of
   * which Java keeps once it was used, and 8 MB.
   */
  private static final long GROWTH = (64L << 20) + 8_000_000;

  /** Java's compilers come and go; Go keeps a thread for each system call that took long. */
  private static final int MORE_THREADS = 20;

  @Test
  void nothingIsLostAndNothingStays() {
    try (Load load = new Load(ContainerPath.plan())) {
      assertThat(load.run("hold", TUNNELS_AT_ONCE)).isEqualTo(TUNNELS_AT_ONCE);
      assertThat(load.run("turnover", TUNNELS_IN_TURN, IN_TURN_AT_ONCE)).isEqualTo(TUNNELS_IN_TURN);
      load.run("soak", (int) SOAK.toSeconds(), SOAK_AT_ONCE);
    }
  }

  @Test
  void noBufferIsLost() {
    ContainerPath.Plan plan =
        ContainerPath.plan().withClientOptions(";drain-timeout=3s").withJavaOptions(LEAK_DETECTION);
    try (Load load = new Load(plan)) {
      load.run("soak", (int) SOAK_FOR_LEAKS.toSeconds(), SOAK_AT_ONCE);
      // What was lost is reported when the next buffer is made.
      load.run("turnover", IN_TURN_AT_ONCE, IN_TURN_AT_ONCE);
      assertThat(load.path.client().log()).noneMatch(line -> line.contains(LEAK));
      assertThat(load.runLeakProgram()).contains("ERROR [pt-adapter] " + LEAK);
    }
  }

  /** The path, and the program at both of its ends. */
  private static final class Load implements AutoCloseable {

    private static final int PORT = 7000;
    private static final String FOLDER = "/tmp/load";

    /** Another name than that of the plugin's process. */
    private static final String JAVA = FOLDER + "/load-java";

    private final ContainerPath path;
    private final Machine far;
    private final Map<String, Figures> before;
    private long conversations;

    Load(ContainerPath.Plan plan) {
      path = plan.start();
      try {
        far =
            Machine.start(
                Image.USERS,
                "far",
                path.far(),
                "sh",
                "-c",
                """
                until [ -e %s/complete ]; do sleep 0.1; done
                exec %s serve %d\
                """
                    .formatted(FOLDER, java(LoadProgram.class), PORT));
      } catch (AssertionError | RuntimeException e) {
        path.close();
        throw e;
      }
      copyPrograms(far);
      copyPrograms(path.client());
      far.awaitLine("serve: ");
      before = figures();
    }

    /** One load; waits until nothing of it is left. Returns how many conversations it had. */
    long run(String name, int... amounts) {
      String command =
          "%s %s %d %s %d %d"
              .formatted(
                  java(LoadProgram.class),
                  name,
                  ContainerPath.SOCKS_PORT,
                  far.ipv4(path.far()),
                  PORT,
                  SEED);
      for (int amount : amounts) {
        command += " " + amount;
      }
      Peaks peaks = new Peaks(this::figures);
      String result = path.client().run("sh", "-c", command);
      Map<String, Figures> most = peaks.stop();
      System.out.printf("LoadIT: %s (seed %d)%n", result, SEED);
      assertThat(result).contains(" lost=0 wrong=0 ");
      long count = number(result, "conversations");
      conversations += count;
      try {
        Await.until("what was there before", QUIET, () -> isQuiet(figures()));
      } finally {
        print(name, most, figures());
      }
      assertFarSide();
      for (Machine machine : List.of(path.client(), path.server())) {
        assertThat(machine.log()).noneMatch(l -> l.matches(".* (WARN|ERROR) \\[pt-adapter].*"));
      }
      return count;
    }

    private boolean isQuiet(Map<String, Figures> now) {
      Await.pace(Duration.ofMillis(500));
      return now.entrySet().stream()
          .allMatch(process -> isAsBefore(process.getKey(), process.getValue()));
    }

    private boolean isAsBefore(String process, Figures now) {
      Figures then = before.get(process);
      boolean plugin = process.endsWith("java");
      return now.descriptors() == then.descriptors()
          && now.sockets() == then.sockets()
          && now.threads() <= then.threads() + MORE_THREADS
          && (!plugin || now.residentBytes() <= then.residentBytes() + GROWTH);
    }

    /** It has seen every conversation, and each as it must be. */
    private void assertFarSide() {
      Await.until(
          "all conversations in the figures of the far side",
          () -> number(far.log().getLast(), "conversations") == conversations);
      assertThat(far.log().getLast()).contains(" lost=0 wrong=0 ");
      System.out.println("LoadIT: " + far.log().getLast());
    }

    private static long number(String figures, String key) {
      return Long.parseLong(figures.replaceFirst("(?s).*\\b" + key + "=(\\d+).*", "$1"));
    }

    private void print(String load, Map<String, Figures> most, Map<String, Figures> after) {
      before.forEach((process, then) -> {
        Figures peak = most.get(process);
        Figures now = after.get(process);
        System.out.printf(
            "LoadIT: %s: %s (before, most, after): descriptors %d %d %d; sockets %d %d %d;"
                + " threads %d %d %d; MB resident %.1f %.1f %.1f%n",
            load,
            process,
            then.descriptors(),
            peak.descriptors(),
            now.descriptors(),
            then.sockets(),
            peak.sockets(),
            now.sockets(),
            then.threads(),
            peak.threads(),
            now.threads(),
            then.residentBytes() / 1e6,
            peak.residentBytes() / 1e6,
            now.residentBytes() / 1e6);
      });
    }

    private Map<String, Figures> figures() {
      Map<String, Figures> figures = new LinkedHashMap<>();
      for (String program : List.of("ss-local", "java", "obfs4proxy")) {
        figures.put("client's " + program, path.client().figures(program));
      }
      for (String program : List.of("obfs4proxy", "java", "ss-server")) {
        figures.put("server's " + program, path.server().figures(program));
      }
      return figures;
    }

    /** What it writes. */
    String runLeakProgram() {
      Machine.Ended ended =
          path.client().exec("", "sh", "-c", java(LeakProgram.class, LEAK_DETECTION));
      assertThat(ended.code()).as(ended.toString()).isZero();
      return ended.err();
    }

    private static String java(Class<?> main, String... options) {
      return "%s -Xmx512m %s -cp '%s:%s/lib/*' %s"
          .formatted(JAVA, String.join(" ", options), FOLDER, FOLDER, main.getName());
    }

    private static void copyPrograms(Machine machine) {
      String folder = LoadIT.class.getPackageName().replace('.', '/');
      try {
        Path classes =
            Path.of(LoadIT.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        try (Stream<Path> files = Files.list(classes.resolve(folder))) {
          files
              .filter(file -> file.getFileName().toString().matches("(Load|Leak)Program.*"))
              .forEach(file ->
                  machine.copy(file, "%s/%s/%s".formatted(FOLDER, folder, file.getFileName())));
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      } catch (URISyntaxException e) {
        throw new AssertionError(e);
      }
      machine.runAsRoot(
          "sh",
          "-c",
          "ln -s /opt/pt-adapter-*/runtime/bin/java %s; ln -s /opt/pt-adapter-*/lib %s; touch %s/complete"
              .formatted(JAVA, FOLDER, FOLDER));
    }

    @Override
    public void close() {
      try (path) {
        far.close();
      }
    }
  }

  /** The highest figures while a load runs. */
  private static final class Peaks {

    /** Where they come from. */
    private interface Source {
      Map<String, Figures> now();
    }

    private final Map<String, Figures> most = new LinkedHashMap<>();
    private final Thread sampler;
    private volatile boolean ended;

    Peaks(Source source) {
      sampler =
          Thread.ofPlatform()
              .daemon()
              .start(() -> {
                do {
                  source.now().forEach((process, now) -> most.merge(process, now, Peaks::highest));
                  Await.pace(SAMPLING);
                } while (!ended);
              });
    }

    private static Figures highest(Figures a, Figures b) {
      return new Figures(
          Math.max(a.residentBytes(), b.residentBytes()),
          Math.max(a.descriptors(), b.descriptors()),
          Math.max(a.sockets(), b.sockets()),
          Math.max(a.threads(), b.threads()));
    }

    Map<String, Figures> stop() {
      ended = true;
      try {
        sampler.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new AssertionError("interrupted", e);
      }
      return most;
    }
  }
}
