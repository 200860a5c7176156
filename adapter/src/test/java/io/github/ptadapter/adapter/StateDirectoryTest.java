package io.github.ptadapter.adapter;

import static io.github.ptadapter.adapter.Refusals.refused;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.ptadapter.ptclient.TransportName;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class StateDirectoryTest {

  private static final TransportName OBFS4 = new TransportName("obfs4");
  private static final String USER =
      System.getProperty("user.name").replaceAll("[^A-Za-z0-9_.-]", "_");

  /** {@code file} is a regular file: nothing can be made below it, not even by root. */
  @TempDir private Path root;

  private final Map<String, String> environment = new HashMap<>();

  @BeforeEach
  void makeObstacle() throws IOException {
    Files.writeString(root.resolve("file"), "in the way");
    environment.put("TMPDIR", root.resolve("tmp").toString());
    environment.put("HOME", root.resolve("home").toString());
  }

  /** Variables, then where a client's and where a server's folder is; all below the root. */
  @ParameterizedTest
  @CsvSource({
    "s,  x,  h,  s/pt-adapter",
    "'', x,  h,  x/pt-adapter",
    ",   x,  h,  x/pt-adapter",
    ",   '', h,  h/.local/state/pt-adapter",
    ",   ,   h,  h/.local/state/pt-adapter",
  })
  void areFoundInOrder(String stateDirectory, String xdg, String home, String folder)
      throws Exception {
    put("STATE_DIRECTORY", stateDirectory);
    put("XDG_STATE_HOME", xdg);
    put("HOME", home);
    Path expected = root.resolve(folder);
    assertThat(client().path()).isEqualTo(expected.resolve("client-obfs4")).isDirectory();
    assertThat(server().path()).isEqualTo(expected.resolve("server-obfs4-443")).isDirectory();
  }

  @Test
  void takeTheFirstOfTheFoldersThatSystemdJoins() throws Exception {
    environment.put("STATE_DIRECTORY", root.resolve("one") + ":" + root.resolve("two"));
    assertThat(server().path()).isEqualTo(root.resolve("one/pt-adapter/server-obfs4-443"));
  }

  /** Two servers on one machine, or a server and a client, must not share an identity. */
  @Test
  void areDifferentForEachTransportPortAndRole() throws Exception {
    Path obfs3 =
        StateDirectory.forServer(Optional.empty(), new TransportName("obfs3"), 443, environment)
            .path();
    Path port = StateDirectory.forServer(Optional.empty(), OBFS4, 444, environment).path();
    assertThat(Set.of(client().path(), server().path(), obfs3, port)).hasSize(4);
  }

  @Test
  void areWhatTheUserSays() throws Exception {
    Path chosen = root.resolve("chosen/by user");
    assertThat(StateDirectory.forClient(Optional.of(chosen), OBFS4, environment).path())
        .isEqualTo(chosen);
    assertThat(StateDirectory.forServer(Optional.of(chosen), OBFS4, 443, environment).path())
        .isEqualTo(chosen);
    assertThat(chosen).isEmptyDirectory();
  }

  /** A PT runs elsewhere than we, perhaps. */
  @Test
  void areAbsolute() throws Exception {
    Path relative = Path.of("target", "state-directory-test");
    Path path = StateDirectory.forClient(Optional.of(relative), OBFS4, environment).path();
    assertThat(path).isEqualTo(relative.toAbsolutePath()).isDirectory();
    Files.delete(path);
  }

  @Test
  void arePrivateWithAllThatWasMadeForThem() throws Exception {
    environment.put("XDG_STATE_HOME", root.resolve("a/b").toString());
    server();
    for (String made :
        new String[] {"a", "a/b", "a/b/pt-adapter", "a/b/pt-adapter/server-obfs4-443"}) {
      assertThat(permissions(root.resolve(made))).as(made).isEqualTo("rwx------");
    }
  }

  @Test
  void areTakenAsTheyAreWhenTheyExist() throws Exception {
    Path shared = Files.createDirectory(root.resolve("shared"));
    Files.setPosixFilePermissions(shared, PosixFilePermissions.fromString("rwxr-x---"));
    Path link = Files.createSymbolicLink(root.resolve("link"), shared);
    assertThat(StateDirectory.forServer(Optional.of(link), OBFS4, 443, environment).path())
        .isEqualTo(link);
    assertThat(permissions(shared)).isEqualTo("rwxr-x---");
  }

  @Test
  void areRefusedToAServerThatCannotWriteThere() {
    environment.put("STATE_DIRECTORY", root.resolve("file/x").toString());
    environment.put("XDG_STATE_HOME", root.resolve("fine").toString());
    refused(
        this::server,
        "cannot use the state directory " + root.resolve("file/x/pt-adapter/server-obfs4-443"),
        "name another with state=DIR");
    assertThat(root.resolve("fine")).doesNotExist();
  }

  @ParameterizedTest
  @CsvSource({
    "file,       is there and is no directory",
    "file/below, Not a directory",
    "dangling,   is there and is no directory",
  })
  void areRefusedWithTheReason(String chosen, String reason) throws Exception {
    Files.createSymbolicLink(root.resolve("dangling"), root.resolve("nowhere"));
    Path path = root.resolve(chosen);
    String words = "cannot use the state directory " + path + ": ";
    refused(
        () -> StateDirectory.forServer(Optional.of(path), OBFS4, 443, environment),
        words,
        reason,
        "; name another with state=DIR");
    refused(() -> StateDirectory.forClient(Optional.of(path), OBFS4, environment), words, reason);
  }

  @Test
  void areTriedOneAfterTheOtherForAClient() throws Exception {
    environment.put("STATE_DIRECTORY", root.resolve("file/x").toString());
    environment.put("XDG_STATE_HOME", root.resolve("file").toString());
    assertThat(client().path())
        .isEqualTo(root.resolve("home/.local/state/pt-adapter/client-obfs4"));
  }

  @Test
  void areTemporaryForAClientThatMayWriteNowhereElse() throws Exception {
    environment.put("HOME", root.resolve("file").toString());
    Path expected = root.resolve("tmp/pt-adapter-" + USER + "/client-obfs4");
    assertThat(client().path()).isEqualTo(expected);
    assertThat(permissions(expected)).isEqualTo("rwx------");
    assertThat(permissions(expected.getParent())).isEqualTo("rwx------");
    assertThat(client().path()).as("the second run").isEqualTo(expected);
  }

  /** Where everybody may write, another user may have been there first. */
  @ParameterizedTest
  @ValueSource(strings = {"rwxrwxrwx", "rwxr-x---", "rwx--x--x"})
  void areNotTakenFromOthersUnderTheTemporaryFolder(String permissions) throws Exception {
    environment.put("HOME", root.resolve("file").toString());
    Path foreign = Files.createDirectories(root.resolve("tmp/pt-adapter-" + USER));
    Files.setPosixFilePermissions(foreign, PosixFilePermissions.fromString(permissions));
    refused(this::client, "cannot use the state directory " + foreign, "is not private");
  }

  @Test
  void areNotTakenThroughALinkUnderTheTemporaryFolder() throws Exception {
    environment.put("HOME", root.resolve("file").toString());
    Path target = Files.createDirectory(root.resolve("target"));
    Files.setPosixFilePermissions(target, PosixFilePermissions.fromString("rwx------"));
    Files.createDirectory(root.resolve("tmp"));
    Files.createSymbolicLink(root.resolve("tmp/pt-adapter-" + USER), target);
    refused(this::client, "is not private");
    assertThat(target).isEmptyDirectory();
  }

  @Test
  void areNotTakenFromAnotherUser() throws Exception {
    Path foreign = Files.createDirectory(root.resolve("foreign"));
    OtherUser.give(foreign);
    refused(
        () -> StateDirectory.forServer(Optional.of(foreign), OBFS4, 443, environment),
        "cannot use the state directory " + foreign + ": it belongs to another user");
    refused(() -> StateDirectory.forClient(Optional.of(foreign), OBFS4, environment), "another");
    assertThat(foreign).isEmptyDirectory();
  }

  @Test
  void areNotTakenThroughALinkOfAnotherUser() throws Exception {
    Path own = Files.createDirectory(root.resolve("own"));
    Path link = Files.createSymbolicLink(root.resolve("link"), own);
    OtherUser.give(link);
    refused(
        () -> StateDirectory.forServer(Optional.of(link), OBFS4, 443, environment),
        "cannot use the state directory " + link + ": it belongs to another user");
    assertThat(own).isEmptyDirectory();
  }

  @Test
  void areTakenWithAWarningWhereEveryUserMayWrite() throws Exception {
    CapturedLog captured = new CapturedLog();
    captured.begin();
    Path open = Files.createDirectory(root.resolve("open"));
    Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwxrwxrwx"));
    StateDirectory.forServer(Optional.of(open), OBFS4, 443, environment);
    assertThat(captured.lines())
        .singleElement()
        .asString()
        .contains("WARN", "every user may write in the state directory " + open);
  }

  /** What another user has laid there is replaced, not written through. */
  @Test
  void leaveNothingBehindAPlantedLink() throws Exception {
    StateDirectory state = server();
    Path target = Files.writeString(root.resolve("target"), "untouched");
    Path file = state.path().resolve("client-plugin-opts.txt");
    for (Path planted : List.of(file, state.path().resolve("client-plugin-opts.txt.new"))) {
      Files.createSymbolicLink(planted, target);
    }
    state.writeClientOptions("secret");
    assertThat(target).hasContent("untouched");
    assertThat(file).hasContent("secret\n").isRegularFile();
    assertThat(Files.isSymbolicLink(file)).isFalse();
  }

  @Test
  void leaveOneLineForClients() throws Exception {
    StateDirectory state = server();
    state.writeClientOptions("transport=obfs4;cert=é");
    Path file = state.path().resolve("client-plugin-opts.txt");
    assertThat(file).hasContent("transport=obfs4;cert=é\n");
    assertThat(permissions(file)).isEqualTo("rw-------");
    assertThat(state.path()).isDirectoryNotContaining(p -> !p.equals(file));
  }

  @Test
  void replaceTheFileOfTheRunBefore() throws Exception {
    StateDirectory state = server();
    Path file = state.path().resolve("client-plugin-opts.txt");
    Files.writeString(file, "old and longer than the new one");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-rw-rw-"));
    Files.writeString(state.path().resolve("client-plugin-opts.txt.new"), "half written");
    state.writeClientOptions("new");
    assertThat(file).hasContent("new\n");
    assertThat(permissions(file)).isEqualTo("rw-------");
    assertThat(state.path()).isDirectoryNotContaining(p -> !p.equals(file));
  }

  @Test
  void neverShowAHalfWrittenFile() throws Exception {
    StateDirectory state = server();
    Path file = state.path().resolve("client-plugin-opts.txt");
    String one = "1".repeat(300_000);
    String two = "2".repeat(300_000);
    state.writeClientOptions(one);
    AtomicBoolean done = new AtomicBoolean();
    Thread writer =
        Thread.ofPlatform()
            .start(() -> {
              try {
                for (int i = 0; i < 100; i++) {
                  state.writeClientOptions(i % 2 == 0 ? two : one);
                }
              } catch (AdapterException e) {
                throw new IllegalStateException(e);
              } finally {
                done.set(true);
              }
            });
    do {
      assertThat(Files.readString(file)).isIn(one + "\n", two + "\n");
    } while (!done.get());
    writer.join();
    assertThat(file).hasContent(one + "\n");
  }

  /** A PT that is killed while it writes its identity leaves a part of it. */
  @ParameterizedTest
  @ValueSource(strings = {"", "{\"node-id\":\"12"})
  void takeACutOffIdentityFromItsCopy(String part) throws Exception {
    StateDirectory state = server();
    Path identity = state.path().resolve("obfs4_state.json");
    Files.writeString(identity, "{\"node-id\":\"1234\"}\n");
    state.keepIdentity();
    state.writeClientOptions("x");
    Files.writeString(identity, part);
    state.keepIdentity();
    state.repairIdentity();
    assertThat(identity).hasContent("{\"node-id\":\"1234\"}\n");
    assertThat(permissions(identity)).isEqualTo("rw-------");
  }

  @Test
  void leaveAWholeIdentityAlone() throws Exception {
    StateDirectory state = server();
    state.repairIdentity();
    assertThat(state.path()).isEmptyDirectory();
    Path identity = state.path().resolve("obfs4_state.json");
    Files.writeString(identity, "{1}");
    state.keepIdentity();
    Files.writeString(identity, "{2}");
    state.repairIdentity();
    assertThat(identity).hasContent("{2}");
    state.keepIdentity();
    assertThat(state.path().resolve("obfs4_state.json.copy")).hasContent("{2}");
  }

  /** Without a copy only an identity that no client was ever told of is made anew. */
  @Test
  void removeACutOffIdentityOfAFirstStart() throws Exception {
    StateDirectory state = server();
    Path identity = state.path().resolve("obfs4_state.json");
    Files.writeString(identity, "{");
    state.repairIdentity();
    assertThat(identity).doesNotExist();
    state.writeClientOptions("x");
    Files.writeString(identity, "{");
    state.repairIdentity();
    assertThat(identity).hasContent("{");
  }

  @Test
  void sayWhichFileCannotBeWritten() throws Exception {
    StateDirectory state = server();
    Path file = state.path().resolve("client-plugin-opts.txt");
    Files.createDirectories(file.resolve("in the way"));
    refused(() -> state.writeClientOptions("x"), "cannot write " + file + ": ");
  }

  @Test
  void doWithAFileThatSaysTheSameWhenTheDiskIsFull() throws Exception {
    StateDirectory state = server();
    state.writeClientOptions("x");
    Path fresh = state.path().resolve("client-plugin-opts.txt.new");
    Files.createDirectories(fresh.resolve("in the way"));
    CapturedLog log = new CapturedLog();
    log.begin();
    state.writeClientOptions("x");
    assertThat(log.lines())
        .singleElement()
        .asString()
        .contains("WARN", "cannot write ", "; it says the same from before");
    refused(() -> state.writeClientOptions("y"), "cannot write ");
  }

  private StateDirectory client() throws AdapterException {
    return StateDirectory.forClient(Optional.empty(), OBFS4, environment);
  }

  private StateDirectory server() throws AdapterException {
    return StateDirectory.forServer(Optional.empty(), OBFS4, 443, environment);
  }

  private void put(String name, String folder) {
    if (folder != null) {
      environment.put(name, folder.isEmpty() ? "" : root.resolve(folder).toString());
    }
  }

  private static String permissions(Path path) throws IOException {
    return PosixFilePermissions.toString(
        Files.getPosixFilePermissions(path, LinkOption.NOFOLLOW_LINKS));
  }
}
