package io.github.ptadapter.ptclient;

/**
 * {@code SMETHOD}: a server transport listens (pt-spec 3.3.3).
 *
 * @param transport the transport
 * @param address what it says of its address: maybe a wildcard, or one made up (webtunnel)
 * @param args what clients must send to it, maybe nothing
 */
public record ServerMethod(TransportName transport, Endpoint address, PtArgs args)
    implements PtMessage {}
