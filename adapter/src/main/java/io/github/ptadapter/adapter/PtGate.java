package io.github.ptadapter.adapter;

import io.github.ptadapter.ptclient.PtDialer;
import java.util.concurrent.CompletableFuture;

/** Where connections wait while there is no PT: open with a dialer, shut without. */
final class PtGate {

  private volatile CompletableFuture<PtDialer> dialer = new CompletableFuture<>();

  void open(PtDialer ready) {
    dialer.complete(ready);
  }

  void shut() {
    if (dialer.isDone()) {
      dialer = new CompletableFuture<>();
    }
  }

  /** The dialer of the present PT, now or as soon as there is one. */
  CompletableFuture<PtDialer> dialer() {
    return dialer;
  }

  /** Tells whether the dialer is that of the present PT. */
  boolean offers(PtDialer one) {
    return one.equals(dialer.getNow(null));
  }
}
