package io.github.ptadapter.adapter;

import java.util.Map;

/**
 * The program that started us, watched by our parent's process id: it changes at the moment when
 * the host dies, even when nobody collects the host's remains.
 *
 * <p>The end of standard input says nothing: many hosts give {@code /dev/null}.
 *
 * @param pid the parent that we were born with
 */
record Host(long pid) {

  /** The launcher writes its parent's id there, since a JVM takes its time to ask. */
  static final String PARENT_VARIABLE = "PT_ADAPTER_PARENT";

  static Host of(Map<String, String> environment) {
    String parent = environment.getOrDefault(PARENT_VARIABLE, "");
    return new Host(parent.matches("\\d{1,18}") ? Long.parseLong(parent) : currentParent());
  }

  boolean isGone() {
    return currentParent() != pid;
  }

  /** Zero when the parent is outside of our process namespace, as in a container. */
  private static long currentParent() {
    return ProcessHandle.current().parent().map(ProcessHandle::pid).orElse(0L);
  }
}
