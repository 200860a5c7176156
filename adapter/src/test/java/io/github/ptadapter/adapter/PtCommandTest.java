package io.github.ptadapter.adapter;

import static io.github.ptadapter.adapter.Refusals.refused;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.ptadapter.ptclient.TransportName;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PtCommandTest {

  private static final String HOME = "pt-adapter.home";

  @TempDir private Path root;
  private Path first;
  private Path second;
  private String homeBefore;

  @BeforeEach
  void makeFolders() throws IOException {
    first = Files.createDirectory(root.resolve("first"));
    second = Files.createDirectory(root.resolve("second"));
    homeBefore = System.getProperty(HOME);
    System.clearProperty(HOME);
  }

  @AfterEach
  void restoreHome() {
    if (homeBefore == null) {
      System.clearProperty(HOME);
    } else {
      System.setProperty(HOME, homeBefore);
    }
  }

  /** Each program alone on PATH is found for the transport and role; {@code -} is none. */
  @ParameterizedTest
  @CsvSource({
    "obfs4,        client, obfs4proxy",
    "obfs4,        client, lyrebird",
    "obfs4,        server, obfs4proxy",
    "obfs4,        server, lyrebird",
    "obfs3,        client, obfs4proxy",
    "obfs2,        server, obfs4proxy",
    "scramblesuit, client, obfs4proxy",
    "meek_lite,    client, obfs4proxy",
    "meek_lite,    client, lyrebird",
    "snowflake,    client, snowflake-client",
    "snowflake,    server, snowflake-server",
    "webtunnel,    client, webtunnel-client",
    "webtunnel,    server, webtunnel-server",
    "meek,         client, meek-client",
    "meek,         server, meek-server",
    "conjure,      client, conjure-client",
  })
  void knowsTheProgramsOfTheTransports(String transport, String role, String program)
      throws Exception {
    Path expected = executable(second, program);
    assertThat(find(transport, role.equals("server"))).containsExactly(expected.toString());
  }

  @Test
  void prefersTheNameBeforeTheFolder() throws Exception {
    executable(first, "lyrebird");
    Path expected = executable(second, "obfs4proxy");
    assertThat(find("obfs4", false)).containsExactly(expected.toString());
  }

  @Test
  void takesTheFirstFolderThatHasIt() throws Exception {
    Path expected = executable(first, "obfs4proxy");
    executable(second, "obfs4proxy");
    assertThat(find("obfs4", false)).containsExactly(expected.toString());
  }

  @Test
  void passesOverWhatCannotBeRun() throws Exception {
    Files.createDirectory(first.resolve("obfs4proxy"));
    Path expected = executable(second, "obfs4proxy");
    assertThat(find("obfs4", false)).containsExactly(expected.toString());
    Files.delete(first.resolve("obfs4proxy"));
    Files.writeString(first.resolve("obfs4proxy"), "not executable, even for root");
    assertThat(find("obfs4", false)).containsExactly(expected.toString());
  }

  @Test
  void fallsBackToTheOneOfTheDistribution() throws Exception {
    Path embedded = executable(Files.createDirectories(root.resolve("home/lib")), "obfs4proxy");
    System.setProperty(HOME, root.resolve("home").toString());
    assertThat(find("obfs4", false)).containsExactly(embedded.toString());
    assertThat(find("meek_lite", false)).containsExactly(embedded.toString());
    refused(ExitCode.PT_FAILED, () -> find("snowflake", false), "install snowflake-client");
    executable(second, "lyrebird");
    assertThat(find("obfs4", false)).containsExactly(embedded.toString());
    Path installed = executable(second, "obfs4proxy");
    assertThat(find("obfs4", false)).containsExactly(installed.toString());
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = " -> ",
      textBlock =
          """
          obfs4 -> client -> install obfs4proxy or lyrebird, or name it with exec=COMMAND
          snowflake -> client -> install snowflake-client or lyrebird, or name it with exec=COMMAND
          webtunnel -> server -> install webtunnel-server, or name it with exec=COMMAND
          conjure -> server -> no program is known for the transport 'conjure': name it with exec=COMMAND
          dust -> client -> no program is known for the transport 'dust': name it with exec=COMMAND
          """)
  void saysWhatToInstall(String transport, String role, String words) {
    refused(
        ExitCode.PT_FAILED,
        () -> find(transport, role.equals("server")),
        "the transport '" + transport + "'",
        words);
  }

  /** trojan-go hands over no PATH at all. */
  @Test
  void livesWithoutPath() {
    refused(
        ExitCode.PT_FAILED,
        () -> PtCommand.find(new TransportName("conjure"), false, Map.of()),
        "no program for the transport 'conjure' found");
  }

  private List<String> find(String transport, boolean server) throws AdapterException {
    String path = first + ":" + root.resolve("missing") + ":" + second;
    return PtCommand.find(new TransportName(transport), server, Map.of("PATH", path));
  }

  private static Path executable(Path folder, String name) throws IOException {
    Path program = Files.writeString(folder.resolve(name), "#!/bin/sh\n");
    assertThat(program.toFile().setExecutable(true)).isTrue();
    return program;
  }
}
