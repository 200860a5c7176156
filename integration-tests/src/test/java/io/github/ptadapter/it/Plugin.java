package io.github.ptadapter.it;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Starts the plugin of the distribution that was built. */
final class Plugin {

  static final Path HOME =
      Path.of(System.getProperty("ptadapter.home", "adapter/target/pt-adapter"))
          .toAbsolutePath()
          .normalize();

  static final Path LAUNCHER = HOME.resolve("bin/pt-adapter");

  static final Path EMBEDDED_PT = HOME.resolve("lib/obfs4proxy");

  private Plugin() {}

  /** Starts it as a host does, with its state below {@code dir}. */
  static Program start(Path dir, Sip sip) {
    return Program.start(command(dir, sip));
  }

  /** The same, still to be changed. */
  static ProcessBuilder command(Path dir, Sip sip, String... args) {
    ProcessBuilder builder = bare(dir, args);
    builder.environment().putAll(sip.environment());
    return builder;
  }

  /** Without the variables of a host. */
  static ProcessBuilder bare(Path dir, String... args) {
    if (!Files.isExecutable(LAUNCHER)) {
      throw new AssertionError("no distribution, build it first: " + LAUNCHER);
    }
    List<String> command = new ArrayList<>(List.of(LAUNCHER.toString()));
    command.addAll(List.of(args));
    ProcessBuilder builder = new ProcessBuilder(command);
    clean(builder, dir);
    return builder;
  }

  /** Keeps what the tests' own environment holds away from the plugin. */
  static void clean(ProcessBuilder builder, Path dir) {
    builder
        .environment()
        .keySet()
        .removeIf(name -> name.matches("(SS_|TOR_PT_|PT_ADAPTER_).*|STATE_DIRECTORY"));
    builder.environment().put("XDG_STATE_HOME", dir.resolve("state").toString());
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
  }
}
