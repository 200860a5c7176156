package io.github.ptadapter.ptclient;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.util.concurrent.TimeUnit.MILLISECONDS;

import io.github.ptadapter.ptclient.PtException.Reason;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.socksx.SocksMessage;
import io.netty.handler.codec.socksx.v4.Socks4ClientDecoder;
import io.netty.handler.codec.socksx.v4.Socks4CommandResponse;
import io.netty.handler.codec.socksx.v4.Socks4CommandStatus;
import io.netty.handler.codec.socksx.v4.Socks4CommandType;
import io.netty.handler.codec.socksx.v5.DefaultSocks5InitialRequest;
import io.netty.handler.codec.socksx.v5.DefaultSocks5PasswordAuthRequest;
import io.netty.handler.codec.socksx.v5.Socks5AddressType;
import io.netty.handler.codec.socksx.v5.Socks5AuthMethod;
import io.netty.handler.codec.socksx.v5.Socks5ClientEncoder;
import io.netty.handler.codec.socksx.v5.Socks5CommandResponse;
import io.netty.handler.codec.socksx.v5.Socks5CommandResponseDecoder;
import io.netty.handler.codec.socksx.v5.Socks5CommandStatus;
import io.netty.handler.codec.socksx.v5.Socks5CommandType;
import io.netty.handler.codec.socksx.v5.Socks5InitialResponse;
import io.netty.handler.codec.socksx.v5.Socks5InitialResponseDecoder;
import io.netty.handler.codec.socksx.v5.Socks5PasswordAuthResponse;
import io.netty.handler.codec.socksx.v5.Socks5PasswordAuthResponseDecoder;
import io.netty.handler.codec.socksx.v5.Socks5PasswordAuthStatus;
import io.netty.util.concurrent.Promise;
import io.netty.util.concurrent.ScheduledFuture;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * The messages of one dial up to the PT's grant or refusal (pt-spec 3.5, RFC 1928, RFC 1929).
 *
 * <p>Netty's own proxy handler is not used, because it offers two login methods: a PT that picks
 * the one without login loses the arguments in silence. Fields belong to the channel's event loop.
 */
final class SocksHandshake extends SimpleChannelInboundHandler<Object> {

  private static final String ENCODER = "socks-encoder";
  private static final String DECODER = "socks-decoder";

  /** RFC 1929 fields cannot be empty: pt-spec wants one NUL as the password of a short login. */
  private static final String EMPTY_PASSWORD = "\0";

  private static final int MAX_FIELD_BYTES = 255;

  private static final byte[] SOCKS4A_MARK = {0, 0, 0, 1};

  private final ClientMethod method;
  private final String login;
  private final Endpoint target;
  private final Duration limit;
  private final Promise<Channel> dialled;
  private String step = "connecting to the PT";

  /**
   * @param login the encoded arguments, one char for each byte
   */
  SocksHandshake(
      ClientMethod method,
      String login,
      Endpoint target,
      Duration limit,
      Promise<Channel> dialled) {
    this.method = method;
    this.login = login;
    this.target = target;
    this.limit = limit;
    this.dialled = dialled;
  }

  /** Takes the outcome of the TCP connection to the PT. */
  void connected(@Nullable Throwable failure) {
    if (failure != null) {
      dialled.tryFailure(
          new PtException(
              Reason.DIAL_BROKEN,
              "the PT does not accept connections on its SOCKS port: " + failure.getMessage(),
              failure));
    }
  }

  @Override
  public void handlerAdded(ChannelHandlerContext ctx) {
    switch (method.socks()) {
      case SOCKS5 ->
          ctx.pipeline()
              .addFirst(DECODER, new Socks5InitialResponseDecoder())
              .addFirst(ENCODER, Socks5ClientEncoder.DEFAULT);
      case SOCKS4 -> ctx.pipeline().addFirst(DECODER, new Socks4ClientDecoder());
    }
    ScheduledFuture<?> timer =
        ctx.executor()
            .schedule(
                () ->
                    fail(
                        ctx,
                        Reason.TIMED_OUT,
                        "no answer from the PT within "
                            + PtException.words(limit)
                            + " while "
                            + step),
                limit.toMillis(),
                MILLISECONDS);
    dialled.addListener(f -> {
      timer.cancel(false);
      if (!f.isSuccess()) {
        ctx.close();
      }
    });
  }

  @Override
  public void channelActive(ChannelHandlerContext ctx) {
    switch (method.socks()) {
      case SOCKS5 -> {
        step = "agreeing on a login method";
        ctx.writeAndFlush(new DefaultSocks5InitialRequest(offered()));
      }
      case SOCKS4 -> {
        step = "waiting for the connection to the server";
        ctx.writeAndFlush(socks4Request(ctx.alloc()));
      }
    }
    ctx.fireChannelActive();
  }

  @Override
  protected void channelRead0(ChannelHandlerContext ctx, Object bytesOrMessage) {
    if (!(bytesOrMessage instanceof SocksMessage message)) {
      // What the PT sent behind a refusal is not for the traffic handler.
      return;
    }
    if (message.decoderResult().isFailure()) {
      fail(ctx, Reason.PROTOCOL_VIOLATION, "the PT's answer is not SOCKS, while " + step);
      return;
    }
    switch (message) {
      case Socks5InitialResponse answer -> methodChosen(ctx, answer.authMethod());
      case Socks5PasswordAuthResponse answer -> {
        if (answer.status().equals(Socks5PasswordAuthStatus.SUCCESS)) {
          request(ctx);
        } else {
          fail(
              ctx,
              Reason.ARGS_REJECTED,
              "the PT refuses the arguments for " + method.transport() + " as malformed");
        }
      }
      case Socks5CommandResponse answer -> {
        if (answer.status().equals(Socks5CommandStatus.SUCCESS)) {
          granted(ctx);
        } else {
          refused(ctx, answer.status().byteValue(), socks5Words(answer.status().byteValue()));
        }
      }
      case Socks4CommandResponse answer -> {
        if (answer.status().equals(Socks4CommandStatus.SUCCESS)) {
          granted(ctx);
        } else {
          refused(ctx, answer.status().byteValue(), "rejected");
        }
      }
      default -> throw new IllegalStateException("bug: unexpected " + message);
    }
  }

  private Socks5AuthMethod offered() {
    return login.isEmpty() ? Socks5AuthMethod.NO_AUTH : Socks5AuthMethod.PASSWORD;
  }

  private void methodChosen(ChannelHandlerContext ctx, Socks5AuthMethod chosen) {
    if (!chosen.equals(offered())) {
      fail(
          ctx,
          Reason.PROTOCOL_VIOLATION,
          "the PT chose SOCKS method %02x, which was not offered: %s"
              .formatted(
                  chosen.byteValue(),
                  login.isEmpty() ? "it wants arguments" : "the arguments would be lost"));
    } else if (login.isEmpty()) {
      request(ctx);
    } else {
      step = "handing over the arguments";
      ctx.pipeline().replace(DECODER, DECODER, new Socks5PasswordAuthResponseDecoder());
      int split = Math.min(login.length(), MAX_FIELD_BYTES);
      String rest = login.substring(split);
      ctx.writeAndFlush(
          new DefaultSocks5PasswordAuthRequest(
              login.substring(0, split), rest.isEmpty() ? EMPTY_PASSWORD : rest));
    }
  }

  private void request(ChannelHandlerContext ctx) {
    step = "waiting for the connection to the server";
    ctx.pipeline().replace(DECODER, DECODER, new Socks5CommandResponseDecoder());
    ctx.pipeline().remove(ENCODER);
    ctx.writeAndFlush(socks5Request(ctx.alloc()));
  }

  // The codec's own requests cannot be used: they change or refuse names by the rules of IDN, and
  // know fewer IPv6 literals than Java.

  /** RFC 1928, section 4. */
  private ByteBuf socks5Request(ByteBufAllocator allocator) {
    ByteBuf request = allocator.buffer();
    request.writeByte(5).writeByte(Socks5CommandType.CONNECT.byteValue()).writeByte(0);
    if (target.isIp()) {
      byte[] address = address();
      boolean v4 = address.length == 4;
      request.writeByte((v4 ? Socks5AddressType.IPv4 : Socks5AddressType.IPv6).byteValue());
      request.writeBytes(address);
    } else {
      byte[] name = PtArgs.utf8(target.host());
      request.writeByte(Socks5AddressType.DOMAIN.byteValue());
      request.writeByte(name.length).writeBytes(name);
    }
    return request.writeShort(target.port());
  }

  /** A name goes in the way of SOCKS4a: a mark in place of the address, the name at the end. */
  private ByteBuf socks4Request(ByteBufAllocator allocator) {
    ByteBuf request = allocator.buffer();
    request.writeByte(4).writeByte(Socks4CommandType.CONNECT.byteValue());
    request.writeShort(target.port()).writeBytes(target.isIp() ? address() : SOCKS4A_MARK);
    request.writeBytes(login.getBytes(ISO_8859_1)).writeByte(0);
    if (!target.isIp()) {
      request.writeBytes(PtArgs.utf8(target.host())).writeByte(0);
    }
    return request;
  }

  private byte[] address() {
    return target.toSocketAddress().getAddress().getAddress();
  }

  private void granted(ChannelHandlerContext ctx) {
    // The decoder goes last: what it holds beyond the grant moves on to the traffic handler.
    ctx.pipeline().remove(this);
    dialled.trySuccess(ctx.channel());
    ctx.pipeline().remove(DECODER);
  }

  private void refused(ChannelHandlerContext ctx, byte code, String words) {
    failWith(
        ctx,
        new PtException(
            Reason.DIAL_REFUSED,
            "%s got no connection to the server (%s, SOCKS code %02x)"
                .formatted(method.transport(), words, code),
            Byte.toUnsignedInt(code)));
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    fail(ctx, Reason.DIAL_BROKEN, "the PT closed the connection while " + step);
    ctx.fireChannelInactive();
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    failWith(
        ctx,
        new PtException(
            Reason.DIAL_BROKEN,
            "the connection to the PT broke while " + step + ": " + cause.getMessage(),
            cause));
  }

  private void fail(ChannelHandlerContext ctx, Reason reason, String message) {
    failWith(ctx, new PtException(reason, message));
  }

  private void failWith(ChannelHandlerContext ctx, PtException failure) {
    dialled.tryFailure(failure);
    ctx.close();
  }

  /** The meanings of RFC 1928, section 6. */
  private static String socks5Words(byte code) {
    return switch (code) {
      case 1 -> "general failure";
      case 2 -> "not allowed";
      case 3 -> "network unreachable";
      case 4 -> "host unreachable";
      case 5 -> "connection refused";
      case 6 -> "timed out";
      case 7 -> "command not supported";
      case 8 -> "address type not supported";
      default -> "unknown reason";
    };
  }
}
