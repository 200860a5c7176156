/**
 * The parent's side of pluggable transports, version 1.
 *
 * <p>{@link io.github.ptadapter.ptclient.PtConfig} says what to run, {@link
 * io.github.ptadapter.ptclient.PtProcess} runs it and reads its {@link
 * io.github.ptadapter.ptclient.PtMessage}s until it offers its methods, and {@link
 * io.github.ptadapter.ptclient.PtDialer} opens connections through one of them. Everything that
 * goes wrong is a {@link io.github.ptadapter.ptclient.PtException} with a {@link
 * io.github.ptadapter.ptclient.PtException.Reason}.
 *
 * <p>The words and section numbers are those of Tor's pt-spec.
 */
package io.github.ptadapter.ptclient;
