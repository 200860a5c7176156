package io.github.ptadapter.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The packages, installed on a Debian without Java as their page says, with real hosts. */
final class InstalledPackagesIT {

  private static final String SIZE = "2000000";

  /** All files but those of the kernel and those that dpkg writes its books in. */
  private static final String FILES =
      "find / -xdev -path /proc -prune -o -path /sys -prune -o -path /tmp -prune"
          + " -o -path /var/lib/dpkg -prune -o -path /var/log -prune -o -printf '%p %y %u %m\\n' | sort";

  private final Lan lan = lan();
  private final Machine machine = Machine.start(Image.BARE, "debian", lan, "nginx");

  private static Lan lan() {
    Image.BARE.name();
    return Lan.create();
  }

  @AfterEach
  void close() {
    try (lan) {
      machine.close();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"root", "nobody"})
  void tarballCarriesTraffic(String user) {
    Path tarball = Packages.tarball();
    machine.copy(tarball, "/tmp/package.tar.gz");
    machine.runAsRoot("tar", "-xzf", "/tmp/package.tar.gz", "-C", "/opt");
    String home = "/opt/" + tarball.getFileName().toString().replace(".tar.gz", "");
    machine.runAsRoot("ln", "-s", home + "/bin/pt-adapter", "/usr/local/bin/");
    assertCarriesTraffic(user);
  }

  @ParameterizedTest
  @ValueSource(strings = {"root", "nobody"})
  void debCarriesTraffic(String user) {
    install();
    assertCarriesTraffic(user);
  }

  @Test
  void debLeavesNothingBehind() {
    String before = machine.runAsRoot("sh", "-c", FILES);
    install();
    String installed = machine.runAsRoot("sh", "-c", FILES);
    assertThat(installed).contains("/usr/bin/pt-adapter l root", "/usr/lib/pt-adapter/runtime");
    // Over itself, as an upgrade is installed.
    assertCarriesTraffic("nobody");
    install();
    assertThat(machine.runAsRoot("sh", "-c", FILES)).isEqualTo(installed);
    assertThat(machine.runAsRoot("dpkg", "--verify", "pt-adapter")).isEmpty();
    assertCarriesTraffic("nobody");
    machine.runAsRoot("dpkg", "--remove", "pt-adapter");
    assertThat(machine.runAsRoot("sh", "-c", FILES)).isEqualTo(before);
    install();
    machine.runAsRoot("dpkg", "--purge", "pt-adapter");
    assertThat(machine.runAsRoot("sh", "-c", FILES)).isEqualTo(before);
    assertThat(machine.exec("root", "dpkg", "--status", "pt-adapter").code()).isNotZero();
  }

  private void install() {
    machine.copy(Packages.deb(), "/tmp/package.deb");
    machine.runAsRoot("dpkg", "--install", "/tmp/package.deb");
  }

  /** Both hosts on one machine; all ends with them. */
  private void assertCarriesTraffic(String user) {
    assertThat(machine.exec("root", "sh", "-c", "command -v java").code()).as("Java").isNotZero();
    String script =
        """
        set -eu
        work=$(mktemp -d)
        cd "$work"
        export HOME=$work
        trap 'kill $hosts; wait; rm -r "$work"' EXIT
        hosts=
        await() {
          tries=300
          until grep -q "$1" "$2"; do
            tries=$((tries - 1))
            [ $tries -gt 0 ] || { cat server.log client.log; exit 1; }
            sleep 0.1
          done
        }
        ss-server -s 127.0.0.1 -p 8443 -k tests -m aes-256-gcm \\
            --plugin pt-adapter --plugin-opts "server;transport=obfs4;state=$work/state" >server.log 2>&1 &
        hosts=$!
        await 'ready: ' server.log
        ss-local -s 127.0.0.1 -p 8443 -b 127.0.0.1 -l 1080 -k tests -m aes-256-gcm \\
            --plugin pt-adapter --plugin-opts "$(cat state/client-plugin-opts.txt)" >client.log 2>&1 &
        hosts="$hosts $!"
        await 'ready: ' client.log
        curl -sSf --max-time 60 -x socks5h://127.0.0.1:1080 -o fetched http://127.0.0.1/data
        cmp fetched /srv/data
        ! grep -E 'WARN|ERROR' server.log client.log
        """;
    machine.runAsRoot("sh", "-c", "head -c " + SIZE + " /dev/urandom >/tmp/data");
    machine.runAsRoot("sh", "-c", "mv /tmp/data /srv/data && chmod 644 /srv/data");
    machine.runAs(user, "sh", "-c", script);
    machine.runAsRoot("rm", "/srv/data");
    for (String program : new String[] {"java", "obfs4proxy", "ss-server", "ss-local"}) {
      Await.until("end of " + program, () -> machine.pids(program).isEmpty());
    }
  }
}
