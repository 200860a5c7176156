"""The load: a backend behind the tunnels and clients in front of them.

Neither end copies bulk data: it goes out of a file by sendfile and is thrown away by MSG_TRUNC, so that
Python costs one call for some hundred kilobytes and the two cores are left to what is measured.

To the backend a chunk that begins with "u" or "d" and a length asks for bulk data up or down; all else
is echoed.
"""

import contextlib
import errno
import multiprocessing
import os
import select
import socket
import struct
import threading
import time

LIMIT = 20
CHUNK = 1 << 20
PING = b"e"
DONE = b"k"


class Loss(Exception):
    """A connection that broke, was refused, or took longer than the limit."""


class Route:
    """A way to the backend: a port, and what has to be said there before it leads to the backend."""

    def __init__(self, port, target=None, login=b""):
        self.port = port
        self.steps = []
        if target:
            self.steps.append((b"\5\1\2", b"\5\2", 2) if login else (b"\5\1\0", b"\5\0", 2))
            if login:
                name, word = login[:255], login[255:] or b"\0"
                fields = bytes([len(name)]) + name + bytes([len(word)]) + word
                self.steps.append((b"\1" + fields, b"\1\0", 2))
            address = socket.inet_aton(target[0]) + target[1].to_bytes(2, "big")
            self.steps.append((b"\5\1\0\1" + address, b"\5\0", 10))
        self.steps.append((PING, PING, 1))

    def open(self):
        """Opens a tunnel and sees a byte come back."""
        connection = socket.socket()
        try:
            limit(connection)
            connection.connect(("127.0.0.1", self.port))
            for request, answer, length in self.steps:
                connection.send(request)
                got = connection.recv(length, socket.MSG_WAITALL)
                if len(got) < length or not got.startswith(answer):
                    raise Loss(f"{answer!r} expected, got {got!r}")
        except BlockingIOError as e:
            connection.close()
            raise Loss(f"no tunnel within {LIMIT} s") from e
        except OSError as e:
            connection.close()
            raise Loss(f"no tunnel: {e}") from e
        except Loss:
            connection.close()
            raise
        return connection


def limit(connection):
    """Bounds every call; a timeout of Python's own would cost a poll before each."""
    for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        connection.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", LIMIT, 0))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class Bulk:
    """Sends and discards without a copy."""

    def __init__(self):
        self.source = os.memfd_create("bulk")
        os.write(self.source, os.urandom(CHUNK))
        self.room = bytearray(CHUNK)

    def send(self, connection, size):
        end = time.monotonic() + LIMIT
        while size > 0:
            sent = os.sendfile(connection.fileno(), self.source, 0, min(size, CHUNK))
            size -= sent
            if time.monotonic() > end:
                raise Loss(f"{size} bytes not sent in {LIMIT} s")

    def discard(self, connection, size):
        end = time.monotonic() + LIMIT
        while size > 0:
            got = connection.recv_into(self.room, min(size, CHUNK), socket.MSG_TRUNC)
            size -= got
            if got == 0 or time.monotonic() > end:
                raise Loss(f"the connection ended or stood still, {size} bytes before the end")


class Backend:
    """A process that echoes, and gives or takes bulk data, on a port of its own."""

    def __init__(self):
        listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.port = listener.getsockname()[1]
        self.process = multiprocessing.get_context("fork").Process(
            target=serve, args=(listener,), daemon=True)
        self.process.start()
        listener.close()

    def stop(self):
        self.process.kill()
        self.process.join(LIMIT)


def serve(listener):
    bulk = Bulk()
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN)
    peers = {}
    while True:
        for fd, _ in poll.poll():
            if fd == listener.fileno():
                peer, _ = listener.accept()
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                peers[peer.fileno()] = peer
                poll.register(peer, select.EPOLLIN)
                continue
            try:
                data = peers[fd].recv(4096)
                if data[:1] in (b"u", b"d"):
                    poll.unregister(fd)
                    threading.Thread(
                        target=carry, args=(bulk, peers.pop(fd), data), daemon=True).start()
                    continue
                if data:
                    peers[fd].sendall(data)
                    continue
            except OSError:
                pass
            poll.unregister(fd)
            peers.pop(fd).close()


def carry(bulk, peer, command):
    with peer, contextlib.suppress(OSError, Loss):
        limit(peer)
        while len(command) < 9:
            command += peer.recv(9 - len(command), socket.MSG_WAITALL)
        size = int.from_bytes(command[1:9], "big")
        if command[:1] == b"d":
            bulk.send(peer, size)
        else:
            bulk.discard(peer, size - len(command) + 9)
            peer.send(DONE)
        peer.recv(1)


BULK = Bulk()


def bulk_seconds(route, direction, size, streams=1):
    """Carries size bytes, shared by the streams: seconds from the first one's start to the last's end."""
    share = size // streams
    connections = []
    failures = []
    try:
        for _ in range(streams):
            connections.append(route.open())
        start = threading.Barrier(streams + 1)

        def stream(connection):
            start.wait(LIMIT)
            try:
                connection.send(direction.encode() + share.to_bytes(8, "big"))
                if direction == "d":
                    BULK.discard(connection, share)
                else:
                    BULK.send(connection, share)
                    if connection.recv(1) != DONE:
                        raise Loss("the backend did not get all")
            except (OSError, Loss) as e:
                failures.append(e)

        threads = [threading.Thread(target=stream, args=(c,), daemon=True) for c in connections]
        for thread in threads:
            thread.start()
        start.wait(LIMIT)
        started = time.perf_counter()
        for thread in threads:
            thread.join(2 * LIMIT)
        seconds = time.perf_counter() - started
    finally:
        for connection in connections:
            connection.close()
    if failures:
        raise Loss(f"{len(failures)} of {streams} streams failed: {failures[0]}")
    return seconds


def first_byte_ms(route):
    """Milliseconds from connect to the first byte that came back."""
    started = time.perf_counter()
    connection = route.open()
    took = (time.perf_counter() - started) * 1000
    connection.close()
    return took


def open_many(route, count, at_once):
    """Opens tunnels, at most so many at once: (connections, ms to the first byte of each, lost)."""
    poll = select.epoll()
    pending, connections, times = {}, [], []
    opened = lost = 0
    end = time.monotonic() + LIMIT
    while opened < count or pending:
        while opened < count and len(pending) < at_once:
            connection = socket.socket()
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            now = time.perf_counter()
            opened += 1
            if connection.connect_ex(("127.0.0.1", route.port)) not in (0, errno.EINPROGRESS):
                connection.close()
                lost += 1
                continue
            pending[connection.fileno()] = [connection, now, 0, b""]
            poll.register(connection, select.EPOLLOUT)
        events = poll.poll(1)
        now = time.perf_counter()
        if time.monotonic() > end:
            lost += len(pending)
            for connection, *_ in pending.values():
                connection.close()
            break
        for fd, event in events:
            connection, started, step, got = pending[fd]
            try:
                if event & select.EPOLLOUT:
                    connection.send(route.steps[0][0])
                    poll.modify(fd, select.EPOLLIN)
                    continue
                _, answer, length = route.steps[step]
                data = connection.recv(length - len(got))
                got += data
                if not data or not got.startswith(answer[:len(got)]):
                    raise OSError(f"{answer!r} expected, got {got!r}")
                if len(got) < length:
                    pending[fd][3] = got
                    continue
                if step + 1 < len(route.steps):
                    connection.send(route.steps[step + 1][0])
                    pending[fd][2:] = [step + 1, b""]
                    continue
                times.append((now - started) * 1000)
                connections.append(connection)
            except OSError:
                connection.close()
                lost += 1
            else:
                poll.unregister(fd)
            del pending[fd]
    poll.close()
    return connections, times, lost


def unanswered(connections):
    """Sends a byte through each: how many give nothing back."""
    poll = select.poll()
    waiting = {}
    for connection in connections:
        with contextlib.suppress(OSError):
            connection.send(PING)
        waiting[connection.fileno()] = connection
        poll.register(connection, select.POLLIN)
    silent = 0
    end = time.monotonic() + LIMIT
    while waiting and time.monotonic() < end:
        for fd, _ in poll.poll(1000):
            try:
                answered = waiting[fd].recv(1) == PING
            except OSError:
                answered = False
            silent += not answered
            poll.unregister(fd)
            del waiting[fd]
    return silent + len(waiting)
