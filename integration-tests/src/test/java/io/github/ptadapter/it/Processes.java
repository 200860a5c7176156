package io.github.ptadapter.it;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** What the kernel tells of processes, and the signals that they get. */
final class Processes {

  private Processes() {}

  /**
   * Tells whether it runs: a dead one that nobody has collected yet does not. (The kernel calls it
   * a zombie as soon as its first thread has ended; what counts is the last.)
   */
  static boolean isRunning(long pid) {
    String status = read(pid, "status");
    boolean zombie = status.contains("State:\tZ") || status.contains("State:\tX");
    boolean lastThread = status.contains("Threads:\t1\n") || status.contains("Threads:\t0\n");
    return !status.isEmpty() && !(zombie && lastThread);
  }

  static String name(long pid) {
    return read(pid, "comm").strip();
  }

  /** Resident memory, bytes; zero when there is no such process. */
  static long residentBytes(long pid) {
    return read(pid, "status")
        .lines()
        .filter(line -> line.startsWith("VmRSS:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) * 1024)
        .findFirst()
        .orElse(0);
  }

  /** Open sockets, listening ones too. */
  static long sockets(long pid) {
    try (Stream<Path> descriptors = Files.list(Path.of("/proc/" + pid + "/fd"))) {
      return descriptors.filter(Processes::isSocket).count();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The addresses where a process listens by TCP, as the kernel writes them: hexadecimal. */
  static List<String> listeners(long pid) {
    List<String> sockets = new ArrayList<>();
    try (Stream<Path> descriptors = Files.list(Path.of("/proc/" + pid + "/fd"))) {
      for (Path descriptor : descriptors.filter(Processes::isSocket).toList()) {
        sockets.add(Files.readSymbolicLink(descriptor).toString().replaceAll("\\D", ""));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    // Number, local and remote address, state (0A: listening); the tenth field is the socket.
    return Stream.of("net/tcp", "net/tcp6")
        .flatMap(table -> read(pid, table).lines())
        .map(line -> line.strip().split("\\s+", -1))
        .filter(field -> field[3].equals("0A") && sockets.contains(field[9]))
        .map(field -> field[1])
        .toList();
  }

  /** The command and its arguments, as every user sees them. */
  static String commandLine(long pid) {
    return read(pid, "cmdline").replace('\0', ' ');
  }

  static String session(long pid) {
    // The second field is a name in brackets that may hold all; the rest is counted behind it.
    String status = read(pid, "stat");
    return status.isEmpty() ? "" : status.substring(status.lastIndexOf(')') + 2).split(" ", -1)[3];
  }

  static Map<String, String> environment(long pid) {
    return environment(read(pid, "environ"));
  }

  /** Reads an environment as the kernel shows it. */
  static Map<String, String> environment(String variables) {
    Map<String, String> environment = new TreeMap<>();
    for (String variable : variables.split("\0", -1)) {
      int equals = variable.indexOf('=');
      if (equals > 0) {
        environment.put(variable.substring(0, equals), variable.substring(equals + 1));
      }
    }
    return environment;
  }

  static Path executable(long pid) {
    try {
      return Files.readSymbolicLink(Path.of("/proc/" + pid + "/exe"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static Path workingFolder(long pid) {
    try {
      return Files.readSymbolicLink(Path.of("/proc/" + pid + "/cwd"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Sends a signal such as {@code TERM} to a process, or to the group -pid; returns the time. */
  static long signal(String signal, long pid) {
    long now = System.nanoTime();
    try {
      String command = "kill -s " + signal + " -- " + pid;
      int code = new ProcessBuilder("sh", "-c", command).start().waitFor();
      if (code != 0) {
        throw new AssertionError("kill -" + signal + " " + pid + " failed with code " + code);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted", e);
    }
    return now;
  }

  private static boolean isSocket(Path descriptor) {
    try {
      return Files.readSymbolicLink(descriptor).toString().startsWith("socket:");
    } catch (IOException e) {
      // Closed meanwhile.
      return false;
    }
  }

  private static String read(long pid, String file) {
    try {
      return Files.readString(Path.of("/proc/" + pid + "/" + file), StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return "";
    }
  }
}
