package io.github.ptadapter.adapter;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** One buffer through both handlers of a tunnel, without sockets: what the handlers alone cost. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class RelayBenchmark {

  /** How much comes in one read. */
  @Param({"64", "65536"})
  public int bytes;

  private final EmbeddedSocketChannel local = new EmbeddedSocketChannel();
  private final EmbeddedSocketChannel pt = new EmbeddedSocketChannel();
  private ByteBuf data = Unpooled.EMPTY_BUFFER;

  /** Joins the two connections of a tunnel. */
  @Setup
  public void join() throws AdapterException {
    data = Unpooled.directBuffer(bytes).writeZero(bytes);
    Tunnel tunnel = new Tunnel(1, local, PluginOptions.of(OptionString.parse("transport=plain")));
    pt.pipeline().addLast(tunnel.ptSide());
    local.pipeline().addLast(tunnel.localSide());
    tunnel.join(List.of(), false);
  }

  /** Takes the buffer in from the PT, and out to the host. */
  @Benchmark
  public ByteBuf down() {
    return through(pt, local);
  }

  /** Takes the buffer in from the host, and out to the PT. */
  @Benchmark
  public ByteBuf up() {
    return through(local, pt);
  }

  private ByteBuf through(EmbeddedSocketChannel from, EmbeddedSocketChannel to) {
    from.writeInbound(data.retainedDuplicate());
    ByteBuf out = to.readOutbound();
    out.release();
    return out;
  }

  /** Ends the tunnel. */
  @TearDown
  public void close() {
    local.close();
    pt.close();
    data.release();
  }
}
