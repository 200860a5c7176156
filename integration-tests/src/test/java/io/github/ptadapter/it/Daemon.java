package io.github.ptadapter.it;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A host that has put itself into the background, known by its pid file; ended by {@link #close}.
 */
record Daemon(Path pidFile) implements AutoCloseable {

  long pid() {
    return Await.value("pid in " + pidFile, Await.LIMIT, this::readPid);
  }

  private Optional<Long> readPid() {
    try {
      String pid = Files.readString(pidFile).strip();
      return pid.isEmpty() ? Optional.empty() : Optional.of(Long.valueOf(pid));
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** The host and all that it has started. */
  List<Long> family() {
    List<Long> family = new ArrayList<>(List.of(pid()));
    ProcessHandle.of(pid())
        .ifPresent(host -> host.descendants().map(ProcessHandle::pid).forEach(family::add));
    return family;
  }

  long child(String name) {
    return family().stream()
        .filter(pid -> Processes.name(pid).equals(name))
        .findFirst()
        .orElseThrow();
  }

  @Override
  public void close() {
    if (readPid().isEmpty()) {
      return;
    }
    for (long pid : family()) {
      ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
    }
  }
}
