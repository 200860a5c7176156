package io.github.ptadapter.it;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.SplittableRandom;

/**
 * Random bytes that both ends can make for themselves.
 *
 * @param seed tells them from others
 * @param size how many
 */
record Payload(long seed, long size) {

  private static final int CHUNK = 64 * 1024;

  void writeTo(OutputStream out) throws IOException {
    SplittableRandom random = new SplittableRandom(seed);
    byte[] chunk = new byte[CHUNK];
    for (long left = size; left > 0; left -= CHUNK) {
      random.nextBytes(chunk);
      out.write(chunk, 0, (int) Math.min(left, CHUNK));
    }
    out.flush();
  }

  String sha256() throws IOException {
    MessageDigest digest = digest();
    writeTo(
        new OutputStream() {
          @Override
          public void write(int b) {
            digest.update((byte) b);
          }

          @Override
          public void write(byte[] bytes, int offset, int length) {
            digest.update(bytes, offset, length);
          }
        });
    return hex(digest);
  }

  /** The SHA-256 of the next {@code size} bytes. */
  static String sha256(InputStream in, long size) throws IOException {
    MessageDigest digest = digest();
    byte[] chunk = new byte[CHUNK];
    for (long left = size; left > 0; ) {
      int n = in.read(chunk, 0, (int) Math.min(left, CHUNK));
      if (n < 0) {
        throw new EOFException("the end came " + left + " bytes before " + size);
      }
      digest.update(chunk, 0, n);
      left -= n;
    }
    return hex(digest);
  }

  private static MessageDigest digest() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  private static String hex(MessageDigest digest) {
    return HexFormat.of().formatHex(digest.digest());
  }
}
