package io.github.ptadapter.adapter.cli;

import static java.util.stream.Collectors.joining;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/**
 * Writes a completion in zsh's own terms: the library's script is for bash, and serves zsh only
 * through an emulation that it must load.
 */
final class ZshCompletion {

  private ZshCompletion() {}

  static String script(CommandLine root) {
    StringBuilder script = new StringBuilder("#compdef " + Cli.NAME + "\n\n_pt_adapter() {\n");
    script.append("  local -a commands\n  commands=(\n");
    for (Map.Entry<String, CommandLine> command : root.getSubcommands().entrySet()) {
      script
          .append("    ")
          .append(quote(command.getKey() + ":" + summary(command.getValue().getCommandSpec())))
          .append('\n');
    }
    script.append("  )\n  if (( CURRENT == 2 )); then\n");
    script.append("    _describe command commands\n    _arguments ");
    script.append(options(root.getCommandSpec())).append("\n    return\n  fi\n");
    script.append("  case $words[2] in\n");
    for (Map.Entry<String, CommandLine> command : root.getSubcommands().entrySet()) {
      script
          .append("    ")
          .append(command.getKey())
          .append(")\n      shift words\n      (( CURRENT-- ))\n      _arguments ")
          .append(options(command.getValue().getCommandSpec()))
          .append("\n      ;;\n");
    }
    return script
        .append("  esac\n}\n\n")
        // Found in fpath it is the function's body, sourced it has to register itself.
        .append("if [ \"$funcstack[1]\" = \"_pt-adapter\" ]; then\n  _pt_adapter \"$@\"\n")
        .append("else\n  compdef _pt_adapter ")
        .append(Cli.NAME)
        .append("\nfi\n")
        .toString();
  }

  private static String options(CommandSpec command) {
    List<String> all = new ArrayList<>();
    for (OptionSpec option : command.options()) {
      for (String name : option.names()) {
        String value = option.arity().max() == 0 ? "" : ":" + value(option);
        all.add(quote(name + "[" + plain(first(option.description())) + "]" + value));
      }
    }
    for (ArgSpec parameter : command.positionalParameters()) {
      all.add(quote("1:" + value(parameter)));
    }
    return String.join(" \\\n        ", all);
  }

  private static String value(ArgSpec arg) {
    String label = plain(arg.paramLabel());
    if (arg.paramLabel().contains("FILE")) {
      return label + ":_files";
    }
    Class<?> type = arg.type();
    if (type.isEnum()) {
      String words =
          List.of(type.getEnumConstants()).stream()
              .map(constant -> constant.toString().toLowerCase(Locale.ROOT))
              .collect(joining(" "));
      return label + ":(" + words + ")";
    }
    return label + ": ";
  }

  private static String summary(CommandSpec command) {
    String[] header = command.usageMessage().header();
    return plain(first(header.length > 0 ? header : command.usageMessage().description()));
  }

  /** The first sentence. */
  private static String first(String[] description) {
    String text = description.length == 0 ? "" : description[0];
    int end = text.indexOf(". ");
    return end < 0 ? text : text.substring(0, end + 1);
  }

  /** Without what means something between zsh's brackets and colons. */
  private static String plain(String text) {
    return text.replaceAll("[\\[\\]:\\\\]", " ").replaceAll("%n", " ").strip();
  }

  private static String quote(String text) {
    return "'" + text.replace("'", "'\\''") + "'";
  }
}
