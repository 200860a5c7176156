package io.github.ptadapter.adapter;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.grack.nanojson.JsonObject;
import com.grack.nanojson.JsonParser;
import io.github.ptadapter.adapter.KnownHoles.Hole;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Against answers in the form that OSV's documentation shows. */
final class KnownHolesTest {

  private static final List<String> PURLS =
      List.of("pkg:maven/io.netty/netty-common@4.1.0", "pkg:golang/stdlib@1.19.3");

  private final Queue<String> answers = new ConcurrentLinkedQueue<>();
  private final Queue<String> questions = new ConcurrentLinkedQueue<>();
  private ServerSocket listener;
  private Thread service;
  private KnownHoles holes;

  @BeforeEach
  void listen() throws IOException {
    listener = new ServerSocket(0, 10, InetAddress.getLoopbackAddress());
    holes = new KnownHoles(URI.create("http://127.0.0.1:" + listener.getLocalPort()));
    service = Thread.ofPlatform().daemon().start(this::serve);
  }

  @AfterEach
  void stop() throws Exception {
    listener.close();
    // Other tests count the sockets of this process.
    service.join();
  }

  @Test
  void cleanPackagesHaveNone() throws Exception {
    answers.add("200 {\"results\":[{},{\"vulns\":[]}]}");
    assertThat(holes.of(PURLS)).isEmpty();
    JsonObject question = JsonParser.object().from(questions.remove());
    assertThat(question.getArray("queries").getObject(0).getObject("package").getString("purl"))
        .isEqualTo(PURLS.getFirst());
  }

  @Test
  void holesAreNamedWithTheirPackageThroughAllPages() throws Exception {
    answers.add(
        """
        200 {"results":[
          {},
          {"vulns":[{"id":"GO-2022-1144","modified":"2024-05-20T16:03:47Z"},
                    {"id":"GO-2023-1568","modified":"2024-05-20T16:03:47Z"}],
           "next_page_token":"more"}]}\
        """);
    answers.add("200 {\"results\":[{\"vulns\":[{\"id\":\"GO-2023-1570\"}]}]}");
    assertThat(holes.of(PURLS))
        .containsExactly(
            new Hole("GO-2022-1144", PURLS.getLast()),
            new Hole("GO-2023-1568", PURLS.getLast()),
            new Hole("GO-2023-1570", PURLS.getLast()));
    questions.remove();
    assertThat(questions.remove())
        .contains("\"page_token\":\"more\"", PURLS.getLast())
        .doesNotContain("netty");
  }

  @Test
  void answersOfAnotherKindAreNoCleanBill() {
    for (String answer :
        List.of(
            "400 {\"code\":3,\"message\":\"Invalid query.\"}",
            "200 {}",
            "200 {\"results\":[{}]}",
            "200 <html>")) {
      answers.add(answer);
      assertThatThrownBy(() -> holes.of(PURLS)).as(answer).isInstanceOf(IOException.class);
    }
  }

  @Test
  void billsAndAcceptedHolesAreRead() throws Exception {
    String bill =
        "{\"components\":[{\"name\":\"a\",\"purl\":\"pkg:maven/g/a@1?type=jar\"},{\"purl\":\"pkg:golang/b@2\"}]}";
    assertThat(KnownHoles.purls(bill)).containsExactly("pkg:maven/g/a@1", "pkg:golang/b@2");
    assertThat(KnownHoles.accepted("# why\n\nGO-1 not called\nGHSA-2\ta server only\n"))
        .containsExactlyInAnyOrder("GO-1", "GHSA-2");
  }

  private void serve() {
    try {
      while (true) {
        try (Socket socket = listener.accept()) {
          answer(socket);
        }
      }
    } catch (IOException e) {
      // Closed at the end.
    }
  }

  private void answer(Socket socket) throws IOException {
    BufferedReader in = new BufferedReader(new InputStreamReader(socket.getInputStream(), UTF_8));
    assertThat(in.readLine()).startsWith("POST /v1/querybatch ");
    int length = 0;
    for (String line = in.readLine(); !line.isEmpty(); line = in.readLine()) {
      if (line.startsWith("Content-Length: ")) {
        length = Integer.parseInt(line.substring("Content-Length: ".length()));
      }
    }
    char[] body = new char[length];
    for (int read = 0; read < length; ) {
      read += in.read(body, read, length - read);
    }
    questions.add(new String(body));
    String answer = answers.remove();
    byte[] content = answer.substring(answer.indexOf(' ') + 1).getBytes(UTF_8);
    String head =
        "HTTP/1.1 %s X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
            .formatted(answer.substring(0, answer.indexOf(' ')), content.length);
    socket.getOutputStream().write(head.getBytes(UTF_8));
    socket.getOutputStream().write(content);
  }
}
