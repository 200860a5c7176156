package io.github.ptadapter.it;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;

/**
 * A transport that is a shell script. It leaves its process id in {@code pid} in its folder, which
 * is the script's {@code $here}.
 *
 * @param script the file
 */
record FakePt(Path script) {

  /** Stays until its input ends or a signal comes, as PTs do. */
  static final String STAYS = "exec cat";

  /** Leaves the environment that it was started with, whole as soon as it is there. */
  static final String DUMP =
      "cat /proc/$$/environ >\"$here/new\"; mv \"$here/new\" \"$here/env\"\n";

  /** Offers the transport {@code fake}, behind a SOCKS port. */
  static String offers(int socksPort) {
    return """
    echo VERSION 1
    echo CMETHOD fake socks5 127.0.0.1:%d
    echo CMETHODS DONE
    """
        .formatted(socksPort);
  }

  /** Writes a script in {@code dir}, executable. */
  static FakePt write(Path dir, String body) {
    try {
      Path script = Files.createDirectories(dir).resolve("fake-pt");
      Files.writeString(script, "#!/bin/sh\nhere='" + dir + "'\necho $$ >\"$here/pid\"\n" + body);
      Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwxr-xr-x"));
      return new FakePt(script);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Plugin options of a client that runs it. */
  String options() {
    return "transport=fake;exec=" + script + ";state=" + file("pt-state");
  }

  /** A file in its folder. */
  Path file(String name) {
    return script.resolveSibling(name);
  }

  boolean exists(String name) {
    return Files.exists(file(name));
  }

  String read(String name) {
    try {
      return Files.readString(file(name));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The one that it has left, less what a shell adds by itself. */
  Map<String, String> environment() {
    Await.until("environment of " + script, () -> exists("env"));
    Map<String, String> environment = Processes.environment(read("env"));
    environment.keySet().removeIf(name -> name.matches("PWD|OLDPWD|SHLVL|_"));
    return environment;
  }

  /** Lets a script go on that waits for a file. */
  void create(String name) {
    try {
      Files.createFile(file(name));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The process that was started last. */
  long pid() {
    return Long.parseLong(read("pid").strip());
  }
}
