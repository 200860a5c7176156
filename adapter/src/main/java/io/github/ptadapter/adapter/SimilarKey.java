package io.github.ptadapter.adapter;

import java.util.Comparator;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * Finds the key that a user may have meant, since a misspelt one would fail in silence at the PT.
 */
final class SimilarKey {

  private SimilarKey() {}

  /**
   * Finds the known key that differs the least from {@code key}, by no more than a slip: one
   * letter, two in long keys.
   */
  static Optional<String> find(String key, Set<String> known) {
    String lower = key.toLowerCase(Locale.ROOT).replace('_', '-');
    return new TreeSet<>(known)
        .stream()
            .filter(candidate -> distance(lower, candidate) <= (candidate.length() <= 5 ? 1 : 2))
            .min(Comparator.comparingInt(candidate -> distance(lower, candidate)));
  }

  /** The optimal string alignment distance: letters added, dropped, changed or swapped. */
  private static int distance(String a, String b) {
    int[][] d = new int[a.length() + 1][b.length() + 1];
    for (int i = 0; i <= a.length(); i++) {
      for (int j = 0; j <= b.length(); j++) {
        if (i == 0 || j == 0) {
          d[i][j] = i + j;
          continue;
        }
        int changed = a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1;
        d[i][j] = Math.min(Math.min(d[i - 1][j], d[i][j - 1]) + 1, d[i - 1][j - 1] + changed);
        if (i > 1
            && j > 1
            && a.charAt(i - 1) == b.charAt(j - 2)
            && a.charAt(i - 2) == b.charAt(j - 1)) {
          d[i][j] = Math.min(d[i][j], d[i - 2][j - 2] + 1);
        }
      }
    }
    return d[a.length()][b.length()];
  }
}
