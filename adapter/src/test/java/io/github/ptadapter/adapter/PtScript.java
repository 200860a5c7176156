package io.github.ptadapter.adapter;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * A PT that is a shell script. {@code $n} is the number of its start, from 1; {@code serve} runs
 * until its standard input ends, as real PTs do.
 *
 * @param path the script
 */
record PtScript(Path path) {

  /** What a client says when it is ready; nothing listens on the port. */
  static final String READY =
      """
      echo VERSION 1
      echo CMETHOD dummy socks5 127.0.0.1:9
      echo CMETHODS DONE
      """;

  static PtScript of(Path folder, String body) throws IOException {
    Path path = folder.resolve("pt");
    Files.writeString(
        path,
        """
        #!/bin/sh
        serve() { exec cat; }
        echo $$ >>"$0.pids"
        n=$(grep -c . "$0.pids")
        """
            + body);
    assertThat(path.toFile().setExecutable(true)).isTrue();
    return new PtScript(path);
  }

  /** The processes that were started, in order. */
  List<ProcessHandle> started() throws IOException {
    return pids().flatMap(pid -> ProcessHandle.of(pid).stream()).toList();
  }

  int starts() throws IOException {
    return (int) pids().count();
  }

  boolean runs() throws IOException {
    return started().stream().anyMatch(ProcessHandle::isAlive);
  }

  private Stream<Long> pids() throws IOException {
    Path file = path.resolveSibling("pt.pids");
    return Files.exists(file) ? Files.readString(file).lines().map(Long::valueOf) : Stream.empty();
  }
}
