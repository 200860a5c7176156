package io.github.ptadapter.adapter;

import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Limits of time in options and messages. */
public final class Durations {

  private static final Pattern GRAMMAR = Pattern.compile("(\\d{1,9})(ms|s|m|h|)");

  /** Timers count nanoseconds in a long, which much longer times would overflow. */
  private static final Duration LONGEST = Duration.ofDays(365);

  private Durations() {}

  /**
   * Reads a number with {@code ms}, {@code s}, {@code m} or {@code h}, or bare seconds.
   *
   * @throws IllegalArgumentException when it is anything else
   */
  public static Duration parse(String text) {
    Matcher match = GRAMMAR.matcher(text);
    if (!match.matches()) {
      throw new IllegalArgumentException(
          "'" + text + "' is not a duration: write 500ms, 30s, 2m or 1h");
    }
    long number = Long.parseLong(match.group(1));
    Duration duration =
        switch (match.group(2)) {
          case "ms" -> Duration.ofMillis(number);
          case "m" -> Duration.ofMinutes(number);
          case "h" -> Duration.ofHours(number);
          default -> Duration.ofSeconds(number);
        };
    if (duration.compareTo(LONGEST) > 0) {
      throw new IllegalArgumentException("'" + text + "' is too long: the limit is a year (8760h)");
    }
    return duration;
  }

  /** Writes a time as a person would, such as {@code 1.5 s}. */
  public static String words(Duration time) {
    long millis = time.toMillis();
    if (millis < 1000) {
      return millis + " ms";
    }
    return millis % 1000 == 0 || millis > 10_000
        ? millis / 1000 + " s"
        : millis / 1000 + "." + millis % 1000 / 100 + " s";
  }
}
