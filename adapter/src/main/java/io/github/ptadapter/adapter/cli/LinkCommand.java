package io.github.ptadapter.adapter.cli;

import io.github.ptadapter.adapter.AdapterException;
import io.github.ptadapter.adapter.ClientRole;
import io.github.ptadapter.adapter.ExitCode;
import io.github.ptadapter.adapter.OptionString;
import io.github.ptadapter.adapter.PluginOptions;
import io.github.ptadapter.adapter.cli.LinkCheck.Remark;
import io.github.ptadapter.adapter.cli.Step.Mark;
import io.github.ptadapter.ptclient.Endpoint;
import java.io.Console;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code link}: share links and configurations, written and checked. */
@Command(
    name = "link",
    header = "Makes and checks ss:// links, configurations and QR codes for clients.",
    description = {
      "Makes what a client needs: the ss:// link, with everything encoded so that all clients read"
          + " it alike, a configuration file for shadowsocks-libev and shadowsocks-rust, and a QR"
          + " code. All of it holds the password.",
      "",
      "With --check it reads a link or a configuration file and says what is wrong with it.",
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:done; nothing is wrong (--check)",
      "1:internal error",
      "2:bad options; something is wrong (--check)"
    },
    footer = {
      "",
      "Examples:",
      "  pt-adapter link --method chacha20-ietf-poly1305 --password-file password.txt \\",
      "      --host SERVER --port 443 --client-opts client-plugin-opts.txt --tag home",
      "  pt-adapter link --check config.json",
    })
final class LinkCommand implements Callable<Integer> {

  /** What to write. */
  enum Part {
    ALL,
    LINK,
    JSON,
    QR
  }

  @Option(
      names = "--method",
      paramLabel = "METHOD",
      description = "The cipher, such as chacha20-ietf-poly1305.")
  private @Nullable String method;

  @Option(
      names = "--password",
      paramLabel = "PASSWORD",
      description =
          "The password. Other users of the machine see it in its list of processes, and the shell"
              + " keeps it: better is --password-file, or leave both out and be asked.")
  private @Nullable String password;

  @Option(
      names = "--password-file",
      paramLabel = "FILE",
      description = "A file with the password in its first line; - is standard input.")
  private @Nullable String passwordFile;

  @Option(
      names = "--host",
      paramLabel = "HOST",
      description = "The server's public name or address.")
  private @Nullable String host;

  @Option(names = "--port", paramLabel = "PORT", description = "The server's public port.")
  private @Nullable String port;

  @Option(
      names = "--client-opts",
      paramLabel = "FILE",
      description =
          "The server's client-plugin-opts.txt, from its state directory; - is standard input.")
  private @Nullable String clientOpts;

  @Option(names = "--tag", paramLabel = "NAME", description = "What clients call the server.")
  private @Nullable String tag;

  @Option(
      names = "--local-port",
      paramLabel = "PORT",
      defaultValue = "1080",
      description =
          "The port of the client's SOCKS server, in the configuration (default:"
              + " ${DEFAULT-VALUE}).")
  private String localPort = "1080";

  @Option(
      names = "--only",
      paramLabel = "PART",
      defaultValue = "all",
      description = "Write one part alone, for scripts: link, json or qr.")
  private Part only = Part.ALL;

  @Option(
      names = "--check",
      paramLabel = "LINK|FILE",
      description =
          "Check a link, or a file with links or with a JSON configuration; - is standard input.")
  private @Nullable String check;

  @Spec private @Nullable CommandSpec spec;

  LinkCommand() {}

  @Override
  public Integer call() throws AdapterException {
    if (check != null) {
      return check(check);
    }
    Profile profile = profile();
    int local = port("--local-port", localPort);
    PrintWriter out = commandLine().getOut();
    switch (only) {
      case LINK -> out.println(profile.link());
      case JSON -> out.println(profile.json(local));
      case QR -> out.print(QrText.draw(profile.link(), Terminal.isOutput()));
      case ALL -> {
        out.println("The link:");
        out.println();
        out.println(profile.link());
        out.println();
        out.println(
            Profile.isOf2022(profile.method())
                ? "The configuration for shadowsocks-rust (sslocal -c FILE); shadowsocks-libev does"
                    + " not know this method:"
                : "The configuration for shadowsocks-libev (ss-local -c FILE) and shadowsocks-rust"
                    + " (sslocal -c FILE):");
        out.println();
        out.println(profile.json(local));
        out.println();
        out.print(QrText.draw(profile.link(), Terminal.isOutput()));
      }
    }
    out.flush();
    return ExitCode.STOPPED.value();
  }

  private Profile profile() throws AdapterException {
    List<String> missing = new ArrayList<>();
    String cipher = required("--method", method, missing);
    String name = required("--host", host, missing);
    String number = required("--port", port, missing);
    String file = required("--client-opts", clientOpts, missing);
    if (!missing.isEmpty()) {
      throw new ParameterException(
          commandLine(), "Missing " + String.join(", ", missing) + " (or --check)");
    }
    if (!Profile.METHODS.contains(cipher)) {
      throw AdapterException.config(
          "bad --method '%s': it is one of %s"
              .formatted(cipher, String.join(", ", Profile.METHODS.stream().sorted().toList())));
    }
    boolean brackets = name.startsWith("[") && name.endsWith("]");
    Endpoint server;
    try {
      server =
          new Endpoint(
              brackets ? name.substring(1, name.length() - 1) : name, port("--port", number));
    } catch (IllegalArgumentException e) {
      throw AdapterException.config("bad --host: " + e.getMessage());
    }
    ClientRole.requireOfServer(List.of(server));
    if ("-".equals(passwordFile) && file.equals("-")) {
      throw AdapterException.config(
          "standard input cannot hold both the password and the plugin options");
    }
    if (file.startsWith("transport=")) {
      throw AdapterException.config(
          "--client-opts is a file: give the server's client-plugin-opts.txt, not what is in it");
    }
    String options = Text.readLine(file);
    PluginOptions read = PluginOptions.of(OptionString.parse(options));
    if (read.server()) {
      throw AdapterException.config(
          file
              + " holds a server's plugin options; clients need those in client-plugin-opts.txt,"
              + " which the server leaves in its state directory");
    }
    for (String warning : read.warnings()) {
      Cli.tell(commandLine(), "warning: " + warning);
    }
    return new Profile(cipher, password(), server, Cli.NAME, options, Optional.ofNullable(tag));
  }

  private static String required(String name, @Nullable String value, List<String> missing) {
    if (value == null || value.isEmpty()) {
      missing.add(name);
      return "";
    }
    return value;
  }

  private static int port(String option, String text) throws AdapterException {
    try {
      return Endpoint.parsePort(text);
    } catch (IllegalArgumentException e) {
      throw AdapterException.config("bad " + option + ": " + e.getMessage());
    }
  }

  private String password() throws AdapterException {
    String given = password;
    if (given == null && passwordFile != null) {
      given = Text.readLine(passwordFile);
    }
    if (given == null) {
      given = ask();
    }
    if (given.isEmpty()) {
      throw AdapterException.config("the password is empty");
    }
    return given;
  }

  /** Null it still is: since JDK 25 the console is the built-in one again (JDK-8351435). */
  @SuppressWarnings("SystemConsoleNull")
  private static String ask() throws AdapterException {
    @Nullable Console console = System.console();
    if (console == null || !console.isTerminal()) {
      throw AdapterException.config(
          "no password: give --password-file FILE (- for standard input)");
    }
    char @Nullable [] typed = console.readPassword("Password: ");
    return typed == null ? "" : new String(typed);
  }

  private int check(String what) throws AdapterException {
    boolean link = LinkCheck.isLink(what.strip());
    List<Remark> remarks = LinkCheck.of(link ? what : Text.read(what));
    PrintWriter out = commandLine().getOut();
    for (Remark remark : remarks) {
      out.println(remark.mark().sign() + " " + Text.oneLine(remark.text()));
    }
    out.flush();
    boolean bad = remarks.stream().anyMatch(remark -> remark.mark() == Mark.BAD);
    return (bad ? ExitCode.CONFIG : ExitCode.STOPPED).value();
  }

  private CommandLine commandLine() {
    if (spec == null) {
      throw new IllegalStateException("bug: not made by picocli");
    }
    return spec.commandLine();
  }
}
