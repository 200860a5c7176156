package io.github.ptadapter.ptclient;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TransportNameTest {

  @ParameterizedTest
  @ValueSource(strings = {"obfs4", "meek_lite", "_a9", "A", "OBFS4", "_", "bridge"})
  void takesCIdentifiers(String name) {
    assertThat(new TransportName(name)).hasToString(name);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "9foo", "meek-lite", " obfs4", "obfs4 ", "obfs4\n", "a,b", "*", "öbfs4", "٣a"})
  void refusesEverythingElse(String name) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new TransportName(name))
        .withMessageContaining("'" + name + "' is not a transport name");
  }

  @Test
  void caseMatters() {
    assertThat(new TransportName("obfs4")).isNotEqualTo(new TransportName("OBFS4"));
  }
}
