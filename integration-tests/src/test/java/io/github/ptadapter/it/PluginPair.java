package io.github.ptadapter.it;

import java.io.IOException;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;

/** The plugin in both roles with a real PT each and no hosts: a plain port to a server. */
final class PluginPair implements AutoCloseable {

  /** The programs of both roles. */
  record Pts(Path client, Path server) {

    static final Pts EMBEDDED = new Pts(Plugin.EMBEDDED_PT, Plugin.EMBEDDED_PT);

    @Override
    public String toString() {
      return client.getFileName() + " to " + server.getFileName();
    }
  }

  private final Program server;
  private final Program client;
  private final int localPort;

  private PluginPair(Program server, Program client, int localPort) {
    this.server = server;
    this.client = client;
    this.localPort = localPort;
  }

  /** Starts both with the obfs4proxy of the distribution. */
  static PluginPair start(Path dir, int targetPort, String options) throws IOException {
    return start(dir, targetPort, Pts.EMBEDDED, options);
  }

  /**
   * Starts both with the obfs4proxy that comes along and waits until they are ready.
   *
   * @param targetPort where the tunnels end
   * @param options plugin options of the client beside the needed ones
   */
  static PluginPair start(Path dir, int targetPort, Pts pts, String options) throws IOException {
    int publicPort = Loopback.freePort();
    Path state = dir.resolve("server-state");
    String serverOptions = "server;transport=obfs4;state=" + state + ";exec=" + pts.server();
    return start(
        dir,
        Sip.of(publicPort, targetPort, serverOptions),
        state,
        line -> Sip.of(publicPort, Loopback.freePort(), line + ";exec=" + pts.client() + options));
  }

  /**
   * Starts a server, then a client of it, and waits until they are ready.
   *
   * @param state the state directory of the server
   * @param clientSip takes the options that the server has left there for its clients
   */
  static PluginPair start(Path dir, Sip serverSip, Path state, Function<String, Sip> clientSip)
      throws IOException {
    Program server = Plugin.start(dir, serverSip);
    try {
      server.awaitReady();
      Sip sip = clientSip.apply(Files.readString(state.resolve("client-plugin-opts.txt")).strip());
      Program client = Plugin.start(dir, sip);
      PluginPair pair = new PluginPair(server, client, sip.local().port());
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

  Program server() {
    return server;
  }

  Program client() {
    return client;
  }

  /** Both plugins, then both PTs, the client's first. */
  List<Long> pids(Pts pts) {
    return List.of(
        client.pid(),
        server.pid(),
        client.awaitChild(pts.client().getFileName().toString()),
        server.awaitChild(pts.server().getFileName().toString()));
  }

  Socket connect() throws IOException {
    return Loopback.connect(localPort);
  }

  @Override
  public void close() {
    try (server) {
      client.close();
    }
  }
}
