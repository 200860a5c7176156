package io.github.ptadapter.ptclient;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** One line of a PT's output: of a start, and of a chatty PT. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class PtMessageBenchmark {

  /** The line. */
  @Param({
    "CMETHOD obfs4 socks5 127.0.0.1:36911",
    "LOG SEVERITY=notice MESSAGE=\"offer created, \\\"waiting\\\" for a proxy\""
  })
  public String line = "";

  /** Parses it. */
  @Benchmark
  public PtMessage parse() {
    return PtMessage.parse(line);
  }
}
