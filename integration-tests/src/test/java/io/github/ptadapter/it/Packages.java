package io.github.ptadapter.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The packages that {@code -Pdist} has made. */
final class Packages {

  static final String FOLDER = "ptadapter.packages";

  private Packages() {}

  /** The one with a runtime of its own: those without end in words. */
  static Path tarball() {
    return only(folder(), "pt-adapter-*-linux-*[0-9].tar.gz");
  }

  static Path deb() {
    return only(folder(), "pt-adapter_*.deb");
  }

  static Path folder() {
    String folder = System.getProperty(FOLDER, "");
    Requirement.inCi(!folder.isEmpty(), "package: only -Pdist makes them");
    return Path.of(folder).toAbsolutePath();
  }

  /** The one file of a folder that has such a name. */
  static Path only(Path folder, String glob) {
    List<Path> found = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder, glob)) {
      entries.forEach(found::add);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    assertThat(found).as("%s in %s", glob, folder).hasSize(1);
    return found.getFirst();
  }
}
