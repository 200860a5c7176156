package io.github.ptadapter.adapter.cli;

import io.github.ptadapter.adapter.cli.CompletionCommand.Shell;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Help;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Writes the manual pages and the completions, from the same words as {@code --help}. */
public final class Manual {

  private static final Map<Shell, String> COMPLETIONS =
      Map.of(
          Shell.BASH, "bash-completion/completions/pt-adapter",
          Shell.ZSH, "zsh/site-functions/_pt-adapter");

  private final String version;
  private final StringBuilder page = new StringBuilder();

  private Manual(String version) {
    this.version = version;
  }

  /**
   * Called by the build.
   *
   * @param args the folder to write to, and the version
   * @throws IOException when it cannot be written
   */
  public static void main(String[] args) throws IOException {
    Path folder = Path.of(args[0]);
    CommandLine root = Cli.commandLine();
    for (Map.Entry<Shell, String> completion : COMPLETIONS.entrySet()) {
      write(
          folder.resolve(completion.getValue()),
          CompletionCommand.script(completion.getKey(), root));
    }
    List<CommandLine> commands = new ArrayList<>(List.of(root));
    commands.addAll(root.getSubcommands().values());
    for (CommandLine command : commands) {
      String name = command.getCommandSpec().qualifiedName("-");
      write(folder.resolve("man/man1/" + name + ".1"), page(command.getCommandSpec(), args[1]));
    }
  }

  /** The manual page of a command, for man(7). */
  static String page(CommandSpec command, String version) {
    return new Manual(version).write(command);
  }

  private static void write(Path file, String text) throws IOException {
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
  }

  private String write(CommandSpec command) {
    String name = command.qualifiedName("-");
    String[] description = command.usageMessage().description();
    page.append(
        ".TH %s 1 \"\" \"pt-adapter %s\"\n".formatted(name.toUpperCase(Locale.ROOT), version));
    section("NAME");
    page.append(escape(name + " - " + summary(headline(command)))).append('\n');
    section("SYNOPSIS");
    Help help = new Help(command, Help.defaultColorScheme(Ansi.OFF));
    literally(List.of(help.synopsis(0).stripTrailing()));
    section("DESCRIPTION");
    for (String paragraph : description) {
      page.append(paragraph.isEmpty() ? ".PP\n" : escape(paragraph) + "\n");
    }
    if (!command.subcommands().isEmpty()) {
      section("COMMANDS");
      command.subcommands().forEach((word, line) -> entry(word, headline(line.getCommandSpec())));
    }
    if (!command.positionalParameters().isEmpty()) {
      section("ARGUMENTS");
      for (PositionalParamSpec parameter : command.positionalParameters()) {
        entry(parameter.paramLabel(), parameter.description());
      }
    }
    section("OPTIONS");
    for (OptionSpec option : command.options()) {
      String value = option.arity().max() == 0 ? "" : "=" + option.paramLabel();
      entry(
          String.join(", ", option.names()) + value,
          option.description().length == 0 ? new String[0] : described(option));
    }
    if (!command.usageMessage().exitCodeList().isEmpty()) {
      section("EXIT STATUS");
      command
          .usageMessage()
          .exitCodeList()
          .forEach((code, meaning) -> entry(code, new String[] {meaning}));
    }
    if (command.usageMessage().footer().length > 0) {
      section("EXAMPLES");
      literally(List.of(command.usageMessage().footer()));
    }
    section("SEE ALSO");
    CommandSpec root = command.root();
    List<String> others = new ArrayList<>();
    for (CommandLine other : root.subcommands().values()) {
      others.add(other.getCommandSpec().qualifiedName("-"));
    }
    others.add(root.name());
    others.remove(name);
    page.append(escape(String.join("(1), ", others) + "(1)")).append('\n');
    return page.toString();
  }

  private static String[] described(OptionSpec option) {
    String text = String.join(" ", option.description());
    return new String[] {
      text.replace("${DEFAULT-VALUE}", String.valueOf(option.defaultValueString()))
    };
  }

  private static String[] headline(CommandSpec command) {
    String[] header = command.usageMessage().header();
    return header.length > 0 ? header : command.usageMessage().description();
  }

  private static String summary(String[] description) {
    String first = description[0];
    int end = first.indexOf('.');
    String sentence = end < 0 ? first : first.substring(0, end);
    return sentence.substring(0, 1).toLowerCase(Locale.ROOT) + sentence.substring(1);
  }

  private void section(String title) {
    page.append(".SH ").append(title).append('\n');
  }

  private void entry(String term, String[] text) {
    page.append(".TP\n\\fB")
        .append(escape(term))
        .append("\\fR\n")
        .append(escape(String.join(" ", text).strip()))
        .append('\n');
  }

  private void literally(List<String> lines) {
    page.append(".nf\n");
    lines.forEach(line -> page.append(escape(line)).append('\n'));
    page.append(".fi\n");
  }

  private static String escape(String text) {
    StringBuilder escaped = new StringBuilder();
    for (String line : text.split("\n", -1)) {
      String safe = line.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq");
      // A dot there begins a request.
      escaped.append(safe.startsWith(".") ? "\\&" : "").append(safe).append('\n');
    }
    StringBuilder ascii = new StringBuilder();
    escaped
        .codePoints()
        .forEach(c -> ascii.append(c < 0x80 ? Character.toString(c) : "\\[u%04X]".formatted(c)));
    return ascii.substring(0, ascii.length() - 1);
  }
}
