package io.github.ptadapter.adapter;

import io.github.ptadapter.ptclient.Endpoint;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongSupplier;

/**
 * The server's hosts in the order in which to try them: one that failed comes last for a minute.
 */
final class RemoteHosts {

  private static final long AVOID_NANOS = Duration.ofMinutes(1).toNanos();

  private final List<Endpoint> hosts;
  private final LongSupplier nanoTime;
  private final Map<Endpoint, Long> failures = new HashMap<>();
  private final DialSlots slots = new DialSlots();
  private volatile boolean answered;

  RemoteHosts(List<Endpoint> hosts) {
    this(hosts, System::nanoTime);
  }

  /** With a clock, for tests. */
  RemoteHosts(List<Endpoint> hosts, LongSupplier nanoTime) {
    this.hosts = List.copyOf(hosts);
    this.nanoTime = nanoTime;
  }

  DialSlots slots() {
    return slots;
  }

  synchronized List<Endpoint> inOrder() {
    long now = nanoTime.getAsLong();
    failures.values().removeIf(since -> now - since >= AVOID_NANOS);
    List<Endpoint> order = new ArrayList<>(hosts);
    order.removeAll(failures.keySet());
    hosts.stream().filter(failures::containsKey).forEach(order::add);
    return order;
  }

  /** A tunnel has brought a byte from the server. */
  void answered() {
    answered = true;
  }

  /** Tells whether a byte has ever come from the server. */
  boolean haveAnswered() {
    return answered;
  }

  synchronized void failed(Endpoint host) {
    failures.put(host, nanoTime.getAsLong());
  }

  synchronized void worked(Endpoint host) {
    failures.remove(host);
  }
}
