"""What is compared: the PTs, the raw way to each (the ceiling), and the relays in front of them."""

import asyncio
import contextlib
import multiprocessing
import pathlib
import socket

from . import load, programs


class Running:
    """A subject that runs: the way through it, and the process whose costs are its own."""

    def __init__(self, name, port, program, version=""):
        self.name = name
        self.route = load.Route(port)
        self.program = program
        self.pid = program.process.pid
        self.version = version


class Chain:
    """A PT between clients and the backend."""

    def __init__(self, name, transport, command, target, args):
        self.name = name
        self.transport = transport
        self.command = command
        self.target = target
        self.args = args
        self.ceiling = None

    def start(self, directory):
        """Starts the PT's client that the raw client speaks to."""
        pt = programs.Pt(
            [self.command], directory, {"TOR_PT_CLIENT_TRANSPORTS": self.transport})
        port = int(pt.field("CMETHOD", r":(\d+)$"))
        login = ";".join(f"{k}={v}" for k, v in self.args.items()).encode()
        self.ceiling = load.Route(port, self.target, login)
        self.pt = pt
        return self


class Stage:
    """All that runs for one measurement; stops it in reverse order."""

    def __init__(self, tools, directory):
        self.tools = tools
        self.directory = pathlib.Path(directory)
        self.stack = contextlib.ExitStack()
        self.backend = load.Backend()
        self.stack.callback(self.backend.stop)
        self.count = 0

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.stack.close()

    def folder(self, name):
        self.count += 1
        folder = self.directory / f"{name}-{self.count}"
        folder.mkdir(parents=True)
        return folder

    def run(self, command, **settings):
        program = programs.lifecycle().Program(
            [str(word) for word in command], dict(programs.clean_environment(), **settings))
        self.stack.callback(program.kill)
        return program

    def plain(self):
        if not self.tools.plainpt:
            raise RuntimeError("no PT without crypto")
        chain = Chain("plain", "plain", self.tools.plainpt, ("127.0.0.1", self.backend.port), {})
        return self.started(chain)

    def obfs4(self, delay=0):
        """obfs4proxy on both sides; with a delay, so many seconds lie each way between them."""
        if not self.tools.obfs4proxy:
            raise RuntimeError("no obfs4proxy in the distribution, nor on PATH")
        port = programs.lifecycle().free_port()
        server = programs.Pt(
            [self.tools.obfs4proxy], self.folder("server"), {
                "TOR_PT_SERVER_TRANSPORTS": "obfs4",
                "TOR_PT_SERVER_BINDADDR": f"obfs4-127.0.0.1:{port}",
                "TOR_PT_ORPORT": f"127.0.0.1:{self.backend.port}"})
        self.stack.callback(server.stop)
        args = {"cert": server.field("SMETHOD", r"cert=([^,\s]+)"), "iat-mode": "0"}
        if delay:
            far = DelayedLink(port, delay)
            self.stack.callback(far.stop)
            port = far.port
        return self.started(
            Chain("obfs4", "obfs4", self.tools.obfs4proxy, ("127.0.0.1", port), args))

    def started(self, chain):
        chain.start(self.folder("ceiling"))
        self.stack.callback(chain.pt.stop)
        return chain

    def pt_adapter(self, chain, *options, name="pt-adapter"):
        port = programs.lifecycle().free_port()
        words = [f"transport={chain.transport}", f"exec={chain.command}",
                 f"state={self.folder('pt-adapter')}", *options,
                 *(f"{k}={v}" for k, v in chain.args.items())]
        program = self.run(
            [self.tools.plugin], SS_REMOTE_HOST=chain.target[0], SS_REMOTE_PORT=str(chain.target[1]),
            SS_LOCAL_HOST="127.0.0.1", SS_LOCAL_PORT=str(port), SS_PLUGIN_OPTIONS=";".join(words))
        program.await_ready()
        return Running(name, port, program)

    def ptadapter(self, chain):
        if not self.tools.python:
            raise RuntimeError("ptadapter is not installed")
        port = programs.lifecycle().free_port()
        folder = self.folder("ptadapter")
        lines = ["[client]", f"exec = {chain.command}", f"state = {folder}", "tunnels = one", "[one]",
                 f"transport = {chain.transport}", f"listen = 127.0.0.1:{port}",
                 f"upstream = {chain.target[0]}:{chain.target[1]}",
                 *(f"options-{k} = {v}" for k, v in chain.args.items())]
        (folder / "client.ini").write_text("\n".join(lines) + "\n")
        return self.listening(
            "ptadapter", port,
            self.run([self.tools.python, "-m", "ptadapter", "-C", folder / "client.ini"]))

    def socat(self, chain):
        """A relay that knows no PT: it asks the PT for the target by SOCKS4, and has no arguments."""
        port = programs.lifecycle().free_port()
        pt = chain.ceiling.port
        return self.listening("socat", port, self.run([
            self.need("socat"), "-b", "65536",
            f"TCP4-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork,backlog=1024,nodelay",
            f"SOCKS4:127.0.0.1:{chain.target[0]}:{chain.target[1]},socksport={pt},nodelay"]))

    def simple_obfs(self, _):
        self.need("obfs-local")
        return self.plugin_pair(
            "simple-obfs", "obfs-server", "obfs=http", "obfs-local", "obfs=http;obfs-host=localhost")

    def v2ray(self, _):
        plugin = self.need("ss-v2ray-plugin")
        return self.plugin_pair("v2ray-plugin", plugin, "server;mux=0", plugin, "mux=0")

    def need(self, program):
        if not self.tools.programs.get(program):
            raise RuntimeError(f"{program} is not installed")
        return self.tools.programs[program]

    def plugin_pair(self, name, server, server_options, client, client_options):
        """Two plugins with a protocol of their own, between the client and the backend."""
        far, port = programs.lifecycle().free_port(), programs.lifecycle().free_port()
        started = self.run(
            [server], SS_REMOTE_HOST="127.0.0.1", SS_REMOTE_PORT=str(far), SS_LOCAL_HOST="127.0.0.1",
            SS_LOCAL_PORT=str(self.backend.port), SS_PLUGIN_OPTIONS=server_options)
        programs.await_port(far, started)
        return self.listening(name, port, self.run(
            [client], SS_REMOTE_HOST="127.0.0.1", SS_REMOTE_PORT=str(far), SS_LOCAL_HOST="127.0.0.1",
            SS_LOCAL_PORT=str(port), SS_PLUGIN_OPTIONS=client_options))

    def listening(self, name, port, program):
        programs.await_port(port, program)
        return Running(name, port, program)


class DelayedLink:
    """A relay, in a process of its own, that holds what it gets for so long each way.

    The connection itself is accepted at once, so that the round trip which a real one takes is added
    to the client's first bytes.
    """

    def __init__(self, target, delay):
        listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = listener.getsockname()[1]
        self.process = multiprocessing.get_context("fork").Process(
            target=lambda: asyncio.run(self.serve(listener, target, delay)), daemon=True)
        self.process.start()
        listener.close()

    @staticmethod
    async def serve(listener, target, delay):
        loop = asyncio.get_running_loop()

        async def pass_on(reader, writer, not_before):
            data = True
            while data:
                data = await reader.read(65536)
                at = max(loop.time() + delay, not_before)
                loop.call_at(at, writer.write if data else writer.close, *([data] if data else []))

        async def accepted(reader, writer):
            connected = loop.time() + 2 * delay
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target)
            with contextlib.suppress(OSError):
                await asyncio.gather(
                    pass_on(reader, far_writer, connected + delay),
                    pass_on(far_reader, writer, connected + delay))

        server = await asyncio.start_server(accepted, sock=listener)
        await server.serve_forever()

    def stop(self):
        self.process.kill()
        self.process.join(programs.LIMIT)
