package io.github.ptadapter.adapter;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.nio.file.StandardCopyOption.REPLACE_EXISTING;
import static java.util.concurrent.TimeUnit.SECONDS;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;

/**
 * Runs the distribution in both roles as the build makes it, with a transport and with data, has
 * Java list the classes that it needs, {@code lib/ROLE.classes}, and makes of each list an archive
 * of linked classes (JEP 483), {@code lib/ROLE-JAVA.aot}, by which the launcher starts faster. No
 * two runs need quite the same; but of the same lists come the same archives.
 */
final class StartTraining {

  /** For each wait; the longest is for Java to write an archive, some seconds. */
  private static final Duration LIMIT = Duration.ofMinutes(2);

  /** More than any buffer on the way, so that all parts of the relay are seen. */
  private static final int BYTES = 4_000_000;

  private static final List<String> ROLES = List.of("client", "server");

  private final Path distribution;
  private final Path folder;

  private StartTraining(Path distribution, Path folder) {
    this.distribution = distribution;
    this.folder = folder;
  }

  /** Takes the folder of the distribution, and may take one with the lists of an earlier run. */
  public static void main(String[] args) throws Exception {
    Path distribution = Path.of(args[0]).toAbsolutePath();
    Path folder = Files.createDirectories(distribution.resolveSibling("start-training"));
    StartTraining training = new StartTraining(distribution, folder);
    for (String role : ROLES) {
      Files.deleteIfExists(training.learned(role));
    }
    if (args.length > 1) {
      for (String role : ROLES) {
        Files.copy(Path.of(args[1], role + ".classes"), training.list(role), REPLACE_EXISTING);
      }
    } else {
      training.run();
    }
    for (String role : ROLES) {
      training.archive(role);
    }
  }

  private void run() throws Exception {
    try (ServerSocket echo = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      Thread.ofPlatform().daemon().start(() -> serve(echo));
      int publicPort = freePort();
      int localPort = freePort();
      Process server =
          start(
              "server", publicPort, echo.getLocalPort(), "server;transport=obfs4;state=" + folder);
      String offered = Files.readString(folder.resolve("client-plugin-opts.txt")).strip();
      Process client = start("client", publicPort, localPort, offered + ";state=" + folder + "/c");
      for (int round = 0; round < 3; round++) {
        exchange(localPort);
      }
      stop(client);
      stop(server);
    }
  }

  /** Of the list of a role; twice, as only a second one tells what is the same in all. */
  private void archive(String role) throws Exception {
    Path archive = learned(role);
    // Not there yet: the launcher would take it for the second dump.
    Path first = folder.resolve(role + "-1.aot");
    Path second = folder.resolve(role + "-2.aot");
    long began = StartArchive.now();
    dump(role, first);
    dump(role, second);
    if (!StartArchive.settle(first, second, began)) {
      System.err.println(
          archive
              + " works, but another build makes another one: this Java's archives are not known");
    }
    Files.move(first, archive);
    Files.delete(second);
    // Who may read the programs may read these too.
    for (Path file : List.of(archive, list(role))) {
      Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
    }
  }

  private void dump(String role, Path archive) throws Exception {
    Path log = folder.resolve(role + ".archive.log");
    ProcessBuilder builder =
        launcher(
            "-Xshare:dump -XX:+AOTClassLinking -XX:SharedClassListFile=%s -XX:SharedArchiveFile=%s"
                .formatted(fromDistribution(list(role)), fromDistribution(archive)));
    // By these the launcher would choose an archive, and there may be one of the other role.
    builder.environment().put("SS_PLUGIN_OPTIONS", role);
    Process process = builder.redirectErrorStream(true).redirectOutput(log.toFile()).start();
    boolean ended = process.waitFor(LIMIT.toSeconds(), SECONDS);
    process.destroyForcibly();
    if (!ended || process.waitFor() != 0) {
      throw new IllegalStateException("Java made no archive for the " + role + ", see " + log);
    }
  }

  /**
   * An archive keeps the names of the jars: those that the launcher makes of this are always the
   * same.
   */
  private ProcessBuilder launcher(String javaOptions) {
    ProcessBuilder builder = new ProcessBuilder("/proc/self/cwd/bin/pt-adapter");
    builder.directory(distribution.toFile());
    builder.environment().put("PT_ADAPTER_JAVA", System.getProperty("java.home"));
    builder.environment().put("PT_ADAPTER_JAVA_OPTS", javaOptions);
    return builder;
  }

  private Process start(String role, int remotePort, int localPort, String options)
      throws Exception {
    ProcessBuilder builder = launcher("-XX:DumpLoadedClassList=" + fromDistribution(list(role)));
    Map<String, String> environment = builder.environment();
    environment.put("SS_REMOTE_HOST", "127.0.0.1");
    environment.put("SS_REMOTE_PORT", String.valueOf(remotePort));
    environment.put("SS_LOCAL_HOST", "127.0.0.1");
    environment.put("SS_LOCAL_PORT", String.valueOf(localPort));
    environment.put("SS_PLUGIN_OPTIONS", options);
    Path log = folder.resolve(role + ".log");
    builder.redirectOutput(folder.resolve(role + ".java.log").toFile());
    Process process = builder.start();
    CompletableFuture<String> ready = new CompletableFuture<>();
    Thread.ofPlatform().daemon().start(() -> read(process, log, ready));
    try {
      ready.get(LIMIT.toSeconds(), SECONDS);
      return process;
    } catch (Exception e) {
      process.destroyForcibly();
      throw new IllegalStateException("the " + role + " did not start, see " + log, e);
    }
  }

  private static void read(Process process, Path log, CompletableFuture<String> ready) {
    try (BufferedReader lines = process.errorReader(UTF_8);
        var copy = Files.newBufferedWriter(log)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        copy.write(line + "\n");
        copy.flush();
        if (line.contains("ready: ")) {
          ready.complete(line);
        }
      }
      ready.completeExceptionally(new IOException("it ended"));
    } catch (IOException e) {
      ready.completeExceptionally(e);
    }
  }

  private Path list(String role) {
    return distribution.resolve("lib").resolve(role + ".classes");
  }

  /**
   * Its path, which the launcher would split at blanks, as Java sees it, which runs in the
   * distribution.
   */
  private Path fromDistribution(Path file) {
    return distribution.relativize(file);
  }

  /** The name by which the launcher finds it. */
  private Path learned(String role) throws IOException {
    // The launcher takes a runtime of the distribution's own before all others.
    String build = Files.isDirectory(distribution.resolve("runtime")) ? "runtime" : thisJava();
    return distribution.resolve("lib").resolve(role + "-" + build + ".aot");
  }

  /** See read_version in the launcher. */
  private static String thisJava() throws IOException {
    Properties release = new Properties();
    try (InputStream file =
        Files.newInputStream(Path.of(System.getProperty("java.home"), "release"))) {
      release.load(file);
    }
    String maker = release.getProperty("IMPLEMENTOR", "").replace("\"", "");
    String version = release.getProperty("JAVA_RUNTIME_VERSION", "").replace("\"", "");
    return maker.replaceFirst("[^A-Za-z].*", "") + "-" + version;
  }

  private static void stop(Process process) throws InterruptedException {
    process.destroy();
    if (!process.waitFor(LIMIT.toSeconds(), SECONDS)) {
      process.destroyForcibly();
      throw new IllegalStateException("the plugin did not end within " + LIMIT);
    }
  }

  private static void exchange(int port) throws Exception {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      socket.setSoTimeout((int) LIMIT.toMillis());
      OutputStream out = socket.getOutputStream();
      Thread.ofPlatform().daemon().start(() -> write(out));
      socket.getInputStream().readNBytes(BYTES);
    }
  }

  private static void write(OutputStream out) {
    try {
      out.write(new byte[BYTES]);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void serve(ServerSocket echo) {
    try {
      while (true) {
        Socket socket = echo.accept();
        Thread.ofPlatform()
            .daemon()
            .start(() -> {
              try (socket) {
                socket.getInputStream().transferTo(socket.getOutputStream());
              } catch (IOException e) {
                // The other end has gone first.
              }
            });
      }
    } catch (IOException e) {
      // Closed at the end.
    }
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }
}
