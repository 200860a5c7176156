package io.github.ptadapter.it;

import java.time.Duration;
import java.util.Map;

/** A router between two networks, the line of which is slow, loses packets, or has a rate. */
final class DelayBox implements AutoCloseable {

  private static final String FILE = "/run/line";

  /**
   * What packets of each direction meet.
   *
   * @param delay of each
   * @param loss the part that is lost: 1 is a line that is cut without a word
   * @param rate bytes a second; zero has no limit
   */
  record Line(Duration delay, double loss, long rate) {

    static Line delay(Duration delay) {
      return new Line(delay, 0, 0);
    }

    Line withLoss(double part) {
      return new Line(delay, part, rate);
    }

    @Override
    public String toString() {
      return "%d %s %d".formatted(delay.toMillis(), loss, rate);
    }
  }

  private final Machine machine;
  private final Lan near;
  private final Lan far;
  private int changes;

  private DelayBox(Machine machine, Lan near, Lan far) {
    this.machine = machine;
    this.near = near;
    this.far = far;
  }

  static DelayBox start(Lan near, Lan far, Line line) {
    Map<String, String> router =
        Map.of(
            "net.ipv4.ip_forward", "1",
            "net.ipv4.conf.all.rp_filter", "0",
            "net.ipv4.conf.default.rp_filter", "0",
            "net.ipv6.conf.all.disable_ipv6", "0",
            "net.ipv6.conf.default.disable_ipv6", "0",
            "net.ipv6.conf.all.forwarding", "1");
    String command = "echo '%s' >%s; exec delay-box %s".formatted(line, FILE, FILE);
    Machine machine = Machine.start(Image.BARE, "box", near, router, "sh", "-c", command);
    DelayBox box = new DelayBox(machine, near, far);
    try {
      // It waits for the other interface.
      machine.connect(far);
      machine.awaitLine("ready");
      return box;
    } catch (AssertionError | RuntimeException e) {
      box.close();
      throw e;
    }
  }

  /** Another line from now on. */
  void set(Line line) {
    machine.run("sh", "-c", "echo '%s' >%s; kill -HUP 1".formatted(line, FILE));
    changes++;
    machine.awaitLine("delay ", changes + 1);
  }

  /** Has the machine of the near network reach the far one through this. */
  void routeFromNear(Machine machine) {
    route(machine, near, far);
  }

  /** Has the machine of the far network reach the near one through this. */
  void routeFromFar(Machine machine) {
    route(machine, far, near);
  }

  private void route(Machine of, Lan here, Lan there) {
    for (String subnet : there.subnets()) {
      String via = subnet.contains(":") ? machine.ipv6(here) : machine.ipv4(here);
      of.runAsRoot("ip", "route", "replace", subnet, "via", via);
    }
  }

  /** The router itself. */
  Machine machine() {
    return machine;
  }

  @Override
  public void close() {
    machine.close();
  }
}
