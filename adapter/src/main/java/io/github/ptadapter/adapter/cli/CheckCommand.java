package io.github.ptadapter.adapter.cli;

import com.grack.nanojson.JsonArray;
import com.grack.nanojson.JsonObject;
import com.grack.nanojson.JsonWriter;
import io.github.ptadapter.adapter.AdapterException;
import io.github.ptadapter.adapter.Durations;
import io.github.ptadapter.adapter.LogOutput;
import io.github.ptadapter.adapter.PluginOptions;
import io.github.ptadapter.adapter.SipEnvironment;
import io.github.ptadapter.ptclient.Endpoint;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.slf4j.event.Level;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code check}: the doctor. */
@Command(
    name = "check",
    header = "Tries a client or a server, step by step, and says what is wrong.",
    description = {
      "Takes every step that a tunnel needs: the options, the transport's program, its state"
          + " directory, its start, the server's port, one handshake with the server, and what"
          + " answers in the tunnel.",
      "",
      "✓ works, ✗ does not and is the last step, ? cannot be known from here. With --server it"
          + " starts the server's side for a moment, on its public port, and connects to it from"
          + " this machine: end a server that runs there first.",
    },
    exitCodeListHeading = "%nExit codes, by the step that failed:%n",
    exitCodeList = {
      "0:none",
      "1:internal error",
      "2:options or state directory",
      "3:the local address (client)",
      "4:the transport's program, its start or its methods; the public port (server)",
      "6:the server's port, the handshake or the answer"
    },
    footer = {
      "",
      "Example:",
      "  pt-adapter check --remote SERVER:443 --opts-file client-plugin-opts.txt",
    })
final class CheckCommand implements Callable<Integer> {

  private static final int WIDTH = 80;
  private static final String INDENT = "    ";

  @Mixin private final Tunnelled tunnelled = new Tunnelled();

  @Option(
      names = "--local",
      paramLabel = "HOST:PORT",
      description =
          "Client: also try to listen there. With --server: the program behind the server, such as"
              + " 127.0.0.1:8388; left out, there is none yet.")
  private @Nullable String local;

  @Option(
      names = "--timeout",
      paramLabel = "TIME",
      defaultValue = "15s",
      description =
          "How long the handshake may take (default: ${DEFAULT-VALUE}). Some transports need"
              + " minutes to find their way.")
  private String timeout = "15s";

  @Option(names = "--json", description = "Write one JSON document, for scripts.")
  private boolean json;

  @Option(
      names = {"-v", "--verbose"},
      description = "Write the log of all that happens to standard error.")
  private boolean verbose;

  @Spec private @Nullable CommandSpec spec;

  CheckCommand() {}

  @Override
  public Integer call() throws AdapterException, InterruptedException {
    Duration limit;
    try {
      limit = Durations.parse(timeout);
      if (limit.isZero()) {
        throw new IllegalArgumentException("it must be more than zero");
      }
    } catch (IllegalArgumentException e) {
      throw AdapterException.config("bad --timeout: " + e.getMessage());
    }
    SipEnvironment sip = tunnelled.sip(Optional.ofNullable(local), new Endpoint("127.0.0.1", 9));
    LogOutput.configure(
        new PluginOptions.Logging(Optional.empty(), verbose ? Level.DEBUG : Level.ERROR));
    PrintWriter out = out();
    Doctor doctor = new Doctor(step -> print(step, out));
    new Checkup(doctor, sip, local != null, limit, Tunnelled.environment()).run();
    if (json) {
      out.println(json(doctor));
    } else {
      out.println(
          doctor
              .failure()
              .map(step -> "Failed: " + step.name() + ".")
              .orElse("Nothing is wrong as far as can be seen from here."));
    }
    out.flush();
    LogOutput.flush(Duration.ofMillis(200));
    return doctor.exitCode().value();
  }

  private PrintWriter out() {
    if (spec == null) {
      throw new IllegalStateException("bug: not made by picocli");
    }
    return spec.commandLine().getOut();
  }

  private void print(Step step, PrintWriter out) {
    if (json) {
      return;
    }
    out.printf(
        Locale.ROOT,
        "%s %-9s %7s  %s%n",
        step.mark().sign(),
        step.name(),
        Durations.words(step.took()),
        Text.oneLine(step.text()));
    if (!step.advice().isEmpty()) {
      Text.wrap(step.advice(), WIDTH - INDENT.length()).forEach(line -> out.println(INDENT + line));
    }
    out.flush();
  }

  private static String json(Doctor doctor) {
    JsonArray steps = new JsonArray();
    for (Step step : doctor.steps()) {
      JsonObject object = new JsonObject();
      object.put("step", step.name());
      object.put("result", step.mark().word());
      object.put("ms", Math.round(step.took().toNanos() / 1e4) / 100.0);
      object.put("text", step.text());
      object.put("advice", step.advice());
      steps.add(object);
    }
    JsonObject document = new JsonObject();
    document.put("ok", doctor.failure().isEmpty());
    document.put("exitCode", doctor.exitCode().value());
    document.put("failed", doctor.failure().map(Step::name).orElse(null));
    document.put("steps", steps);
    return JsonWriter.indent("  ").string().value(document).done();
  }
}
