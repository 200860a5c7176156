package io.github.ptadapter.adapter.cli;

import io.github.ptadapter.adapter.AdapterException;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** Standard output that remembers what a {@link PrintWriter} does not tell: why it was cut off. */
final class Output extends OutputStream {

  private final OutputStream out = new FileOutputStream(FileDescriptor.out);
  private @Nullable IOException failure;

  Output() {}

  PrintWriter writer() {
    return new PrintWriter(this, false, StandardCharsets.UTF_8);
  }

  @Override
  public void write(int b) throws IOException {
    write(new byte[] {(byte) b}, 0, 1);
  }

  @Override
  public void write(byte[] bytes, int offset, int length) throws IOException {
    try {
      out.write(bytes, offset, length);
    } catch (IOException e) {
      failure = e;
      throw e;
    }
  }

  /**
   * Tells when it was cut off. A reader that went away, such as {@code head}, had what it wanted.
   *
   * @throws AdapterException when somebody misses a part of it
   */
  void check() throws AdapterException {
    @Nullable IOException why = failure;
    if (why != null && !String.valueOf(why.getMessage()).contains("pipe")) {
      throw AdapterException.config("the output was cut off: " + why.getMessage());
    }
  }
}
