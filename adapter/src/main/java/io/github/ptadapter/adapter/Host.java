package io.github.ptadapter.adapter;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The program that started us, watched by our parent's process id: it changes at the moment when
 * the host dies, even when nobody collects the host's remains.
 *
 * <p>A host that dies within a millisecond of starting us, as ss-local does when its own port is
 * taken, is gone before the launcher can ask for its parent, which then is whoever collects
 * orphans. That one is told from a host by its age, or by the pipe that shadowsocks-libev gives as
 * standard input, of which it has no end. Where we may not look, and it is of another session, the
 * end of such a pipe tells. Otherwise the end of standard input says nothing: many hosts give
 * {@code /dev/null}.
 */
final class Host {

  /** The launcher writes its parent's id there, since a JVM takes its time to ask. */
  static final String PARENT_VARIABLE = "PT_ADAPTER_PARENT";

  private static final Path PROC = Path.of("/proc");
  private static final Path DESCRIPTORS = PROC.resolve("self/fd");

  private final long parent;
  private volatile boolean knownToBeGone;

  private Host(long parent) {
    this.parent = parent;
  }

  /** Takes the host that is there now. */
  static Host of(Map<String, String> environment) {
    String born = environment.getOrDefault(PARENT_VARIABLE, "");
    Host host = new Host(born.matches("\\d{1,18}") ? Long.parseLong(born) : currentParent(0));
    if (host.isAdopter() || host.isWithoutOurPipe()) {
      host.knownToBeGone = true;
    } else if (host.isStranger() && target(DESCRIPTORS.resolve("0")).startsWith("pipe:")) {
      Thread.ofPlatform().name("stdin").daemon().stackSize(256 * 1024).start(host::readInput);
    }
    return host;
  }

  /** The parent that we were born with. */
  long pid() {
    return parent;
  }

  boolean isGone() {
    return knownToBeGone || currentParent(parent) != parent;
  }

  /**
   * Zero when the parent is outside of our process namespace, as in a container. Java tells no
   * parent either when it has no descriptor left to look at it, or may not; with none left for us
   * too, it is {@code unknown}.
   */
  private static long currentParent(long unknown) {
    Optional<ProcessHandle> current = ProcessHandle.current().parent();
    if (current.isPresent()) {
      return current.orElseThrow().pid();
    }
    try {
      return Status.of("self").parent;
    } catch (IOException e) {
      return unknown;
    }
  }

  private boolean isStranger() {
    try {
      return !Status.of("self").session.equals(Status.of(Long.toString(parent)).session);
    } catch (IOException e) {
      return false;
    }
  }

  /**
   * Tells whether our parent has taken us from a dead one. Who starts a process gives it its own
   * session, and is younger than that session's leader. Not so for a process that leads its
   * session, as those that an init system starts, or whose leader is gone, as of those that were
   * made a daemon: they may be children of any process.
   */
  private boolean isAdopter() {
    try {
      String session = Status.of("self").session;
      if (!isStranger() || session.equals(Long.toString(ProcessHandle.current().pid()))) {
        return false;
      }
      return Status.of(Long.toString(parent)).started < Status.of(session).started;
    } catch (IOException e) {
      return false;
    }
  }

  /** What the kernel tells of a process. */
  private record Status(long parent, String session, long started) {

    /** The second field is a name in brackets that may hold all; the rest is counted behind it. */
    static Status of(String process) throws IOException {
      String text = Files.readString(PROC.resolve(process).resolve("stat"));
      String[] fields = text.substring(text.lastIndexOf(')') + 2).split(" ", -1);
      return new Status(Long.parseLong(fields[1]), fields[3], Long.parseLong(fields[19]));
    }
  }

  /**
   * Tells of shadowsocks-libev's pipe that our parent has no part in it. That pipe is known by a
   * second descriptor that libcork leaves to us beside standard input; of any other, as in a
   * shell's pipeline, our parent may have closed both ends. False also when we may not look.
   */
  private boolean isWithoutOurPipe() {
    try {
      String input = target(DESCRIPTORS.resolve("0"));
      return input.startsWith("pipe:")
          && count(DESCRIPTORS, input) > 1
          && count(PROC.resolve(Long.toString(parent)).resolve("fd"), input) == 0;
    } catch (IOException e) {
      return false;
    }
  }

  private static long count(Path descriptors, String wanted) throws IOException {
    try (Stream<Path> all = Files.list(descriptors)) {
      return all.map(Host::target).filter(wanted::equals).count();
    }
  }

  /** What a descriptor is of, empty if it cannot be told. */
  private static String target(Path descriptor) {
    try {
      return Files.readSymbolicLink(descriptor).toString();
    } catch (IOException e) {
      return "";
    }
  }

  private void readInput() {
    byte[] ignored = new byte[256];
    try {
      while (System.in.read(ignored) >= 0) {
        // Nobody has anything to say to us.
      }
      knownToBeGone = true;
    } catch (IOException e) {
      knownToBeGone = true;
    }
  }
}
