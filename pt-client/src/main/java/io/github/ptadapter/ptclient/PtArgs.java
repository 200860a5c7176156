package io.github.ptadapter.ptclient;

import static java.util.stream.Collectors.joining;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The arguments of a transport, in order: what a client sends with every connection (pt-spec 3.5),
 * what a server offers in {@code ARGS:} of its {@code SMETHOD} line (3.3.3) or is given in {@code
 * TOR_PT_SERVER_TRANSPORT_OPTIONS} (3.2.3).
 *
 * <p>Values are secrets: {@link #toString} shows the keys alone.
 *
 * @param pairs the arguments; a key may stand there more than once
 */
public record PtArgs(List<Pair> pairs) {

  /** No arguments at all. */
  public static final PtArgs NONE = new PtArgs(List.of());

  /**
   * One argument.
   *
   * @param key the key, never empty
   * @param value the value, maybe empty
   */
  public record Pair(String key, String value) {

    /**
     * Checks the key.
     *
     * @throws IllegalArgumentException when it is empty
     */
    public Pair {
      if (key.isEmpty()) {
        throw new IllegalArgumentException("empty key");
      }
    }

    /** Returns the key alone: the value is a secret. */
    @Override
    public String toString() {
      return key + "=...";
    }
  }

  /** Copies the list. */
  public PtArgs {
    pairs = List.copyOf(pairs);
  }

  /**
   * Reads the {@code ARGS:} of an {@code SMETHOD} line: {@code k=v} joined by commas, a backslash
   * takes the next character as it is, the first plain {@code =} ends a key and later ones belong
   * to the value (pt-spec 3.3.3).
   *
   * @param text what follows {@code ARGS:}
   * @return the arguments in their order
   * @throws IllegalArgumentException with the reason when an argument has no {@code =} or no key,
   *     or a backslash stands at the end
   */
  public static PtArgs parseSmethodArgs(String text) {
    List<Pair> pairs = new ArrayList<>();
    StringBuilder part = new StringBuilder();
    Optional<String> key = Optional.empty();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '\\') {
        if (++i == text.length()) {
          throw new IllegalArgumentException("ends in a backslash");
        }
        part.append(text.charAt(i));
      } else if (c == '=' && key.isEmpty()) {
        key = Optional.of(part.toString());
        part.setLength(0);
      } else if (c == ',') {
        pairs.add(pair(key, part));
        key = Optional.empty();
        part.setLength(0);
      } else {
        part.append(c);
      }
    }
    if (!text.isEmpty()) {
      pairs.add(pair(key, part));
    }
    return new PtArgs(pairs);
  }

  private static Pair pair(Optional<String> key, StringBuilder value) {
    return new Pair(
        key.orElseThrow(() -> new IllegalArgumentException("no = in an argument")),
        value.toString());
  }

  /**
   * Looks an argument up.
   *
   * @param key the key
   * @return the first value of that key
   */
  public Optional<String> first(String key) {
    return pairs.stream().filter(p -> p.key().equals(key)).map(Pair::value).findFirst();
  }

  /**
   * Adds an argument at the end.
   *
   * @param key the key, never empty
   * @param value the value
   * @return these arguments and that one
   * @throws IllegalArgumentException when the key is empty
   */
  public PtArgs with(String key, String value) {
    List<Pair> all = new ArrayList<>(pairs);
    all.add(new Pair(key, value));
    return new PtArgs(all);
  }

  /**
   * Encodes for a client's connection: {@code k=v} joined by semicolons; a backslash before each
   * {@code \} and {@code ;}, and before {@code =} in keys (pt-spec 3.5).
   *
   * <p>The text of the specification escapes {@code =} in values too; tor and Arti do not, and
   * every known PT reads both, so the bytes are theirs.
   *
   * @return the text, empty when there are no arguments
   */
  public String encode() {
    return pairs.stream()
        .map(p -> escape(p.key(), "\\;=") + "=" + escape(p.value(), "\\;"))
        .collect(joining(";"));
  }

  /**
   * Encodes for {@code TOR_PT_SERVER_TRANSPORT_OPTIONS}: {@code name:k=v} joined by semicolons; a
   * backslash before each {@code \}, {@code ;} and {@code :}, and before {@code =} in keys (pt-spec
   * 3.2.3).
   *
   * @param transport the transport they are for
   * @return the text, empty when there are no arguments
   */
  public String encodeServerOptions(TransportName transport) {
    return pairs.stream()
        .map(p -> transport + ":" + escape(p.key(), "\\;:=") + "=" + escape(p.value(), "\\;:"))
        .collect(joining(";"));
  }

  /** Returns the keys, never a value. */
  @Override
  public String toString() {
    return "PtArgs" + pairs;
  }

  static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static String escape(String text, String special) {
    StringBuilder escaped = new StringBuilder(text.length() + 8);
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (special.indexOf(c) >= 0) {
        escaped.append('\\');
      }
      escaped.append(c);
    }
    return escaped.toString();
  }
}
