package io.github.ptadapter.adapter;

import com.grack.nanojson.JsonArray;
import com.grack.nanojson.JsonObject;
import com.grack.nanojson.JsonParser;
import com.grack.nanojson.JsonWriter;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Properties;

/**
 * Completes the bill of materials (CycloneDX) that Maven makes of a package, by what Maven does not
 * know: the obfs4proxy with all that is linked into it, and the Java runtime.
 */
final class Sbom {

  private final JsonObject bom;
  private final JsonArray partsOfPackage;

  private Sbom(JsonObject bom) {
    this.bom = bom;
    // Maven's first entry is for the module that makes the packages.
    partsOfPackage = bom.getArray("dependencies").getObject(0).getArray("dependsOn");
  }

  /** Takes Maven's file, the package's folder, the version of the obfs4proxy, the file to write. */
  public static void main(String[] args) throws Exception {
    Path folder = Path.of(args[1]);
    Sbom sbom = new Sbom(JsonParser.object().from(Files.readString(Path.of(args[0]))));
    sbom.bom.getObject("metadata").getObject("component").put("name", "pt-adapter");
    sbom.addTransport(folder.resolve("lib/obfs4proxy"), args[2]);
    Path release = folder.resolve("runtime/release");
    if (Files.exists(release)) {
      sbom.addRuntime(release);
    }
    Path file = Path.of(args[3]);
    Files.createDirectories(file.getParent());
    Files.writeString(file, JsonWriter.indent("  ").string().value(sbom.bom).done() + "\n");
  }

  private void addTransport(Path program, String version) throws Exception {
    byte[] bytes = Files.readAllBytes(program);
    GoBuildInfo info = GoBuildInfo.of(bytes);
    JsonObject transport =
        component("application", "obfs4proxy", version, "maven/org.briarproject/obfs4proxy-linux");
    JsonObject hash = new JsonObject();
    hash.put("alg", "SHA-256");
    hash.put(
        "content", HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes)));
    transport.put("hashes", JsonArray.from(hash));
    transport.put("licenses", licence("GPL-3.0-or-later"));
    JsonArray linked = new JsonArray();
    linked.add(add(component("library", "stdlib", info.version(), "golang/stdlib")));
    for (GoBuildInfo.Module module : info.modules()) {
      linked.add(
          add(component("library", module.path(), module.version(), "golang/" + module.path())));
    }
    partsOfPackage.add(add(transport, linked));
  }

  private void addRuntime(Path file) throws IOException {
    Properties release = new Properties();
    try (InputStream in = Files.newInputStream(file)) {
      release.load(in);
    }
    JsonObject runtime =
        component("platform", "openjdk", value(release, "FULL_VERSION"), "generic/openjdk");
    runtime.put("publisher", value(release, "IMPLEMENTOR"));
    runtime.put("description", "Java runtime with the modules " + value(release, "MODULES"));
    runtime.put("licenses", licence("GPL-2.0-only WITH Classpath-exception-2.0"));
    partsOfPackage.add(add(runtime));
  }

  private static String value(Properties release, String key) {
    return release.getProperty(key).replace("\"", "");
  }

  private static JsonObject component(String type, String name, String version, String purl) {
    JsonObject component = new JsonObject();
    String url = "pkg:" + purl + "@" + version.replace("+", "%2B");
    component.put("type", type);
    component.put("bom-ref", url);
    component.put("name", name);
    component.put("version", version);
    component.put("purl", url);
    return component;
  }

  private static JsonArray licence(String expression) {
    JsonObject licence = new JsonObject();
    licence.put("expression", expression);
    return JsonArray.from(licence);
  }

  /** Adds what depends on nothing. */
  private String add(JsonObject component) {
    return add(component, new JsonArray());
  }

  /** Returns the reference of what it has added. */
  private String add(JsonObject component, JsonArray dependsOn) {
    bom.getArray("components").add(component);
    String reference = component.getString("bom-ref");
    JsonObject dependency = new JsonObject();
    dependency.put("ref", reference);
    dependency.put("dependsOn", dependsOn);
    bom.getArray("dependencies").add(dependency);
    return reference;
  }
}
