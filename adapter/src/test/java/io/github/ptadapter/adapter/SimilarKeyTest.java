package io.github.ptadapter.adapter;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SimilarKeyTest {

  private static final Set<String> KEYS =
      Set.of(
          "server",
          "transport",
          "exec",
          "state",
          "bridge",
          "proxy",
          "log",
          "loglevel",
          "dial-timeout",
          "drain-timeout",
          "idle-timeout",
          "max-connections");

  @ParameterizedTest
  @CsvSource({
    "transprt,       transport",
    "trasnport,      transport",
    "transports,     transport",
    "TRANSPORT,      transport",
    "Transprot,      transport",
    "exce,           exec",
    "exe,            exec",
    "execs,          exec",
    "sate,           state",
    "brigde,         bridge",
    "porxy,          proxy",
    "logs,           log",
    "lgo,            log",
    "log-level,      loglevel",
    "log_level,      loglevel",
    "dial_timeout,   dial-timeout",
    "dialtimeout,    dial-timeout",
    "idel-timeout,   idle-timeout",
    "max_connection, max-connections",
    "sever,          server",
  })
  void findsTheKeyThatWasMeant(String key, String meant) {
    assertThat(SimilarKey.find(key, KEYS)).contains(meant);
  }

  /** Arguments of real transports: a warning about each of them would be noise. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "cert",
        "iat-mode",
        "node-id",
        "public-key",
        "private-key",
        "drbg-seed",
        "password",
        "url",
        "front",
        "fronts",
        "utls",
        "utls-imitate",
        "utls-nosni",
        "ampcache",
        "sqsqueue",
        "sqscreds",
        "ice",
        "max",
        "fingerprint",
        "ver",
        "servername",
        "addr",
        "registerURL",
        "shared-secret",
        "covert",
        "host",
        "port",
        "key",
        "timeout"
      })
  void leavesArgumentsOfTransportsAlone(String key) {
    assertThat(SimilarKey.find(key, KEYS)).isEmpty();
  }

  @Test
  void allowsOneSlipInShortKeysAndTwoInLongOnes() {
    assertThat(SimilarKey.find("xxec", KEYS)).contains("exec");
    assertThat(SimilarKey.find("xxxc", KEYS)).isEmpty();
    assertThat(SimilarKey.find("xxidge", KEYS)).contains("bridge");
    assertThat(SimilarKey.find("xxxdge", KEYS)).isEmpty();
    assertThat(SimilarKey.find("", KEYS)).isEmpty();
  }
}
