package io.github.ptadapter.adapter.cli;

import io.github.ptadapter.adapter.Adapter;
import io.github.ptadapter.adapter.AdapterException;
import io.github.ptadapter.adapter.ClientRole;
import io.github.ptadapter.adapter.ExitCode;
import io.github.ptadapter.adapter.OptionString;
import io.github.ptadapter.adapter.PluginOptions;
import io.github.ptadapter.adapter.PtCommand;
import io.github.ptadapter.adapter.ServerRole;
import io.github.ptadapter.adapter.SipEnvironment;
import io.github.ptadapter.adapter.StateDirectory;
import io.github.ptadapter.adapter.cli.Doctor.Finding;
import io.github.ptadapter.ptclient.ClientMethod;
import io.github.ptadapter.ptclient.Endpoint;
import io.github.ptadapter.ptclient.PtArgs;
import io.github.ptadapter.ptclient.PtConfig;
import io.github.ptadapter.ptclient.PtDialer;
import io.github.ptadapter.ptclient.PtException;
import io.github.ptadapter.ptclient.PtMethods;
import io.github.ptadapter.ptclient.PtProcess;
import io.github.ptadapter.ptclient.PtRole;
import io.github.ptadapter.ptclient.ServerMethod;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The steps of a check, in the order in which a tunnel needs them. Each is taken only when all
 * before it have not failed, and leaves in a field what the next ones need.
 */
final class Checkup {

  private static final int CONNECT_MILLIS = 2000;

  private final Doctor doctor;
  private final SipEnvironment sip;
  private final boolean localGiven;
  private final Duration limit;
  private final Map<String, String> environment;
  private final Map<String, String> forPt;
  private final List<PtProcess> running = Collections.synchronizedList(new ArrayList<>());
  private @Nullable PluginOptions known;
  private @Nullable StateDirectory state;
  private List<String> command = List.of();
  private @Nullable PtMethods methods;
  private @Nullable PtDialer dialer;
  private Endpoint bind;
  private PtArgs clientArgs = PtArgs.NONE;
  private boolean serviceIsDown;

  /**
   * Prepares a check.
   *
   * @param localGiven whether the user named the local side
   * @param limit how long the handshake may take
   */
  Checkup(
      Doctor doctor,
      SipEnvironment sip,
      boolean localGiven,
      Duration limit,
      Map<String, String> environment) {
    this.doctor = doctor;
    this.sip = sip;
    this.localGiven = localGiven;
    this.limit = limit;
    this.environment = environment;
    forPt = Adapter.forPt(environment);
    bind = sip.remotes().getFirst();
  }

  /** Takes all steps up to the first that fails; leaves no process behind. */
  void run() throws InterruptedException {
    Thread onSignal = new Thread(() -> running.forEach(PtProcess::terminate), "stop");
    Runtime.getRuntime().addShutdownHook(onSignal);
    try {
      doctor.step("options", ExitCode.CONFIG, this::readOptions);
      if (known == null) {
        return;
      }
      doctor
          .step("program", ExitCode.PT_FAILED, this::findProgram)
          .step("state", ExitCode.CONFIG, this::findState);
      if (options().server()) {
        server();
      } else {
        client();
      }
    } finally {
      running.forEach(PtProcess::close);
    }
  }

  private void client() throws InterruptedException {
    if (localGiven) {
      doctor.step("local", ExitCode.LISTEN, this::listen);
    }
    PtRole role = new PtRole.Client(List.of(options().transport()), options().proxy());
    doctor
        .step("launch", ExitCode.PT_FAILED, () -> launch(role, statePath()))
        .step("methods", ExitCode.PT_FAILED, this::awaitMethods);
    clientArgs = options().args();
    try (FarSide far = new FarSide(options().transport(), limit)) {
      look(far, sip.remotes(), options().proxy().isPresent());
    }
  }

  private void look(FarSide far, List<Endpoint> remotes, boolean proxy)
      throws InterruptedException {
    doctor
        .step("port", ExitCode.NO_TUNNEL, () -> far.port(remotes, proxy))
        .step("socks", ExitCode.PT_FAILED, () -> socks(far))
        .step("handshake", ExitCode.NO_TUNNEL, () -> far.handshake(dialer()))
        .step("answer", ExitCode.NO_TUNNEL, () -> far.answer(serviceIsDown));
  }

  private void server() throws InterruptedException {
    doctor
        .step("public", ExitCode.PT_FAILED, this::publicPort)
        .step("service", ExitCode.CONFIG, this::service)
        .step("launch", ExitCode.PT_FAILED, this::launchServer)
        .step("methods", ExitCode.PT_FAILED, this::awaitMethods);
    if (doctor.failure().isPresent()) {
      return;
    }
    if (!FarSide.isDirect(options().transport())) {
      doctor.step(
          "handshake",
          ExitCode.NO_TUNNEL,
          () ->
              Finding.unknown(
                  "not tried: a client of "
                      + options().transport()
                      + " comes by another way than straight to this port",
                  ""));
      return;
    }
    Endpoint here =
        bind.isWildcard() ? new Endpoint(bind.isIpV6() ? "::1" : "127.0.0.1", bind.port()) : bind;
    try (FarSide far = new FarSide(options().transport(), limit)) {
      doctor.step("client", ExitCode.PT_FAILED, this::ownClient);
      look(far, List.of(here), false);
    }
  }

  private Finding readOptions() throws AdapterException {
    List<OptionString.Item> items = OptionString.parse(sip.options());
    PluginOptions.logging(items);
    PluginOptions options = PluginOptions.of(items);
    String what;
    if (options.server()) {
      bind = ServerRole.publicAddress(sip.remotes(), sip.names().remote());
      what = "server of " + options.transport() + " on " + bind;
    } else {
      ClientRole.requireOfServer(sip.remotes());
      what = "client of " + options.transport();
    }
    known = options;
    return options.warnings().isEmpty()
        ? Finding.good(what)
        : Finding.unknown(what, String.join(". ", options.warnings()));
  }

  private Finding findProgram() throws AdapterException, InterruptedException {
    command =
        options().exec().isPresent()
            ? options().exec().orElseThrow()
            : PtCommand.find(options().transport(), options().server(), environment);
    String program = command.getFirst();
    Path path = Path.of(program);
    // A bare name is looked for on PATH by the start.
    if (path.isAbsolute() && !(Files.isRegularFile(path) && Files.isExecutable(path))) {
      return Finding.bad(
          program + ": " + (Files.exists(path) ? "no program, or not executable" : "no such file"),
          "Install the transport's program, or correct exec=.");
    }
    Optional<String> version = ProgramVersion.of(program, forPt);
    return version.isPresent()
        ? Finding.good(program + " (" + version.orElseThrow() + ")")
        : Finding.unknown(program + ", of which no version is known", "");
  }

  private Finding findState() throws AdapterException {
    StateDirectory found =
        options().server()
            ? StateDirectory.forServer(
                options().state(), options().transport(), bind.port(), environment)
            : StateDirectory.forClient(options().state(), options().transport(), environment);
    state = found;
    return Finding.good(found.path().toString());
  }

  private Finding listen() throws AdapterException {
    Optional<String> trouble = cannotListen(sip.local());
    if (trouble.isPresent()) {
      throw new AdapterException(
          ExitCode.LISTEN, "cannot listen on " + sip.local() + ": " + trouble.orElseThrow());
    }
    return Finding.good(sip.local() + " is free");
  }

  private static Optional<String> cannotListen(Endpoint address) {
    try (ServerSocket probe = new ServerSocket()) {
      probe.bind(new InetSocketAddress(InetAddress.getByName(address.host()), address.port()));
      return Optional.empty();
    } catch (IOException e) {
      return Optional.of(String.valueOf(e.getMessage()));
    }
  }

  private Finding publicPort() {
    Optional<String> trouble = cannotListen(bind);
    if (trouble.isEmpty()) {
      return Finding.good(bind + " is free");
    }
    String why = trouble.orElseThrow();
    if (why.contains("ermission")) {
      return Finding.unknown(
          "this program may not listen on " + bind + " (" + why + ")",
          "The transport's program may, if it has CAP_NET_BIND_SERVICE; the next steps tell.");
    }
    return Finding.bad(
        "cannot listen on " + bind + ": " + why,
        why.contains("in use")
            ? "Something holds the port. If it is this server, running, then end it for this check,"
                + " or check it from a client."
            : "Is that an address of this machine?");
  }

  private Finding service() throws AdapterException {
    if (!localGiven) {
      serviceIsDown = true;
      return Finding.unknown(
          "not tried", "Give --local HOST:PORT to look for the program behind the server.");
    }
    Endpoint local = ServerRole.literal(sip.local(), sip.names().local());
    try (Socket socket = new Socket()) {
      socket.connect(local.toSocketAddress(), CONNECT_MILLIS);
      return Finding.good(local + " accepts connections");
    } catch (IOException e) {
      serviceIsDown = true;
      return Finding.unknown(
          "nothing accepts connections on " + local + " (" + e.getMessage() + ")",
          "That is as it should be where a Shadowsocks server is yet to start with this plugin.");
    }
  }

  private Finding launchServer() throws AdapterException {
    state().repairIdentity();
    Endpoint orPort = ServerRole.literal(sip.local(), sip.names().local());
    PtRole.Listener listener = new PtRole.Listener(options().transport(), bind, options().args());
    return launch(new PtRole.Server(List.of(listener), orPort), statePath());
  }

  private Finding launch(PtRole role, Path folder) throws AdapterException {
    PtConfig config = new PtConfig(command, role, folder, options().startTimeout());
    try {
      PtProcess process = PtProcess.start(config, forPt);
      running.add(process);
      return Finding.good("process " + process.pid());
    } catch (PtException e) {
      throw new AdapterException(ExitCode.PT_FAILED, e.getMessage());
    }
  }

  private Finding awaitMethods() throws AdapterException, InterruptedException {
    PtMethods offered;
    try {
      offered = running.getLast().awaitReady();
    } catch (PtException e) {
      throw new AdapterException(ExitCode.PT_FAILED, e.getMessage());
    }
    methods = offered;
    Optional<ClientMethod> client = offered.client(options().transport());
    if (client.isPresent()) {
      ClientMethod method = client.orElseThrow();
      return Finding.good(method.transport() + " by " + method.socks() + " on " + method.address());
    }
    ServerMethod method = offered.server(options().transport()).orElseThrow();
    return Finding.good(
        method.transport()
            + " on "
            + bind
            + ", for clients with "
            + PluginOptions.forClient(method.transport(), method.args()));
  }

  /** A second PT, with which the server that has just started is tried. */
  private Finding ownClient() throws AdapterException, InterruptedException {
    ServerMethod server = methods().server(options().transport()).orElseThrow();
    String text = PluginOptions.forClient(server.transport(), server.args());
    clientArgs = PluginOptions.of(OptionString.parse(text)).args();
    if (options().exec().isEmpty()) {
      command = PtCommand.find(options().transport(), false, environment);
    }
    StateDirectory folder =
        StateDirectory.forClient(Optional.empty(), options().transport(), environment);
    launch(new PtRole.Client(List.of(options().transport()), Optional.empty()), folder.path());
    return awaitMethods();
  }

  private Finding socks(FarSide far) throws AdapterException {
    ClientMethod method = methods().client(options().transport()).orElseThrow();
    dialer = far.socks(method, clientArgs);
    return Finding.good(method.address() + " accepts connections, and the arguments fit");
  }

  private PluginOptions options() {
    return present(known);
  }

  private StateDirectory state() {
    return present(state);
  }

  private Path statePath() {
    return state().path();
  }

  private PtMethods methods() {
    return present(methods);
  }

  private PtDialer dialer() {
    return present(dialer);
  }

  private static <T> T present(@Nullable T value) {
    if (value == null) {
      throw new IllegalStateException("bug: a step was taken before the one that it needs");
    }
    return value;
  }
}
