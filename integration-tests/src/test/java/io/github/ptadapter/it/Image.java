package io.github.ptadapter.it;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Supplier;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.images.builder.ImageFromDockerfile;

/** An image of the tests with containers, made when it is first used in a run. */
final class Image {

  /** What users get, with what the tests use in it; runs as the user that it has. */
  static final Image USERS = new Image(Image::users);

  /** Debian with shadowsocks-libev, and no Java; runs as root. */
  static final Image BARE = new Image(() -> withTools(base(), "root"));

  private final Supplier<ImageFromDockerfile> maker;
  private String name = "";

  private Image(Supplier<ImageFromDockerfile> maker) {
    this.maker = maker;
  }

  /** Its name in Docker, without which the test is left out. */
  synchronized String name() {
    if (name.isEmpty()) {
      Requirement.inCi(
          DockerClientFactory.instance().isDockerAvailable(),
          "Docker (as root on Debian, integration-tests/with-docker has one)");
      name = maker.get().get();
    }
    return name;
  }

  private static ImageFromDockerfile users() {
    Path tarball = Packages.tarball();
    ImageFromDockerfile users =
        new ImageFromDockerfile()
            .withFileFromPath("Dockerfile", existing(Path.of("../Dockerfile")))
            .withFileFromPath("dist/target/" + tarball.getFileName(), tarball)
            .withBuildArg("BASE", base());
    return withTools(users.get(), "pt-adapter");
  }

  private static ImageFromDockerfile withTools(String image, String user) {
    ImageFromDockerfile tools =
        new ImageFromDockerfile().withBuildArg("IMAGE", image).withBuildArg("RUN_AS", user);
    for (String file : new String[] {"Dockerfile", "delay-box", "nginx.conf"}) {
      tools.withFileFromPath(file, existing(Path.of("src/test/containers", file)));
    }
    return tools;
  }

  private static String base() {
    return System.getenv().getOrDefault("PT_ADAPTER_BASE_IMAGE", "debian:bookworm-slim");
  }

  private static Path existing(Path file) {
    if (!Files.exists(file)) {
      throw new AssertionError("there is no " + file);
    }
    return file.toAbsolutePath().normalize();
  }
}
