package io.github.ptadapter.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Descriptors that are used up, a PT that stands still. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class ResourceFaultsIT {

  private static final String OPTIONS = "/var/lib/pt-adapter/client-plugin-opts.txt";
  private static final long SIZE = 48_000_000;
  private static final long RATE = 12_000_000;

  private static final int SMALL = 200_000;
  private static final int MANY = 100;
  private static final int DESCRIPTORS = 128;

  /** What a program may use that has nothing to do. */
  private static final Duration IDLE = Duration.ofMillis(500);

  private ContainerPath path;

  @BeforeAll
  void start() {
    path = ContainerPath.plan().withClientOptions(";dial-timeout=10s").start();
  }

  @AfterAll
  void close() {
    if (path != null) {
      path.close();
    }
  }

  @Test
  void aPtThatStandsStillLosesNothing() {
    for (Machine machine : new Machine[] {path.client(), path.server()}) {
      Fault fault = Fault.begin("obfs4proxy stands still for 5 s, " + machine.name(), path);
      Download download = Download.start(path, SIZE, RATE).awaitUnderWay();
      Duration before = Fault.cpu(path.client(), "java");
      signal(machine, "STOP");
      Await.pace(Duration.ofSeconds(5));
      Duration used = Fault.cpu(path.client(), "java").minus(before);
      signal(machine, "CONT");
      fault.over();
      download.awaitWhole();
      fault.note("the plugin's processor time meanwhile %d ms".formatted(used.toMillis()));
      fault.end();
      assertThat(used).isLessThan(IDLE);
      assertThat(fault.warnings(path.client())).isEmpty();
    }
  }

  private static void signal(Machine machine, String signal) {
    machine.runAsRoot("kill", "-" + signal, String.valueOf(machine.awaitPid("obfs4proxy")));
  }

  /** The plugin and its PT have few descriptors: connections wait for others to end. */
  @Test
  void connectionsWaitForDescriptors() {
    Machine client = path.client();
    path.fetch(SMALL);
    Fault fault = Fault.begin("%d connections, %d descriptors".formatted(MANY, DESCRIPTORS), path);
    String limited = "#!/bin/sh\\nulimit -n " + DESCRIPTORS + "\\nexec pt-adapter\\n";
    client.run(
        "sh", "-c", "printf '" + limited + "' >/tmp/few; chmod +x /tmp/few; mkdir /tmp/many");
    client.runInBackground(
        "exec ss-local -s %s -p %d -b 127.0.0.1 -l 1081 -k tests -m aes-256-gcm --plugin /tmp/few"
                .formatted(path.server().ipv4(path.far()), ContainerPath.PUBLIC_PORT)
            + " --plugin-opts '%s;dial-timeout=30s' >/tmp/1081.log 2>&1"
                .formatted(path.server().run("cat", OPTIONS)));
    awaitWord(client, "/tmp/1081.log", "ready: ");
    long plugin = Long.parseLong(client.run("pgrep", "-n", "-x", "java"));
    client.runInBackground(
        ("curl -sSf -Z -H 'Connection: close' --parallel-immediate --parallel-max %d --limit-rate 40k --max-time 100"
                + " -x socks5h://127.0.0.1:1081 -o '/tmp/many/#1' 'http://web/%d?[1-%d]'"
                + " >/tmp/many.log 2>&1; echo curl ended with $? >>/tmp/many.log")
            .formatted(MANY, SMALL, MANY));
    awaitWord(client, "/tmp/1081.log", "there are no descriptors for more");
    Duration before = Fault.cpu(client, plugin);
    Await.pace(Duration.ofSeconds(1));
    Duration used = Fault.cpu(client, plugin).minus(before);
    awaitWord(client, "/tmp/many.log", "curl ended with ");
    fault.note(client.run("tail", "-n", "1", "/tmp/many.log"));
    fault.note("the plugin's processor time in a second %d ms".formatted(used.toMillis()));
    assertThat(client.run("sh", "-c", "sha256sum /tmp/many/* | cut -d ' ' -f 1 | sort | uniq -c"))
        .matches(" *" + MANY + " " + path.web().run("sha256sum", "/srv/" + SMALL).split(" ", 2)[0]);
    assertThat(client.run("sh", "-c", "grep 'WARN\\|ERROR' /tmp/1081.log || true"))
        .contains("there are no descriptors for more")
        .doesNotContain("failed", "xception");
    assertThat(used).isLessThan(IDLE);
    client.runAsRoot("kill", client.run("pgrep", "-n", "-x", "ss-local"));
    fault.over();
    fault.end();
  }

  private static void awaitWord(Machine machine, String file, String word) {
    Await.until(
        "'" + word + "' in " + file,
        Duration.ofSeconds(40),
        () -> machine.exec("", "grep", "-q", word, file).code() == 0);
  }
}
