package io.github.ptadapter.adapter;

import io.github.ptadapter.ptclient.Endpoint;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;

/**
 * How many dials may be under way to each server.
 *
 * <p>A PT does not look at the connection of a dial before it can answer it, and holds two
 * descriptors for as long: clients that come and go before a silent server would take all it has.
 * So a dial that its client has abandoned counts until it is answered.
 */
final class DialSlots {

  /** A quarter of the descriptors that many systems give a program. */
  static final int PER_SERVER = 128;

  private final Map<Endpoint, Integer> taken = new HashMap<>();

  /** In the order in which they came. */
  private final Map<Endpoint, Set<Runnable>> waiting = new HashMap<>();

  /**
   * Runs a dial as soon as there is a slot for it.
   *
   * @return whether that was at once
   */
  boolean take(Endpoint server, Runnable dial) {
    synchronized (this) {
      if (!tryTake(server)) {
        waiting.computeIfAbsent(server, _ -> new LinkedHashSet<>()).add(dial);
        return false;
      }
    }
    dial.run();
    return true;
  }

  /**
   * Takes a slot for a dial that nobody waits for, if there is one.
   *
   * @return whether there was
   */
  synchronized boolean tryTake(Endpoint server) {
    if (taken.merge(server, 1, Integer::sum) > PER_SERVER) {
      taken.merge(server, -1, Integer::sum);
      return false;
    }
    return true;
  }

  /** Lets go of a dial that waits for its slot: its client has gone. */
  synchronized void forget(Endpoint server, Runnable dial) {
    waiting.computeIfAbsent(server, _ -> new LinkedHashSet<>()).remove(dial);
  }

  /** Gives the slot of an ended dial to the next. */
  void free(Endpoint server) {
    Runnable next;
    synchronized (this) {
      Iterator<Runnable> queue = waiting.getOrDefault(server, Set.of()).iterator();
      if (!queue.hasNext()) {
        taken.merge(server, -1, Integer::sum);
        return;
      }
      next = queue.next();
      queue.remove();
    }
    next.run();
  }
}
