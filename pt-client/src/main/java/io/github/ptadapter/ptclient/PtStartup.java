package io.github.ptadapter.ptclient;

import static java.util.stream.Collectors.joining;

import io.github.ptadapter.ptclient.PtException.Reason;
import io.github.ptadapter.ptclient.PtMessage.ClientMethodsDone;
import io.github.ptadapter.ptclient.PtMessage.EnvError;
import io.github.ptadapter.ptclient.PtMessage.Log;
import io.github.ptadapter.ptclient.PtMessage.Malformed;
import io.github.ptadapter.ptclient.PtMessage.MethodError;
import io.github.ptadapter.ptclient.PtMessage.ProxyDone;
import io.github.ptadapter.ptclient.PtMessage.ProxyError;
import io.github.ptadapter.ptclient.PtMessage.ServerMethodsDone;
import io.github.ptadapter.ptclient.PtMessage.Status;
import io.github.ptadapter.ptclient.PtMessage.Unknown;
import io.github.ptadapter.ptclient.PtMessage.Version;
import io.github.ptadapter.ptclient.PtMessage.VersionError;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The order of a PT's messages from its start to {@code DONE} (pt-spec 3.3), without a process.
 *
 * <p>Used by one thread at a time.
 */
final class PtStartup {

  private static final Logger log = LoggerFactory.getLogger(PtStartup.class);

  private final PtRole role;
  private final Map<TransportName, ClientMethod> clients = new LinkedHashMap<>();
  private final Map<TransportName, ServerMethod> servers = new LinkedHashMap<>();
  private final Map<TransportName, String> failures = new LinkedHashMap<>();
  private boolean versionSeen;
  private boolean proxyDone;
  private boolean done;
  private String last = "nothing";

  PtStartup(PtRole role) {
    this.role = role;
  }

  /** Returns the last step in words, for the message of a time-out. */
  String progress() {
    return last;
  }

  /**
   * Takes the next message.
   *
   * @return what the PT offers, once: at its DONE line
   * @throws PtException when the launch has failed
   */
  Optional<PtMethods> accept(PtMessage message) throws PtException {
    if (done) {
      lateMessage(message);
      return Optional.empty();
    }
    switch (message) {
      case Version(String version) -> version(version);
      case VersionError(String text) ->
          throw new PtException(
              Reason.VERSION_UNSUPPORTED, "the PT does not speak version 1" + quoted(text));
      case EnvError(String text) ->
          throw new PtException(
              Reason.ENV_REJECTED, "the PT refuses its environment (ENV-ERROR)" + quoted(text));
      case ProxyError(String text) ->
          throw new PtException(
              Reason.PROXY_REJECTED, "the PT cannot use the proxy (PROXY-ERROR)" + quoted(text));
      case ProxyDone() -> {
        if (!wantsProxy()) {
          log.warn("ignored PROXY DONE of the PT: no proxy was asked for");
        }
        proxyDone = true;
      }
      case ClientMethod method -> clientMethod(method);
      case ServerMethod method -> serverMethod(method);
      case MethodError(TransportName transport, String text) -> methodError(transport, text);
      case Malformed malformed -> malformed(malformed);
      case ClientMethodsDone() -> {
        if (role instanceof PtRole.Client) {
          return Optional.of(finish("CMETHODS DONE"));
        }
      }
      case ServerMethodsDone() -> {
        if (role instanceof PtRole.Server) {
          return Optional.of(finish("SMETHODS DONE"));
        }
      }
      case Log l -> {}
      case Status s -> {}
      case Unknown u -> {}
    }
    return Optional.empty();
  }

  private void version(String version) throws PtException {
    if (versionSeen) {
      throw violation("second VERSION line");
    }
    if (!version.equals("1")) {
      throw new PtException(
          Reason.VERSION_UNSUPPORTED, "the PT chose version '" + version + "', offered was 1");
    }
    versionSeen = true;
    last = "VERSION";
  }

  private void clientMethod(ClientMethod method) throws PtException {
    requireVersion("CMETHOD");
    if (!(role instanceof PtRole.Client) || !isRequested(method.transport())) {
      log.warn("ignored CMETHOD of the PT for {}: not asked for", method.transport());
    } else if (clients.putIfAbsent(method.transport(), method) != null) {
      log.warn("ignored second CMETHOD of the PT for {}: the first stands", method.transport());
    }
    last = "CMETHOD " + method.transport();
  }

  private void serverMethod(ServerMethod method) throws PtException {
    requireVersion("SMETHOD");
    if (!(role instanceof PtRole.Server) || !isRequested(method.transport())) {
      log.warn("ignored SMETHOD of the PT for {}: not asked for", method.transport());
    } else if (servers.putIfAbsent(method.transport(), method) != null) {
      log.warn("ignored second SMETHOD of the PT for {}: the first stands", method.transport());
    }
    last = "SMETHOD " + method.transport();
  }

  private void methodError(TransportName transport, String text) throws PtException {
    requireVersion("METHOD-ERROR");
    if (isRequested(transport)) {
      failures.putIfAbsent(transport, text.isEmpty() ? "no reason given" : text);
    }
    last = "an error for " + transport;
  }

  private void malformed(Malformed malformed) throws PtException {
    boolean fatal =
        switch (malformed.keyword()) {
          case "VERSION" -> true;
          // A line whose transport cannot be read may be the one that is needed.
          case "CMETHOD" ->
              role instanceof PtRole.Client
                  && malformed.transport().map(this::isRequested).orElse(true);
          case "SMETHOD" ->
              role instanceof PtRole.Server
                  && malformed.transport().map(this::isRequested).orElse(true);
          default -> false;
        };
    if (fatal) {
      throw violation("bad " + malformed);
    }
    log.warn("ignored bad {} of the PT", malformed);
  }

  private PtMethods finish(String keyword) throws PtException {
    requireVersion(keyword);
    if (wantsProxy() && !proxyDone) {
      // Going on would send traffic past the proxy.
      throw new PtException(
          Reason.PROXY_REJECTED,
          "the PT did not confirm the proxy (no PROXY DONE): it does not support one");
    }
    for (TransportName transport : role.transports()) {
      if (clients.containsKey(transport) || servers.containsKey(transport)) {
        failures.remove(transport);
      } else {
        failures.putIfAbsent(transport, "the PT did not mention it");
      }
    }
    if (clients.isEmpty() && servers.isEmpty()) {
      throw new PtException(
          Reason.TRANSPORT_FAILED,
          "the PT does not offer "
              + failures.entrySet().stream()
                  .map(f -> f.getKey() + ": " + f.getValue())
                  .collect(joining("; ")));
    }
    done = true;
    return new PtMethods(
        clients.values().stream().toList(), servers.values().stream().toList(), failures);
  }

  private static void lateMessage(PtMessage message) {
    switch (message) {
      case Log l -> {}
      case Status s -> {}
      case Unknown u -> {}
      case Malformed malformed -> log.warn("ignored bad {} of the PT", malformed);
      default ->
          log.warn(
              "ignored {} of the PT: its start was already complete",
              message.getClass().getSimpleName());
    }
  }

  private void requireVersion(String keyword) throws PtException {
    if (!versionSeen) {
      throw violation(keyword + " before VERSION");
    }
  }

  private boolean wantsProxy() {
    return role instanceof PtRole.Client client && client.proxy().isPresent();
  }

  private boolean isRequested(TransportName transport) {
    return role.transports().contains(transport);
  }

  private static PtException violation(String what) {
    return new PtException(Reason.PROTOCOL_VIOLATION, "the PT broke the protocol: " + what);
  }

  private static String quoted(String text) {
    return text.isEmpty() ? "" : ": " + text;
  }
}
