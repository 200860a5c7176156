package io.github.ptadapter.adapter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** What mistakes on the command line end in: one line, and exit code 2. */
class CliTest {

  private static final int CONFIG = 2;

  @TempDir private Path dir;

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @ParameterizedTest
  @CsvSource(
      delimiterString = " -> ",
      value = {
        "nosuch -> pt-adapter: there is no command 'nosuch'",
        "chek -> there is no command 'chek' (did you mean check",
        "--nosuch -> '--nosuch'",
        "check -> --remote",
        "check --remote -> --remote",
        "check --remote 192.0.2.1 --opts transport=x -> bad --remote '192.0.2.1': it is HOST:PORT: no port",
        "check --remote x:0 --opts transport=x -> port '0' is not in 1..65535",
        "check --remote 2001:db8::1:443 --opts transport=x -> IPv6 addresses stand in brackets",
        "check --remote x:443 -> no plugin options: give --opts",
        "check --remote x:443 --opts a\\ -> a lone backslash",
        "check --remote x:443 --opts-file /no/such -> /no/such: no such file",
        "check --remote x:443 --opts transport=x --timeout soon -> bad --timeout: 'soon'",
        "check --remote x:443 --opts transport=x --timeout 0 -> bad --timeout: it must be more than zero",
        "check --remote x:65536 --opts transport=x -> port '65536' is not in 1..65535",
        "check --remote [::1] --opts transport=x -> it is HOST:PORT",
        "check --remote :443 --opts transport=x -> it is HOST:PORT: no host",
        "check --remote x:443 --opts a --opts b -> option '--opts' (OPTIONS) should be specified only once",
        "check --remote x:443 --opts-file / -> cannot read /: it is a directory",
        "check --remote x:443 --opts-file /dev/null -> nothing in the first line of /dev/null",
        "check --remote x:443 --opts transport=x surplus -> check: unknown argument 'surplus';",
        "run -> --local",
        "run --local 127.0.0.1:9 --remote x:443 -> no plugin options",
        "run --local 9 --remote x:443 --opts transport=x -> bad --local '9'",
        "run --local 127.0.0.1:9 --remote x:443 --opts x=y -> no transport: add transport=NAME",
        "run --local 127.0.0.1:9 --remote 0.0.0.0:443 --opts transport=x -> which only a server can",
        "link -> Missing --method, --host, --port, --client-opts",
        "link --method rot13 --host x --port 1 --client-opts x -> bad --method 'rot13': it is one of",
        "link --method aes-256-gcm --host x --port x --client-opts x -> bad --port: port 'x'",
        "link --method aes-256-gcm --host x:y --port 1 --client-opts x -> bad --host",
        "link --method aes-256-gcm --host :: --port 1 --client-opts x -> only a server can have",
        "link --method aes-256-gcm --host x --port 1 --client-opts /no/such -> /no/such: no such file",
        "link --method aes-256-gcm --host x --port 1 --client-opts transport=x -> is a file: give",
        "link --only nothing -> '--only'",
        "link --check /no/such -> /no/such: no such file",
        "run --local 127.0.0.1:9 --remote x:443 --opts-file /dev/zero -> longer than a megabyte",
        "run --server --local 127.0.0.1:9 --remote a.invalid:443 --opts transport=x -> address of 'a.invalid' (--remote)",
        "run --server --local a.invalid:9 --remote 127.0.0.1:443 --opts transport=x -> address of 'a.invalid' (--local)",
        "link --check /dev/zero -> cannot read /dev/zero: it is longer than a megabyte",
        "help nonsense -> Unknown subcommand 'nonsense'; see",
        "link --check / -> cannot read /: it is a directory",
        "completion -> SHELL",
        "completion fish -> fish",
        "completion bash zsh -> unknown argument 'zsh'",
      })
  void mistakesAreToldInOneLine(String line, String words) {
    assertThat(execute(line.split(" "))).isEqualTo(CONFIG);
    assertThat(err.toString().lines()).singleElement().asString().contains(words);
    assertThat(err.toString()).startsWith("pt-adapter").doesNotContain("Exception");
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void aFileWithoutANameIsRefused() {
    assertThat(execute("link", "--check", "")).isEqualTo(CONFIG);
    assertThat(err.toString()).contains("the name of a file is empty");
  }

  @Test
  void aFileThatIsNoTextIsRefused() throws Exception {
    Path file = Files.write(dir.resolve("binary"), new byte[] {(byte) 0xff, 0, 1});
    assertThat(execute("link", "--check", file.toString())).isEqualTo(CONFIG);
    assertThat(err.toString()).contains("it is no text in UTF-8");
  }

  /** Editors of Windows put it before the text, and do not show it. */
  @Test
  void aByteOrderMarkIsNoPartOfALine() throws Exception {
    Path options = Files.writeString(dir.resolve("opts"), "\uFEFFtransport=obfs3\r\n");
    Path password = Files.writeString(dir.resolve("password"), "\uFEFFp\r\n");
    String line = "link --method aes-256-gcm --host x --port 1 --only json";
    assertThat(
            execute(
                (line + " --client-opts " + options + " --password-file " + password).split(" ")))
        .isZero();
    assertThat(out.toString())
        .contains("\"plugin_opts\":\"transport=obfs3\"", "\"password\":\"p\"");
  }

  @Test
  void textOfStrangersSteersNoTerminal() {
    assertThat(execute("\033[2Jx\ny")).isEqualTo(CONFIG);
    assertThat(err.toString().lines()).hasSize(1);
    assertThat(err.toString()).doesNotContain("\033");
  }

  @Test
  void aServersOptionsMakeNoLink() throws Exception {
    Path file = Files.writeString(dir.resolve("opts"), "server;transport=obfs4\n");
    assertThat(
            execute(
                "link",
                "--method",
                "aes-256-gcm",
                "--host",
                "x",
                "--port",
                "1",
                "--password",
                "p",
                "--client-opts",
                file.toString()))
        .isEqualTo(CONFIG);
    assertThat(err.toString()).contains("holds a server's plugin options");
  }

  @Test
  void warningsOfALinksOptionsGoToStandardError() throws Exception {
    Path file = Files.writeString(dir.resolve("opts"), "transport=obfs3;idle-timeoot=5s\n");
    String line = "link --method aes-256-gcm --host x --port 1 --password p --only link";
    assertThat(execute((line + " --client-opts " + file).split(" "))).isZero();
    assertThat(out.toString().lines()).singleElement().asString().startsWith("ss://");
    assertThat(err.toString().lines())
        .singleElement()
        .asString()
        .startsWith("pt-adapter link: warning: ")
        .contains("did you mean 'idle-timeout'?");
  }

  @Test
  void aProgramThatIsNotThereFailsAtItsOwnStep() {
    String options = "transport=obfs3;exec=/no/such/pt;state=" + dir;
    assertThat(execute("check", "--remote", "127.0.0.1:9", "--opts", options)).isEqualTo(4);
    assertThat(out.toString()).contains("/no/such/pt: no such file", "Failed: program.");
  }

  @Test
  void theServerOptionIsTheSameAsTheFlag() throws Exception {
    assertThat(
            execute(
                "check",
                "--server",
                "--remote",
                "192.0.2.1:443",
                "--opts",
                "transport=obfs4;exec=/no/such/pt;state=" + dir))
        .isNotZero();
    assertThat(out.toString()).contains("server of obfs4 on 192.0.2.1:443");
  }

  @ParameterizedTest
  @ValueSource(strings = {"--help", "check --help", "run -h", "link --help", "help link", "help"})
  void helpGoesToStandardOutput(String line) {
    assertThat(execute(line.split(" "))).isZero();
    assertThat(out.toString()).contains("Usage: pt-adapter");
    assertThat(err.toString()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"--version", "-V", "check --version", "link -V"})
  void versionIsPrintedEverywhere(String line) {
    assertThat(execute(line.split(" "))).isZero();
    assertThat(out.toString()).startsWith("pt-adapter ");
  }

  /** The words of both come from the same declarations, so none may be missing. */
  @Test
  void manualAndCompletionsHoldEveryOption() {
    CommandLine root = Cli.commandLine();
    List<String> scripts =
        List.of(
            CompletionCommand.script(CompletionCommand.Shell.BASH, root),
            CompletionCommand.script(CompletionCommand.Shell.ZSH, root));
    for (String name : List.of("check", "run", "link")) {
      CommandLine command = root.getSubcommands().get(name);
      String page = Manual.page(command.getCommandSpec(), "1.2.3");
      assertThat(page).startsWith(".TH PT-ADAPTER-").contains("pt-adapter 1.2.3", ".SH OPTIONS");
      assertThat(page).matches("\\A\\p{ASCII}*\\z");
      assertThat(command.getCommandSpec().options()).hasSizeGreaterThan(4);
      for (var option : command.getCommandSpec().options()) {
        assertThat(page).contains(option.longestName().replace("-", "\\-"));
        scripts.forEach(script -> assertThat(script).contains(option.longestName()));
      }
    }
  }

  private int execute(String... args) {
    return Cli.commandLine()
        .setOut(new PrintWriter(out, true))
        .setErr(new PrintWriter(err, true))
        .execute(args);
  }
}
