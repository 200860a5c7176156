/** The SIP003 plugin: bridges a Shadowsocks host and a pluggable transport. */
@org.jspecify.annotations.NullMarked
module io.github.ptadapter.adapter {
  requires io.github.ptadapter.ptclient;
  requires io.netty.buffer;
  requires io.netty.common;
  requires io.netty.transport;
  requires static org.jspecify;

  // Of the subcommands alone. A plugin starts without them, so the launcher adds them by name.
  requires static com.grack.nanojson;
  requires static info.picocli;
  requires static io.nayuki.qrcodegen;
  requires org.slf4j;

  opens io.github.ptadapter.adapter.cli to
      info.picocli;

  provides org.slf4j.spi.SLF4JServiceProvider with
      io.github.ptadapter.adapter.LogProvider;
}
