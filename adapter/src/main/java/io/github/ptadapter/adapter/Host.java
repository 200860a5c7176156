package io.github.ptadapter.adapter;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/**
 * The program that started us, watched by our parent's process id: it changes at the moment when
 * the host dies, even when nobody collects the host's remains.
 *
 * <p>The end of standard input says nothing: many hosts give {@code /dev/null}. One case is the
 * exception: a host that dies within a millisecond of starting us, as ss-local does when its own
 * port is taken, is gone before we can ask for our parent. Then our parent is a stranger from
 * another session. It cannot have started us when it is older than our session's leader; and if our
 * input is a pipe, which only its host can hold open, its end tells the truth.
 */
final class Host {

  /** The launcher writes its parent's id there, since a JVM takes its time to ask. */
  static final String PARENT_VARIABLE = "PT_ADAPTER_PARENT";

  private static final Path PROC = Path.of("/proc");

  private final long parent;
  private volatile boolean knownToBeGone;

  private Host(long parent) {
    this.parent = parent;
  }

  /** Takes the host that is there now. */
  static Host of(Map<String, String> environment) {
    String born = environment.getOrDefault(PARENT_VARIABLE, "");
    Host host = new Host(born.matches("\\d{1,18}") ? Long.parseLong(born) : currentParent());
    if (host.isAdopter()) {
      host.knownToBeGone = true;
    } else if (host.isStranger() && isPipe(PROC.resolve("self/fd/0"))) {
      Thread.ofPlatform().name("stdin").daemon().stackSize(256 * 1024).start(host::readInput);
    }
    return host;
  }

  /** The parent that we were born with. */
  long pid() {
    return parent;
  }

  boolean isGone() {
    return knownToBeGone || currentParent() != parent;
  }

  /** Zero when the parent is outside of our process namespace, as in a container. */
  private static long currentParent() {
    return ProcessHandle.current().parent().map(ProcessHandle::pid).orElse(0L);
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
  private record Status(String session, long started) {

    /** The second field is a name in brackets that may hold all; the rest is counted behind it. */
    static Status of(String process) throws IOException {
      String text = Files.readString(PROC.resolve(process).resolve("stat"));
      String[] fields = text.substring(text.lastIndexOf(')') + 2).split(" ", -1);
      return new Status(fields[3], Long.parseLong(fields[19]));
    }
  }

  private static boolean isPipe(Path descriptor) {
    try {
      return Files.readSymbolicLink(descriptor).toString().startsWith("pipe:");
    } catch (IOException e) {
      return false;
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
