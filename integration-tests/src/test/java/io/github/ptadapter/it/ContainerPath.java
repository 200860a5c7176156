package io.github.ptadapter.it;

import io.github.ptadapter.it.DelayBox.Line;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/**
 * The whole path in containers of the users' image: a client with ss-local, a server with
 * ss-server, each with the plugin and obfs4, and a web server behind it; a slow line between client
 * and server if it is wanted.
 */
final class ContainerPath implements AutoCloseable {

  static final int PUBLIC_PORT = 443;
  static final int SOCKS_PORT = 1080;

  private static final String OPTIONS_FILE = "/var/lib/pt-adapter/client-plugin-opts.txt";

  /**
   * What is to be started.
   *
   * @param line between client and server: without it they are in one network
   * @param server how the client names the server's address
   * @param serverOptions plugin options beside the needed ones, as {@code ";loglevel=debug"}
   * @param clientOptions plugin options beside the needed ones
   * @param javaOptions of the plugins' Java, beside its own
   */
  record Plan(
      Optional<Line> line,
      Address server,
      String serverOptions,
      String clientOptions,
      String javaOptions) {

    Plan through(Line slow) {
      return new Plan(Optional.of(slow), server, serverOptions, clientOptions, javaOptions);
    }

    Plan to(Address address) {
      return new Plan(line, address, serverOptions, clientOptions, javaOptions);
    }

    Plan withServerOptions(String options) {
      return new Plan(line, server, options, clientOptions, javaOptions);
    }

    Plan withClientOptions(String options) {
      return new Plan(line, server, serverOptions, options, javaOptions);
    }

    Plan withJavaOptions(String options) {
      return new Plan(line, server, serverOptions, clientOptions, options);
    }

    /** Starts all of it and waits until both plugins are ready. */
    ContainerPath start() {
      ContainerPath path = new ContainerPath(this);
      try {
        path.start();
        return path;
      } catch (AssertionError | RuntimeException e) {
        path.close();
        throw e;
      }
    }
  }

  /** How the client knows the server. */
  enum Address {
    IPV4,
    IPV6,
    /** By name, out of the network's name server; without a {@link DelayBox} only. */
    NAME
  }

  private final Plan plan;
  private final Deque<AutoCloseable> started = new ArrayDeque<>();
  private Lan near;
  private Lan far;
  private Machine web;
  private Machine server;
  private Machine client;
  private Optional<DelayBox> box = Optional.empty();

  private ContainerPath(Plan plan) {
    this.plan = plan;
  }

  static Plan plan() {
    return new Plan(Optional.empty(), Address.IPV4, "", "", "");
  }

  private void start() {
    // Before all that would be left out without Docker.
    Image.USERS.name();
    far = closing(Lan.create());
    near = plan.line().isPresent() ? closing(Lan.create()) : far;
    web = closing(Machine.start(Image.BARE, "web", far, "nginx"));
    box = plan.line().map(line -> closing(DelayBox.start(near, far, line)));
    server = closing(Machine.start(Image.USERS, "server", far, serverCommand()));
    server.awaitLine("ready: ");
    box.ifPresent(router -> router.routeFromFar(server));
    client = closing(Machine.start(Image.USERS, "client", near, clientCommand()));
    box.ifPresent(router -> router.routeFromNear(client));
    client.awaitLine("ready: ");
  }

  private String[] serverCommand() {
    return host(
        "ss-server",
        "server;transport=obfs4;state=/var/lib/pt-adapter" + plan.serverOptions(),
        "-s",
        "::0",
        "-s",
        "0.0.0.0");
  }

  private String[] clientCommand() {
    String address =
        switch (plan.server()) {
          case IPV4 -> server.ipv4(far);
          case IPV6 -> server.ipv6(far);
          case NAME -> "server";
        };
    return host(
        "ss-local",
        server.run("cat", OPTIONS_FILE) + plan.clientOptions(),
        "-s",
        address,
        "-b",
        "127.0.0.1",
        "-l",
        String.valueOf(SOCKS_PORT));
  }

  private String[] host(String program, String options, String... arguments) {
    Deque<String> command = new ArrayDeque<>(Arrays.asList(arguments));
    command.addFirst(program);
    if (!plan.javaOptions().isEmpty()) {
      command.addFirst("PT_ADAPTER_JAVA_OPTS=" + plan.javaOptions());
      command.addFirst("env");
    }
    command.addAll(List.of("-p", String.valueOf(PUBLIC_PORT), "-k", "tests", "-m", "aes-256-gcm"));
    command.addAll(List.of("--plugin", "pt-adapter", "--plugin-opts", options));
    return command.toArray(new String[0]);
  }

  private <T extends AutoCloseable> T closing(T one) {
    started.push(one);
    return one;
  }

  Machine client() {
    return client;
  }

  Machine server() {
    return server;
  }

  Machine web() {
    return web;
  }

  /** The slow line, if the plan has one. */
  DelayBox box() {
    return box.orElseThrow();
  }

  /** The client's network. */
  Lan near() {
    return near;
  }

  /**
   * The network of the server and the web server; the client's too, unless there is a slow line.
   */
  Lan far() {
    return far;
  }

  /** Has the web server make random bytes of a size, and the client fetch them; compares. */
  Duration fetch(long size) {
    web.run("sh", "-c", "[ -e /srv/$0 ] || head -c $0 /dev/urandom >/srv/$0", "" + size);
    return transfer(
        "fetch",
        web.run("sha256sum", "/srv/" + size),
        () -> {
          String file = client.run("mktemp");
          curl("-o", file, "http://web/" + size);
          String sum = client.run("sha256sum", file);
          client.run("rm", file);
          return sum;
        },
        size);
  }

  /** Has the client make random bytes of a size and put them to the web server; compares. */
  Duration upload(long size) {
    String file = client.run("mktemp");
    client.run("sh", "-c", "head -c $0 /dev/urandom >$1", "" + size, file);
    String name = file.substring(file.lastIndexOf('/'));
    return transfer(
        "upload",
        client.run("sha256sum", file),
        () -> {
          curl("-T", file, "http://web" + name);
          String sum = web.run("sha256sum", "/srv" + name);
          web.run("rm", "/srv" + name);
          client.run("rm", file);
          return sum;
        },
        size);
  }

  /** Runs curl in the client through its SOCKS port, which must succeed; returns what it writes. */
  String curl(String... arguments) {
    return client.run(curlCommand(arguments));
  }

  /** The same, whatever becomes of it. */
  Machine.Ended tryCurl(String... arguments) {
    return client.exec("", curlCommand(arguments));
  }

  private static String[] curlCommand(String... arguments) {
    Deque<String> command = new ArrayDeque<>(Arrays.asList(arguments));
    for (String word :
        List.of("120", "--max-time", "socks5h://127.0.0.1:" + SOCKS_PORT, "-x", "-sSf", "curl")) {
      command.addFirst(word);
    }
    return command.toArray(new String[0]);
  }

  /** What gives a checksum in the end. */
  private interface Transfer {
    String run();
  }

  private static Duration transfer(String what, String expected, Transfer transfer, long size) {
    long begin = System.nanoTime();
    String sum = transfer.run();
    Duration took = Duration.ofNanos(System.nanoTime() - begin);
    if (!first(sum).equals(first(expected))) {
      throw new AssertionError(what + ": SHA-256 is " + sum + ", not " + expected);
    }
    System.out.printf("ContainerPath: %s of %d bytes in %d ms%n", what, size, took.toMillis());
    return took;
  }

  private static String first(String line) {
    return line.split(" ", 2)[0];
  }

  @Override
  public void close() {
    while (!started.isEmpty()) {
      try {
        started.pop().close();
      } catch (Exception e) {
        throw new AssertionError(e);
      }
    }
  }
}
