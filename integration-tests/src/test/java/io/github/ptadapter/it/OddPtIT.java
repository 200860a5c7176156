package io.github.ptadapter.it;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.ptadapter.it.SocksServer.Answers;
import java.io.IOException;
import java.net.Socket;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** PTs that say too much, too little or nonsense, and can be used all the same. */
final class OddPtIT {

  private static final long MEGABYTE = 1_000_000;

  /** Resident memory above that of a quiet PT. */
  private static final long FLOOD_MEMORY = 20 * MEGABYTE;

  /** A burst of lines, a few over time, and what we say ourselves. */
  private static final int FLOOD_LINES = 100;

  private static final String LOG_FLOOD =
      "i=0; while [ $i -lt 1000 ]; do echo \"$chunk\"; i=$((i + 1)); done\n";

  /** A hundred LOG lines in one variable, so that the shell is quick enough. */
  private static final String LOG_CHUNK =
      """
      line='LOG SEVERITY=notice MESSAGE="the flood rises and rises and rises and rises"'
      ten="$line
      $line
      $line
      $line
      $line
      $line
      $line
      $line
      $line
      $line"
      chunk="$ten
      $ten
      $ten
      $ten
      $ten
      $ten
      $ten
      $ten
      $ten
      $ten"
      """;

  /** Resident memory with a PT that says no more than it must. */
  private static long quiet;

  @TempDir Path dir;

  private final int port = Loopback.freePort();
  private final SocksServer socks = new SocksServer(Answers.GOOD);

  @AfterEach
  void close() {
    socks.close();
  }

  static List<Arguments> odd() {
    return List.of(
        odd("lines that end with CR LF", "printf 'VERSION 1\\r\\n%s\\r\\nCMETHODS DONE\\r\\n'"),
        odd("blanks and tabs", "printf 'VERSION 1 \\n%s \\t\\nCMETHODS DONE\\n'"),
        odd(
            "LOG, STATUS, nonsense and empty lines before VERSION",
            "printf 'LOG SEVERITY=notice MESSAGE=early\\nSTATUS a=b\\nHELLO\\n\\n"
                + "VERSION 1\\n%s\\nCMETHODS DONE\\n'"),
        odd(
            "version of the implementation",
            "printf 'VERSION 1\\nSTATUS TYPE=version IMPLEMENTATION=\"x\" VERSION=\"0.8.1\"\\n"
                + "%s\\nCMETHODS DONE\\n'"),
        odd(
            "malformed LOG and STATUS, bytes that are not UTF-8",
            "printf 'VERSION 1\\nLOG\\nLOG SEVERITY=\\nLOG MESSAGE=\"\\nSTATUS\\n\\377\\376\\n"
                + "%s\\nCMETHODS DONE\\n'"),
        odd(
            "a method twice and methods not asked for",
            "printf 'VERSION 1\\nCMETHOD other socks5 127.0.0.1:9\\n%s\\n"
                + "CMETHOD fake socks5 127.0.0.1:9\\nSMETHOD fake 127.0.0.1:9\\n"
                + "CMETHOD-ERROR nosuch no such transport\\nSMETHODS DONE\\nPROXY DONE\\n"
                + "CMETHODS DONE\\n'"),
        odd(
            "errors after DONE",
            "printf 'VERSION 1\\n%s\\nCMETHODS DONE\\nCMETHODS DONE\\nVERSION 2\\n"
                + "ENV-ERROR late\\nCMETHOD fake\\nCMETHOD-ERROR fake late\\n'"),
        odd("a NUL in a line", "printf 'a\\000b\\nVERSION 1\\n%s\\nCMETHODS DONE\\n'"),
        odd(
            "random bytes first",
            "head -c 300000 /dev/urandom; printf '\\nVERSION 1\\n%s\\nCMETHODS DONE\\n'"),
        odd(
            "5 MB without a line feed first",
            "head -c 5000000 /dev/zero | tr '\\0' x; printf '\\nVERSION 1\\n%s\\nCMETHODS DONE\\n'"),
        odd(
            "stderr of 5 MB without a line feed",
            "head -c 5000000 /dev/zero | tr '\\0' x >&2; printf 'VERSION 1\\n%s\\nCMETHODS DONE\\n'"));
  }

  private static Arguments odd(String what, String printf) {
    return Arguments.of(what, printf);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("odd")
  void oddStartWorks(String what, String printf) throws IOException {
    String method = " 'CMETHOD fake socks5 127.0.0.1:" + socks.port() + "'\n";
    FakePt pt = FakePt.write(dir, printf + method + FakePt.STAYS);
    try (Program plugin = start(pt).awaitReady()) {
      assertThat(echoes()).isTrue();
      assertThat(plugin.errors()).as(what).isEmpty();
      assertThat(plugin.log()).hasSizeLessThan(FLOOD_LINES);
    }
  }

  @Test
  void closedOutputAfterTheStartIsNoDeath() throws IOException {
    String script = FakePt.offers(socks.port()) + "exec sleep 600 >&- 2>&-";
    try (Program plugin = start(FakePt.write(dir, script)).awaitReady()) {
      assertThat(echoes()).isTrue();
      assertThat(plugin.log()).noneMatch(line -> line.contains("WARN") || line.contains("ERROR"));
    }
  }

  @Test
  void onlyGarbageIsOneReason() {
    FakePt pt = FakePt.write(dir, "head -c 5000000 /dev/urandom; exit 1");
    try (Program plugin = start(pt)) {
      assertThat(plugin.awaitExit(Await.LIMIT)).isEqualTo(4);
      assertThat(plugin.errors()).singleElement().asString().contains("exit code 1");
      assertThat(plugin.log()).hasSizeLessThan(FLOOD_LINES);
    }
  }

  @Test
  void floodBeforeTheStartIsBounded() throws IOException {
    String script = LOG_CHUNK + LOG_FLOOD + FakePt.offers(socks.port()) + FakePt.STAYS;
    assertBounded("LOG lines before the start", script, "");
  }

  @Test
  void floodAfterTheStartIsBounded() throws IOException {
    String script = LOG_CHUNK + FakePt.offers(socks.port()) + LOG_FLOOD + flooded();
    assertBounded("LOG lines after the start", script, "flooded");
  }

  @Test
  void floodOfErrorsIsBounded() throws IOException {
    String script =
        LOG_CHUNK.replace("notice", "error") + FakePt.offers(socks.port()) + LOG_FLOOD + flooded();
    assertBounded("LOG lines of errors", script, "flooded");
  }

  @Test
  void floodOfNonsenseIsBounded() throws IOException {
    String script =
        LOG_CHUNK.replace("LOG", "CMETHOD") + FakePt.offers(socks.port()) + LOG_FLOOD + flooded();
    assertBounded("bad CMETHOD lines after the start", script, "flooded");
  }

  @Test
  void floodOnStandardErrorIsBounded() throws IOException {
    String script =
        LOG_CHUNK + "exec 3>&1 >&2\n" + LOG_FLOOD + "exec >&3\n" + FakePt.offers(socks.port());
    assertBounded("lines on standard error", script + FakePt.STAYS, "");
  }

  @Test
  void endlessLineTakesNoMemory() throws IOException {
    String script =
        FakePt.offers(socks.port()) + "head -c 50000000 /dev/zero | tr '\\0' x\n" + flooded();
    assertBounded("one line of 50 MB", script, "flooded");
  }

  /** The script's last words after a flood: what it wrote is in the pipe, or read. */
  private static String flooded() {
    return "touch $here/flooded\n" + FakePt.STAYS;
  }

  private void assertBounded(String what, String script, String sign) throws IOException {
    if (quiet == 0) {
      quiet = resident(FakePt.write(dir, FakePt.offers(socks.port()) + FakePt.STAYS), "");
    }
    long flooded = resident(FakePt.write(dir, script), sign);
    System.out.printf(
        "OddPtIT: resident after %s %+.1f MB (%.1f MB without)%n",
        what, (flooded - quiet) / (double) MEGABYTE, quiet / (double) MEGABYTE);
    assertThat(flooded - quiet).as("resident memory above a quiet PT's").isLessThan(FLOOD_MEMORY);
  }

  /** Resident memory when the PT has said all and a connection was served. */
  private long resident(FakePt pt, String sign) throws IOException {
    try (Program plugin = start(pt).awaitReady()) {
      Await.until("the end of the flood", () -> pt.exists(sign));
      assertThat(echoes()).isTrue();
      assertThat(plugin.log()).hasSizeLessThan(FLOOD_LINES);
      return Processes.residentBytes(plugin.pid());
    }
  }

  private Program start(FakePt pt) {
    return Plugin.start(dir, Sip.of(9, port, pt.options() + ";a=b"));
  }

  private boolean echoes() throws IOException {
    byte[] bytes = "still there".getBytes(US_ASCII);
    try (Socket socket = Loopback.connect(port)) {
      socket.getOutputStream().write(bytes);
      return Arrays.equals(socket.getInputStream().readNBytes(bytes.length), bytes);
    }
  }
}
