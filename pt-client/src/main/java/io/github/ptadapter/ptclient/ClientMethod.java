package io.github.ptadapter.ptclient;

/**
 * {@code CMETHOD}: a client transport is ready to be dialled (pt-spec 3.3.2).
 *
 * @param transport the transport
 * @param socks how to speak to it
 * @param address where it listens, always a loopback address: the arguments that go there are
 *     secret
 */
public record ClientMethod(TransportName transport, SocksVersion socks, Endpoint address)
    implements PtMessage {

  /**
   * Checks the address.
   *
   * @throws IllegalArgumentException when it is not a loopback address
   */
  public ClientMethod {
    if (!address.isLoopback()) {
      throw new IllegalArgumentException("not a loopback address");
    }
  }
}
