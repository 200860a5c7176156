package io.github.ptadapter.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every way in which a PT fails: the exit code, one line that says why, and no PT left behind. */
final class ExitCodesIT {

  private static final int PT_FAILED = 4;
  private static final int PT_LOST = 5;

  /** A silent PT takes the start timeout, here a second; all others end at once. */
  private static final Duration LIMIT = Duration.ofSeconds(15);

  @TempDir Path dir;

  /** Scripts and the words of the error. Most stay, as real PTs do that fail. */
  static List<Arguments> clients() {
    return List.of(
        pt("echo 'no luck' >&2; exit 3", "ended before CMETHODS DONE", "exit code 3", "no luck"),
        pt("echo VERSION 1; exit 0", "ended before CMETHODS DONE", "exit code 0"),
        pt("kill -9 $$", "signal 9"),
        pt(FakePt.STAYS, "not ready within 1 s", "its last step: nothing"),
        pt(says("VERSION 1"), "not ready within 1 s", "its last step: VERSION"),
        pt(
            says("VERSION 1", "CMETHOD fake socks5 127.0.0.1:9"),
            "not ready within 1 s",
            "its last step: CMETHOD fake"),
        pt("echo VERSION 1; exec sleep 60 >&-", "closed its output before CMETHODS DONE"),
        pt(says("VERSION-ERROR no-version"), "does not speak version 1", "no-version"),
        pt(says("VERSION 2"), "the PT chose version '2'"),
        pt(says("VERSION"), "broke the protocol", "VERSION"),
        pt(says("VERSION 1", "VERSION 1"), "broke the protocol", "second VERSION"),
        pt(says("CMETHODS DONE"), "broke the protocol", "CMETHODS DONE before VERSION"),
        pt(
            "echo ENV-ERROR no TOR_PT_STATE_LOCATION environment variable; exit 1",
            "refuses its environment",
            "no TOR_PT_STATE_LOCATION environment variable"),
        pt(says("VERSION 1", "ENV-ERROR"), "refuses its environment"),
        pt(
            says("VERSION 1", "CMETHOD-ERROR fake no such method", "CMETHODS DONE"),
            "does not offer fake: no such method"),
        pt(says("VERSION 1", "CMETHODS DONE"), "does not offer fake", "did not mention it"),
        pt(
            says("VERSION 1", "CMETHOD other socks5 127.0.0.1:9", "CMETHODS DONE"),
            "does not offer fake",
            "did not mention it"),
        method("CMETHOD fake"),
        method("CMETHOD fake socks5 127.0.0.1:0"),
        method("CMETHOD fake socks5 localhost:9"),
        method("CMETHOD fake socks4a 127.0.0.1:9"),
        method("CMETHOD fake socks5 192.0.2.1:9"));
  }

  private static Arguments method(String line) {
    return pt(says("VERSION 1", line, "CMETHODS DONE"), "broke the protocol", "bad CMETHOD");
  }

  @ParameterizedTest(name = "{1}: {0}")
  @MethodSource("clients")
  void clientSaysWhy(String script, List<String> words) {
    failed(script, ";start-timeout=1s", PT_FAILED, words);
  }

  @Test
  void proxyThatThePtCannotUseIsAnError() {
    String proxy = ";proxy=socks5://127.0.0.1:9";
    failed(
        says("VERSION 1", "PROXY-ERROR proxy is not supported"),
        proxy,
        PT_FAILED,
        List.of("cannot use the proxy", "proxy is not supported"));
    failed(
        "echo VERSION 1; exit 1", proxy, PT_FAILED, List.of("before CMETHODS DONE", "exit code 1"));
    failed(
        FakePt.offers(9) + FakePt.STAYS,
        proxy,
        PT_FAILED,
        List.of("did not confirm the proxy", "PROXY DONE"));
  }

  static List<Arguments> servers() {
    return List.of(
        pt(
            says(
                "VERSION 1",
                "SMETHOD-ERROR fake listen tcp 127.0.0.1:9: bind: address already in use",
                "SMETHODS DONE"),
            "does not offer fake",
            "bind: address already in use"),
        pt(says("VERSION 1", "SMETHODS DONE"), "does not offer fake", "did not mention it"),
        pt(says("VERSION 1", "CMETHODS DONE"), "not ready within 1 s"),
        pt(says("VERSION 1", "SMETHOD fake"), "broke the protocol", "bad SMETHOD"),
        pt(
            "echo VERSION 1; echo ENV-ERROR need TOR_PT_ORPORT; exit 1",
            "refuses its environment",
            "need TOR_PT_ORPORT"));
  }

  @ParameterizedTest(name = "{1}: {0}")
  @MethodSource("servers")
  void serverSaysWhy(String script, List<String> words) {
    failed(script, ";server;start-timeout=1s", PT_FAILED, words);
  }

  @Test
  void stubbornPtIsKilledWithItsChildren() {
    String script =
        """
        trap '' TERM
        sleep 60 <&- &
        echo $! >"$here/child"
        echo VERSION-ERROR no-version
        while :; do sleep 1; done
        """;
    FakePt pt = failed(script, "", PT_FAILED, List.of("does not speak version 1"));
    assertThat(Processes.isRunning(Long.parseLong(pt.read("child").strip()))).isFalse();
  }

  @Test
  void realPtSaysWhy() {
    Path pt = Plugin.EMBEDDED_PT;
    String state = ";state=" + dir;
    refuses("transport=nosuch;exec=" + pt + state, "does not offer nosuch", "no such transport");
    refuses("transport=OBFS4;exec=" + pt + state, "does not offer OBFS4", "no such transport");
    refuses("transport=meek_lite;server;exec=" + pt + state, "server not supported");
    refuses("transport=obfs3;exec=" + pt + " -nosuchflag" + state, "exit code 2", "its last words");
  }

  @Test
  void programThatCannotRunIsNamed() throws IOException {
    Path file = Files.createFile(dir.resolve("no-program"));
    refuses("transport=fake;exec=/no/such/pt", "cannot run the PT /no/such/pt", "no such file");
    refuses("transport=fake;exec=" + file, file.toString(), "not executable");
    refuses("transport=fake;exec=" + dir, dir.toString(), "it is a directory");
    refuses("transport=fake;exec=no-such-pt", "no-such-pt", "not on PATH");
    refuses("transport=fake", "no program is known for the transport 'fake'", "exec=");
  }

  @Test
  void programThatIsNotOnPathIsNamed() {
    ProcessBuilder builder = Plugin.command(dir, Sip.of("transport=snowflake"));
    builder.environment().put("PATH", dir.toString());
    try (Program plugin = Program.start(builder)) {
      assertFailed(
          plugin,
          PT_FAILED,
          List.of("no program for the transport 'snowflake'", "snowflake-client"));
    }
  }

  /** At the same time, as the pauses between the deaths take 3.6 s. */
  @Test
  void ptThatKeepsDyingOrNeverComesBackIsTheEnd() {
    FakePt dying =
        FakePt.write(
            dir.resolve("dying"), FakePt.offers(9) + "sleep 0.05; echo 'too sad' >&2; exit 7");
    FakePt lost =
        FakePt.write(
            dir.resolve("lost"),
            "[ -e $here/again ] && exit 9; touch $here/again\n" + FakePt.offers(9) + "exit 7");
    try (Program first = Plugin.start(dir, Sip.of(dying.options()));
        Program second = Plugin.start(dir, Sip.of(lost.options()))) {
      assertFailed(first, PT_LOST, List.of("exit code 7", "too sad", "death 5 within a minute"));
      assertFailed(second, PT_LOST, List.of("exit code 9", "death 5", "this is the end"));
    }
  }

  @Test
  void firstDeathIsTheEndWithoutRestart() {
    failed(
        FakePt.offers(9) + "exit 7",
        ";restart=off",
        PT_LOST,
        List.of("exit code 7", "restart=off, so this is the end"));
  }

  private static Arguments pt(String script, String... words) {
    return Arguments.of(script, List.of(words));
  }

  /** A script that says these lines and stays. */
  private static String says(String... lines) {
    return "echo '" + String.join("'; echo '", lines) + "'; " + FakePt.STAYS;
  }

  private FakePt failed(String script, String options, int code, List<String> words) {
    FakePt pt = FakePt.write(dir, script);
    failed(pt.options() + options, code, words);
    assertThat(Processes.isRunning(pt.pid())).as("the PT runs").isFalse();
    return pt;
  }

  private void refuses(String options, String... words) {
    failed(options, PT_FAILED, List.of(words));
  }

  private void failed(String options, int code, List<String> words) {
    try (Program plugin = Plugin.start(dir, Sip.of(options))) {
      assertFailed(plugin, code, words);
    }
  }

  private static void assertFailed(Program plugin, int code, List<String> words) {
    assertThat(plugin.awaitExit(LIMIT)).as("exit code of %s", plugin).isEqualTo(code);
    assertThat(plugin.errors()).as("errors of %s", plugin).hasSize(1);
    assertThat(plugin.errors().getFirst()).contains(words);
    assertThat(plugin.out()).isEmpty();
  }
}
