package io.github.ptadapter.it;

import java.io.IOException;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;

/** The plugin in both roles with a real obfs4proxy each and no hosts: a plain port to a server. */
final class PluginPair implements AutoCloseable {

  private final Program server;
  private final Program client;
  private final int localPort;

  private PluginPair(Program server, Program client, int localPort) {
    this.server = server;
    this.client = client;
    this.localPort = localPort;
  }

  /**
   * Starts both and waits until they are ready.
   *
   * @param targetPort where the tunnels end
   * @param options plugin options of the client beside the needed ones
   */
  static PluginPair start(Path dir, int targetPort, String options) throws IOException {
    int publicPort = Loopback.freePort();
    int localPort = Loopback.freePort();
    String pt = ";exec=" + Plugin.EMBEDDED_PT;
    Path state = dir.resolve("server-state");
    Program server =
        Plugin.start(
            dir, Sip.of(publicPort, targetPort, "server;transport=obfs4;state=" + state + pt));
    try {
      server.awaitReady();
      String clientOptions = Files.readString(state.resolve("client-plugin-opts.txt")).strip();
      Program client =
          Plugin.start(dir, Sip.of(publicPort, localPort, clientOptions + pt + options));
      PluginPair pair = new PluginPair(server, client, localPort);
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
