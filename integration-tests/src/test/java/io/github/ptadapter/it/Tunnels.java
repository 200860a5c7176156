package io.github.ptadapter.it;

import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Arrays;
import java.util.Objects;
import java.util.Optional;

/** Tunnels of a {@link ContainerPath} that are held and used by a {@link Crowd}. */
final class Tunnels implements AutoCloseable {

  private static final int ECHO_PORT = 7;
  private static final String FOLDER = "/tmp/crowd-classes/io/github/ptadapter/it/";
  private static final String OUTPUT = "/tmp/crowd.out";
  private static final Duration LIMIT = Duration.ofSeconds(60);

  /**
   * What the crowd has seen so far.
   *
   * @param millis when this was written
   * @param alive tunnels that have brought an answer and not ended
   * @param lost tunnels that have ended
   * @param wrong bytes that came back as others
   * @param exchanges that were complete
   * @param oldest when the tunnel that has waited for the longest last had an answer; 0 while one
   *     has none
   */
  record Figures(long millis, int alive, int lost, long wrong, long exchanges, long oldest) {}

  static final Figures NONE = new Figures(0, 0, 0, 0, 0, 0);

  private final ContainerPath path;
  private final int size;

  private Tunnels(ContainerPath path, int size) {
    this.path = path;
    this.size = size;
  }

  /** Opens them, and waits until each has brought an answer. */
  static Tunnels open(ContainerPath path, int size) {
    Tunnels tunnels = new Tunnels(path, size);
    try {
      tunnels.open();
      return tunnels;
    } catch (AssertionError | RuntimeException e) {
      tunnels.close();
      throw e;
    }
  }

  private void open() {
    path.web().copy(Path.of("src/test/containers/echo"), "/usr/local/bin/echo-back");
    path.web().runInBackground("exec echo-back %d >/tmp/echo.out 2>&1".formatted(ECHO_PORT));
    path.client().copy(Path.of(location(Crowd.class)), FOLDER + "Crowd.class");
    long seed = new SecureRandom().nextLong() >>> 16;
    System.out.println("Tunnels: seed " + seed);
    // By this name, so that there is one 'java' in the machine: the plugin.
    path.client().run("sh", "-c", "ln -sf /opt/pt-adapter-*/runtime/bin/java /tmp/crowd");
    path.client()
        .runInBackground(
            "exec /tmp/crowd -Xmx64m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp /tmp/crowd-classes"
                + " io.github.ptadapter.it.Crowd %d %d web %d %d >%s 2>&1"
                    .formatted(size, ContainerPath.SOCKS_PORT, ECHO_PORT, seed, OUTPUT));
    Await.until("the output", () -> path.client().exec("", "test", "-s", OUTPUT).code() == 0);
    awaitAll(System.currentTimeMillis());
  }

  private static URI location(Class<?> type) {
    try {
      return Objects.requireNonNull(type.getResource(type.getSimpleName() + ".class")).toURI();
    } catch (URISyntaxException e) {
      throw new AssertionError(e);
    }
  }

  Figures figures() {
    String line = path.client().run("tail", "-n", "1", OUTPUT);
    long[] f = Arrays.stream(line.split(" ", -1)).mapToLong(Long::parseLong).toArray();
    return new Figures(f[0], (int) f[1], (int) f[2], f[3], f[4], f[5]);
  }

  /** Waits until each has brought an answer after a time of the clock. */
  Figures awaitAll(long millis) {
    return Await.value(
        "an answer from each of the " + size + " tunnels",
        LIMIT,
        () -> {
          Optional<Figures> all =
              Optional.of(figures()).filter(f -> f.alive() == size && f.oldest() > millis);
          if (all.isEmpty()) {
            Await.pace(Duration.ofMillis(50));
          }
          return all;
        });
  }

  @Override
  public void close() {
    path.client().exec("root", "pkill", "-x", "crowd");
    path.web().exec("root", "pkill", "-x", "echo-back");
    Await.until("the end of the crowd", () -> path.client().pids("crowd").isEmpty());
    path.client().run("rm", "-f", OUTPUT);
  }
}
