"""Programs that are measured: their start and end, what the kernel counts for them, the machine."""

import contextlib
import functools
import importlib.machinery
import importlib.util
import os
import pathlib
import platform
import re
import resource
import select
import shutil
import socket
import subprocess
import sys
import time

HOME = pathlib.Path(__file__).resolve().parents[2]
LIMIT = 30


@functools.cache
def lifecycle():
    """bench/lifecycle as a module: its programs, and its times of start."""
    loader = importlib.machinery.SourceFileLoader("lifecycle", str(HOME / "bench/lifecycle"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("lifecycle", loader))
    loader.exec_module(module)
    return module


class Pt:
    """A PT in managed mode, started without any adapter: what the raw client speaks to."""

    def __init__(self, command, state, settings):
        environment = dict(
            clean_environment(), TOR_PT_MANAGED_TRANSPORT_VER="1", TOR_PT_STATE_LOCATION=str(state),
            TOR_PT_EXIT_ON_STDIN_CLOSE="1", **settings)
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL)
        self.lines = []
        try:
            self.read()
        except BaseException:
            self.stop()
            raise

    def read(self):
        got = b""
        end = time.monotonic() + LIMIT
        while not re.search(rb"^[CS]METHODS DONE$", got, re.MULTILINE):
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))
            chunk = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not chunk:
                raise RuntimeError(f"{self.process.args[0]} did not start: {got.decode()}")
            got += chunk
        self.lines = got.decode().splitlines()

    def field(self, keyword, pattern):
        for line in self.lines:
            if line.startswith(keyword + " ") and (found := re.search(pattern, line)):
                return found[1]
        raise RuntimeError(f"{self.process.args[0]}: no {pattern} in {keyword}")

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.close()
        try:
            self.process.wait(2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def clean_environment():
    return {k: v for k, v in os.environ.items()
            if not k.startswith(("SS_", "TOR_PT_", "PT_ADAPTER_PARENT"))}


def await_port(port, program):
    """Waits until a port accepts."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end and program.process.poll() is None:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.01)
    raise RuntimeError(f"{program.process.args[0]} does not listen: {' '.join(program.log[-3:])}")


def cpu_seconds(pid):
    """CPU time of a process with all its threads, and of the children that it has outlived.

    The process's own clock: /proc/PID/stat counts the same in steps of 10 ms, and is read for the
    children alone, which only a forking relay has.
    """
    own = time.clock_gettime(~pid << 3 | 2)  # clock_getcpuclockid(3)
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return own + (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Rss:\s+(\d+)", text, re.MULTILINE)[1]) / 1000 * 1.024


def peak_mb(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^VmHWM:\s+(\d+)", text, re.MULTILINE)[1]) / 1000 * 1.024


def raise_descriptor_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def most_tunnels(wanted):
    """As many as the descriptor limit allows: a relay holds two for each tunnel."""
    return min(wanted, (resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 300) // 2)


def machine():
    """What it was measured on."""
    cpu = re.search(r"model name\s*:\s*(.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text())
    return {
        "cpu": cpu[1] if cpu else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gb": round(int(memory[1]) * 1024 / 1e9, 1),
        "kernel": re.match(r"[\d.]+", platform.release())[0],
        "python": platform.python_version(),
        "descriptors": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        "commit": said(["git", "-C", str(HOME), "rev-parse", "--short=12", "HEAD"]),
        "changed": bool(said(
            ["git", "-C", str(HOME), "status", "--short", "adapter", "pt-client", "pom.xml"])),
    }


def java_of(pid):
    """The version of the Java that a process runs on."""
    release = pathlib.Path(f"/proc/{pid}/exe").resolve().parents[1] / "release"
    values = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', release.read_text(), re.MULTILINE))
    return f"{values.get('JAVA_VERSION')} ({values.get('IMPLEMENTOR')})"


def said(command):
    """The first line that a program prints, or nothing."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        out = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
        lines = (out.stdout or out.stderr).strip().splitlines()
        return lines[0] if lines else ""
    return ""


def cache():
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "pt-adapter/bench"


def venv_folder():
    return cache() / "venv"


class Tools:
    """What has to be there beside this folder; what is missing has no entry, and is named."""

    PACKAGES = {
        "cc": "gcc", "socat": "socat", "obfs-local": "simple-obfs",
        "ss-v2ray-plugin": "shadowsocks-v2ray-plugin"}

    def __init__(self, plugin, may_install):
        self.missing = {}
        self.may_install = may_install
        cache().mkdir(parents=True, exist_ok=True)
        self.plugin = plugin
        self.obfs4proxy = self.find_obfs4proxy()
        self.programs = {name: self.find(name) for name in self.PACKAGES}
        self.python = self.venv()
        self.plainpt = self.compile()

    def find_obfs4proxy(self):
        embedded = self.plugin.parent.parent / "lib/obfs4proxy"
        return str(embedded) if embedded.exists() else shutil.which("obfs4proxy")

    def find(self, name):
        package = self.PACKAGES[name]
        if not shutil.which(name) and self.may_install:
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                subprocess.run(
                    ["bash", "-c", 'source scripts/common.sh; apt_install "$1"', "-", package],
                    cwd=HOME, timeout=300, check=False)
        if not shutil.which(name):
            self.missing[name] = f"it is not on PATH: install the package '{package}'"
        return shutil.which(name)

    def venv(self):
        """A Python with the plotting library and the peer, in the user's cache."""
        folder = venv_folder()
        wanted = HOME / "bench/requirements.txt"
        stamp = folder / "requirements.txt"
        python = folder / "bin/python"
        if stamp.exists() and stamp.read_text() == wanted.read_text():
            return python
        if self.may_install:
            with contextlib.suppress(OSError, subprocess.SubprocessError):
                subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=300)
                subprocess.run(
                    [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", wanted],
                    check=True, timeout=300)
                shutil.copyfile(wanted, stamp)
                return python
        self.missing["ptadapter and plots"] = (
            "pip could not install bench/requirements.txt into the user's cache")
        return None

    def compile(self):
        if not self.programs["cc"]:
            self.missing["the PT without crypto"] = "it needs a C compiler"
            return None
        source = HOME / "bench/plainpt.c"
        program = cache() / "plainpt"
        built = subprocess.run(
            [self.programs["cc"], "-O2", "-Wall", "-Wextra", "-o", program, source],
            capture_output=True, text=True, timeout=60, check=False)
        if built.returncode:
            self.missing["the PT without crypto"] = built.stderr.strip()[-300:]
            return None
        return str(program)

    def versions(self):
        versions = {}
        if self.obfs4proxy:
            versions["obfs4proxy"] = said([self.obfs4proxy, "--version"]).partition("-")[2]
        for name in ("socat", "obfs-local", "ss-v2ray-plugin"):
            if self.programs[name]:
                package = self.PACKAGES[name]
                versions[package] = said(["dpkg-query", "-W", "-f", "${Version}", package])
        if self.python:
            versions["ptadapter"] = re.search(
                r"ptadapter==(\S+)", (HOME / "bench/requirements.txt").read_text())[1]
        return versions
