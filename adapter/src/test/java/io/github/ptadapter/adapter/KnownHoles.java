package io.github.ptadapter.adapter;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.grack.nanojson.JsonArray;
import com.grack.nanojson.JsonObject;
import com.grack.nanojson.JsonParser;
import com.grack.nanojson.JsonParserException;
import com.grack.nanojson.JsonWriter;
import java.io.IOException;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Asks an OSV service (https://google.github.io/osv.dev/post-v1-querybatch/) for the known holes of
 * all that a bill of materials names.
 */
final class KnownHoles {

  private static final int TIMEOUT_MILLIS = 30_000;

  /** A service that always has another page. */
  private static final int MAX_PAGES = 100;

  private final URI service;

  KnownHoles(URI service) {
    this.service = service;
  }

  /** A hole, by its name at OSV, and the package that has it. */
  record Hole(String id, String purl) {}

  /**
   * Takes the bill, the service, and a file of accepted holes: in each line the name of one, then
   * the reason. Ends with 1 where there are others, with 2 where the service does not answer.
   */
  public static void main(String[] args) throws Exception {
    List<String> purls = purls(Files.readString(Path.of(args[0])));
    Set<String> accepted = accepted(Files.readString(Path.of(args[2])));
    try {
      List<Hole> holes = new KnownHoles(URI.create(args[1])).of(purls);
      holes.forEach(hole ->
          System.out.printf(
              "%s: %s%s%n",
              hole.purl(), hole.id(), accepted.contains(hole.id()) ? " (accepted)" : ""));
      boolean clean = holes.stream().allMatch(hole -> accepted.contains(hole.id()));
      System.out.printf("%d packages, %d known holes%n", purls.size(), holes.size());
      System.exit(clean ? 0 : 1);
    } catch (IOException e) {
      System.out.printf(
          "NOT CHECKED for known holes: %s does not answer as OSV does (%s)%n", args[1], e);
      System.exit(2);
    }
  }

  /** All packages of a bill, without the words that OSV does not know. */
  static List<String> purls(String bill) throws JsonParserException {
    List<String> purls = new ArrayList<>();
    for (Object component : JsonParser.object().from(bill).getArray("components")) {
      purls.add(((JsonObject) component).getString("purl").replaceFirst("\\?.*", ""));
    }
    return purls;
  }

  static Set<String> accepted(String lines) {
    return lines
        .lines()
        .filter(line -> !line.isBlank() && !line.startsWith("#"))
        .map(line -> line.replaceFirst("\\s.*", ""))
        .collect(Collectors.toSet());
  }

  /** Asks for all pages of all packages. */
  List<Hole> of(List<String> purls) throws IOException {
    List<Hole> holes = new ArrayList<>();
    JsonArray queries = new JsonArray();
    purls.forEach(purl -> queries.add(query(purl)));
    for (int page = 0; !queries.isEmpty(); page++) {
      if (page == MAX_PAGES) {
        throw new IOException("more than " + MAX_PAGES + " pages");
      }
      JsonArray results = ask(queries);
      JsonArray next = new JsonArray();
      for (int i = 0; i < queries.size(); i++) {
        JsonObject query = queries.getObject(i);
        JsonObject result = results.getObject(i);
        String purl = query.getObject("package").getString("purl");
        for (Object hole : result.getArray("vulns", new JsonArray())) {
          holes.add(new Hole(((JsonObject) hole).getString("id"), purl));
        }
        if (result.getString("next_page_token") != null) {
          query.put("page_token", result.getString("next_page_token"));
          next.add(query);
        }
      }
      queries.clear();
      queries.addAll(next);
    }
    return holes;
  }

  private static JsonObject query(String purl) {
    JsonObject name = new JsonObject();
    name.put("purl", purl);
    JsonObject query = new JsonObject();
    query.put("package", name);
    return query;
  }

  private JsonArray ask(JsonArray queries) throws IOException {
    JsonObject batch = new JsonObject();
    batch.put("queries", queries);
    HttpURLConnection connection =
        (HttpURLConnection) service.resolve("/v1/querybatch").toURL().openConnection();
    connection.setConnectTimeout(TIMEOUT_MILLIS);
    connection.setReadTimeout(TIMEOUT_MILLIS);
    connection.setRequestMethod("POST");
    connection.setRequestProperty("Content-Type", "application/json");
    connection.setDoOutput(true);
    try {
      try (OutputStream out = connection.getOutputStream()) {
        out.write(JsonWriter.string(batch).getBytes(UTF_8));
      }
      if (connection.getResponseCode() != HttpURLConnection.HTTP_OK) {
        throw new IOException("HTTP status " + connection.getResponseCode());
      }
      JsonArray results = JsonParser.object().from(connection.getInputStream()).getArray("results");
      if (results == null || results.size() != queries.size()) {
        throw new IOException("not one result for each of " + queries.size() + " packages");
      }
      return results;
    } catch (JsonParserException e) {
      throw new IOException(e);
    } finally {
      // Else it stays open for a while where the answer was no good.
      connection.disconnect();
    }
  }
}
