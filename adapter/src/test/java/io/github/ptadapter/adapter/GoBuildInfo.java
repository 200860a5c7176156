package io.github.ptadapter.adapter;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * What a program made by Go 1.18 or newer says of itself, as {@code go version -m} prints it; see
 * Go's package debug/buildinfo.
 *
 * @param version of Go, without its "go"
 * @param modules that are linked into it
 */
record GoBuildInfo(String version, List<Module> modules) {

  /** The bytes begin the build info; then follow the size of a pointer, flags, and padding. */
  private static final String MAGIC = "\u00ff Go buildinf:";

  private static final int ALIGNMENT = 16;
  private static final int HEADER = 32;
  private static final int STRINGS_FOLLOW = 2;

  /** Stand before and behind the list of modules. */
  private static final int SENTINEL = 16;

  /** A module in its version. */
  record Module(String path, String version) {}

  /** Finds it in a program. */
  static GoBuildInfo of(byte[] program) {
    String text = new String(program, ISO_8859_1);
    int at = text.indexOf(MAGIC);
    while (at > 0 && at % ALIGNMENT != 0) {
      at = text.indexOf(MAGIC, at + 1);
    }
    if (at < 0 || (program[at + MAGIC.length() + 1] & STRINGS_FOLLOW) == 0) {
      throw new IllegalArgumentException("this program does not tell what Go has made it of");
    }
    ByteBuffer strings = ByteBuffer.wrap(program).position(at + HEADER);
    String version = string(strings);
    String list = string(strings);
    List<Module> modules = new ArrayList<>();
    for (String line : list.substring(SENTINEL, list.length() - SENTINEL).split("\n", -1)) {
      String[] words = line.split("\t", -1);
      if (words[0].equals("=>")) {
        // Stands for the one before.
        modules.removeLast();
      }
      if (words[0].equals("dep") || words[0].equals("=>")) {
        modules.add(new Module(words[1], words[2]));
      }
    }
    return new GoBuildInfo(version.substring("go".length()), modules);
  }

  /** The length stands before it, seven bits a byte, the lowest first. */
  private static String string(ByteBuffer from) {
    int length = 0;
    int shift = 0;
    byte next;
    do {
      next = from.get();
      length |= (next & 0x7f) << shift;
      shift += 7;
    } while (next < 0);
    byte[] bytes = new byte[length];
    from.get(bytes);
    return new String(bytes, ISO_8859_1);
  }
}
