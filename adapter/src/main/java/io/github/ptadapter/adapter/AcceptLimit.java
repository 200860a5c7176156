package io.github.ptadapter.adapter;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Leaves connections to the kernel while there are no descriptors for their tunnels: one that was
 * accepted must not fail for want of the second. Belongs to the listener's event loop.
 */
final class AcceptLimit extends ChannelInboundHandlerAdapter {

  private static final Logger log = LoggerFactory.getLogger(AcceptLimit.class);

  /** The JVM's own, a PT that is started again, and what one round of accepting brings. */
  private static final int RESERVE = 80;

  private final long connections;
  private long open;

  private AcceptLimit(long connections) {
    this.connections = connections;
  }

  /**
   * @param descriptors that this process may have
   * @param others of them that are not for connections and their tunnels
   */
  static AcceptLimit of(long descriptors, int others) {
    return new AcceptLimit(Math.max(1, (descriptors - RESERVE - others) / 2));
  }

  /** What the kernel allows this process, or more than enough if it does not tell. */
  static long descriptors() {
    try {
      return Files.readString(Path.of("/proc/self/limits"))
          .lines()
          .filter(line -> line.matches("Max\\s+open\\s+files\\s.*"))
          .map(line -> line.split("\\s+", -1)[3])
          .filter(soft -> soft.matches("\\d{1,18}"))
          .mapToLong(Long::parseLong)
          .findFirst()
          .orElse(Long.MAX_VALUE);
    } catch (IOException e) {
      return Long.MAX_VALUE;
    }
  }

  long connections() {
    return connections;
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object accepted) {
    open++;
    ((Channel) accepted)
        .closeFuture()
        .addListener(_ -> ctx.executor().execute(() -> closed(ctx.channel())));
    if (open == connections) {
      log.warn(
          "{} connections are open, and there are no descriptors for more: others wait;"
              + " raise the limit of open files (ulimit -n)",
          open);
    }
    if (open >= connections) {
      ctx.channel().config().setAutoRead(false);
    }
    ctx.fireChannelRead(accepted);
  }

  private void closed(Channel listener) {
    open--;
    if (open < connections) {
      listener.config().setAutoRead(true);
    }
  }
}
