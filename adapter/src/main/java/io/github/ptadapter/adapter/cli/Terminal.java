package io.github.ptadapter.adapter.cli;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** Tells which of our outputs somebody looks at. */
final class Terminal {

  private static final Path DESCRIPTORS = Path.of("/proc/self/fd");

  private Terminal() {}

  static boolean isOutput() {
    return isTerminal("1");
  }

  static boolean isError() {
    return isTerminal("2");
  }

  static OutputStream error() {
    return new FileOutputStream(FileDescriptor.err);
  }

  /** Java's console tells of standard input and output together only. */
  private static boolean isTerminal(String descriptor) {
    try {
      String target = Files.readSymbolicLink(DESCRIPTORS.resolve(descriptor)).toString();
      return !"dumb".equals(System.getenv("TERM"))
          && (target.startsWith("/dev/pts/")
              || target.startsWith("/dev/tty")
              || target.equals("/dev/console"));
    } catch (IOException e) {
      return false;
    }
  }
}
