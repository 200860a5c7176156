package io.github.ptadapter.adapter.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.grack.nanojson.JsonObject;
import com.grack.nanojson.JsonWriter;
import io.github.ptadapter.ptclient.Endpoint;
import java.util.Base64;
import java.util.Optional;
import java.util.Set;

/**
 * All that a Shadowsocks client must know of its server.
 *
 * @param method the cipher
 * @param password its password
 * @param server the server's public address
 * @param plugin the plugin's name
 * @param options the plugin options
 * @param tag a name for people
 */
record Profile(
    String method,
    String password,
    Endpoint server,
    String plugin,
    String options,
    Optional<String> tag) {

  /** The methods that today's hosts know. */
  static final Set<String> METHODS =
      Set.of(
          "aes-128-gcm",
          "aes-192-gcm",
          "aes-256-gcm",
          "chacha20-ietf-poly1305",
          "xchacha20-ietf-poly1305",
          "2022-blake3-aes-128-gcm",
          "2022-blake3-aes-256-gcm",
          "2022-blake3-chacha20-poly1305");

  private static final String UNRESERVED = "-._~";

  /**
   * The methods of SIP022, whose user info stands plain in links, and which libev does not know.
   */
  static boolean isOf2022(String method) {
    return method.startsWith("2022-");
  }

  /**
   * The link of SIP002. Everything is percent-encoded that may be: programs differ in what they
   * make of a plain {@code ;} or {@code +}.
   */
  String link() {
    String user =
        isOf2022(method)
            ? encode(method) + ":" + encode(password)
            : Base64.getUrlEncoder()
                .withoutPadding()
                .encodeToString((method + ":" + password).getBytes(UTF_8));
    String host = server.isIpV6() ? "[" + server.host() + "]" : encode(server.host());
    return "ss://%s@%s:%d/?plugin=%s%s"
        .formatted(
            user,
            host,
            server.port(),
            encode(plugin + ";" + options),
            tag.map(name -> "#" + encode(name)).orElse(""));
  }

  /** The configuration file that ss-local of shadowsocks-libev and sslocal both read. */
  String json(int localPort) {
    JsonObject config = new JsonObject();
    config.put("server", server.host());
    config.put("server_port", server.port());
    config.put("local_address", "127.0.0.1");
    config.put("local_port", localPort);
    config.put("password", password);
    config.put("method", method);
    config.put("plugin", plugin);
    config.put("plugin_opts", options);
    return JsonWriter.indent("  ").string().value(config).done();
  }

  private static String encode(String text) {
    StringBuilder encoded = new StringBuilder();
    for (byte b : text.getBytes(UTF_8)) {
      boolean alphanumeric =
          (b >= '0' && b <= '9') || (b >= 'A' && b <= 'Z') || (b >= 'a' && b <= 'z');
      if (alphanumeric || UNRESERVED.indexOf(b) >= 0) {
        encoded.append((char) b);
      } else {
        encoded.append("%%%02X".formatted(b & 0xff));
      }
    }
    return encoded.toString();
  }
}
