package io.github.ptadapter.adapter;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HostTest {

  private static final long OUR_PARENT =
      ProcessHandle.current().parent().map(ProcessHandle::pid).orElse(0L);

  private static final String USE_ALL = "USE_ALL_DESCRIPTORS";
  private static final String LIMITED = "ulimit -n 64; exec \"$@\"";

  private final List<Process> started = new ArrayList<>();

  @AfterEach
  void endAll() {
    for (Process process : started) {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    }
  }

  @Test
  void isThereWhileOurParentIsTheSame() {
    assertThat(Host.of(Map.of()).isGone()).isFalse();
    assertThat(parent(Long.toString(OUR_PARENT)).isGone()).isFalse();
  }

  /** The launcher hands its parent over: by the time that a JVM asks, the host may be dead. */
  @Test
  void isGoneWhenOurParentIsNotTheOneThatTheLauncherHad() {
    long another = ProcessHandle.current().pid();
    assertThat(parent(Long.toString(another)).pid()).isEqualTo(another);
    assertThat(parent(Long.toString(another)).isGone()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "x", "-1", "12x", " 12", "99999999999999999999"})
  void livesWithAVariableThatIsNoPid(String value) {
    assertThat(parent(value).pid()).isEqualTo(OUR_PARENT);
  }

  /** Hosts that give {@code /dev/null}, or a pipe that they close, are the rule. */
  @Test
  void isThereWhateverBecomesOfOurInput() throws Exception {
    Process probe = probe(Redirect.PIPE);
    probe.getOutputStream().close();
    assertThat(probe.waitFor(400, TimeUnit.MILLISECONDS)).as("ended").isFalse();
    Process withoutInput = probe(Redirect.from(new File("/dev/null")), "setsid");
    assertThat(withoutInput.waitFor(400, TimeUnit.MILLISECONDS)).as("ended").isFalse();
  }

  /** Our parent is then not the host, which has died, but whoever collects orphans. */
  @Test
  void isGoneWithOurInputWhenOurParentIsOfAnotherSession() throws Exception {
    Process probe = probe(Redirect.PIPE, "setsid");
    assertThat(probe.waitFor(400, TimeUnit.MILLISECONDS)).as("ended").isFalse();
    probe.getOutputStream().close();
    assertThat(probe.waitFor(10, TimeUnit.SECONDS)).as("ended").isTrue();
    assertThat(probe.exitValue()).isZero();
  }

  /** As shadowsocks-libev does, which leaves its pipe to us at another descriptor too. */
  @Test
  void isGoneWhenOurParentHasNoPartInThePipeOfShadowsocksLibev() throws Exception {
    Process child = probe(Redirect.PIPE, "sh", "-c", "exec \"$@\" 3<&0", "sh");
    assertThat(child.waitFor(400, TimeUnit.MILLISECONDS)).as("ended").isFalse();
    String closed = "exec 9<&0; \"$@\" <&9 3<&9 9<&- & exec </dev/null 9<&-; wait";
    Process adopter = probe(Redirect.PIPE, "sh", "-c", closed, "sh");
    assertThat(adopter.waitFor(10, TimeUnit.SECONDS)).as("ended").isTrue();
  }

  /** As {@code something | pt-adapter} in a shell. */
  @Test
  void isThereWhenOurParentHasNoPartInAnotherPipe() throws Exception {
    String closed = "exec 9<&0; \"$@\" <&9 9<&- & exec </dev/null 9<&-; wait";
    Process shell = probe(Redirect.PIPE, "sh", "-c", closed, "sh");
    assertThat(shell.waitFor(400, TimeUnit.MILLISECONDS)).as("ended").isFalse();
  }

  /** Java then tells no parent, as it has to open a file to see that it is alive. */
  @Test
  void isThereWhenAllDescriptorsAreUsed() throws Exception {
    Process probe = probe(Redirect.PIPE, "env", USE_ALL + "=yes", "sh", "-c", LIMITED, "sh");
    assertThat(probe.waitFor(400, TimeUnit.MILLISECONDS)).as("ended").isFalse();
  }

  /** Starts a process that watches its host, which is us, and ends with it. */
  private Process probe(Redirect input, String... prefix) throws Exception {
    List<String> command = new ArrayList<>(List.of(prefix));
    command.add(ProcessHandle.current().info().command().orElseThrow());
    command.addAll(List.of("-XX:TieredStopAtLevel=1", "-Xmx16m", "-cp"));
    command.add(classes(Host.class) + File.pathSeparator + classes(Probe.class));
    command.add(Probe.class.getName());
    Process probe =
        new ProcessBuilder(command).redirectInput(input).redirectError(Redirect.INHERIT).start();
    started.add(probe);
    assertThat(probe.getInputStream().read()).as("the probe's sign that it runs").isEqualTo('!');
    return probe;
  }

  private static Path classes(Class<?> example) throws Exception {
    return Path.of(
        Path.of(example.getResource(example.getName().replaceFirst(".*\\.", "") + ".class").toURI())
            .toString()
            .replace(example.getName().replace('.', '/') + ".class", ""));
  }

  /** Ends when its host is gone. */
  static final class Probe {

    /** Those that nobody holds are closed one day. */
    static final List<FileInputStream> HELD = new ArrayList<>();

    private Probe() {}

    public static void main(String[] args) {
      Host host = Host.of(Map.of());
      if (System.getenv(USE_ALL) != null) {
        // What is used later has to be loaded now.
        host.isGone();
        LockSupport.parkNanos(1);
        try {
          while (true) {
            HELD.add(new FileInputStream("/dev/null"));
          }
        } catch (IOException e) {
          // There are no more.
        }
      }
      System.out.print('!');
      System.out.flush();
      while (!host.isGone()) {
        LockSupport.parkNanos(1_000_000);
      }
    }
  }

  private static Host parent(String value) {
    return Host.of(Map.of("PT_ADAPTER_PARENT", value));
  }
}
