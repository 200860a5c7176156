package io.github.ptadapter.adapter;

import io.github.ptadapter.ptclient.Endpoint;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The five variables in which a host says what it wants (SIP003).
 *
 * @param remotes {@code SS_REMOTE_HOST} and {@code SS_REMOTE_PORT}: the server's public side; libev
 *     joins several hosts by {@code |}
 * @param local {@code SS_LOCAL_HOST} and {@code SS_LOCAL_PORT}: the side of the host
 * @param options {@code SS_PLUGIN_OPTIONS}, empty when there are none
 * @param names what a person called the addresses
 */
public record SipEnvironment(List<Endpoint> remotes, Endpoint local, String options, Names names) {

  /** The names of both addresses, for messages. */
  public enum Names {
    /** Of a host's variables. */
    HOST("SS_REMOTE", "SS_LOCAL"),
    /** Of a command's options. */
    COMMAND("--remote", "--local");

    private final String remote;
    private final String local;

    Names(String remote, String local) {
      this.remote = remote;
      this.local = local;
    }

    /** The server's public side. */
    public String remote() {
      return remote;
    }

    /** The side of the host, or of the program in its place. */
    public String local() {
      return local;
    }
  }

  private static final List<String> ADDRESSES =
      List.of("SS_REMOTE_HOST", "SS_REMOTE_PORT", "SS_LOCAL_HOST", "SS_LOCAL_PORT");

  /** Copies the list. */
  public SipEnvironment {
    remotes = List.copyOf(remotes);
  }

  /** Tells whether a host has started this program at all. */
  static boolean isPresent(Map<String, String> environment) {
    return ADDRESSES.stream().anyMatch(environment::containsKey);
  }

  static SipEnvironment of(Map<String, String> environment) throws AdapterException {
    for (String name : ADDRESSES) {
      @Nullable String value = environment.get(name);
      if (value == null || value.isEmpty()) {
        throw AdapterException.config(
            name + " is not set: this program is started by a Shadowsocks host, which sets it");
      }
    }
    List<Endpoint> remotes = new ArrayList<>();
    for (String host : value(environment, "SS_REMOTE_HOST").split("\\|", -1)) {
      remotes.add(endpoint(environment, "SS_REMOTE", host));
    }
    Endpoint local = endpoint(environment, "SS_LOCAL", value(environment, "SS_LOCAL_HOST"));
    return new SipEnvironment(remotes, local, value(environment, "SS_PLUGIN_OPTIONS"), Names.HOST);
  }

  private static Endpoint endpoint(Map<String, String> environment, String prefix, String host)
      throws AdapterException {
    int port;
    try {
      port = Endpoint.parsePort(value(environment, prefix + "_PORT"));
    } catch (IllegalArgumentException e) {
      throw AdapterException.config("bad " + prefix + "_PORT: " + e.getMessage());
    }
    boolean brackets = host.startsWith("[") && host.endsWith("]");
    try {
      return new Endpoint(brackets ? host.substring(1, host.length() - 1) : host, port);
    } catch (IllegalArgumentException e) {
      throw AdapterException.config("bad " + prefix + "_HOST: " + e.getMessage());
    }
  }

  private static String value(Map<String, String> environment, String name) {
    return environment.getOrDefault(name, "");
  }
}
