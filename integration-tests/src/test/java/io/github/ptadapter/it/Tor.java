package io.github.ptadapter.it;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A stock tor, as a bridge or as a client, without the Tor network: it knows of no directory
 * authority but one that is not there.
 */
final class Tor implements AutoCloseable {

  private static final String NICKNAME = "thebridge";

  private final Program program;
  private final Path data;

  private Tor(Program program, Path data) {
    this.program = program;
    this.data = data;
  }

  /**
   * Starts a bridge.
   *
   * @param orPort where it takes connections that come without a transport
   * @param lines what else its configuration says
   */
  static Tor bridge(
      NetworkNamespace network,
      Path data,
      Map<String, String> environment,
      String orPort,
      String... lines) {
    String role =
        """
        Nickname %s
        BridgeRelay 1
        PublishServerDescriptor 0
        AssumeReachable 1
        Address 127.0.0.1
        SocksPort 0
        ORPort %s
        """
            .formatted(NICKNAME, orPort);
    return start(network, data, environment, role, lines);
  }

  /** Starts a client that goes through bridges only, which the lines name. */
  static Tor client(
      NetworkNamespace network, Path data, Map<String, String> environment, String... lines) {
    return start(network, data, environment, "SocksPort auto\nUseBridges 1\n", lines);
  }

  private static Tor start(
      NetworkNamespace network,
      Path data,
      Map<String, String> environment,
      String role,
      String... lines) {
    Requirement.program("tor");
    try {
      Path file = Files.createDirectories(data).resolve("torrc");
      // The empty files of addresses by country save seconds. The owner is this JVM: should it be
      // killed, tor ends by itself.
      String common =
          """
          DataDirectory %s
          Log notice stderr
          TestingTorNetwork 1
          DirAuthority nobody orport=1 127.0.0.1:1 0123456789012345678901234567890123456789
          UseDefaultFallbackDirs 0
          GeoIPFile /dev/null
          GeoIPv6File /dev/null
          __OwningControllerProcess %d
          """
              .formatted(data, ProcessHandle.current().pid());
      Files.writeString(file, common + role + String.join("\n", lines) + "\n");
      ProcessBuilder builder =
          new ProcessBuilder("tor", "--defaults-torrc", "/dev/null", "-f", file.toString());
      builder.environment().clear();
      builder.environment().putAll(environment);
      return new Tor(Program.start(network.inside(builder)), data);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The bridge's fingerprint. */
  String fingerprint() {
    String line = program.awaitLine("identity key fingerprint is '" + NICKNAME + " ");
    return line.replaceFirst(".* ([0-9A-F]{40})'$", "$1");
  }

  /** The last line of a file that the bridge or its transport writes: for torrc of a client. */
  String bridgeLine(String file) {
    return Await.value(
        "a line in " + file + " of " + program,
        Await.LIMIT,
        () -> {
          try {
            List<String> lines = Files.readAllLines(data.resolve(file));
            // The last to be written is the end of the line.
            return lines.isEmpty() || !lines.getLast().contains(" iat-mode=")
                ? Optional.empty()
                : Optional.of(lines.getLast());
          } catch (IOException e) {
            return Optional.empty();
          }
        });
  }

  /**
   * Waits until the client has the bridge's descriptor: a connection with TLS, the handshake of
   * relays in it, a circuit, and a document that came through it.
   */
  void awaitDescriptor() {
    program.awaitLine("new bridge descriptor '" + NICKNAME + "' (fresh)");
  }

  @Override
  public void close() {
    program.close();
  }

  @Override
  public String toString() {
    return program.toString();
  }
}
