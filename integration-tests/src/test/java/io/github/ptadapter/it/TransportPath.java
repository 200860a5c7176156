package io.github.ptadapter.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * A row of the matrix in {@code docs/transports.md}: the plugin at both ends, each with a real
 * program, and the options of that page.
 *
 * @param transport its name, which begins the headings of the page
 * @param server the program of the server
 * @param client the program of the client
 */
record TransportPath(String transport, Path server, Path client) {

  private static final Payload DOWN = new Payload(1, 16 << 20);
  private static final Payload UP = new Payload(2, 16 << 20);
  private static final Payload SMALL = new Payload(3, 10_000);

  private static final Duration STOP_LIMIT = Duration.ofSeconds(2);

  private static final String STATE = "/var/lib/pt-adapter";

  /** A row in a network of its own: a folder, an address of the server, and the row. */
  public static void main(String[] args) throws IOException {
    new TransportPath(args[2], Path.of(args[3]), Path.of(args[4])).check(Path.of(args[0]), args[1]);
  }

  /** The options of the page for one side. */
  static String options(String heading) {
    return Document.TRANSPORTS.section(heading).block("text").orElseThrow().strip();
  }

  /** Takes it through its life. */
  void check(Path dir, String host) throws IOException {
    int publicPort = Loopback.freePort(host);
    switch (transport) {
      case "webtunnel" -> {
        try (TlsFront front = TlsFront.start(dir, host, publicPort)) {
          // The web server is the one outside.
          String url = "url=https://" + host + ":" + front.port() + "/SECRET";
          String server = serverOptions(dir).replaceFirst("url=[^;]*", url);
          Sip sip = sip(Loopback.IPV4, publicPort, server + ";cert=" + front.pin());
          check(
              dir,
              sip,
              () -> {},
              line -> {
                String documented = options("webtunnel, client").replaceFirst("url=[^;]*", url);
                assertThat(line.replaceFirst(";cert=[^;]*", "")).isEqualTo(documented);
                return line;
              });
        }
      }
      case "snowflake" -> {
        try (SnowflakeNetwork network = SnowflakeNetwork.start(dir, host, publicPort)) {
          Sip sip = sip(host, publicPort, serverOptions(dir));
          check(dir, sip, network::awaitProxy, _ -> network.with(options("snowflake, client")));
        }
      }
      default -> {
        Sip sip = sip(host, publicPort, serverOptions(dir));
        check(
            dir,
            sip,
            () -> {},
            line -> {
              assertThat(line.replaceFirst("cert=[A-Za-z0-9+/]{70}", "cert=..."))
                  .isEqualTo(options(transport + ", client"));
              return line;
            });
      }
    }
  }

  /**
   * @param sip of the server
   * @param beforeDial makes sure of what lies between both
   * @param clientOptions of what the server has left for its clients
   */
  private void check(Path dir, Sip sip, Runnable beforeDial, UnaryOperator<String> clientOptions)
      throws IOException {
    try (TestServer target = Exchange.server(Loopback.IPV4);
        PluginPair pair =
            PluginPair.start(
                dir,
                new Sip(sip.remote(), new Sip.Address(Loopback.IPV4, target.port()), sip.options()),
                dir.resolve("state-of-server"),
                line ->
                    new Sip(
                        sip.remote(),
                        new Sip.Address(Loopback.IPV4, Loopback.freePort()),
                        clientOptions.apply(line) + exec(client)))) {
      long serverPt = pair.server().awaitChild(processName(server));
      long clientPt = pair.client().awaitChild(processName(client));
      assertThat(Processes.executable(serverPt)).isEqualTo(server.toRealPath());
      assertThat(Processes.executable(clientPt)).isEqualTo(client.toRealPath());
      beforeDial.run();
      exchange(pair, DOWN, UP);
      for (Program side : List.of(pair.server(), pair.client())) {
        assertThat(side.log()).noneMatch(line -> line.contains("WARN") || line.contains("ERROR"));
      }

      Processes.signal("KILL", clientPt);
      pair.client().awaitLine("ready: ", 2);
      beforeDial.run();
      exchange(pair, SMALL, SMALL);
      Processes.signal("KILL", serverPt);
      pair.server().awaitLine("ready: ", 2);
      beforeDial.run();
      exchange(pair, SMALL, SMALL);

      try (Socket socket = pair.connect()) {
        Exchange.down(socket, SMALL);
        stop(pair.client());
        stop(pair.server());
      }
    }
  }

  private void exchange(PluginPair pair, Payload down, Payload up) throws IOException {
    long start = System.nanoTime();
    try (Socket socket = pair.connect()) {
      Exchange.down(socket, down);
      Exchange.up(socket, up);
    }
    System.out.printf(
        "TransportPath: %s, %s -> %s: %d bytes both ways in %d ms%n",
        transport,
        client.getFileName(),
        server.getFileName(),
        down.size(),
        Duration.ofNanos(System.nanoTime() - start).toMillis());
  }

  private static void stop(Program plugin) {
    List<Long> family = plugin.family();
    assertThat(family).hasSizeGreaterThanOrEqualTo(2);
    Processes.signal("TERM", plugin.pid());
    assertThat(plugin.awaitExit(STOP_LIMIT)).as("exit code of %s", plugin).isZero();
    Await.until(
        "end of " + family, STOP_LIMIT, () -> family.stream().noneMatch(Processes::isRunning));
  }

  private String serverOptions(Path dir) {
    String options =
        options(transport + ", server").replace(STATE, dir.resolve("state-of-server").toString());
    return options.contains(";exec=")
        ? options.replace(server.getFileName().toString(), server.toString())
        : options + exec(server);
  }

  private static String exec(Path program) {
    return ";exec=" + program;
  }

  /** As the kernel shortens it. */
  private static String processName(Path program) {
    String name = program.getFileName().toString();
    return name.substring(0, Math.min(name.length(), 15));
  }

  private static Sip sip(String host, int port, String options) {
    return new Sip(new Sip.Address(host, port), new Sip.Address(host, port), options);
  }
}
