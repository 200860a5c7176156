package io.github.ptadapter.adapter;

import io.github.ptadapter.adapter.OptionString.Item;
import io.github.ptadapter.ptclient.PtArgs;
import io.github.ptadapter.ptclient.PtConfig;
import io.github.ptadapter.ptclient.TransportName;
import io.github.ptadapter.ptclient.UpstreamProxy;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.slf4j.event.Level;

/**
 * The plugin options, typed and checked; the table is in the README.
 *
 * @param server whether this is the server role
 * @param transport the transport to use
 * @param exec the PT's command, when the user names one
 * @param state where the PT keeps its state, when the user says so
 * @param bridge the bridge line, already merged into transport and args
 * @param proxy the PT's way to the outside
 * @param startTimeout how long the PT may take to start
 * @param dialTimeout how long one connection may wait for its tunnel
 * @param drainTimeout how long an answer may pause after the end of the local input
 * @param idleTimeout how long a tunnel may be silent both ways; zero for ever
 * @param restart whether a PT that died is started again
 * @param maxConnections how many connections may be open at once
 * @param prewarm how many tunnels may be ready ahead of the connections that want them; zero for
 *     off
 * @param args the PT's arguments
 * @param warnings what the user should know, one line each
 */
public record PluginOptions(
    boolean server,
    TransportName transport,
    Optional<List<String>> exec,
    Optional<Path> state,
    Optional<BridgeLine> bridge,
    Optional<UpstreamProxy> proxy,
    Duration startTimeout,
    Duration dialTimeout,
    Duration drainTimeout,
    Duration idleTimeout,
    boolean restart,
    int maxConnections,
    int prewarm,
    PtArgs args,
    List<String> warnings) {

  private static final Set<String> KEYS =
      Set.of(
          "server",
          "transport",
          "exec",
          "state",
          "bridge",
          "proxy",
          "log",
          "loglevel",
          "start-timeout",
          "dial-timeout",
          "drain-timeout",
          "idle-timeout",
          "restart",
          "max-connections",
          "prewarm");

  private static final Set<String> LOGGING = Set.of("log", "loglevel");

  /** Keys that hosts add on their own. */
  private static final Set<String> DROPPED = Set.of("__android_vpn", "V", "fast-open");

  /** Names that the contract keeps for later: silently they would go to the PT. */
  private static final Set<String> RESERVED =
      Set.of("next", "ext-orport", "proxy-protocol", "metrics");

  private static final Set<String> CLIENT_ONLY = Set.of("bridge", "proxy");

  private static final Set<String> NO_EFFECT_IN_SERVER =
      Set.of("dial-timeout", "drain-timeout", "idle-timeout", "max-connections", "prewarm");

  private static final String ARG_PREFIX = "arg.";

  private static final int MAX_CONNECTIONS_LIMIT = 1_000_000;

  /** More than a browser opens at once, and half of what may be dialled at once. */
  private static final int PREWARM_LIMIT = 64;

  /** Copies the list. */
  public PluginOptions {
    warnings = List.copyOf(warnings);
  }

  /** Where and how much to log; read before all else, so that the other mistakes reach the file. */
  public record Logging(Optional<Path> file, Level level) {}

  /** Reads the logging options alone, whatever is wrong with the others. */
  public static Logging logging(List<Item> items) throws AdapterException {
    Values values = new Values(items.stream().filter(i -> LOGGING.contains(i.key())).toList());
    return new Logging(values.path("log"), values.level("loglevel"));
  }

  /** Reads all options. */
  public static PluginOptions of(List<Item> items) throws AdapterException {
    Values values = new Values(items);
    boolean server =
        values.flag("server", Map.of("1", true, "true", true, "0", false, "false", false), false);
    if (server) {
      for (String key : CLIENT_ONLY) {
        if (values.isSet(key)) {
          throw AdapterException.config(
              "'" + key + "' is an option of the client, not of the server");
        }
      }
    }
    List<String> warnings = new ArrayList<>(values.warnings);
    if (server) {
      NO_EFFECT_IN_SERVER.stream()
          .filter(values::isSet)
          .sorted()
          .forEach(key ->
              warnings.add(
                  "'" + key + "' does nothing in the server role: the PT carries the bytes"));
    }
    Optional<BridgeLine> bridge = values.bridge();
    Optional<TransportName> named = values.transport();
    if (named.isEmpty() && bridge.isEmpty()) {
      throw AdapterException.config(
          "no transport: add transport=NAME to the plugin options, such as transport=obfs4");
    }
    TransportName transport = named.orElseGet(() -> bridge.orElseThrow().transport());
    PtArgs args = values.args();
    if (bridge.isPresent()) {
      BridgeLine line = bridge.orElseThrow();
      if (!transport.equals(line.transport())) {
        warnings.add(
            "transport=%s wins over the bridge line's %s".formatted(transport, line.transport()));
      }
      args = merge(line.args(), args, warnings);
    }
    PtArgs checked = TransportArgs.check(transport, server, args);
    return new PluginOptions(
        server,
        transport,
        values.exec(),
        values.path("state"),
        bridge,
        values.proxy(),
        values.duration("start-timeout", PtConfig.DEFAULT_START_TIMEOUT, 1),
        values.duration("dial-timeout", Duration.ofSeconds(45), 1),
        values.duration("drain-timeout", Duration.ofSeconds(10), 0),
        values.duration("idle-timeout", Duration.ZERO, 0),
        values.flag("restart", Map.of("on", true, "off", false), true),
        values.maxConnections(),
        values.prewarm(),
        checked,
        warnings);
  }

  /**
   * Writes options that make a client of a server.
   *
   * @param transport the server's transport
   * @param args what the server wants from its clients
   * @return a complete {@code plugin-opts}
   */
  public static String forClient(TransportName transport, PtArgs args) {
    StringBuilder options = new StringBuilder("transport=" + transport);
    for (PtArgs.Pair arg : args.pairs()) {
      boolean ours =
          KEYS.contains(arg.key())
              || DROPPED.contains(arg.key())
              || RESERVED.contains(arg.key())
              || arg.key().startsWith(ARG_PREFIX);
      options
          .append(';')
          .append(ours ? ARG_PREFIX : "")
          .append(OptionString.escape(arg.key()))
          .append('=')
          .append(OptionString.escape(arg.value()));
    }
    return options.toString();
  }

  /** The bridge line's arguments, with the user's own in place of those of the same name. */
  private static PtArgs merge(PtArgs bridge, PtArgs own, List<String> warnings) {
    Set<String> ownKeys = new HashSet<>();
    own.pairs().forEach(pair -> ownKeys.add(pair.key()));
    List<PtArgs.Pair> pairs = new ArrayList<>();
    for (PtArgs.Pair pair : bridge.pairs()) {
      if (ownKeys.contains(pair.key())) {
        warnings.add("the option '" + pair.key() + "' wins over the one in the bridge line");
      } else {
        pairs.add(pair);
      }
    }
    pairs.addAll(own.pairs());
    return new PtArgs(pairs);
  }

  /** The options sorted into ours and the PT's, still as text. */
  private static final class Values {
    private final Map<String, Optional<String>> ours = new LinkedHashMap<>();
    private final List<PtArgs.Pair> args = new ArrayList<>();
    private final List<String> warnings = new ArrayList<>();

    Values(List<Item> items) throws AdapterException {
      for (Item item : items) {
        String key = item.key();
        if (KEYS.contains(key)) {
          if (ours.putIfAbsent(key, item.value()) != null) {
            throw AdapterException.config("the option '" + key + "' is there twice");
          }
        } else if (RESERVED.contains(key)) {
          throw AdapterException.config(
              "the option '" + key + "' is not supported by this version");
        } else if (!DROPPED.contains(key)) {
          args.add(arg(item));
        }
      }
    }

    private PtArgs.Pair arg(Item item) throws AdapterException {
      boolean prefixed = item.key().startsWith(ARG_PREFIX);
      String name = prefixed ? item.key().substring(ARG_PREFIX.length()) : item.key();
      if (name.isEmpty()) {
        throw AdapterException.config("the option 'arg.' names no argument: write arg.NAME=VALUE");
      }
      Optional<String> similar = prefixed ? Optional.empty() : SimilarKey.find(name, KEYS);
      if (item.value().isEmpty()) {
        throw AdapterException.config(
            "the option '%s' has no value: arguments for the PT are written %s=VALUE%s"
                .formatted(
                    item.key(),
                    item.key(),
                    similar.map(k -> " (or did you mean '" + k + "'?)").orElse("")));
      }
      similar.ifPresent(k ->
          warnings.add(
              "'%s' is handed to the PT as an argument; did you mean '%s'?".formatted(name, k)));
      return new PtArgs.Pair(name, item.value().orElseThrow());
    }

    private Optional<String> value(String key) {
      return ours.getOrDefault(key, Optional.empty());
    }

    boolean isSet(String key) {
      return ours.containsKey(key);
    }

    PtArgs args() {
      return new PtArgs(args);
    }

    Optional<TransportName> transport() throws AdapterException {
      return read("transport", TransportName::new);
    }

    Optional<BridgeLine> bridge() throws AdapterException {
      return read("bridge", BridgeLine::parse);
    }

    Optional<UpstreamProxy> proxy() throws AdapterException {
      return read("proxy", UpstreamProxy::parse);
    }

    Optional<List<String>> exec() throws AdapterException {
      return read(
          "exec",
          text -> {
            List<String> words = ShellWords.split(text);
            if (words.isEmpty() || words.getFirst().isEmpty()) {
              throw new IllegalArgumentException("it names no program");
            }
            return words;
          });
    }

    Optional<Path> path(String key) throws AdapterException {
      return read(
          key,
          text -> {
            try {
              return Path.of(text);
            } catch (InvalidPathException e) {
              throw new IllegalArgumentException("it is not a path: " + e.getReason(), e);
            }
          });
    }

    Level level(String key) throws AdapterException {
      return read(
              key,
              text ->
                  switch (text) {
                    case "error" -> Level.ERROR;
                    case "warn" -> Level.WARN;
                    case "info" -> Level.INFO;
                    case "debug" -> Level.DEBUG;
                    case "trace" -> Level.TRACE;
                    default ->
                        throw new IllegalArgumentException(
                            "it is one of error, warn, info, debug, trace");
                  })
          .orElse(Level.INFO);
    }

    Duration duration(String key, Duration otherwise, long leastMillis) throws AdapterException {
      return read(
              key,
              text -> {
                Duration duration = Durations.parse(text);
                if (duration.toMillis() < leastMillis) {
                  throw new IllegalArgumentException("it must be more than zero");
                }
                return duration;
              })
          .orElse(otherwise);
    }

    int maxConnections() throws AdapterException {
      return number("max-connections", 1, MAX_CONNECTIONS_LIMIT, "").orElse(4096);
    }

    int prewarm() throws AdapterException {
      return number("prewarm", 0, PREWARM_LIMIT, ", where 0 is off").orElse(0);
    }

    private Optional<Integer> number(String key, int least, int most, String remark)
        throws AdapterException {
      return read(
          key,
          text -> {
            boolean digits = text.matches("\\d{1,7}");
            int number = digits ? Integer.parseInt(text) : -1;
            if (number < least || number > most) {
              throw new IllegalArgumentException(
                  "it is a number from " + least + " to " + most + remark);
            }
            return number;
          });
    }

    /** Reads a choice; bare {@code server} is the one key that needs no value. */
    boolean flag(String key, Map<String, Boolean> words, boolean otherwise)
        throws AdapterException {
      if (key.equals("server") && isSet(key) && value(key).isEmpty()) {
        return true;
      }
      return read(
              key,
              text -> {
                Boolean value = words.get(text);
                if (value == null) {
                  throw new IllegalArgumentException(
                      "it is one of "
                          + String.join(", ", words.keySet().stream().sorted().toList()));
                }
                return value;
              })
          .orElse(otherwise);
    }

    private <T> Optional<T> read(String key, Reader<T> reader) throws AdapterException {
      if (!isSet(key)) {
        return Optional.empty();
      }
      Optional<String> text = value(key);
      if (text.isEmpty() || text.orElseThrow().isEmpty()) {
        throw AdapterException.config("the option '" + key + "' needs a value");
      }
      try {
        return Optional.of(reader.read(text.orElseThrow()));
      } catch (IllegalArgumentException e) {
        throw AdapterException.config("bad option '" + key + "': " + e.getMessage());
      }
    }
  }

  /** Reads one value; an IllegalArgumentException says what is wrong with it. */
  @FunctionalInterface
  private interface Reader<T> {
    T read(String text);
  }
}
