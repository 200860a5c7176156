package io.github.ptadapter.adapter;

import io.github.ptadapter.ptclient.PtArgs;
import io.github.ptadapter.ptclient.TransportName;
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
  private static final Pattern NODE_ID = Pattern.compile("[0-9A-Fa-f]{40}");
  private static final Pattern PUBLIC_KEY = Pattern.compile("[0-9A-Fa-f]{64}");
  private static final Set<String> IAT_MODES = Set.of("0", "1", "2");

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
    Optional<String> nodeId = args.first("node-id");
    Optional<String> publicKey = args.first("public-key");
    if (nodeId.isEmpty() || publicKey.isEmpty()) {
      throw AdapterException.config(
          "obfs4 needs cert=...: the server prints it and keeps it in client-plugin-opts.txt"
              + " (node-id and public-key together do too)");
    }
    if (!NODE_ID.matcher(nodeId.orElseThrow()).matches()) {
      throw AdapterException.config("bad obfs4 argument: node-id is 40 hex digits");
    }
    if (!PUBLIC_KEY.matcher(publicKey.orElseThrow()).matches()) {
      throw AdapterException.config("bad obfs4 argument: public-key is 64 hex digits");
    }
  }

  private static void checkCert(String cert) throws AdapterException {
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
