package io.github.ptadapter.ptclient;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PtExitTest {

  @ParameterizedTest
  @CsvSource({
    "0,   exit code 0",
    "1,   exit code 1",
    "128, exit code 128",
    "129, signal 1",
    "137, signal 9",
    "192, signal 64",
    "193, exit code 193",
    "255, exit code 255",
  })
  void tellsCodesFromSignals(int code, String words) {
    assertThat(new PtExit(code, List.of())).hasToString(words);
  }

  @Test
  void showsTheLastWords() {
    assertThat(new PtExit(2, List.of("flag provided but not defined", "Usage:")))
        .hasToString("exit code 2; its last words: flag provided but not defined / Usage:");
  }
}
