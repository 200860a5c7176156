package io.github.ptadapter.it;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.OutputStream;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The completions of the distribution, in a shell at a terminal, by its TAB key. */
final class CompletionIT {

  private static final Path SHARE = Plugin.HOME.resolve("share");

  @TempDir Path dir;

  @Test
  void bashCompletes() throws IOException {
    Path script = SHARE.resolve("bash-completion/completions/pt-adapter");
    assertCompletes("bash --norc --noprofile -i", "source '" + script + "'");
  }

  @Test
  void zshCompletes() throws IOException {
    Requirement.program("zsh");
    Path folder = SHARE.resolve("zsh/site-functions");
    assertCompletes(
        "zsh -f -i", "fpath=('" + folder + "' $fpath); autoload -U compinit; compinit -D -u");
  }

  private void assertCompletes(String shell, String setUp) throws IOException {
    Requirement.program("script");
    try (Terminal terminal = new Terminal(shell, dir)) {
      // Nothing is run by mistake; the quotes tell the answer from the echo of what is typed.
      terminal.type("pt-adapter() { :; }\n" + setUp + "\necho RE''ADY\n");
      terminal.await("READY");
      terminal.type("pt-adapter ch\t");
      terminal.await("pt-adapter check ");
      terminal.type("\npt-adapter check --opts-f\t");
      terminal.await("pt-adapter check --opts-file");
    }
  }

  /** A shell at a terminal, which util-linux' script makes. */
  private static final class Terminal implements AutoCloseable {

    private final Process process;
    private final OutputStream keys;

    /** Without what only moves the cursor or rings the bell. */
    private final StringBuilder screen = new StringBuilder();

    Terminal(String shell, Path home) throws IOException {
      ProcessBuilder builder =
          new ProcessBuilder("script", "--quiet", "--flush", "--command", shell, "/dev/null");
      builder.environment().put("TERM", "dumb");
      builder.environment().put("HOME", home.toString());
      builder.redirectErrorStream(true);
      process = builder.start();
      keys = process.getOutputStream();
      Reader out = process.inputReader(UTF_8);
      Thread.ofVirtual().start(() -> read(out));
    }

    void type(String text) throws IOException {
      keys.write(text.getBytes(UTF_8));
      keys.flush();
    }

    /** Waits until the text stands there, and forgets all that stood there until now. */
    void await(String text) {
      Await.until("'" + text + "' at the terminal, which shows: " + screen, () -> holds(text));
      synchronized (screen) {
        screen.setLength(0);
      }
    }

    private boolean holds(String text) {
      synchronized (screen) {
        return screen.indexOf(text) >= 0;
      }
    }

    private void read(Reader out) {
      try {
        for (int c = out.read(); c >= 0; c = out.read()) {
          synchronized (screen) {
            if (c >= ' ') {
              screen.append((char) c);
            }
          }
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public void close() throws IOException {
      // Its terminal is gone then, and the shell ends.
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
      keys.close();
    }
  }
}
