package io.github.ptadapter.adapter;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.CRC32;

/**
 * A start archive of Java's (HotSpot's filemap.hpp), in which one thing differs from dump to dump
 * of the same classes: soft references of the archived heap hold the time of the dump, in
 * milliseconds since the machine has started. Two dumps tell where; there it becomes 0, not used
 * for long.
 */
final class StartArchive {

  private static final int MAGIC = 0xf00baba2;
  private static final int HEADER_CRC = 4;
  private static final int HEADER_SIZE = 12;

  /** Of the header, its checksum is that of all behind this. */
  private static final int CHECKED_HEADER = 16;

  /** The fourth region is the heap; in the table of regions. */
  private static final int HEAP = 0x18 + 3 * 0x60;

  private static final int REGION_OFFSET = 0x18;
  private static final int REGION_SIZE = 0x28;

  private final ByteBuffer bytes;

  private StartArchive(Path file) throws IOException {
    bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.nativeOrder());
  }

  /**
   * Makes the same of any two dumps of the same classes.
   *
   * @param began when the first was begun, in the time of soft references
   * @return whether both are understood and no more differs
   */
  static boolean settle(Path file, Path again, long began) throws IOException {
    StartArchive archive = new StartArchive(file);
    StartArchive other = new StartArchive(again);
    boolean same =
        archive.isKnown()
            && other.isKnown()
            && archive.forgetTimes(other, began)
            && archive.bytes.equals(other.bytes);
    if (same) {
      Files.write(file, archive.bytes.array());
    }
    return same;
  }

  private boolean isKnown() {
    return bytes.getInt(0) == MAGIC
        && bytes.getInt(HEADER_CRC) == headerCrc()
        && bytes.getInt(HEAP) == heapCrc();
  }

  private boolean forgetTimes(StartArchive other, long began) {
    if (heapStart() != other.heapStart() || heapSize() != other.heapSize()) {
      return false;
    }
    for (int at = heapStart(); at < heapStart() + heapSize(); at += Long.BYTES) {
      long here = bytes.getLong(at);
      long there = other.bytes.getLong(at);
      if (here != there) {
        if (here < began || there < began || there > now()) {
          return false;
        }
        bytes.putLong(at, 0);
        other.bytes.putLong(at, 0);
      }
    }
    seal();
    other.seal();
    return true;
  }

  /** The time of soft references. */
  static long now() {
    return System.nanoTime() / 1_000_000;
  }

  private void seal() {
    bytes.putInt(HEAP, heapCrc());
    bytes.putInt(HEADER_CRC, headerCrc());
  }

  private int heapStart() {
    return (int) bytes.getLong(HEAP + REGION_OFFSET);
  }

  private int heapSize() {
    return (int) bytes.getLong(HEAP + REGION_SIZE);
  }

  private int headerCrc() {
    return crc(CHECKED_HEADER, bytes.getInt(HEADER_SIZE) - CHECKED_HEADER);
  }

  private int heapCrc() {
    return crc(heapStart(), heapSize());
  }

  private int crc(int start, int length) {
    CRC32 crc = new CRC32();
    crc.update(bytes.array(), start, length);
    return (int) crc.getValue();
  }
}
