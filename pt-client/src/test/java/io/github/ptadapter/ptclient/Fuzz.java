package io.github.ptadapter.ptclient;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import java.util.function.Consumer;

/**
 * Inputs by the thousand, out of a seed: good ones with small changes, and random ones.
 *
 * <p>{@code -Dptadapter.seed=N} repeats a run, {@code -Dptadapter.full=true} makes a long one.
 */
final class Fuzz {

  private static final long SEED = Long.getLong("ptadapter.seed", System.nanoTime());
  private static final int INPUTS = Boolean.getBoolean("ptadapter.full") ? 1_000_000 : 20_000;

  private static final int MAX_RANDOM_CHARS = 80;
  private static final int MAX_EDITS = 4;

  /** What may stay of a whole run. */
  private static final long MAX_HEAP_GROWTH = 16 << 20;

  private final Random random = new Random(SEED);
  private final List<String> good;
  private final String special;

  /**
   * @param good real inputs
   * @param special characters that the reader gives a meaning to
   */
  Fuzz(List<String> good, String special) {
    this.good = good;
    this.special = special;
  }

  /** Gives every input to a reader, which fails by throwing. */
  void run(Consumer<String> reader) {
    run(1, reader);
  }

  /** Gives one in {@code parts} of the inputs to a reader. */
  void run(int parts, Consumer<String> reader) {
    System.out.println("seed " + SEED);
    long heap = usedHeap();
    for (int i = 0; i < INPUTS / parts; i++) {
      String input = i % 4 == 0 ? randomText() : mutated();
      try {
        reader.accept(input);
      } catch (RuntimeException | Error e) {
        throw new AssertionError(
            "-Dptadapter.seed=%d, input %d: %s".formatted(SEED, i, printable(input)), e);
      }
    }
    assertThat(usedHeap() - heap).as("heap that stays").isLessThan(MAX_HEAP_GROWTH);
  }

  /** For choices of the reader's own, out of the same seed. */
  Random random() {
    return random;
  }

  private String randomText() {
    StringBuilder text = new StringBuilder();
    for (int left = random.nextInt(MAX_RANDOM_CHARS); left > 0; left--) {
      text.append((char) random.nextInt(random.nextBoolean() ? 0x80 : 0x100));
    }
    // Half of them get past the first check.
    return random.nextBoolean() ? text.toString() : head(anyGood()) + text;
  }

  private String mutated() {
    StringBuilder text = new StringBuilder(anyGood());
    for (int edits = 1 + random.nextInt(MAX_EDITS); edits > 0; edits--) {
      int at = random.nextInt(text.length() + 1);
      int end = Math.min(text.length(), at + random.nextInt(4));
      switch (random.nextInt(6)) {
        case 0 -> text.delete(at, end);
        case 1 -> text.insert(at, text.substring(at, end));
        case 2 -> text.insert(at, special.charAt(random.nextInt(special.length())));
        case 3 -> text.setLength(at);
        case 4 -> text.insert(at, (char) random.nextInt(0x100));
        default -> {
          String other = anyGood();
          text.insert(at, other, random.nextInt(other.length() + 1), other.length());
        }
      }
    }
    return text.toString();
  }

  private String anyGood() {
    return good.get(random.nextInt(good.size()));
  }

  private String head(String text) {
    return text.substring(0, random.nextInt(text.length() + 1));
  }

  private static long usedHeap() {
    System.gc();
    return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
  }

  private static String printable(String text) {
    StringBuilder printable = new StringBuilder();
    text.chars()
        .forEach(c ->
            printable.append(
                c >= ' ' && c <= '~' && c != '\\'
                    ? Character.toString(c)
                    : "\\u%04x".formatted(c)));
    return printable.toString();
  }
}
