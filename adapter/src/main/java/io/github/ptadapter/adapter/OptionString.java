package io.github.ptadapter.adapter;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The grammar of {@code SS_PLUGIN_OPTIONS} (SIP003): {@code key=value} or a bare {@code key},
 * joined by semicolons.
 *
 * <p>A backslash takes the next character as it is, the first plain {@code =} ends the key, empty
 * items are skipped and nothing is trimmed.
 */
public final class OptionString {

  /**
   * One option.
   *
   * @param key the key, never empty
   * @param value the value; absent without {@code =}
   */
  public record Item(String key, Optional<String> value) {}

  private OptionString() {}

  /** Reads the options in their order. */
  public static List<Item> parse(String text) throws AdapterException {
    List<Item> items = new ArrayList<>();
    StringBuilder part = new StringBuilder();
    Optional<String> key = Optional.empty();
    boolean empty = true;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (Character.isISOControl(c)) {
        throw bad("a control character (code " + (int) c + ")", items);
      }
      if (c == ';') {
        if (!empty) {
          items.add(item(key, part.toString(), items));
        }
        key = Optional.empty();
        part.setLength(0);
        empty = true;
        continue;
      }
      empty = false;
      if (c == '\\') {
        if (++i == text.length()) {
          throw bad("a lone backslash at the end", items);
        }
        if (Character.isISOControl(text.charAt(i))) {
          throw bad("a control character (code " + (int) text.charAt(i) + ")", items);
        }
        part.append(text.charAt(i));
      } else if (c == '=' && key.isEmpty()) {
        key = Optional.of(part.toString());
        part.setLength(0);
      } else {
        part.append(c);
      }
    }
    if (!empty) {
      items.add(item(key, part.toString(), items));
    }
    return items;
  }

  /** Writes a key or a value so that {@link #parse} reads it back. */
  static String escape(String text) {
    return text.replace("\\", "\\\\").replace(";", "\\;").replace("=", "\\=");
  }

  private static Item item(Optional<String> key, String rest, List<Item> before)
      throws AdapterException {
    String name = key.orElse(rest);
    if (name.isEmpty()) {
      throw bad("an empty key", before);
    }
    return new Item(name, key.isPresent() ? Optional.of(rest) : Optional.empty());
  }

  /** Names the place by the key before it: values may be secret. */
  private static AdapterException bad(String what, List<Item> before) {
    return AdapterException.config(
        "bad plugin options: "
            + what
            + (before.isEmpty() ? "" : ", after the option '" + before.getLast().key() + "'"));
  }
}
