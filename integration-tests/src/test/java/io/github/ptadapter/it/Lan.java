package io.github.ptadapter.it;

import com.github.dockerjava.api.model.Network.Ipam;
import java.security.SecureRandom;
import java.util.List;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.containers.Network;

/** A network of machines, with IPv4 and IPv6. */
final class Lan implements AutoCloseable {

  private static final SecureRandom RANDOM = new SecureRandom();

  private final Network network;

  private Lan(Network network) {
    this.network = network;
  }

  static Lan create() {
    // Docker must be told a network of IPv6; the one of IPv4 it finds by itself.
    long random = RANDOM.nextLong();
    String subnet =
        "fd%02x:%x:%x::/64".formatted(random & 0xff, random >>> 8 & 0xffff, random >>> 24 & 0xffff);
    Network network =
        Network.builder()
            .enableIpv6(true)
            .createNetworkCmdModifier(create ->
                create.withIpam(
                    new Ipam().withConfig(List.of(new Ipam.Config().withSubnet(subnet)))))
            .build();
    return new Lan(network);
  }

  Network network() {
    return network;
  }

  String id() {
    return network.getId();
  }

  /** The ranges of its addresses. */
  List<String> subnets() {
    return DockerClientFactory.instance()
        .client()
        .inspectNetworkCmd()
        .withNetworkId(id())
        .exec()
        .getIpam()
        .getConfig()
        .stream()
        .map(Ipam.Config::getSubnet)
        .toList();
  }

  @Override
  public void close() {
    network.close();
  }
}
