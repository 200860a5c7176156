package io.github.ptadapter.adapter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.ptadapter.adapter.cli.Doctor.Finding;
import io.github.ptadapter.adapter.cli.Step.Mark;
import io.github.ptadapter.ptclient.Endpoint;
import io.github.ptadapter.ptclient.TransportName;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class FarSideTest {

  @Test
  void everyAddressOfANameIsTried() throws Exception {
    InetAddress dead = InetAddress.ofLiteral("127.0.0.2");
    InetAddress alive = InetAddress.ofLiteral("127.0.0.1");
    try (FarSide far = new FarSide(new TransportName("obfs4"), Duration.ofSeconds(1))) {
      Endpoint remote;
      try (ServerSocket server = new ServerSocket()) {
        server.bind(new InetSocketAddress(alive, 0));
        remote = new Endpoint("name.example", server.getLocalPort());
        Finding finding = far.knock(remote, new InetAddress[] {dead, alive});
        assertThat(finding.mark()).isEqualTo(Mark.GOOD);
        assertThat(finding.text()).isEqualTo(remote + " (127.0.0.1) accepts connections");
      }
      Finding finding = far.knock(remote, new InetAddress[] {dead, alive});
      assertThat(finding.mark()).isEqualTo(Mark.BAD);
      assertThat(finding.text())
          .isEqualTo(
              "%1$s (127.0.0.2) refuses connections; %1$s (127.0.0.1) refuses connections"
                  .formatted(remote));
      assertThat(far.knock(remote, new InetAddress[] {dead}).text())
          .isEqualTo(remote + " refuses connections");
    }
  }
}
