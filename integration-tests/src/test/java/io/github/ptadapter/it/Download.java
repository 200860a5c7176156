package io.github.ptadapter.it;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;

/** A file on its way from the web server to the client, slow enough to be met in the middle. */
final class Download {

  private static final Duration LIMIT = Duration.ofSeconds(150);

  private static final long FIRST = 4_000_000;

  private final ContainerPath path;
  private final long size;
  private final String file;
  private final long receivedBefore;
  private final CompletableFuture<Machine.Ended> curl;

  private Download(ContainerPath path, long size, long bytesASecond) {
    this.path = path;
    this.size = size;
    path.web().run("sh", "-c", "[ -e /srv/$0 ] || head -c $0 /dev/urandom >/srv/$0", "" + size);
    file = path.client().run("mktemp");
    receivedBefore = received(path);
    String rate = String.valueOf(bytesASecond);
    curl =
        CompletableFuture.supplyAsync(
            () -> path.tryCurl("--limit-rate", rate, "-o", file, "http://web/" + size),
            command -> Thread.ofPlatform().daemon().start(command));
  }

  static Download start(ContainerPath path, long size, long bytesASecond) {
    return new Download(path, size, bytesASecond);
  }

  /** Waits until the first of it has come; the rest is not all in buffers of the client. */
  Download awaitUnderWay() {
    Await.until(FIRST + " bytes", () -> arrived() >= FIRST);
    if (received(path) - receivedBefore >= size) {
      throw new AssertionError("all was there when " + FIRST + " bytes were read: make it larger");
    }
    return this;
  }

  /** The bytes that the client has received so far, over all its cables. */
  private static long received(ContainerPath path) {
    String awk = "NR > 2 && $1 != \"lo:\" {sum += $2} END {printf \"%d\", sum}";
    return Long.parseLong(path.client().run("awk", awk, "/proc/net/dev"));
  }

  private long arrived() {
    return Long.parseLong(path.client().run("stat", "-c", "%s", file));
  }

  /** Waits for its end; fails if curl takes for whole what is not. */
  Machine.Ended await() {
    Await.until("the end of curl", LIMIT, curl::isDone);
    Machine.Ended ended = curl.join();
    if (ended.code() == 0) {
      String got = path.client().run("sh", "-c", "sha256sum <" + file);
      String expected = path.web().run("sh", "-c", "sha256sum </srv/" + size);
      if (!got.equals(expected)) {
        throw new AssertionError("SHA-256 is " + got + ", not " + expected);
      }
    }
    path.client().run("rm", file);
    return ended;
  }

  /** The same, for one that must be whole. */
  void awaitWhole() {
    Machine.Ended ended = await();
    if (ended.code() != 0) {
      throw new AssertionError(
          "curl ended with %d: %s; %s".formatted(ended.code(), ended.err(), path.client()));
    }
  }
}
