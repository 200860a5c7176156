package io.github.ptadapter.adapter;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;

/** Whose a file is: in a folder where others may write, they may have been there first. */
final class Owner {

  private static final int ROOT = 0;

  private Owner() {}

  /** Tells whether a file belongs to neither this user nor root. */
  static boolean isForeign(Path path, LinkOption... options) throws IOException {
    int owner = (int) Files.getAttribute(path, "unix:uid", options);
    return owner != ROOT && owner != effectiveUser();
  }

  /**
   * From a file that tells it even where all of /proc/self is root's, as for a Java with setcap.
   */
  private static int effectiveUser() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("Uid:")) {
        return Integer.parseInt(line.split("\\s+", -1)[2]);
      }
    }
    throw new IOException("/proc/self/status does not tell the user");
  }
}
