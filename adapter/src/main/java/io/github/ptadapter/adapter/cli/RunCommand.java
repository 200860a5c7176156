package io.github.ptadapter.adapter.cli;

import io.github.ptadapter.adapter.Adapter;
import io.github.ptadapter.adapter.AdapterException;
import io.github.ptadapter.adapter.ExitCode;
import io.github.ptadapter.adapter.LogOutput;
import io.github.ptadapter.adapter.Meter;
import io.github.ptadapter.adapter.OptionString;
import io.github.ptadapter.adapter.PluginOptions;
import io.github.ptadapter.adapter.SipEnvironment;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code run}: the tunnel without a host. */
@Command(
    name = "run",
    header = "Runs the tunnel without a host, for any TCP program.",
    description =
        "The tunnel that a Shadowsocks host would have, for ssh, OpenVPN, a SOCKS server or what you"
            + " like. Runs until Ctrl-C or SIGTERM. On a terminal its last line tells of the traffic.",
    footer = {
      "",
      "Example, for the ssh of a server:",
      "  server: pt-adapter run --server --remote 0.0.0.0:443 --local 127.0.0.1:22 \\",
      "              --opts 'transport=obfs4;state=/var/lib/pt-adapter'",
      "  client: pt-adapter run --local 127.0.0.1:2222 --remote SERVER:443 \\",
      "              --opts-file client-plugin-opts.txt",
      "          ssh -p 2222 127.0.0.1",
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:ended by a signal",
      "1:internal error",
      "2:bad options",
      "3:cannot listen on --local",
      "4:the transport could not be started",
      "5:the transport kept dying"
    })
final class RunCommand implements Callable<Integer> {

  private static final Logger log = LoggerFactory.getLogger(RunCommand.class);

  private static final Duration LOG_FLUSH = Duration.ofMillis(500);

  @Mixin private final Tunnelled tunnelled = new Tunnelled();

  @Option(
      names = "--local",
      required = true,
      paramLabel = "HOST:PORT",
      description =
          "Where programs connect to. With --server: the program to which connections are led.")
  private String local = "";

  RunCommand() {}

  @Override
  public Integer call() throws AdapterException, InterruptedException {
    Map<String, String> environment = Tunnelled.environment();
    SipEnvironment sip = tunnelled.sip(Optional.of(local), Tunnelled.address("--local", local));
    boolean server = PluginOptions.of(OptionString.parse(sip.options())).server();
    Meter meter = new Meter();
    Optional<StatusLine> status =
        Terminal.isError()
            ? Optional.of(new StatusLine(meter, server, Terminal.error()))
            : Optional.empty();
    status.ifPresent(LogOutput::redirect);
    Adapter adapter = Adapter.prepare(sip, environment, Optional.of(meter));
    Runtime.getRuntime().addShutdownHook(new Thread(() -> stopAtOnce(adapter, status), "stop"));
    ExitCode code;
    try {
      adapter.start();
      status.ifPresent(StatusLine::start);
      throw adapter.end().get();
    } catch (AdapterException e) {
      log.error("{}", e.getMessage());
      code = e.code();
    } catch (ExecutionException e) {
      throw new IllegalStateException("the PT's keeper failed", e.getCause());
    } finally {
      adapter.close();
      status.ifPresent(StatusLine::end);
    }
    LogOutput.flush(LOG_FLUSH);
    return code.value();
  }

  private static void stopAtOnce(Adapter adapter, Optional<StatusLine> status) {
    adapter.terminate();
    status.ifPresent(StatusLine::end);
    Runtime.getRuntime().halt(ExitCode.STOPPED.value());
  }
}
