package io.github.ptadapter.ptclient;

import static java.util.stream.Collectors.joining;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** What a PT process is started as: one process is a client or a server, never both. */
public sealed interface PtRole {

  /**
   * Names the transports that are asked for.
   *
   * @return the names, without duplicates, never empty
   */
  List<TransportName> transports();

  /**
   * Builds the variables that this role adds to the common ones.
   *
   * @return names and values of {@code TOR_PT_*} variables (pt-spec 3.2.2 or 3.2.3)
   */
  Map<String, String> environment();

  /**
   * A PT that offers SOCKS ports to dial through (pt-spec 3.2.2).
   *
   * @param transports the transports to offer; duplicates are dropped, since a PT would open a port
   *     for each
   * @param proxy where the PT's own connections go through; a PT that cannot must not start
   */
  record Client(List<TransportName> transports, Optional<UpstreamProxy> proxy) implements PtRole {

    /**
     * Checks the list.
     *
     * @throws IllegalArgumentException when it is empty
     */
    public Client {
      transports = distinct(transports.stream());
    }

    @Override
    public Map<String, String> environment() {
      Map<String, String> variables = new LinkedHashMap<>();
      variables.put("TOR_PT_CLIENT_TRANSPORTS", joined(transports));
      proxy.ifPresent(p -> variables.put("TOR_PT_PROXY", p.uri().toString()));
      return variables;
    }
  }

  /**
   * A PT that listens for its clients and hands their connections on (pt-spec 3.2.3).
   *
   * @param listeners one for each transport
   * @param orPort where the PT sends its clients' connections; an IP literal
   */
  record Server(List<Listener> listeners, Endpoint orPort) implements PtRole {

    /**
     * Checks the parts.
     *
     * @throws IllegalArgumentException when there is no listener, a transport has two, or {@code
     *     orPort} is a name
     */
    public Server {
      listeners = List.copyOf(listeners);
      if (distinct(listeners.stream().map(Listener::transport)).size() != listeners.size()) {
        throw new IllegalArgumentException("a transport listens on one address only");
      }
      if (!orPort.isIp()) {
        throw new IllegalArgumentException("a PT sends to an IP address, not to a name");
      }
    }

    @Override
    public List<TransportName> transports() {
      return listeners.stream().map(Listener::transport).toList();
    }

    @Override
    public Map<String, String> environment() {
      Map<String, String> variables = new LinkedHashMap<>();
      variables.put("TOR_PT_SERVER_TRANSPORTS", joined(transports()));
      variables.put(
          "TOR_PT_SERVER_BINDADDR",
          listeners.stream().map(l -> l.transport() + "-" + l.bind()).collect(joining(",")));
      String options =
          listeners.stream()
              .filter(l -> !l.options().pairs().isEmpty())
              .map(l -> l.options().encodeServerOptions(l.transport()))
              .collect(joining(";"));
      if (!options.isEmpty()) {
        variables.put("TOR_PT_SERVER_TRANSPORT_OPTIONS", options);
      }
      variables.put("TOR_PT_ORPORT", orPort.toString());
      // "MUST be set to the empty string" when there is no Extended ORPort.
      variables.put("TOR_PT_EXTENDED_SERVER_PORT", "");
      return variables;
    }
  }

  /**
   * Where a server transport listens.
   *
   * @param transport the transport
   * @param bind an IP literal and a port
   * @param options the transport's options, {@code TOR_PT_SERVER_TRANSPORT_OPTIONS}
   */
  record Listener(TransportName transport, Endpoint bind, PtArgs options) {

    /**
     * Checks address and options.
     *
     * @throws IllegalArgumentException when the address is a name, or an option holds a NUL
     */
    public Listener {
      if (!bind.isIp()) {
        throw new IllegalArgumentException("a PT listens on an IP address, not on a name");
      }
      // Java would silently cut the variable there.
      if (options.encodeServerOptions(transport).indexOf('\0') >= 0) {
        throw new IllegalArgumentException("a NUL cannot stand in an option of a server");
      }
    }
  }

  private static List<TransportName> distinct(Stream<TransportName> names) {
    List<TransportName> distinct = names.distinct().toList();
    if (distinct.isEmpty()) {
      throw new IllegalArgumentException("no transport");
    }
    return distinct;
  }

  private static String joined(List<TransportName> names) {
    return names.stream().map(TransportName::value).collect(joining(","));
  }
}
