package io.github.ptadapter.ptclient;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** The arguments of obfs4 as they go into the SOCKS login. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class PtArgsBenchmark {

  private final PtArgs args =
      PtArgs.NONE.with("cert", "AbC+/dE9".repeat(9).substring(0, 70)).with("iat-mode", "0");

  /** Encodes them. */
  @Benchmark
  public String encode() {
    return args.encode();
  }
}
