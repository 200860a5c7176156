package io.github.ptadapter.ptclient;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class BoundedLinesTest {

  private static final String LONGEST = "x".repeat(BoundedLines.MAX_BYTES);

  @Test
  void splitsAtLineFeedsAlone() {
    assertThat(lines("")).isEmpty();
    assertThat(lines("a")).containsExactly("a");
    assertThat(lines("a\n")).containsExactly("a");
    assertThat(lines("\n\na\r\n\rb\u0085c\n")).containsExactly("", "", "a\r", "\rb\ufffdc");
  }

  @Test
  void linesMayBeAsLongAsTheLimit() {
    assertThat(lines(LONGEST + "\nnext\n" + LONGEST)).containsExactly(LONGEST, "next", LONGEST);
  }

  @Test
  void longerLinesAreDroppedWhole() {
    assertThat(lines("a\n" + LONGEST + "x\nnext\n" + LONGEST + "x")).containsExactly("a", "next");
    assertThat(lines("x".repeat(5_000_000) + "\nnext")).containsExactly("next");
  }

  @Test
  void bytesThatAreNotUtf8AreReplaced() {
    assertThat(lines("a\u00ff\u00feb\u00c3\u00a9\u0000\n")).containsExactly("a\ufffd\ufffdbé\0");
  }

  @Test
  void linesMayComeInAnyPieces() {
    InputStream trickle =
        new ByteArrayInputStream("ab\ncd".getBytes(ISO_8859_1)) {
          @Override
          public synchronized int read(byte[] target, int offset, int length) {
            return super.read(target, offset, Math.min(1, length));
          }
        };
    assertThat(lines(trickle)).containsExactly("ab", "cd");
  }

  @Test
  void brokenStreamIsTheEnd() {
    InputStream broken =
        new FilterInputStream(new ByteArrayInputStream("aa\nbb".getBytes(ISO_8859_1))) {
          @Override
          public int read(byte[] target, int offset, int length) throws IOException {
            int n = super.read(target, offset, length);
            if (n < 0) {
              throw new IOException("Stream closed");
            }
            return n;
          }
        };
    assertThat(lines(broken)).containsExactly("aa", "bb");
  }

  /** Reads bytes that are written as chars. */
  static List<String> lines(String bytes) {
    return lines(new ByteArrayInputStream(bytes.getBytes(ISO_8859_1)));
  }

  private static List<String> lines(InputStream stream) {
    List<String> lines = new ArrayList<>();
    BoundedLines.read(stream, lines::add);
    return lines;
  }
}
