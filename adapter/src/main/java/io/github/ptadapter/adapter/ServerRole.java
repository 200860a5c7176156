package io.github.ptadapter.adapter;

import io.github.ptadapter.ptclient.Endpoint;
import io.github.ptadapter.ptclient.PtMethods;
import io.github.ptadapter.ptclient.ServerMethod;
import java.io.IOException;
import java.net.InetAddress;
import java.net.StandardProtocolFamily;
import java.net.UnknownHostException;
import java.nio.channels.ServerSocketChannel;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The role beside ss-server: the PT listens and forwards by itself, so all that is left to do is to
 * tell the user what the clients need.
 */
public final class ServerRole implements PtSupervisor.User {

  private static final Logger log = LoggerFactory.getLogger(ServerRole.class);

  private final PluginOptions options;
  private final StateDirectory state;
  private final Endpoint bind;

  ServerRole(PluginOptions options, StateDirectory state, Endpoint bind) {
    this.options = options;
    this.state = state;
    this.bind = bind;
  }

  /**
   * Decides where the PT listens: one address, since a PT takes no more for a transport.
   *
   * @param hosts what the host said; several wildcards mean all addresses of both families
   * @param name what the person knows them by
   */
  public static Endpoint publicAddress(List<Endpoint> hosts, String name) throws AdapterException {
    Endpoint first = hosts.getFirst();
    if (hosts.size() == 1) {
      return literal(first, name);
    }
    if (!hosts.stream().allMatch(Endpoint::isWildcard)) {
      throw AdapterException.config(
          "a PT listens on one address only, the host gives %d: use one address, or all of them"
                  .formatted(hosts.size())
              + " (0.0.0.0 and ::)");
    }
    return new Endpoint(hasIpV6() ? "::" : "0.0.0.0", first.port());
  }

  /** Resolves a name, once: PTs take literals only. */
  public static Endpoint literal(Endpoint endpoint, String name) throws AdapterException {
    if (endpoint.isIp()) {
      return endpoint;
    }
    try {
      return new Endpoint(InetAddress.getByName(endpoint.host()).getHostAddress(), endpoint.port());
    } catch (UnknownHostException e) {
      throw AdapterException.config(
          "cannot find the address of '%s' (%s)".formatted(endpoint.host(), name));
    }
  }

  private static boolean hasIpV6() {
    try (ServerSocketChannel probe = ServerSocketChannel.open(StandardProtocolFamily.INET6)) {
      return probe.isOpen();
    } catch (IOException | UnsupportedOperationException e) {
      return false;
    }
  }

  @Override
  public void ready(PtMethods methods) throws AdapterException {
    ServerMethod method =
        methods
            .server(options.transport())
            .orElseThrow(() -> new IllegalStateException("bug: ready without the one transport"));
    String clientOptions = PluginOptions.forClient(options.transport(), method.args());
    state.writeClientOptions(clientOptions);
    state.keepIdentity();
    log.info("the plugin options for clients: {}", clientOptions);
    log.info("ready: {} listens on {}", options.transport(), bind);
  }

  @Override
  public void lost() throws AdapterException {
    // The PT's connections went with it.
    state.repairIdentity();
  }
}
