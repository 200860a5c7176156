package io.github.ptadapter.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** An obfs4 server is the same to its clients whatever happens to it. */
final class ServerIdentityIT {

  private static final int BAD_OPTIONS = 2;
  private static final Duration LIMIT = Duration.ofSeconds(8);

  private static final String NODE_ID = "0123456789abcdef0123456789abcdef01234567";
  private static final String PRIVATE_KEY = "40" + "5a".repeat(31);
  private static final String SEED = "0123456789abcdef".repeat(3);
  private static final String KEYS =
      ";node-id=" + NODE_ID + ";private-key=" + PRIVATE_KEY + ";drbg-seed=" + SEED;

  @TempDir Path dir;

  @ParameterizedTest
  @ValueSource(strings = {"embedded", "lyrebird"})
  void certIsTheSameAfterEveryEnd(String program) throws IOException {
    Set<String> lines = new LinkedHashSet<>();
    for (String end : List.of("TERM", "KILL", "KILL of the PT", "TERM")) {
      try (Program plugin = start(program, "").awaitReady()) {
        lines.add(clientOptions());
        if (end.equals("KILL of the PT")) {
          Processes.signal("KILL", plugin.awaitChild(pt(program).getFileName().toString()));
          plugin.awaitLine("ready: ", 2);
          lines.add(clientOptions());
        } else {
          Processes.signal(end, plugin.pid());
          plugin.awaitExit(LIMIT);
        }
      }
    }
    assertThat(lines)
        .singleElement()
        .asString()
        .matches("transport=obfs4;cert=[A-Za-z0-9+/]{70};iat-mode=0");
  }

  /** Old and new: who changes the program keeps the clients. */
  @Test
  void certStaysWhenTheProgramChanges() throws IOException {
    Set<String> lines = new LinkedHashSet<>();
    for (String program : List.of("embedded", "lyrebird", "embedded")) {
      lines.add(optionsOfAServer(program, ""));
    }
    assertThat(lines).hasSize(1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"embedded", "lyrebird"})
  void iatModeIsRememberedUntilItIsGivenAgain(String program) throws IOException {
    String cert = optionsOfAServer(program, "").replaceFirst("iat-mode=0$", "");
    assertThat(optionsOfAServer(program, ";iat-mode=1")).isEqualTo(cert + "iat-mode=1");
    assertThat(optionsOfAServer(program, "")).isEqualTo(cert + "iat-mode=1");
    assertThat(optionsOfAServer(program, ";iat-mode=0")).isEqualTo(cert + "iat-mode=0");
    assertThat(optionsOfAServer(program, "")).isEqualTo(cert + "iat-mode=0");
  }

  @ParameterizedTest
  @ValueSource(strings = {"embedded", "lyrebird"})
  void keysAsOptionsAreTheIdentityAndStay(String program) throws IOException {
    String own = optionsOfAServer(program, ";iat-mode=2");
    String given = optionsOfAServer(program, KEYS);
    assertThat(given)
        .isNotEqualTo(own)
        .matches("transport=obfs4;cert=ASNFZ4mrze8BI0VniavN7wEjRW[A-Za-z0-9+/]{44};iat-mode=0");
    assertThat(optionsOfAServer(program, "")).isEqualTo(given);
    assertThat(Files.readString(state().resolve("obfs4_state.json"))).contains(NODE_ID, SEED);
  }

  @Test
  void aPartOfTheKeysIsRefusedByTheRule() {
    try (Program plugin = start("embedded", ";node-id=" + NODE_ID + ";drbg-seed=" + SEED)) {
      assertThat(plugin.awaitExit(LIMIT)).isEqualTo(BAD_OPTIONS);
      assertThat(plugin.log())
          .singleElement()
          .asString()
          .contains(
              "node-id, private-key, drbg-seed all together or none", "missing is private-key")
          .doesNotContain(SEED);
      assertThat(state()).doesNotExist();
    }
  }

  private String optionsOfAServer(String program, String options) throws IOException {
    try (Program plugin = start(program, options).awaitReady()) {
      String line = clientOptions();
      assertThat(plugin.log().getFirst()).endsWith(": " + line);
      Processes.signal("TERM", plugin.pid());
      assertThat(plugin.awaitExit(LIMIT)).isZero();
      return line;
    }
  }

  private Program start(String program, String options) {
    String server = "server;transport=obfs4;state=" + state() + ";exec=" + pt(program);
    return Plugin.start(dir, Sip.of(server + options));
  }

  private String clientOptions() throws IOException {
    return Files.readString(state().resolve("client-plugin-opts.txt")).strip();
  }

  private Path state() {
    return dir.resolve("own");
  }

  private static Path pt(String program) {
    return program.equals("embedded") ? Plugin.EMBEDDED_PT : Requirement.peer(program);
  }
}
