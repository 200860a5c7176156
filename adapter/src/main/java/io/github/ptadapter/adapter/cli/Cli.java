package io.github.ptadapter.adapter.cli;

import io.github.ptadapter.adapter.AdapterException;
import io.github.ptadapter.adapter.ExitCode;
import java.io.PrintWriter;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * Where the subcommands begin: what people type, beside the plugin that hosts start. Nothing of the
 * plugin depends on this package.
 */
@Command(
    name = Cli.NAME,
    description =
        "Carries Shadowsocks, or any other TCP program, over a Tor pluggable transport. Under a"
            + " Shadowsocks host (--plugin pt-adapter) it needs no command; these are for people:",
    mixinStandardHelpOptions = true,
    versionProvider = Cli.Version.class,
    scope = CommandLine.ScopeType.INHERIT,
    synopsisSubcommandLabel = "COMMAND",
    usageHelpAutoWidth = true,
    commandListHeading = "%nCommands:%n",
    footer = {
      "",
      "pt-adapter COMMAND --help tells more of each.",
    },
    subcommands = {
      CheckCommand.class,
      RunCommand.class,
      LinkCommand.class,
      CompletionCommand.class,
      HelpCommand.class
    })
public final class Cli {

  static final String NAME = "pt-adapter";

  Cli() {}

  /**
   * Runs a subcommand.
   *
   * @param args the command line
   */
  public static void main(String[] args) {
    Output output = new Output();
    CommandLine root = commandLine().setOut(output.writer());
    int code = root.execute(args);
    root.getOut().flush();
    try {
      output.check();
    } catch (AdapterException e) {
      int lost = failure(e, root);
      code = code == ExitCode.STOPPED.value() ? lost : code;
    }
    // Not exit: nothing is left to do, and threads of the network may still run.
    Runtime.getRuntime().halt(code);
  }

  /** The commands, with their way to tell of mistakes: one line, and the exit code. */
  static CommandLine commandLine() {
    return new CommandLine(new Cli())
        .setExpandAtFiles(false)
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setParameterExceptionHandler((e, _) -> usageMistake(e))
        .setExecutionExceptionHandler((e, command, _) -> failure(e, command));
  }

  private static int usageMistake(ParameterException e) {
    CommandLine command = e.getCommandLine();
    String name = command.getCommandSpec().qualifiedName();
    String what = String.valueOf(e.getMessage()).replaceFirst("\\.$", "");
    if (e instanceof UnmatchedArgumentException unmatched
        && command.getParent() != null
        && !unmatched.isUnknownOption()) {
      what = "unknown argument '" + unmatched.getUnmatched().getFirst() + "'";
    } else if (e instanceof UnmatchedArgumentException unmatched && command.getParent() == null) {
      List<String> similar = unmatched.getSuggestions();
      what =
          "there is no command '"
              + unmatched.getUnmatched().getFirst()
              + "'"
              + (similar.isEmpty() ? "" : " (did you mean " + String.join(", ", similar) + "?)");
    }
    tell(command, what + "; see " + name + " --help");
    return ExitCode.CONFIG.value();
  }

  private static int failure(Exception e, CommandLine command) {
    if (e instanceof AdapterException reason) {
      tell(command, reason.getMessage());
      return reason.code().value();
    }
    tell(command, "internal error, please report it: " + e + place(e));
    return ExitCode.INTERNAL.value();
  }

  private static String place(Exception e) {
    return e.getStackTrace().length == 0 ? "" : " at " + e.getStackTrace()[0];
  }

  /** One line, whatever the text holds: file names and links may hold anything. */
  static void tell(CommandLine command, String text) {
    PrintWriter err = command.getErr();
    err.println(command.getCommandSpec().qualifiedName() + ": " + Text.oneLine(text));
    err.flush();
  }

  /** The version of this jar. */
  static final class Version implements IVersionProvider {

    Version() {}

    @Override
    public String[] getVersion() {
      String version =
          Optional.ofNullable(Cli.class.getPackage().getImplementationVersion()).orElse("unknown");
      return new String[] {NAME + " " + version};
    }
  }
}
