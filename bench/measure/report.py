"""docs/benchmarks.md: the raw results in tables, beside the goals."""

import json
import statistics

TITLES = {"plain": "PT without crypto", "obfs4": "obfs4proxy"}
CONNECTS = {"first": "the first 100", "one by one": "after 500", "burst": "bursts of 200"}
WAYS = (("d", 1, "down"), ("u", 1, "up"), ("d", 16, "16 streams down"))


def write(results, docs, plots):
    """Writes the page; parts without results have no section."""
    data = {path.stem: json.loads(path.read_text()) for path in sorted(results.glob("*.json"))}
    page = Page(data, plots)
    docs.mkdir(parents=True, exist_ok=True)
    (docs / "benchmarks.md").write_text(page.text())


def median(values):
    return statistics.median(values) if values else None


def p99(values):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * 0.99))] if values else None


def spread(values, digits=2):
    """The median and the range."""
    if not values:
        return "-"
    return (f"{median(values):.{digits}f} "
            f"[{min(values):.{digits}f} .. {max(values):.{digits}f}]")


def commit(measured):
    return measured.get("commit", "?") + (" with changes" if measured.get("changed") else "")


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


class Page:
    def __init__(self, data, plots):
        self.data = data
        self.plots = plots

    def samples(self, part, **wanted):
        return [s for s in self.data.get(part, {}).get("samples", [])
                if all(s.get(k) == v for k, v in wanted.items())]

    def text(self):
        sections = [
            self.head(), self.goals(), self.generator(), self.bulk(), self.connect(), self.delay(),
            self.start(), self.memory(), self.tunnels(), self.sizes(), self.left_out(), self.repeat()]
        return "\n".join(section for section in sections if section)

    def plot(self, name, words):
        return f"\n![{words}](benchmarks/{name}.svg)\n" if name in self.plots else ""

    def head(self):
        m = self.data.get("machine", {})
        programs = ", ".join(f"{k} {v}" for k, v in m.get("programs", {}).items())
        quick = "\nThis was a **quick** run: few samples, for a first look.\n" if (
            m.get("amount") == "quick") else ""
        parts = [(name, v) for name, v in self.data.items() if "load" in v]
        loads = [f"{name} {v['load'][0]} / {v['load'][1]} ({v['took_s']} s)" for name, v in parts]
        older = [f"{name}: {commit(v)}" for name, v in parts if commit(v) != commit(m)]
        older = f"\n- Parts of another run: {'; '.join(older)}" if older else ""
        return f"""# Benchmarks

Written by `bench/run` from the raw samples in `bench/results`: do not edit.
{quick}
Everything runs on one machine, over loopback: a client, the relay that is measured, the PT (a program of
its own) and, for obfs4, the PT of the server, then a backend. The **ceiling** is a raw SOCKS5 client that
speaks straight to the same PT. Each sample of a relay has a sample of the ceiling right before it; a
ratio is one pair's, and what is shown of many is the median [lowest .. highest]. Since all of them share
the processors, a relay's CPU is taken from its own clock alone, and depends least on what else runs.

- Machine: {m.get('cpu', '?')}, {m.get('cores', '?')} cores, {m.get('memory_gb', '?')} GB, Linux \
{m.get('kernel', '?')}, at most {m.get('descriptors', '?')} descriptors in a process
- pt-adapter {commit(m)} on Java {m.get('java', '?')}; {programs}
- Load average before / after each part: {'; '.join(loads)}{older}
"""

    # The goals, each with the figure that decides it.

    def goals(self):
        rows = []

        def goal(what, wanted, value, reached, unit="", digits=2):
            said = "not measured" if value is None else f"{value:.{digits}f}{unit}"
            verdict = "-" if value is None else "reached" if reached(value) else "**missed**"
            rows.append((what, wanted, said, verdict))

        for direction, words in (("d", "down"), ("u", "up")):
            goal(f"bulk through obfs4proxy, {words}", ">= 0.98 of the ceiling",
                 median(self.ratios("obfs4", "pt-adapter", direction)), lambda v: v >= 0.98)
        for chain, most in (("obfs4", 0.6), ("plain", 0.45)):
            for direction, words in (("d", "down"), ("u", "up")):
                goal(f"own CPU, {TITLES[chain]}, {words}", f"<= {most} s per GB",
                     median(self.cpu(chain, "pt-adapter", direction)), lambda v, m=most: v <= m, " s")
        for direction, words in (("d", "down"), ("u", "up")):
            goal(f"bulk without crypto, {words}", ">= 0.5 of the ceiling",
                 median(self.ratios("plain", "pt-adapter", direction)), lambda v: v >= 0.5)
        for chain in TITLES:
            goal(f"added time to the first byte, {TITLES[chain]}", "<= 0.3 ms",
                 self.added(chain, "pt-adapter"), lambda v: v <= 0.3, " ms")
        warm = [s for s in self.samples("delay") if "prewarm" in s["subject"]]
        goal("added time to the first byte with `prewarm`, 100 ms round trip", "< 0 ms",
             added_ms(warm[0]) if warm else None, lambda v: v < 0, " ms", 1)
        for until, most in (("accepting", 100), ("first byte", 130)):
            found = self.samples("start", until=until)
            goal(f"start to {until}", f"<= {most} ms", median(found[0]["ms"]) if found else None,
                 lambda v, m=most: v <= m, " ms", 0)
        memory = self.samples("memory", subject="pt-adapter")
        goal("resident, idle", "<= 40 MB", max((s["idle_mb"] for s in memory), default=None),
             lambda v: v <= 40, " MB", 1)
        goal("resident, under load", "<= 64 MB", max((s["peak_mb"] for s in memory), default=None),
             lambda v: v <= 64, " MB", 1)
        for chain, wanted in (("plain", 8000), ("obfs4", 1000)):
            goal(f"memory per idle tunnel, {TITLES[chain]}", "<= 8 kB", self.kb_per_tunnel(chain),
                 lambda v: v <= 8, " kB", 1)
            levels = self.samples("tunnels", chain=chain)
            held = max((s["tunnels"] for s in levels if s["lost"] == 0), default=None)
            tried = max((s["tunnels"] for s in levels), default=0)
            goal(f"tunnels at once, {TITLES[chain]}", f"{wanted}, none lost", held,
                 lambda v, w=wanted: v >= w, " of " + str(tried) + " tried", 0)
        return "## Goals\n\n" + table(("", "goal", "measured (median)", ""), rows)

    def ratios(self, chain, subject, direction, streams=1):
        return [s["ceiling_s"] / s["subject_s"] for s in self.samples(
            "bulk", chain=chain, subject=subject, direction=direction, streams=streams)]

    def cpu(self, chain, subject, direction, streams=1):
        return [s["cpu_s"] / s["mb"] * 1000 for s in self.samples(
            "bulk", chain=chain, subject=subject, direction=direction, streams=streams)]

    def added(self, chain, subject):
        found = self.samples("connect", chain=chain, subject=subject, mode="one by one")
        return added_ms(found[0]) if found else None

    def kb_per_tunnel(self, chain):
        levels = self.samples("tunnels", chain=chain)
        if len(levels) < 2:
            return None
        first, last = levels[0], levels[-1]
        return (last["rss_mb"] - first["rss_mb"]) * 1000 / (last["tunnels"] - first["tunnels"])

    # The sections.

    def generator(self):
        found = self.samples("generator")
        if not found:
            return ""
        rows = []
        for direction, streams, words in WAYS:
            mine = [s for s in found if (s["direction"], s["streams"]) == (direction, streams)]
            rows.append((words, spread([s["mb"] / s["seconds"] for s in mine], 0),
                         spread([s["client_cpu_s"] / s["mb"] * 1000 for s in mine])))
        return ("## The load itself\n\nThe client straight at the backend, with nothing between: it must "
                "not be what limits.\n\n" + table(("", "MB/s", "client's CPU s per GB"), rows))

    def bulk(self):
        if not self.samples("bulk"):
            return ""
        parts = ["## Bulk\n\nThe PT without crypto (`bench/plainpt.c`) moves bytes in the kernel alone, so "
                 "that the relay in front of it is what limits. simple-obfs and v2ray-plugin (websocket, "
                 "no TLS, mux=0) have protocols of their own and stand here for scale, beside the ceiling "
                 "of obfs4. socat knows no PT: it asks for the target by SOCKS4, without arguments.\n"]
        for chain, title in TITLES.items():
            rows = []
            for name in self.names("bulk", chain):
                for direction, streams, words in WAYS:
                    mine = self.samples(
                        "bulk", chain=chain, subject=name, direction=direction, streams=streams)
                    rows.append((
                        name, words, len(mine),
                        spread([s["mb"] / s["subject_s"] for s in mine], 0),
                        spread([s["mb"] / s["ceiling_s"] for s in mine], 0),
                        spread(self.ratios(chain, name, direction, streams)),
                        spread(self.cpu(chain, name, direction, streams))))
            parts.append(f"\n### {title}\n\n" + table(
                ("relay", "", "pairs", "MB/s", "ceiling, MB/s", "ratio", "own CPU s per GB"), rows))
        return ("".join(parts) + self.plot("bulk", "throughput as a share of the ceiling")
                + self.plot("cpu", "CPU seconds per GB"))

    def names(self, part, chain):
        return list(dict.fromkeys(s["subject"] for s in self.samples(part, chain=chain)))

    def connect(self):
        if not self.samples("connect"):
            return ""
        rows = []
        for chain, title in TITLES.items():
            for name in self.names("connect", chain):
                for mode, words in CONNECTS.items():
                    mine = self.samples("connect", chain=chain, subject=name, mode=mode)
                    if not mine:
                        continue
                    times = [t for s in mine for t in s["subject_ms"]]
                    ceiling = [t for s in mine for t in s["ceiling_ms"]]
                    rows.append((
                        title, name, words, len(times),
                        sum(s.get("lost", 0) for s in mine),
                        f"{median(times) or 0:.2f} / {p99(times) or 0:.2f}",
                        f"{median(ceiling) or 0:.2f} / {p99(ceiling) or 0:.2f}",
                        f"{(median(times) or 0) - (median(ceiling) or 0):+.2f}"))
        return ("## Connect to the first byte\n\nFrom the client's connect to the first byte that the "
                "backend sent back, all handshakes included. One by one, each in a pair with the ceiling: "
                "the first 100 of a relay that was just started, and those after its first 500. Then 200 "
                "at once. In a burst the ceiling's client, in Python, does the SOCKS messages that "
                "a relay does in its place, and is slower than a relay may be.\n\n"
                + table(("PT", "relay", "", "samples", "lost", "median / p99 ms",
                         "ceiling: median / p99 ms", "added, median"), rows)
                + self.plot("connect", "distribution of the time to the first byte"))

    def delay(self):
        found = self.samples("delay")
        if not found:
            return ""
        rows = [(s["subject"], len(s["subject_ms"]), spread(s["subject_ms"], 0),
                 spread(s["ceiling_ms"], 0), f"{added_ms(s):+.1f}") for s in found]
        return ("## A link with delay\n\nobfs4proxy's two ends with a relay between them that holds every "
                "byte for 50 ms each way, and adds the round trip of the connect: the ceiling needs one for "
                "TCP, one for obfs4's handshake and one for the byte and its echo.\n\n"
                + table(("relay", "pairs", "ms to the first byte", "ceiling", "added, median"), rows)
                + self.plot("delay", "time to the first byte at 100 ms round trip"))

    def start(self):
        found = self.samples("start")
        if not found:
            return ""
        rows = [(s["until"], len(s["ms"]), spread(s["ms"], 0), f"{p99(s['ms']):.0f}") for s in found]
        return ("## Start\n\nThe client role with obfs4proxy, from exec on (`bench/lifecycle`, which also "
                "measures the stop, the server role and starts below real hosts).\n\n"
                + table(("exec to", "runs", "ms", "p99"), rows) + self.plot("start", "times of start"))

    def memory(self):
        found = self.samples("memory")
        if not found:
            return ""
        rows = [(TITLES[s["chain"]], s["subject"], f"{s['idle_mb']:.1f}", f"{s['peak_mb']:.1f}",
                 f"{s['after_mb']:.1f}") for s in found]
        return ("## Memory\n\nResident, of the relay alone: a second after its start; at the peak of bulk "
                "both ways, 16 streams both ways and a burst of 200; a second after that.\n\n"
                + table(("PT", "relay", "idle MB", "peak MB", "after MB"), rows))

    def tunnels(self):
        found = self.samples("tunnels")
        if not found:
            return ""
        rows = [(TITLES[s["chain"]], s["tunnels"], s["lost"], f"{s['cpu_s']:.2f}",
                 f"{s['cpu_s'] / s['tunnels'] * 1000:.2f}", f"{s['rss_mb']:.1f}") for s in found]
        per = "; ".join(f"{title}: {self.kb_per_tunnel(chain):.1f} kB" for chain, title in TITLES.items()
                        if self.kb_per_tunnel(chain) is not None)
        return ("## Cost against connections\n\npt-adapter with more and more tunnels, all held, and each "
                "asked for an echo at every level. CPU is what it took to open them, since the first. "
                f"Resident per idle tunnel, from the first level to the last: {per}.\n\n"
                + table(("PT", "tunnels", "lost", "CPU s", "CPU ms per tunnel", "resident MB"), rows)
                + self.plot("tunnels", "CPU and memory against tunnels")
                + "\nA process carries what its descriptors allow: two for each tunnel, in pt-adapter and "
                "again in the PT. `max-connections` (4096) comes first; beyond it raise both limits, or run "
                "a second plugin.\n")

    def sizes(self):
        found = self.samples("sizes")
        if not found:
            return ""
        rows = []
        for chain, title in TITLES.items():
            for size in dict.fromkeys(s["mb"] for s in self.samples("sizes", chain=chain)):
                mine = self.samples("sizes", chain=chain, mb=size)
                cpu = median([s["cpu_s"] for s in mine])
                rows.append((title, size, len(mine), f"{median([s['seconds'] for s in mine]):.3f}",
                             f"{cpu:.3f}", f"{cpu / size * 1000:.2f}",
                             f"{max(s['rss_mb'] for s in mine):.1f}"))
        return ("## Cost against bytes\n\nOne transfer down through one tunnel of pt-adapter.\n\n"
                + table(("PT", "MB", "samples", "s", "CPU s", "CPU s per GB", "resident MB"), rows)
                + self.plot("sizes", "CPU and memory against bytes"))

    def left_out(self):
        rows = list(self.data.get("machine", {}).get("missing", {}).items())
        for part, value in self.data.items():
            rows += [(f"{part}: {name}", reason) for name, reason in value.get("left_out", {}).items()]
        if not rows:
            return ""
        rows = [(name, reason.replace("|", "\\|")) for name, reason in rows]
        return "## Left out\n\n" + table(("", "why"), rows)

    def repeat(self):
        return """## Repeat it

    ./verify                  # or mvn package -DskipTests: builds the plugin
    bench/run                 # all of it, under 20 minutes; --quick: under 3, --long: up to 10 GB
    bench/run --only bulk     # one part; the others' results stay
    bench/run --report        # this page again from bench/results

It needs Linux and Python 3.10. `gcc`, `socat`, `simple-obfs` and `shadowsocks-v2ray-plugin` are installed
by apt-get where that needs no question, matplotlib and ptadapter by pip into the user's cache
(`--no-install`: neither); without them their rows are left out. A quiet machine gives narrow ranges.
`bench/README.md` has the benchmarks of inner pieces.
"""


def added_ms(sample):
    return median(sample["subject_ms"]) - median(sample["ceiling_ms"])
