package io.github.ptadapter.ptclient;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The rows of {@code vectors/pt.json}. */
final class Vectors {

  private static final JsonNode ALL = load();

  private static final Pattern REPEATED_BYTE = Pattern.compile("\\((..)x(\\d+)\\)");

  private Vectors() {}

  /** Returns the rows of one group, which must not be empty. */
  static Stream<JsonNode> group(String name) {
    if (ALL.path(name).isEmpty()) {
      throw new IllegalArgumentException("no rows in " + name);
    }
    return ALL.path(name).valueStream();
  }

  /** Returns a text, or the texts and {@code [text, times]} that it is made of. */
  static String text(JsonNode node) {
    if (node.isTextual()) {
      return node.textValue();
    }
    StringBuilder text = new StringBuilder();
    for (JsonNode piece : node) {
      if (piece.isTextual()) {
        text.append(piece.textValue());
      } else {
        text.repeat(piece.path(0).textValue(), piece.path(1).intValue());
      }
    }
    return text.toString();
  }

  static PtArgs args(JsonNode pairs) {
    PtArgs args = PtArgs.NONE;
    for (JsonNode pair : pairs) {
      args = args.with(text(pair.path(0)), text(pair.path(1)));
    }
    return args;
  }

  static List<String> strings(JsonNode array) {
    List<String> strings = new ArrayList<>();
    array.forEach(node -> strings.add(node.textValue()));
    return strings;
  }

  static List<TransportName> transports(JsonNode array) {
    return strings(array).stream().map(TransportName::new).toList();
  }

  /** Reads hex, in which {@code (78x3)} stands for {@code 787878}. */
  static byte[] bytes(String hex) {
    return HexFormat.of().parseHex(REPEATED_BYTE.matcher(hex).replaceAll(Vectors::repeated));
  }

  /** Reads hex into a text with one char for each byte. */
  static String latin1(String hex) {
    return new String(bytes(hex), ISO_8859_1);
  }

  private static String repeated(MatchResult match) {
    return match.group(1).repeat(Integer.parseInt(match.group(2)));
  }

  private static JsonNode load() {
    try (InputStream json = Vectors.class.getResourceAsStream("/vectors/pt.json")) {
      return new ObjectMapper().readTree(json);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
