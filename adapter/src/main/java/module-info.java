/** The SIP003 plugin: bridges a Shadowsocks host and a pluggable transport. */
@org.jspecify.annotations.NullMarked
module io.github.ptadapter.adapter {
  requires io.github.ptadapter.ptclient;
  requires io.netty.buffer;
  requires io.netty.common;
  requires io.netty.transport;
  requires static org.jspecify;
  requires org.slf4j;

  provides org.slf4j.spi.SLF4JServiceProvider with
      io.github.ptadapter.adapter.LogProvider;
}
