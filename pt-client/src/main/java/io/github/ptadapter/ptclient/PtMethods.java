package io.github.ptadapter.ptclient;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a PT offered by the time of its {@code DONE} line (pt-spec 3.3.2, 3.3.3).
 *
 * @param clients the client transports that can be dialled
 * @param servers the server transports that listen
 * @param failures for each requested transport that did not come up, the PT's words or ours
 */
public record PtMethods(
    List<ClientMethod> clients, List<ServerMethod> servers, Map<TransportName, String> failures) {

  /** Copies the lists. */
  public PtMethods {
    clients = List.copyOf(clients);
    servers = List.copyOf(servers);
    failures = Map.copyOf(failures);
  }

  /**
   * Looks a client transport up.
   *
   * @param transport its name
   * @return how to dial it, if it came up
   */
  public Optional<ClientMethod> client(TransportName transport) {
    return clients.stream().filter(m -> m.transport().equals(transport)).findFirst();
  }

  /**
   * Looks a server transport up.
   *
   * @param transport its name
   * @return what it offers, if it came up
   */
  public Optional<ServerMethod> server(TransportName transport) {
    return servers.stream().filter(m -> m.transport().equals(transport)).findFirst();
  }
}
