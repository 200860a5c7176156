package io.github.ptadapter.adapter.cli;

import io.github.ptadapter.adapter.AdapterException;
import io.github.ptadapter.adapter.ExitCode;
import io.github.ptadapter.adapter.cli.Step.Mark;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** Takes steps until one fails, and keeps the time. */
final class Doctor {

  /** One step. */
  @FunctionalInterface
  interface Examination {
    /** Tells what was seen. An {@link AdapterException} is a failure, as the plugin has it. */
    Finding examine() throws AdapterException, InterruptedException;
  }

  /** What a step has seen. */
  record Finding(Mark mark, String text, String advice) {

    static Finding good(String text) {
      return new Finding(Mark.GOOD, text, "");
    }

    static Finding bad(String text, String advice) {
      return new Finding(Mark.BAD, text, advice);
    }

    static Finding unknown(String text, String advice) {
      return new Finding(Mark.UNKNOWN, text, advice);
    }
  }

  private final List<Step> steps = new ArrayList<>();
  private final Consumer<Step> seen;

  Doctor(Consumer<Step> seen) {
    this.seen = seen;
  }

  /**
   * Takes a step, unless one before has failed.
   *
   * @param code how the program ends when this step fails
   */
  Doctor step(String name, ExitCode code, Examination examination) throws InterruptedException {
    if (failure().isPresent()) {
      return this;
    }
    long start = System.nanoTime();
    Finding finding;
    ExitCode end = code;
    try {
      finding = examination.examine();
    } catch (AdapterException e) {
      finding = Finding.bad(e.getMessage(), "");
      end = e.code();
    }
    Duration took = Duration.ofNanos(System.nanoTime() - start);
    Step step = new Step(name, finding.mark(), took, finding.text(), finding.advice(), end);
    steps.add(step);
    seen.accept(step);
    return this;
  }

  List<Step> steps() {
    return List.copyOf(steps);
  }

  Optional<Step> failure() {
    return steps.stream().filter(step -> step.mark() == Mark.BAD).findFirst();
  }

  ExitCode exitCode() {
    return failure().map(Step::code).orElse(ExitCode.STOPPED);
  }
}
