package io.github.ptadapter.ptclient;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.github.ptadapter.ptclient.PtException.Reason;
import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.Promise;
import java.time.Duration;

/**
 * Opens connections through a client transport: SOCKS with the transport's arguments in the login
 * (pt-spec 3.5).
 *
 * <p>Every message waits for the answer to the one before, and nothing follows the request until it
 * is granted: PTs drop what comes early. Immutable; may be used by many event loops.
 */
public final class PtDialer {

  /** The most bytes of arguments that a SOCKS5 login holds (pt-spec 3.5): two fields of 255. */
  public static final int MAX_SOCKS5_ARGS_BYTES = 510;

  /**
   * The PT listens on this machine and answers at once, but a burst may overrun its backlog: then
   * the kernel knocks again after one and three seconds.
   */
  private static final Duration CONNECT_LIMIT = Duration.ofSeconds(5);

  private final ClientMethod method;
  private final byte[] login;

  /**
   * Prepares to dial.
   *
   * @param method the transport, as the PT offered it
   * @param args what to send with every connection
   * @throws PtException with {@link Reason#NOT_EXPRESSIBLE} when the arguments do not fit: more
   *     than {@link #MAX_SOCKS5_ARGS_BYTES} bytes in SOCKS5, a NUL in SOCKS4
   */
  public PtDialer(ClientMethod method, PtArgs args) throws PtException {
    this.method = method;
    login = PtArgs.utf8(args.encode());
    switch (method.socks()) {
      case SOCKS5 -> {
        if (login.length > MAX_SOCKS5_ARGS_BYTES) {
          throw new PtException(
              Reason.NOT_EXPRESSIBLE,
              "the arguments for %s take %d bytes (escapes included), SOCKS5 holds %d"
                  .formatted(method.transport(), login.length, MAX_SOCKS5_ARGS_BYTES));
        }
      }
      case SOCKS4 -> {
        if (args.encode().indexOf('\0') >= 0) {
          throw new PtException(
              Reason.NOT_EXPRESSIBLE,
              "the arguments for " + method.transport() + " hold a NUL, which ends them in SOCKS4");
        }
      }
    }
  }

  /**
   * Checks that a target can be asked for.
   *
   * @param target where the PT shall connect to
   * @throws PtException with {@link Reason#NOT_EXPRESSIBLE} for an IPv6 target in SOCKS4
   */
  public void requireExpressible(Endpoint target) throws PtException {
    if (method.socks() == SocksVersion.SOCKS4 && target.isIpV6()) {
      throw new PtException(
          Reason.NOT_EXPRESSIBLE,
          "the PT offers "
              + method.transport()
              + " by SOCKS4, which cannot name the IPv6 address "
              + target.host());
    }
  }

  /**
   * Dials.
   *
   * @param loop the event loop of the connection
   * @param target where the PT shall connect to; a name goes as a name
   * @param limit how long the whole dial may take
   * @param traffic gets everything that comes after the PT's grant, from its first byte on
   * @return the open connection; fails with a {@link PtException}; cancelling it gives the dial up
   */
  public Future<Channel> dial(
      EventLoop loop, Endpoint target, Duration limit, ChannelHandler traffic) {
    Promise<Channel> dialled = loop.newPromise();
    try {
      requireExpressible(target);
    } catch (PtException e) {
      return dialled.setFailure(e);
    }
    SocksHandshake handshake = new SocksHandshake(method, loginText(), target, limit, dialled);
    new Bootstrap()
        .group(loop)
        .channel(NioSocketChannel.class)
        .disableResolver()
        .option(ChannelOption.TCP_NODELAY, true)
        .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, (int) CONNECT_LIMIT.toMillis())
        .handler(
            new ChannelInitializer<Channel>() {
              @Override
              protected void initChannel(Channel channel) {
                channel.pipeline().addLast(handshake, traffic);
              }
            })
        .connect(method.address().toSocketAddress())
        .addListener(connected -> handshake.connected(connected.cause()));
    return dialled;
  }

  /** The bytes of the login as the codec wants them: one char for each. */
  private String loginText() {
    return new String(login, ISO_8859_1);
  }
}
