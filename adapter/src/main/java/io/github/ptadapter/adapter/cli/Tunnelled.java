package io.github.ptadapter.adapter.cli;

import io.github.ptadapter.adapter.AdapterException;
import io.github.ptadapter.adapter.OptionString;
import io.github.ptadapter.adapter.SipEnvironment;
import io.github.ptadapter.ptclient.Endpoint;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The command line options that say what a host says in the environment. */
final class Tunnelled {

  @Option(
      names = "--server",
      description = "This is the server's side (the same as 'server' in the plugin options).")
  boolean server;

  @Option(
      names = "--remote",
      required = true,
      paramLabel = "HOST:PORT",
      description =
          "The server's public address. With --server: where it listens, such as 0.0.0.0:443.")
  String remote = "";

  @Option(
      names = "--opts",
      paramLabel = "OPTIONS",
      description =
          "The plugin options, as a host takes them: 'transport=obfs4;cert=...;iat-mode=0'. Other"
              + " users of the machine see them in its list of processes; --opts-file keeps them to"
              + " yourself.")
  @Nullable String opts;

  @Option(
      names = "--opts-file",
      paramLabel = "FILE",
      description =
          "A file with the plugin options in its first line, such as the server's"
              + " client-plugin-opts.txt; - is standard input. --opts is added to them.")
  @Nullable String optsFile;

  /** The plugin options, with the role. */
  String options() throws AdapterException {
    List<String> parts = new ArrayList<>();
    if (optsFile != null) {
      parts.add(Text.readLine(optsFile));
    }
    if (opts != null) {
      parts.add(opts);
    }
    if (parts.stream().allMatch(String::isBlank)) {
      throw AdapterException.config(
          "no plugin options: give --opts 'transport=...', or --opts-file FILE with the server's"
              + " client-plugin-opts.txt");
    }
    String joined = String.join(";", parts);
    boolean said =
        OptionString.parse(joined).stream().anyMatch(item -> item.key().equals("server"));
    return server && !said ? "server;" + joined : joined;
  }

  /** The environment that a host would make of this. */
  SipEnvironment sip(Optional<String> local, Endpoint otherwise) throws AdapterException {
    List<Endpoint> remotes = new ArrayList<>();
    int colon = remote.lastIndexOf(':');
    // Several hosts of one port, as shadowsocks-libev joins them.
    for (String host : remote.substring(0, Math.max(0, colon)).split("\\|", -1)) {
      remotes.add(address("--remote", host + remote.substring(Math.max(0, colon))));
    }
    Endpoint here = local.isPresent() ? address("--local", local.orElseThrow()) : otherwise;
    return new SipEnvironment(remotes, here, options(), SipEnvironment.Names.COMMAND);
  }

  /** Reads {@code HOST:PORT}, with an IPv6 host in brackets. */
  static Endpoint address(String option, String text) throws AdapterException {
    int colon = text.lastIndexOf(':');
    String host = text.substring(0, Math.max(0, colon));
    boolean brackets = host.startsWith("[") && host.endsWith("]");
    try {
      if (colon < 0) {
        throw new IllegalArgumentException("no port");
      }
      if (!brackets && host.indexOf(':') >= 0) {
        throw new IllegalArgumentException("IPv6 addresses stand in brackets");
      }
      return new Endpoint(
          brackets ? host.substring(1, host.length() - 1) : host,
          Endpoint.parsePort(text.substring(colon + 1)));
    } catch (IllegalArgumentException e) {
      throw AdapterException.config(
          "bad " + option + " '" + text + "': it is HOST:PORT: " + e.getMessage());
    }
  }

  /** Our own environment without what a host may have left in it. */
  static Map<String, String> environment() {
    Map<String, String> environment = new HashMap<>(System.getenv());
    environment.keySet().removeIf(name -> name.startsWith("SS_"));
    return environment;
  }
}
