package io.github.ptadapter.it;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A real ss-local and a real ss-server, each with its plugin. */
final class HostPair implements AutoCloseable {

  private final String host;
  private final int publicPort;
  private final int socksPort;
  private final Program server;
  private final Program client;

  private HostPair(String host, int publicPort, int socksPort, Program server, Program client) {
    this.host = host;
    this.publicPort = publicPort;
    this.socksPort = socksPort;
    this.server = server;
    this.client = client;
  }

  /**
   * Starts both and waits until their plugins are ready.
   *
   * @param host where all listen
   * @param options plugin options of both sides beside the needed ones
   */
  static HostPair start(Path dir, String host, String options, Map<String, String> environment)
      throws IOException {
    Requirement.program("ss-server");
    Requirement.program("ss-local");
    int publicPort = Loopback.freePort(host);
    int socksPort = Loopback.freePort(host);
    Path state = dir.resolve("server-state");
    Program server =
        start(
            dir,
            environment,
            List.of("ss-server", "-s", host, "-p", String.valueOf(publicPort)),
            "server;transport=obfs4;state=" + state + options);
    try {
      server.awaitReady();
      String clientOptions = Files.readString(state.resolve("client-plugin-opts.txt")).strip();
      Program client =
          start(
              dir,
              environment,
              List.of(
                  "ss-local",
                  "-s",
                  host,
                  "-p",
                  String.valueOf(publicPort),
                  "-b",
                  host,
                  "-l",
                  String.valueOf(socksPort)),
              clientOptions + options);
      HostPair pair = new HostPair(host, publicPort, socksPort, server, client);
      try {
        client.awaitReady();
      } catch (AssertionError e) {
        pair.close();
        throw e;
      }
      return pair;
    } catch (AssertionError | IOException e) {
      server.close();
      throw e;
    }
  }

  private static Program start(
      Path dir, Map<String, String> environment, List<String> command, String options) {
    List<String> whole = new ArrayList<>(command);
    whole.addAll(List.of("-k", "tests", "-m", "aes-256-gcm"));
    whole.addAll(List.of("--plugin", Plugin.LAUNCHER.toString(), "--plugin-opts", options));
    ProcessBuilder builder = new ProcessBuilder(whole);
    Plugin.clean(builder, dir);
    builder.environment().putAll(environment);
    return Program.start(builder);
  }

  /** The ss-server. */
  Program server() {
    return server;
  }

  /** The ss-local. */
  Program client() {
    return client;
  }

  int publicPort() {
    return publicPort;
  }

  int socksPort() {
    return socksPort;
  }

  /** Opens a connection through everything. */
  Socket connect(int port) throws IOException {
    Proxy socks = new Proxy(Proxy.Type.SOCKS, new InetSocketAddress(host, socksPort));
    return Loopback.connect(new Socket(socks), host, port);
  }

  @Override
  public void close() {
    try (server) {
      client.close();
    }
  }
}
