package io.github.ptadapter.adapter.cli;

import com.grack.nanojson.JsonArray;
import com.grack.nanojson.JsonObject;
import com.grack.nanojson.JsonParser;
import com.grack.nanojson.JsonParserException;
import io.github.ptadapter.adapter.AdapterException;
import io.github.ptadapter.adapter.ClientRole;
import io.github.ptadapter.adapter.OptionString;
import io.github.ptadapter.adapter.PluginOptions;
import io.github.ptadapter.adapter.cli.LinkCheck.Remark;
import io.github.ptadapter.adapter.cli.Relaxed.Kind;
import io.github.ptadapter.adapter.cli.Step.Mark;
import io.github.ptadapter.ptclient.Endpoint;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Reads configurations of shadowsocks-libev and shadowsocks-rust, and tells of their mistakes. */
final class ConfigCheck {

  private final List<Remark> remarks = new ArrayList<>();

  private ConfigCheck() {}

  static List<Remark> of(String text) {
    ConfigCheck check = new ConfigCheck();
    Optional<JsonObject> config = check.parse(text);
    if (config.isPresent()) {
      check.config(config.orElseThrow());
    }
    return List.copyOf(check.remarks);
  }

  private void bad(String text) {
    remarks.add(new Remark(Mark.BAD, text));
  }

  private void unknown(String text) {
    remarks.add(new Remark(Mark.UNKNOWN, text));
  }

  private Optional<JsonObject> parse(String text) {
    try {
      return Optional.of(JsonParser.object().from(text));
    } catch (JsonParserException e) {
      Relaxed relaxed = Relaxed.of(text);
      try {
        JsonObject config = JsonParser.object().from(relaxed.text());
        relaxed.lines().forEach(this::notInJson);
        return Optional.of(config);
      } catch (JsonParserException again) {
        @Nullable Integer open = relaxed.lines().get(Kind.OPEN_COMMENT);
        if (open == null) {
          bad(notJson(relaxed.lines().isEmpty() ? e : again));
        } else {
          notInJson(Kind.OPEN_COMMENT, open);
        }
        return Optional.empty();
      }
    }
  }

  private void notInJson(Kind kind, int line) {
    String place = "line " + line + ": ";
    switch (kind) {
      case COMMENT ->
          bad(
              place
                  + "a comment, which JSON does not have: shadowsocks-rust reads it,"
                  + " shadowsocks-libev refuses the file");
      case HASH ->
          bad(
              place
                  + "a comment with #, which JSON does not have: all hosts refuse the file"
                  + " (shadowsocks-rust reads comments with // and /* */)");
      case OPEN_COMMENT ->
          bad(place + "a comment /* that is not closed by */: all hosts refuse the file");
      case COMMA ->
          unknown(
              place
                  + "a comma before a closing bracket, which JSON does not have:"
                  + " shadowsocks-libev and shadowsocks-rust read it, other programs may not");
    }
  }

  private static String notJson(JsonParserException e) {
    String message = String.valueOf(e.getMessage());
    return "line "
        + e.getLinePosition()
        + ", character "
        + e.getCharPosition()
        + ": this is not JSON: "
        + message.replaceFirst(" on line \\d+, char \\d+$", "");
  }

  private void config(JsonObject config) {
    if (config.get("servers") instanceof JsonArray servers) {
      if (servers.isEmpty()) {
        bad("'servers' is empty");
      }
      for (int i = 0; i < servers.size(); i++) {
        int before = remarks.size();
        if (servers.get(i) instanceof JsonObject server) {
          server(server, true);
        } else {
          bad("it is no object");
        }
        for (int r = before; r < remarks.size(); r++) {
          Remark remark = remarks.get(r);
          remarks.set(r, new Remark(remark.mark(), "server " + (i + 1) + ": " + remark.text()));
        }
      }
    } else {
      server(config, false);
    }
  }

  /**
   * Checks what belongs to one server.
   *
   * @param listed whether it stands in a list: shadowsocks-rust has shorter names there
   */
  private void server(JsonObject config, boolean listed) {
    int before = remarks.size();
    Optional<String> host = host(config, listed);
    Optional<Integer> port = port(config, listed);
    if (!config.has("port_password") && string(config, "password").isEmpty()) {
      bad("'password' is missing, or is no text");
    }
    Optional<String> method = string(config, "method");
    if (method.isEmpty()) {
      bad("'method' is missing, or is no text");
    } else if (!Profile.METHODS.contains(method.orElseThrow())) {
      unknown("the method '" + method.orElseThrow() + "' is none that today's hosts know");
    }
    Optional<PluginOptions> options = plugin(config);
    if (options.isEmpty()) {
      return;
    }
    if (!options.orElseThrow().server()) {
      if (host.isPresent()) {
        refuseWildcard(host.orElseThrow(), port.orElse(1));
      }
      if (!listed && !config.has("local_port") && !config.has("locals")) {
        unknown("'local_port' is missing: it must be given on the command line (-l)");
      }
    }
    boolean wrong =
        remarks.subList(before, remarks.size()).stream().anyMatch(r -> r.mark() == Mark.BAD);
    if (!wrong) {
      remarks.add(
          new Remark(
              Mark.GOOD,
              "a configuration of a %s of %s at %s, method %s"
                  .formatted(
                      options.orElseThrow().server() ? "server" : "client",
                      options.orElseThrow().transport(),
                      host.orElse("?") + port.map(p -> " port " + p).orElse(""),
                      method.orElse("?"))));
    }
  }

  private void refuseWildcard(String host, int port) {
    try {
      boolean brackets = host.startsWith("[") && host.endsWith("]");
      String bare = brackets ? host.substring(1, host.length() - 1) : host;
      ClientRole.requireOfServer(List.of(new Endpoint(bare, port)));
    } catch (AdapterException e) {
      bad(e.getMessage());
    } catch (IllegalArgumentException e) {
      bad("'server': " + e.getMessage());
    }
  }

  private Optional<String> host(JsonObject config, boolean listed) {
    Optional<String> host = string(config, "server");
    if (host.isEmpty() && config.get("server") instanceof JsonArray hosts && !hosts.isEmpty()) {
      host = Optional.ofNullable(hosts.getString(0));
    }
    if (host.isEmpty() && listed) {
      host = string(config, "address");
    }
    if (host.isEmpty()) {
      bad("'server' is missing, or is no address");
    }
    return host;
  }

  private Optional<Integer> port(JsonObject config, boolean listed) {
    String key = listed && config.has("port") ? "port" : "server_port";
    @Nullable Object value = config.get(key);
    if (value == null) {
      if (!config.has("port_password")) {
        bad("'" + key + "' is missing");
      }
      return Optional.empty();
    }
    try {
      return Optional.of(Endpoint.parsePort(value.toString()));
    } catch (IllegalArgumentException e) {
      bad("'" + key + "': " + e.getMessage());
      return Optional.empty();
    }
  }

  private Optional<PluginOptions> plugin(JsonObject config) {
    for (String key : config.keySet()) {
      String letters = key.toLowerCase(Locale.ROOT).replaceAll("[^a-z]", "");
      if (letters.matches("pluginopt(s|ions?)?") && !key.equals("plugin_opts")) {
        bad(
            "the key is plugin_opts, with an underscore: hosts ignore '"
                + key
                + "' without a word");
      }
    }
    Optional<String> name = string(config, "plugin");
    if (name.isEmpty()) {
      bad("'plugin' is missing, or is no text");
      return Optional.empty();
    }
    Optional<String> other = LinkCheck.otherPlugin(name.orElseThrow());
    if (other.isPresent()) {
      bad(other.orElseThrow());
      return Optional.empty();
    }
    Optional<String> options = string(config, "plugin_opts");
    if (options.isEmpty()) {
      bad("'plugin_opts' is missing, or is no text");
      return Optional.empty();
    }
    try {
      PluginOptions read = PluginOptions.of(OptionString.parse(options.orElseThrow()));
      read.warnings().forEach(this::unknown);
      return Optional.of(read);
    } catch (AdapterException e) {
      bad(e.getMessage());
      return Optional.empty();
    }
  }

  private static Optional<String> string(JsonObject config, String key) {
    return config.get(key) instanceof String text && !text.isEmpty()
        ? Optional.of(text)
        : Optional.empty();
  }
}
