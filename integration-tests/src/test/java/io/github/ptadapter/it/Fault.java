package io.github.ptadapter.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A fault of a {@link ContainerPath}, from before it until all is well again: looks after what it
 * may leave behind, and says in one line what it did.
 */
final class Fault {

  /** What a line of a plugin at warn or above may say, unless a fault allows more. */
  private static final String OF_A_TUNNEL = "tunnel #\\d+ (failed: |brought no answer: ).*";

  /** A burst of a kind, and what may come after it in a minute. */
  private static final int MAX_LINES = 35;

  private static final int SHOWN = 2;

  private static final Duration SERVES_WITHIN = Duration.ofSeconds(60);

  private final String name;
  private final ContainerPath path;
  private final Optional<Tunnels> tunnels;
  private final Tunnels.Figures before;
  private final Map<Machine, List<String>> processes = new LinkedHashMap<>();
  private final Map<Machine, Integer> logged = new LinkedHashMap<>();
  private final long begin = System.nanoTime();
  private long over;
  private Duration again = Duration.ZERO;
  private String more = "";

  private Fault(String name, ContainerPath path, Optional<Tunnels> tunnels) {
    this.name = name;
    this.path = path;
    this.tunnels = tunnels;
    before = tunnels.map(Tunnels::figures).orElse(Tunnels.NONE);
    path.web().run("sh", "-c", "head -c 1 /dev/urandom >/srv/1");
    for (Machine machine : List.of(path.client(), path.server())) {
      processes.put(machine, processes(machine));
      logged.put(machine, machine.log().size());
    }
  }

  static Fault begin(String name, ContainerPath path) {
    return new Fault(name, path, Optional.empty());
  }

  static Fault begin(String name, ContainerPath path, Tunnels tunnels) {
    return new Fault(name, path, Optional.of(tunnels));
  }

  /** A word for the line. */
  void note(String word) {
    more += " | " + word;
  }

  /** The fault is taken away: waits until new connections work. */
  void over() {
    over = System.currentTimeMillis();
    long since = System.nanoTime();
    Await.until(
        "a new connection after: " + name,
        SERVES_WITHIN,
        () -> path.tryCurl("--max-time", "20", "-o", "/dev/null", "http://web/1").code() == 0);
    again = Duration.ofNanos(System.nanoTime() - since);
  }

  /** Tells how many tunnels were lost; all are back, and none had a wrong byte. */
  int end() {
    String held = "";
    int lost = 0;
    if (tunnels.isPresent()) {
      Tunnels.Figures after = tunnels.orElseThrow().awaitAll(over);
      lost = after.lost() - before.lost();
      held =
          " | tunnels lost %d, bytes wrong %d, all in use after %d ms"
              .formatted(lost, after.wrong() - before.wrong(), after.millis() - over);
      assertThat(after.wrong()).as("wrong bytes").isZero();
    }
    System.out.printf(
        "FAULT | %s%s | a new connection after %d ms%s | in all %d ms%n",
        name, held, again.toMillis(), more, Duration.ofNanos(System.nanoTime() - begin).toMillis());
    for (Machine machine : List.of(path.client(), path.server())) {
      warnings(machine).stream()
          .limit(SHOWN)
          .forEach(line -> System.out.println("  of " + warnings(machine).size() + ": " + line));
    }
    for (Machine machine : List.of(path.client(), path.server())) {
      assertThat(warnings(machine))
          .hasSizeLessThan(MAX_LINES)
          .allMatch(line -> line.matches(".* (WARN|ERROR) \\[pt-adapter] (" + OF_A_TUNNEL + ")"));
      assertThat(lines(machine)).noneMatch(line -> line.contains("xception"));
      List<String> expected = processes.get(machine);
      Await.until(
          "processes " + expected + " as before in " + machine,
          () -> processes(machine).equals(expected));
    }
    return lost;
  }

  /** The processor time that the one process of a program has had. */
  static Duration cpu(Machine machine, String program) {
    return cpu(machine, machine.awaitPid(program));
  }

  static Duration cpu(Machine machine, long pid) {
    String stat = machine.runAsRoot("cat", "/proc/" + pid + "/stat");
    String[] fields = stat.substring(stat.indexOf(')') + 2).split(" ", -1);
    // User and system, in hundredths of a second.
    return Duration.ofMillis(10 * (Long.parseLong(fields[11]) + Long.parseLong(fields[12])));
  }

  /** What the plugin of a machine has logged since. */
  List<String> lines(Machine machine) {
    return machine.log().stream()
        .skip(logged.get(machine))
        .filter(line -> line.contains("[pt-adapter]") || line.startsWith("\tat "))
        .toList();
  }

  List<String> warnings(Machine machine) {
    return lines(machine).stream().filter(line -> !line.contains(" INFO ")).toList();
  }

  /** Names only: a program may have been started again. */
  private static List<String> processes(Machine machine) {
    return machine
        .run("ps", "-e", "-o", "stat=,comm=")
        .lines()
        .map(line -> line.strip().replaceFirst("^([A-Z])\\S*", "$1").replaceFirst("^[RSD]", ""))
        .map(String::strip)
        .filter(line -> !line.equals("ps"))
        .sorted()
        .toList();
  }
}
