package io.github.ptadapter.adapter;

import io.github.ptadapter.ptclient.Endpoint;
import io.github.ptadapter.ptclient.PtArgs;
import io.github.ptadapter.ptclient.PtConfig;
import io.github.ptadapter.ptclient.PtRole;
import io.github.ptadapter.ptclient.TransportName;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One run of the plugin from its environment on: the order of its start, and its end. */
public final class Adapter {

  private static final Logger log = LoggerFactory.getLogger(Adapter.class);

  /** The host's LC_ALL, from the launcher; absent when the host has none. */
  private static final String LOCALE_OF_HOST = "PT_ADAPTER_LC_ALL";

  private final PtSupervisor supervisor;
  private final Optional<ClientRole> client;
  private final CompletableFuture<AdapterException> end = new CompletableFuture<>();

  private Adapter(PtSupervisor supervisor, Optional<ClientRole> client) {
    this.supervisor = supervisor;
    this.client = client;
  }

  /**
   * Prepares a run: reads the options, finds the PT and the state directory, and in the client role
   * listens.
   *
   * @throws AdapterException when it cannot run
   */
  static Adapter prepare(Map<String, String> environment)
      throws AdapterException, InterruptedException {
    return prepare(SipEnvironment.of(environment), environment, Optional.empty());
  }

  /**
   * The same for a run whose addresses and options come from elsewhere.
   *
   * @param environment for all else: folders, PATH, and what the PT inherits
   * @param meter follows the run
   */
  public static Adapter prepare(
      SipEnvironment sip, Map<String, String> environment, Optional<Meter> meter)
      throws AdapterException, InterruptedException {
    List<OptionString.Item> items = OptionString.parse(sip.options());
    LogOutput.configure(PluginOptions.logging(items));
    PluginOptions options = PluginOptions.of(items);
    options.warnings().forEach(warning -> log.warn("{}", warning));
    return options.server()
        ? server(sip, options, environment, meter)
        : client(sip, options, environment, meter);
  }

  private static Adapter client(
      SipEnvironment sip,
      PluginOptions options,
      Map<String, String> environment,
      Optional<Meter> meter)
      throws AdapterException, InterruptedException {
    ClientRole role = new ClientRole(sip, options, meter);
    role.bind();
    log.debug("listening on {}", sip.local());
    StateDirectory state =
        StateDirectory.forClient(options.state(), options.transport(), environment);
    PtRole ptRole = new PtRole.Client(List.of(options.transport()), options.proxy());
    return new Adapter(
        supervisor(options, ptRole, state, environment, watched(role, meter)), Optional.of(role));
  }

  private static Adapter server(
      SipEnvironment sip,
      PluginOptions options,
      Map<String, String> environment,
      Optional<Meter> meter)
      throws AdapterException {
    Endpoint bind = ServerRole.publicAddress(sip.remotes(), sip.names().remote());
    Endpoint orPort = ServerRole.literal(sip.local(), sip.names().local());
    TransportName transport = options.transport();
    StateDirectory state =
        StateDirectory.forServer(options.state(), transport, bind.port(), environment);
    state.repairIdentity();
    PtArgs args = options.args();
    PtRole ptRole = new PtRole.Server(List.of(new PtRole.Listener(transport, bind, args)), orPort);
    PtSupervisor.User role = watched(new ServerRole(options, state, bind), meter);
    return new Adapter(supervisor(options, ptRole, state, environment, role), Optional.empty());
  }

  private static PtSupervisor.User watched(PtSupervisor.User role, Optional<Meter> meter) {
    return meter.isPresent() ? meter.orElseThrow().watching(role) : role;
  }

  private static PtSupervisor supervisor(
      PluginOptions options,
      PtRole role,
      StateDirectory state,
      Map<String, String> environment,
      PtSupervisor.User user)
      throws AdapterException {
    List<String> command =
        options.exec().isPresent()
            ? options.exec().orElseThrow()
            : PtCommand.find(options.transport(), options.server(), environment);
    PtConfig config = new PtConfig(command, role, state.path(), options.startTimeout());
    return new PtSupervisor(config, forPt(environment), options.restart(), user);
  }

  /** What the PT inherits: everything but what is between host, launcher and us. */
  public static Map<String, String> forPt(Map<String, String> environment) {
    Map<String, String> inherited = new TreeMap<>(environment);
    // The launcher has put a locale of ours there, and kept the host's.
    @Nullable String locale = environment.get(LOCALE_OF_HOST);
    if (locale != null) {
      inherited.put("LC_ALL", locale);
    } else if (environment.containsKey(Host.PARENT_VARIABLE)) {
      inherited.remove("LC_ALL");
    }
    inherited.keySet().removeIf(name -> name.startsWith("SS_") || name.startsWith("PT_ADAPTER_"));
    return inherited;
  }

  /** Starts the PT, and meanwhile all that is needed to serve connections. */
  public void start() {
    if (log.isDebugEnabled()) {
      log.debug("starting the PT, {} ms after the launcher's start", sinceStart().toMillis());
    }
    Thread.ofPlatform().name("pt").daemon().start(this::supervise);
    client.ifPresent(ClientRole::serve);
  }

  /** Since the launcher's start, in steps of 10 ms; asking costs time, so only for the curious. */
  private static Duration sinceStart() {
    Instant now = Instant.now();
    return Duration.between(ProcessHandle.current().info().startInstant().orElse(now), now);
  }

  private void supervise() {
    try {
      supervisor.run();
    } catch (AdapterException e) {
      end.complete(e);
    } catch (InterruptedException e) {
      log.debug("closed while the PT was starting");
    } catch (RuntimeException | Error e) {
      end.completeExceptionally(e);
    }
  }

  /** The reason why the plugin must end, once there is one. */
  public CompletableFuture<AdapterException> end() {
    return end;
  }

  /** Leaves everything in a state in which the JVM ends at once; takes some milliseconds. */
  public void terminate() {
    // The PT takes the longest, so the event loops stop while it ends.
    supervisor.askToEnd();
    client.ifPresent(ClientRole::freeze);
    supervisor.terminate();
  }

  /** Ends the PT, by force where it must be, then all connections; takes less than a second. */
  public void close() {
    supervisor.close();
    client.ifPresent(ClientRole::close);
  }
}
