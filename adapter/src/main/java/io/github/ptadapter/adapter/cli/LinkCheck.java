package io.github.ptadapter.adapter.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.github.ptadapter.adapter.AdapterException;
import io.github.ptadapter.adapter.ClientRole;
import io.github.ptadapter.adapter.OptionString;
import io.github.ptadapter.adapter.PluginOptions;
import io.github.ptadapter.adapter.cli.Step.Mark;
import io.github.ptadapter.ptclient.Endpoint;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;

/** Reads share links (SIP002), and tells what clients would make of them. */
final class LinkCheck {

  private static final String SCHEME = "ss://";

  /** What there is to say, in the order of the text. */
  record Remark(Mark mark, String text) {}

  private final List<Remark> remarks = new ArrayList<>();

  private LinkCheck() {}

  /** Checks a link, links in lines, or a configuration in JSON. */
  static List<Remark> of(String text) {
    if (text.startsWith(Text.BYTE_ORDER_MARK)) {
      List<Remark> remarks = new ArrayList<>();
      remarks.add(
          new Remark(
              Mark.UNKNOWN,
              "it begins with a byte order mark, which is not seen in editors:"
                  + " shadowsocks-libev skips it, other programs may not; save it as UTF-8 without"
                  + " BOM"));
      remarks.addAll(of(text.replaceFirst("^" + Text.BYTE_ORDER_MARK + "+", "")));
      return List.copyOf(remarks);
    }
    String all = text.strip();
    LinkCheck check = new LinkCheck();
    if (all.isEmpty()) {
      check.bad("there is nothing in it");
    } else if (isLink(all)) {
      List<String> links = all.lines().map(String::strip).filter(l -> !l.isEmpty()).toList();
      for (int i = 0; i < links.size(); i++) {
        check.link(links.get(i), links.size() == 1 ? "" : "line " + (i + 1) + ": ");
      }
    } else if (all.startsWith("{") || all.startsWith("/") || all.startsWith("#")) {
      return ConfigCheck.of(text);
    } else {
      check.bad("this is neither a link (ss://...) nor a configuration in JSON ({...})");
    }
    return List.copyOf(check.remarks);
  }

  /** Schemes are the same in upper case (RFC 3986). */
  static boolean isLink(String text) {
    return text.regionMatches(true, 0, SCHEME, 0, SCHEME.length());
  }

  private void bad(String text) {
    remarks.add(new Remark(Mark.BAD, text));
  }

  private void link(String link, String place) {
    int before = remarks.size();
    Optional<String> summary = parts(link);
    for (int i = before; i < remarks.size(); i++) {
      Remark remark = remarks.get(i);
      remarks.set(i, new Remark(remark.mark(), place + remark.text()));
    }
    boolean wrong =
        remarks.subList(before, remarks.size()).stream().anyMatch(r -> r.mark() == Mark.BAD);
    if (!wrong && summary.isPresent()) {
      remarks.add(new Remark(Mark.GOOD, place + "a link for " + summary.orElseThrow()));
    }
  }

  /** Reads all parts that can be read; what it returns is for one without a mistake. */
  private Optional<String> parts(String link) {
    if (!isLink(link)) {
      bad("this is no link: it does not begin with ss://");
      return Optional.empty();
    }
    if (link.chars().anyMatch(c -> c <= ' ')) {
      bad("there is a blank in it: a link has none, so it was broken on its way, or cut");
    }
    String rest = link.substring(SCHEME.length()).split("#", 2)[0];
    String[] halves = rest.split("\\?", 2);
    String authority = halves[0].endsWith("/") ? chop(halves[0]) : halves[0];
    int at = authority.lastIndexOf('@');
    if (at < 0) {
      bad(
          "there is no @ in it: an old link, in base64 as a whole, has no place for a plugin;"
              + " make a new one with pt-adapter link");
      return Optional.empty();
    }
    Optional<String> method = user(authority.substring(0, at));
    Optional<Endpoint> server = server(authority.substring(at + 1));
    Optional<String> transport =
        halves.length == 2
            ? query(halves[1])
            : wrong("it names no plugin: behind the port comes /?plugin=pt-adapter%3B...");
    if (method.isEmpty() || server.isEmpty() || transport.isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(
        "%s at %s, method %s"
            .formatted(transport.orElseThrow(), server.orElseThrow(), method.orElseThrow()));
  }

  private static String chop(String text) {
    return text.substring(0, text.length() - 1);
  }

  private <T> Optional<T> wrong(String text) {
    bad(text);
    return Optional.empty();
  }

  private Optional<String> user(String info) {
    String plain;
    boolean encoded = info.indexOf(':') < 0;
    try {
      plain = decode(info);
      if (encoded) {
        String base64 = plain.replace('-', '+').replace('_', '/').replace("=", "");
        byte[] bytes = Base64.getDecoder().decode(base64);
        plain = UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
      }
    } catch (IllegalArgumentException | CharacterCodingException e) {
      return wrong("before the @ comes no METHOD:PASSWORD in base64");
    }
    int colon = plain.indexOf(':');
    if (colon <= 0 || colon == plain.length() - 1) {
      return wrong("before the @ comes no METHOD:PASSWORD");
    }
    String method = plain.substring(0, colon);
    if (!Profile.METHODS.contains(method)) {
      remarks.add(
          new Remark(Mark.UNKNOWN, "the method '" + method + "' is none that today's hosts know"));
    } else if (encoded && Profile.isOf2022(method)) {
      remarks.add(
          new Remark(
              Mark.UNKNOWN,
              "METHOD:PASSWORD of " + method + " must not be in base64 (SIP002): not all read it"));
    }
    return Optional.of(method);
  }

  private Optional<Endpoint> server(String hostAndPort) {
    try {
      Endpoint server = Tunnelled.address("address", decode(hostAndPort));
      ClientRole.requireOfServer(List.of(server));
      return Optional.of(server);
    } catch (AdapterException | IllegalArgumentException e) {
      return wrong("behind the @ comes no server: " + e.getMessage());
    }
  }

  private Optional<String> query(String query) {
    if (query.indexOf(';') >= 0) {
      bad(
          "there is a plain ; behind the ?: programs in Go drop the plugin then; write %3B for"
              + " each");
    }
    // As if each ; were written %3B, to tell of the other mistakes too.
    for (String parameter : query.split("&", -1)) {
      if (!parameter.startsWith("plugin=")) {
        continue;
      }
      String value = parameter.substring("plugin=".length());
      if (value.indexOf('+') >= 0) {
        bad(
            "there is a plain + in the plugin's options: most programs read it as a blank, and a"
                + " cert with a blank is none; write %2B for each");
      }
      String plugin;
      try {
        plugin = decode(value);
      } catch (IllegalArgumentException e) {
        return wrong("the plugin is badly encoded: " + e.getMessage());
      }
      if (plugin.contains("%3B") || plugin.contains("%3D") || plugin.contains("%2B")) {
        return wrong("the plugin is encoded twice: it reads '%3B' where a ; should be");
      }
      String[] nameAndOptions = plugin.split(";", 2);
      return plugin(nameAndOptions[0], nameAndOptions.length == 2 ? nameAndOptions[1] : "");
    }
    return wrong("it names no plugin: behind the ? comes plugin=pt-adapter%3B...");
  }

  private Optional<String> plugin(String name, String options) {
    Optional<String> other = otherPlugin(name);
    if (other.isPresent()) {
      return wrong(other.orElseThrow());
    }
    try {
      PluginOptions read = PluginOptions.of(OptionString.parse(options));
      if (read.server()) {
        return wrong("these are plugin options of a server: clients must not have 'server'");
      }
      read.warnings().forEach(warning -> remarks.add(new Remark(Mark.UNKNOWN, warning)));
      return Optional.of(read.transport().value());
    } catch (AdapterException e) {
      return wrong(e.getMessage());
    }
  }

  /** What to say when a plugin is none of ours; it may be named by its path. */
  static Optional<String> otherPlugin(String name) {
    String last = name.substring(Math.max(name.lastIndexOf('/'), name.lastIndexOf('\\')) + 1);
    if (last.equals(Cli.NAME) || last.equals(Cli.NAME + ".exe") || last.equals(Cli.NAME + ".cmd")) {
      return Optional.empty();
    }
    return Optional.of(
        name.isEmpty() ? "the plugin has no name" : "the plugin is '" + name + "', not pt-adapter");
  }

  /** Undoes percent-encoding alone: a plus sign is one. */
  private static String decode(String text) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    byte[] in = text.getBytes(UTF_8);
    for (int i = 0; i < in.length; i++) {
      if (in[i] != '%') {
        bytes.write(in[i]);
        continue;
      }
      int high = i + 2 < in.length ? Character.digit(in[i + 1], 16) : -1;
      int low = i + 2 < in.length ? Character.digit(in[i + 2], 16) : -1;
      if (high < 0 || low < 0) {
        throw new IllegalArgumentException("a % without two hex digits behind it");
      }
      bytes.write(high * 16 + low);
      i += 2;
    }
    try {
      return UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes.toByteArray())).toString();
    } catch (CharacterCodingException e) {
      throw new IllegalArgumentException("it is no UTF-8", e);
    }
  }
}
