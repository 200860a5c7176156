package io.github.ptadapter.adapter;

import static java.nio.file.LinkOption.NOFOLLOW_LINKS;
import static java.nio.file.StandardCopyOption.ATOMIC_MOVE;
import static java.nio.file.StandardOpenOption.CREATE_NEW;
import static java.nio.file.StandardOpenOption.WRITE;
import static java.nio.file.attribute.PosixFilePermission.OTHERS_WRITE;

import io.github.ptadapter.ptclient.TransportName;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The folder where a PT keeps its state, private whatever the umask.
 *
 * @param path the folder, which exists and can be written
 */
public record StateDirectory(Path path) {

  private static final Logger log = LoggerFactory.getLogger(StateDirectory.class);

  /** What the server role leaves there for its clients. */
  private static final String CLIENT_OPTIONS_FILE = "client-plugin-opts.txt";

  /**
   * The identity of an obfs4 server. obfs4proxy writes it anew at each start, in place: killed
   * meanwhile it leaves a part of it, with which it never starts again.
   */
  private static final String IDENTITY_FILE = "obfs4_state.json";

  private static final String IDENTITY_COPY = "obfs4_state.json.copy";

  private static final String PRIVATE_FOLDER = "rwx------";
  private static final String PRIVATE_FILE = "rw-------";

  /**
   * Finds or makes the folder of a client: losing it costs nothing, so there is a way out under the
   * folder for temporary files.
   */
  public static StateDirectory forClient(
      Optional<Path> chosen, TransportName transport, Map<String, String> environment)
      throws AdapterException {
    if (chosen.isPresent()) {
      return prepare(chosen.orElseThrow());
    }
    List<Path> candidates = new ArrayList<>();
    for (Path parent : parents(environment)) {
      candidates.add(parent.resolve("pt-adapter").resolve("client-" + transport));
    }
    for (Path candidate : candidates) {
      try {
        return prepare(candidate);
      } catch (AdapterException e) {
        // The next one may do.
      }
    }
    return temporary(transport, environment);
  }

  /** Others may write beside it, so they may have made it before us. */
  private static StateDirectory temporary(TransportName transport, Map<String, String> environment)
      throws AdapterException {
    String user = System.getProperty("user.name", "unknown").replaceAll("[^\\w.-]", "_");
    String folder = environment.getOrDefault("TMPDIR", "");
    Path own =
        prepare(Path.of(folder.isEmpty() ? "/tmp" : folder).resolve("pt-adapter-" + user)).path();
    try {
      PosixFileAttributes attributes =
          Files.readAttributes(own, PosixFileAttributes.class, NOFOLLOW_LINKS);
      if (!attributes.isDirectory()
          || !attributes.owner().equals(Files.getOwner(Path.of("/proc/self")))
          || !PosixFilePermissions.toString(attributes.permissions()).equals(PRIVATE_FOLDER)) {
        throw unusable(own, "it is not private to this user");
      }
    } catch (IOException e) {
      throw unusable(own, reason(e));
    }
    return prepare(own.resolve("client-" + transport));
  }

  /**
   * Finds or makes the folder of a server, which holds its identity: where it cannot be written,
   * every restart would lock every client out.
   */
  public static StateDirectory forServer(
      Optional<Path> chosen, TransportName transport, int port, Map<String, String> environment)
      throws AdapterException {
    if (chosen.isPresent()) {
      return prepare(chosen.orElseThrow());
    }
    Path parent = parents(environment).getFirst();
    return prepare(parent.resolve("pt-adapter").resolve("server-" + transport + "-" + port));
  }

  /**
   * Leaves the options that make a client of this server; never half written. A server whose disk
   * is full starts again with the file of the run before, if that says the same.
   *
   * @throws AdapterException when the file cannot be written
   */
  void writeClientOptions(String options) throws AdapterException {
    try {
      write(CLIENT_OPTIONS_FILE, options + "\n");
    } catch (AdapterException e) {
      if (!saysAlready(options + "\n")) {
        throw e;
      }
      log.warn("{}; it says the same from before", e.getMessage());
    }
  }

  private boolean saysAlready(String text) {
    Path file = path.resolve(CLIENT_OPTIONS_FILE);
    try {
      return Files.isRegularFile(file, NOFOLLOW_LINKS) && Files.readString(file).equals(text);
    } catch (IOException e) {
      return false;
    }
  }

  /** Keeps a copy of a server's identity, as its PT has just shown that it is whole. */
  void keepIdentity() throws AdapterException {
    try {
      Path identity = path.resolve(IDENTITY_FILE);
      Path copy = path.resolve(IDENTITY_COPY);
      if (isWhole(identity) && !(isWhole(copy) && Files.mismatch(identity, copy) < 0)) {
        write(IDENTITY_COPY, Files.readString(identity));
      }
    } catch (IOException e) {
      log.debug("no copy of the identity: {}", reason(e));
    }
  }

  /** Puts the copy in the place of an identity that a PT has not written to its end. */
  public void repairIdentity() throws AdapterException {
    Path identity = path.resolve(IDENTITY_FILE);
    Path copy = path.resolve(IDENTITY_COPY);
    try {
      if (!Files.exists(identity) || isWhole(identity)) {
        return;
      }
      if (isWhole(copy)) {
        write(IDENTITY_FILE, Files.readString(copy));
        log.warn("{} was cut off, so it was taken from its copy", identity);
      } else if (!Files.exists(path.resolve(CLIENT_OPTIONS_FILE))) {
        Files.delete(identity);
        log.warn("{} was cut off before it was ever used, so it was removed", identity);
      }
    } catch (IOException e) {
      log.debug("cannot look after the identity: {}", reason(e));
    }
  }

  private static boolean isWhole(Path json) throws IOException {
    return Files.exists(json) && Files.readString(json).strip().endsWith("}");
  }

  private void write(String name, String text) throws AdapterException {
    Path file = path.resolve(name);
    Path fresh = path.resolve(name + ".new");
    try {
      Files.deleteIfExists(fresh);
      try (SeekableByteChannel channel =
          Files.newByteChannel(
              fresh,
              Set.of(CREATE_NEW, WRITE),
              PosixFilePermissions.asFileAttribute(
                  PosixFilePermissions.fromString(PRIVATE_FILE)))) {
        ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
        while (bytes.hasRemaining()) {
          channel.write(bytes);
        }
      }
      Files.move(fresh, file, ATOMIC_MOVE);
    } catch (IOException e) {
      throw AdapterException.config("cannot write " + file + ": " + reason(e));
    }
  }

  private static List<Path> parents(Map<String, String> environment) {
    List<Path> parents = new ArrayList<>();
    // systemd joins several folders by colons.
    add(parents, environment.getOrDefault("STATE_DIRECTORY", "").split(":", -1)[0], "");
    add(parents, environment.getOrDefault("XDG_STATE_HOME", ""), "");
    add(
        parents,
        environment.getOrDefault("HOME", System.getProperty("user.home", "")),
        ".local/state");
    return parents.isEmpty() ? List.of(Path.of("/")) : parents;
  }

  private static void add(List<Path> parents, String folder, String below) {
    if (!folder.isEmpty()) {
      parents.add(Path.of(folder).resolve(below));
    }
  }

  private static StateDirectory prepare(Path folder) throws AdapterException {
    Path path = folder.toAbsolutePath().normalize();
    try {
      if (!Files.isDirectory(path)) {
        Files.createDirectories(
            path,
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(PRIVATE_FOLDER)));
      } else {
        requireOwn(path);
      }
    } catch (IOException e) {
      throw unusable(path, reason(e));
    }
    if (!Files.isWritable(path)) {
      throw unusable(path, "no permission to write there");
    }
    return new StateDirectory(path);
  }

  /** Another user's folder, or link to a folder, could give a PT that user's identity. */
  private static void requireOwn(Path path) throws IOException, AdapterException {
    if (Owner.isForeign(path) || Owner.isForeign(path, NOFOLLOW_LINKS)) {
      throw unusable(path, "it belongs to another user");
    }
    if (Files.getPosixFilePermissions(path).contains(OTHERS_WRITE)) {
      log.warn("every user may write in the state directory {}: make it private (chmod 700)", path);
    }
  }

  private static AdapterException unusable(Path path, String why) {
    // The reason may begin with the same path.
    String rest = why.startsWith(path + ": ") ? why.substring((path + ": ").length()) : why;
    return AdapterException.config(
        "cannot use the state directory %s: %s; name another with state=DIR".formatted(path, rest));
  }

  /** Says in a person's words why a file cannot be used. */
  public static String reason(IOException e) {
    if (e instanceof FileSystemException f) {
      String why = f.getReason();
      String file = String.valueOf(f.getFile());
      if (why != null) {
        return file + ": " + why;
      }
      return switch (f) {
        case AccessDeniedException _ -> file + ": permission denied";
        case FileAlreadyExistsException _ -> file + " is there and is no directory";
        case NoSuchFileException _ -> file + ": no such file or folder";
        default -> f.getClass().getSimpleName() + " " + file;
      };
    }
    return String.valueOf(e.getMessage());
  }
}
