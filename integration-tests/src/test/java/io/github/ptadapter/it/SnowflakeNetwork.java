package io.github.ptadapter.it;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What lies between a snowflake client and its server: a broker and a proxy, started as {@code
 * docs/transports.md} says.
 */
final class SnowflakeNetwork implements AutoCloseable {

  /** Milliseconds; 20 s would pass before a proxy takes another client. */
  private static final String POLL_INTERVALS =
      """
      {"unrestricted_poll_interval": 100, "restricted_poll_interval": 100}
      """;

  /** There is no TLS here, and nothing that tells a proxy its kind of NAT. */
  private static final String PROXY_HERE =
      " -allow-non-tls-relay -nat-probe-server http://127.0.0.1:9/ -poll-interval 2s";

  private final Path dir;
  private final String host;
  private final int brokerPort;
  private final int relayPort;
  private final List<Program> programs = new ArrayList<>();

  private SnowflakeNetwork(Path dir, String host, int brokerPort, int relayPort) {
    this.dir = dir;
    this.host = host;
    this.brokerPort = brokerPort;
    this.relayPort = relayPort;
  }

  /** Starts the broker; the server may come later. */
  static SnowflakeNetwork start(Path dir, String host, int relayPort) throws IOException {
    SnowflakeNetwork network = new SnowflakeNetwork(dir, host, Loopback.freePort(host), relayPort);
    Document.Section section = Document.TRANSPORTS.section("snowflake, broker");
    Files.writeString(
        dir.resolve("bridges.json"), network.with(section.block("json").orElseThrow()));
    Path poll = Files.writeString(dir.resolve("poll.json"), POLL_INTERVALS);
    network.run(section, " -poll-interval-filepath " + poll);
    return network;
  }

  /** A part of the page, with the addresses that are meant here. */
  String with(String text) {
    return text.replace("https://broker.example.com", "http://" + host + ":" + brokerPort)
        .replace("127.0.0.1:8080", host + ":" + brokerPort)
        .replace("wss://relay.example.com", "ws://" + host + ":" + relayPort)
        .replace("relay.example.com", host);
  }

  /** Waits until a proxy waits for a client. A proxy gives up for minutes without its server. */
  void awaitProxy() {
    if (programs.size() == 1) {
      run(Document.TRANSPORTS.section("snowflake, proxy"), PROXY_HERE);
    }
    Await.until("a proxy at the broker", this::hasProxy);
  }

  private boolean hasProxy() {
    URI debug = URI.create("http://" + host + ":" + brokerPort + "/debug");
    try (InputStream in = debug.toURL().openStream()) {
      return !new String(in.readAllBytes(), UTF_8).startsWith("current snowflakes available: 0");
    } catch (IOException e) {
      // The broker does not listen yet.
      return false;
    }
  }

  private void run(Document.Section section, String more) {
    String command = with(section.block("sh").orElseThrow()).strip() + more;
    ProcessBuilder builder =
        new ProcessBuilder("sh", "-c", "exec " + command).directory(dir.toFile());
    builder.environment().put("PATH", Requirement.path());
    programs.add(Program.start(builder));
  }

  @Override
  public void close() {
    programs.forEach(Program::close);
  }
}
