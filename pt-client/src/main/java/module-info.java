/**
 * A parent process for pluggable transports, version 1 (pt-spec): launches and owns a PT in managed
 * mode and dials through it.
 *
 * <p>Knows nothing of the program that uses it.
 */
@org.jspecify.annotations.NullMarked
module io.github.ptadapter.ptclient {
  requires transitive io.netty.transport;
  requires io.netty.buffer;
  requires io.netty.codec;
  requires io.netty.codec.socks;
  requires transitive io.netty.common;
  requires org.apache.commons.exec;
  requires static org.jspecify;
  requires org.slf4j;

  exports io.github.ptadapter.ptclient;
}
