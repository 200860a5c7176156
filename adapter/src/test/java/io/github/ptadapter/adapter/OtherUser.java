package io.github.ptadapter.adapter;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileOwnerAttributeView;

/** Another user of this machine, to whom only root can give a file. */
final class OtherUser {

  private OtherUser() {}

  /** Gives a file away, a link as such; without root the test is left out. */
  static void give(Path path) throws IOException {
    assumeTrue(
        Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0), "needs root, to chown");
    Files.getFileAttributeView(path, FileOwnerAttributeView.class, LinkOption.NOFOLLOW_LINKS)
        .setOwner(
            path.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByName("nobody"));
  }
}
