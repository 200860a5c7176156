package io.github.ptadapter.adapter;

import io.github.ptadapter.ptclient.Endpoint;
import io.github.ptadapter.ptclient.PtArgs;
import io.github.ptadapter.ptclient.TransportName;
import java.util.List;
import java.util.regex.Pattern;

/**
 * A bridge as BridgeDB and Tor Browser write it: {@code [Bridge] TRANSPORT IP:PORT [FINGERPRINT]
 * [k=v ...]} (tor's manual, "Bridge").
 *
 * @param transport the transport
 * @param address the bridge's address; made up for some transports
 * @param args the transport's arguments
 */
public record BridgeLine(TransportName transport, Endpoint address, PtArgs args) {

  private static final Pattern BLANKS = Pattern.compile("\\s+");
  private static final Pattern FINGERPRINT = Pattern.compile("[0-9A-Fa-f]{40}");

  /**
   * Reads a line.
   *
   * @throws IllegalArgumentException with what is wrong with it, without quoting an argument
   */
  static BridgeLine parse(String line) {
    int comment = line.indexOf(" #");
    List<String> words =
        List.of(BLANKS.split((comment < 0 ? line : line.substring(0, comment)).strip()));
    if (words.getFirst().equalsIgnoreCase("Bridge")) {
      words = words.subList(1, words.size());
    }
    if (words.size() < 2) {
      throw new IllegalArgumentException(
          "a bridge line is TRANSPORT IP:PORT FINGERPRINT KEY=VALUE ...");
    }
    if (words.getFirst().indexOf(':') >= 0) {
      throw new IllegalArgumentException(
          "it begins with an address: a bridge without a transport is not for this program");
    }
    TransportName transport = new TransportName(words.getFirst());
    Endpoint address;
    try {
      address = Endpoint.parseIp(words.get(1));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "after '" + transport + "' comes no IP:PORT: " + e.getMessage(), e);
    }
    PtArgs args = PtArgs.NONE;
    for (String word : words.subList(2, words.size())) {
      int equals = word.indexOf('=');
      if (equals > 0) {
        args = args.with(word.substring(0, equals), word.substring(equals + 1));
      } else if (!args.pairs().isEmpty() || !FINGERPRINT.matcher(word).matches()) {
        throw new IllegalArgumentException(
            args.pairs().isEmpty()
                ? "after the address comes neither a fingerprint (40 hex digits) nor KEY=VALUE"
                : "after '" + args.pairs().getLast().key() + "' comes a word without =");
      }
    }
    return new BridgeLine(transport, address, args);
  }
}
