package io.github.ptadapter.adapter;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.ptadapter.ptclient.Endpoint;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class DialSlotsTest {

  private static final Endpoint SILENT = new Endpoint("192.0.2.1", 443);
  private static final Endpoint OTHER = new Endpoint("192.0.2.2", 443);

  private final DialSlots slots = new DialSlots();
  private final List<String> dialled = new ArrayList<>();

  @Test
  void dialsBeyondTheLimitWaitForTheEndOfOthers() {
    take(SILENT, DialSlots.PER_SERVER);
    dialled.clear();
    assertThat(slots.take(SILENT, () -> dialled.add("first"))).isFalse();
    assertThat(slots.take(SILENT, () -> dialled.add("second"))).isFalse();
    assertThat(dialled).isEmpty();
    slots.free(SILENT);
    assertThat(dialled).containsExactly("first");
    slots.free(SILENT);
    assertThat(dialled).containsExactly("first", "second");
  }

  @Test
  void slotsThatNobodyWaitsForCanBeTakenAgain() {
    take(SILENT, DialSlots.PER_SERVER);
    slots.free(SILENT);
    assertThat(slots.take(SILENT, () -> {})).isTrue();
    assertThat(slots.take(SILENT, () -> {})).isFalse();
  }

  @Test
  void aDialWhoseClientHasGoneIsForgotten() {
    take(SILENT, DialSlots.PER_SERVER);
    dialled.clear();
    Runnable gone = () -> dialled.add("gone");
    assertThat(slots.take(SILENT, gone)).isFalse();
    assertThat(slots.take(SILENT, () -> dialled.add("still there"))).isFalse();
    slots.forget(SILENT, gone);
    slots.free(SILENT);
    slots.free(SILENT);
    assertThat(dialled).containsExactly("still there");
  }

  @Test
  void aDialThatNobodyWaitsForDoesNotQueue() {
    take(SILENT, DialSlots.PER_SERVER - 1);
    assertThat(slots.tryTake(SILENT)).isTrue();
    assertThat(slots.tryTake(SILENT)).isFalse();
    slots.free(SILENT);
    assertThat(slots.tryTake(SILENT)).isTrue();
  }

  @Test
  void oneServerDoesNotHoldUpAnother() {
    take(SILENT, DialSlots.PER_SERVER);
    assertThat(slots.take(OTHER, () -> dialled.add("other"))).isTrue();
    assertThat(dialled).contains("other");
  }

  private void take(Endpoint server, int dials) {
    for (int i = 0; i < dials; i++) {
      assertThat(slots.take(server, () -> dialled.add("early"))).isTrue();
    }
  }
}
