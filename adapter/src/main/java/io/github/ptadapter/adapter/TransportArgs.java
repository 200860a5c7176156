package io.github.ptadapter.adapter;

import io.github.ptadapter.ptclient.PtArgs;
import io.github.ptadapter.ptclient.TransportName;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * What is known of the arguments of single transports, so that a mistake shows at start and not as
 * connections that fail without a reason.
 */
final class TransportArgs {

  /** Node id (20 bytes) and public key (32 bytes) in base64 without padding. */
  private static final int OBFS4_CERT_CHARS = 70;

  private static final Pattern BASE64 = Pattern.compile("[A-Za-z0-9+/]*");
  private static final Pattern HEX = Pattern.compile("[0-9A-Fa-f]*");
  private static final Set<String> IAT_MODES = Set.of("0", "1", "2");
  private static final List<String> SERVER_KEYS = List.of("node-id", "private-key", "drbg-seed");

  private TransportArgs() {}

  /**
   * Checks the arguments and adds what every client sends.
   *
   * @throws AdapterException when they are known to be wrong
   */
  static PtArgs check(TransportName transport, boolean server, PtArgs args)
      throws AdapterException {
    if (!transport.value().equals("obfs4")) {
      return args;
    }
    Optional<String> iatMode = args.first("iat-mode");
    if (iatMode.isPresent() && !IAT_MODES.contains(iatMode.orElseThrow())) {
      throw AdapterException.config("bad obfs4 argument: iat-mode is 0, 1 or 2");
    }
    if (server) {
      checkServerKeys(args);
      return args;
    }
    checkIdentity(args);
    return iatMode.isPresent() ? args : args.with("iat-mode", "0");
  }

  private static void checkIdentity(PtArgs args) throws AdapterException {
    Optional<String> cert = args.first("cert");
    if (cert.isPresent()) {
      checkCert(cert.orElseThrow());
      return;
    }
    if (args.first("node-id").isEmpty() || args.first("public-key").isEmpty()) {
      throw AdapterException.config(
          "obfs4 needs cert=...: the server prints it and keeps it in client-plugin-opts.txt"
              + " (node-id and public-key together do too)");
    }
    checkHex(args, "node-id", 40);
    checkHex(args, "public-key", 64);
  }

  /** An identity as options stands in for the one in the state, so a part of one is none. */
  private static void checkServerKeys(PtArgs args) throws AdapterException {
    List<String> missing = SERVER_KEYS.stream().filter(key -> args.first(key).isEmpty()).toList();
    if (missing.equals(SERVER_KEYS)) {
      return;
    }
    if (!missing.isEmpty()) {
      throw AdapterException.config(
          "obfs4 takes %s all together or none of them (then it keeps its own in the state"
                  .formatted(String.join(", ", SERVER_KEYS))
              + " directory): missing is "
              + String.join(" and ", missing));
    }
    checkHex(args, "node-id", 40);
    checkHex(args, "private-key", 64);
    checkHex(args, "drbg-seed", 48);
  }

  private static void checkHex(PtArgs args, String key, int digits) throws AdapterException {
    String value = args.first(key).orElseThrow();
    if (value.length() != digits || !HEX.matcher(value).matches()) {
      throw AdapterException.config(
          "bad obfs4 argument: %s is %d hex digits".formatted(key, digits));
    }
  }

  private static void checkCert(String cert) throws AdapterException {
    if (cert.equals("...")) {
      throw AdapterException.config(
          "bad obfs4 argument: cert=... stands for the server's own; copy the line in its"
              + " client-plugin-opts.txt");
    }
    if (cert.indexOf(' ') >= 0) {
      throw AdapterException.config(
          "bad obfs4 argument: cert has a blank in it; a link has probably lost a '+' there");
    }
    if (!BASE64.matcher(cert).matches()) {
      throw AdapterException.config(
          "bad obfs4 argument: cert may hold only A-Z a-z 0-9 + / (no = at its end)");
    }
    if (cert.length() != OBFS4_CERT_CHARS) {
      throw AdapterException.config(
          "bad obfs4 argument: cert has %d characters instead of %d; copy it again, as a whole"
              .formatted(cert.length(), OBFS4_CERT_CHARS));
    }
  }
}
