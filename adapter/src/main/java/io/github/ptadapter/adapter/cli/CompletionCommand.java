package io.github.ptadapter.adapter.cli;

import io.github.ptadapter.adapter.ExitCode;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code completion}: what shells need to complete our command lines. */
@Command(
    name = "completion",
    header = "Writes the completion script of a shell.",
    description = "The packages bring it along; for the running shell alone:",
    footer = {
      "  bash: source <(pt-adapter completion bash)",
      "  zsh:  source <(pt-adapter completion zsh)   (after compinit)",
    })
final class CompletionCommand implements Callable<Integer> {

  /** The shells. */
  enum Shell {
    BASH,
    ZSH
  }

  @Parameters(paramLabel = "SHELL", description = "bash or zsh.")
  private @Nullable Shell shell;

  @Spec private @Nullable CommandSpec spec;

  CompletionCommand() {}

  @Override
  public Integer call() {
    if (spec == null || shell == null) {
      throw new IllegalStateException("bug: not made by picocli");
    }
    CommandLine root = spec.root().commandLine();
    spec.commandLine().getOut().print(script(shell, root));
    spec.commandLine().getOut().flush();
    return ExitCode.STOPPED.value();
  }

  static String script(Shell shell, CommandLine root) {
    return switch (shell) {
      // Shells read it, nobody runs it.
      case BASH -> AutoComplete.bash(Cli.NAME, root).replaceFirst("#!.*\n", "");
      case ZSH -> ZshCompletion.script(root);
    };
  }
}
