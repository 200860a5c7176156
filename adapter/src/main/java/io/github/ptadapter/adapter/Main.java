package io.github.ptadapter.adapter;

import static java.util.concurrent.TimeUnit.MILLISECONDS;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Where the plugin starts and ends; the launcher has its subcommands begin elsewhere. */
public final class Main {

  private static final Logger log = LoggerFactory.getLogger(Main.class);

  /** How often to look whether the host is still there; it must be known within a second. */
  private static final Duration HOST_CHECK = Duration.ofMillis(400);

  private static final Duration LOG_FLUSH = Duration.ofMillis(500);

  /** What hosts may add to our command line. */
  private static final Set<String> HOST_ARGUMENTS = Set.of("-V", "--fast-open", "-fast-open");

  private static final String USAGE =
      """
      pt-adapter carries Shadowsocks over a Tor pluggable transport. It is a SIP003 plugin: \
      a Shadowsocks host starts it.

        ss-local  ... --plugin pt-adapter --plugin-opts "transport=obfs4;cert=...;iat-mode=0"
        ss-server ... --plugin pt-adapter --plugin-opts "server;transport=obfs4"

      The server logs the plugin options for its clients and keeps them in client-plugin-opts.txt.
      There are subcommands for people: see pt-adapter --help.
      """;

  private Main() {}

  /**
   * Runs the plugin until its host ends it.
   *
   * @param args what the host put on the command line
   * @throws InterruptedException never in practice: nobody interrupts the main thread
   */
  public static void main(String[] args) throws InterruptedException {
    ExitCode code;
    try {
      code = run(List.of(args), System.getenv());
    } catch (AdapterException e) {
      log.error("{}", e.getMessage());
      code = e.code();
    } catch (RuntimeException | Error e) {
      log.error("internal error, please report it", e);
      code = ExitCode.INTERNAL;
    }
    LogOutput.flush(LOG_FLUSH);
    // Not exit: there is nothing that a shutdown hook would have to do.
    Runtime.getRuntime().halt(code.value());
  }

  private static ExitCode run(List<String> args, Map<String, String> environment)
      throws AdapterException, InterruptedException {
    if (!SipEnvironment.isPresent(environment)) {
      System.err.print(USAGE);
      return ExitCode.CONFIG;
    }
    Host host = Host.of(environment);
    Adapter adapter = Adapter.prepare(environment);
    args.stream()
        .filter(arg -> !HOST_ARGUMENTS.contains(arg))
        .findFirst()
        .ifPresent(arg -> log.warn("ignored the unknown command line argument '{}'", arg));
    Runtime.getRuntime().addShutdownHook(new Thread(() -> stopAtOnce(adapter), "stop"));
    try {
      adapter.start();
      return awaitEnd(adapter, host);
    } finally {
      adapter.close();
    }
  }

  private static ExitCode awaitEnd(Adapter adapter, Host host)
      throws AdapterException, InterruptedException {
    while (!host.isGone()) {
      try {
        throw adapter.end().get(HOST_CHECK.toMillis(), MILLISECONDS);
      } catch (TimeoutException e) {
        // All is well.
      } catch (ExecutionException e) {
        throw new IllegalStateException("the PT's keeper failed", e.getCause());
      }
    }
    log.info("the host is gone, so this is the end");
    // Not close alone: the next one of its kind wants the ports, and the JVM would keep them for
    // another 300 ms while event loops are in a system call.
    adapter.terminate();
    return ExitCode.STOPPED;
  }

  /**
   * The end by a signal: hosts give as little as 2 ms until they kill, so nothing is waited for.
   */
  private static void stopAtOnce(Adapter adapter) {
    adapter.terminate();
    Runtime.getRuntime().halt(ExitCode.STOPPED.value());
  }
}
