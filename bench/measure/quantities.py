"""The measurements. Each is a part that leaves its raw samples as a list of records.

A sample of a subject is always one of a pair: the ceiling, a raw client straight at the same PT, comes
right before it, so that what else the machine does weighs on both.
"""

import os
import time

from . import load, programs

MB = 1_000_000

# The first connections are samples of their own; so many come before a JIT has seen enough.
FIRST = 100
WARM_UP = 500


class Amount:
    """How much is measured."""

    def __init__(self, quick, long):
        self.rounds = 2 if quick else 8
        self.scale_rounds = 1 if quick else 4
        self.obfs4_bytes = (50 if quick else 250) * MB
        self.plain_bytes = (400 if quick else 1000) * MB
        self.connects = 60 if quick else 500
        self.bursts = 1 if quick else 5
        self.burst = 200
        self.delayed = 4 if quick else 20
        self.starts = 4 if quick else 20
        self.plain_tunnels = [1, 10, 100, 1000] + ([] if quick else [4000, 8000])
        self.obfs4_tunnels = [1, 10, 100] + ([] if quick else [1000])
        self.growth_mb = [1, 10, 100] + ([500] if quick else [1000, 2000])
        if long:
            self.growth_mb += [5000, 10000]


class Part:
    """One measurement: its samples, and what could not be measured and why."""

    def __init__(self, stage, amount, log):
        self.stage = stage
        self.amount = amount
        self.log = log
        self.samples = []
        self.left_out = {}

    def subject(self, what, start, *arguments, **options):
        """Starts a subject, or notes why there is none."""
        try:
            return start(*arguments, **options)
        except (OSError, RuntimeError) as e:
            self.leave_out(what, e)
            return None

    def leave_out(self, name, reason):
        words = " ".join(str(reason).split())[-300:]
        self.left_out.setdefault(name, words)
        self.log(f"LEFT OUT: {name}: {words}")

    def take(self, name, measure, *arguments):
        """Takes one pair; a connection that breaks is noted and costs that pair alone."""
        try:
            self.samples.append(measure(*arguments))
        except (OSError, load.Loss) as e:
            self.leave_out(name, e)

    def chains(self):
        for name, start in (("plain", self.stage.plain), ("obfs4", self.stage.obfs4)):
            chain = self.subject(f"all through {name}", start)
            if chain:
                yield chain

    def subjects(self, chain, scale=True):
        stage = self.stage
        starts = {"pt-adapter": stage.pt_adapter, "ptadapter": stage.ptadapter}
        if chain.name == "plain":
            starts["socat"] = stage.socat
        elif scale:
            starts |= {"simple-obfs": stage.simple_obfs, "v2ray-plugin": stage.v2ray}
        running = [self.subject(f"{name}, {chain.name}", start, chain)
                   for name, start in starts.items()]
        return [subject for subject in running if subject]


def bulk(part):
    """MB/s and the relay's own CPU, down, up and with 16 streams."""
    amount = part.amount
    for chain in part.chains():
        size = amount.obfs4_bytes if chain.name == "obfs4" else amount.plain_bytes

        def pair(subject, direction, streams):
            ceiling = load.bulk_seconds(chain.ceiling, direction, size, streams)
            before = programs.cpu_seconds(subject.pid)
            took = load.bulk_seconds(subject.route, direction, size, streams)
            time.sleep(0.05)  # what it does with the ends of the connections is its cost too
            cpu = programs.cpu_seconds(subject.pid) - before
            return {"chain": chain.name, "subject": subject.name, "direction": direction,
                    "streams": streams, "mb": size / MB, "ceiling_s": round(ceiling, 4),
                    "subject_s": round(took, 4), "cpu_s": round(cpu, 4)}

        subjects = [subject for subject in part.subjects(chain) if warmed_up(part, subject, size)]
        for number in range(amount.rounds):
            for subject in subjects:
                own_protocol = subject.name in ("simple-obfs", "v2ray-plugin", "socat")
                if own_protocol and number >= amount.scale_rounds:
                    continue
                for direction, streams in (("d", 1), ("u", 1), ("d", 16)):
                    part.take(f"{subject.name}, {chain.name}: bulk", pair, subject, direction, streams)
            part.log(f"{chain.name}: round {number + 1} of {amount.rounds}")
    return part


def warmed_up(part, subject, size):
    """A JIT compiles in the first seconds: one transfer each way that is not counted."""
    try:
        for direction in "du":
            load.bulk_seconds(subject.route, direction, size // 4)
        return True
    except (OSError, load.Loss) as e:
        part.leave_out(f"{subject.name}: bulk", e)
        return False


def connect(part):
    """Connect to the first byte that came back: one by one, and in bursts."""
    amount = part.amount
    for chain in part.chains():
        for subject in part.subjects(chain):
            def one_by_one(mode, count, dropped=0):
                pairs = []
                for _ in range(dropped + count):
                    pairs.append((load.first_byte_ms(chain.ceiling), load.first_byte_ms(subject.route)))
                    time.sleep(0.002)  # for the ends of both
                return sample(chain, subject, mode, *zip(*pairs[dropped:]))

            def burst():
                both = []
                for route in (chain.ceiling, subject.route):
                    connections, times, lost = load.open_many(route, amount.burst, amount.burst)
                    for connection in connections:
                        connection.close()
                    both.append((times, lost))
                    time.sleep(0.3)
                (ceiling, _), (times, lost) = both
                return sample(chain, subject, "burst", ceiling, times) | {"lost": lost}

            what = f"{subject.name}, {chain.name}: connect"
            part.take(what, one_by_one, "first", FIRST)
            part.take(what, one_by_one, "one by one", amount.connects, WARM_UP - FIRST)
            for _ in range(amount.bursts):
                part.take(what, burst)
            part.log(f"{chain.name}: {subject.name}")
    return part


def sample(chain, subject, mode, ceiling, times):
    return {"chain": chain.name, "subject": subject.name, "mode": mode,
            "ceiling_ms": [round(t, 3) for t in ceiling], "subject_ms": [round(t, 3) for t in times]}


def delay(part, prewarm):
    """Connect to the first byte over a link with 100 ms round trip."""
    chain = part.subject("all over the delayed link", part.stage.obfs4, delay=0.05)
    if not chain:
        return part
    subjects = [part.subject("pt-adapter", part.stage.pt_adapter, chain)]
    if prewarm:
        name = f"pt-adapter, prewarm={prewarm}"
        subjects.append(
            part.subject(name, part.stage.pt_adapter, chain, f"prewarm={prewarm}", name=name))
    for subject in filter(None, subjects):
        def pairs():
            taken = []
            for _ in range(part.amount.delayed + 3):
                taken.append((load.first_byte_ms(chain.ceiling), load.first_byte_ms(subject.route)))
            return sample(chain, subject, "delay", *zip(*taken[3:]))

        part.take(f"{subject.name}: delayed link", pairs)
        part.log(subject.name)
    return part


def start(part):
    """From exec to accepting, to the line "ready:" and to the first byte, as bench/lifecycle does it."""
    lifecycle = programs.lifecycle()
    bench = lifecycle.Bench(part.stage.tools.plugin, part.stage.folder("start"))
    program, _ = bench.start("server")
    program.await_ready().kill()  # leaves a state with the cert
    accepting, ready, first = bench.starts("client", part.amount.starts)
    for what, times in (("accepting", accepting), ("ready", ready), ("first byte", first)):
        part.samples.append({"subject": "pt-adapter", "until": what, "ms": [round(t, 2) for t in times]})
    return part


def memory(part):
    """Resident memory: before the first connection, at the peak of a load, some time after it."""
    amount = part.amount
    for chain in part.chains():
        for subject in part.subjects(chain, scale=False):
            if subject.name == "socat":
                continue  # a process for each connection

            def fill():
                time.sleep(1)
                idle = programs.resident_mb(subject.pid)
                size = amount.obfs4_bytes if chain.name == "obfs4" else amount.plain_bytes
                for direction, streams in (("d", 1), ("u", 1), ("d", 16), ("u", 16)):
                    load.bulk_seconds(subject.route, direction, size, streams)
                connections, _, lost = load.open_many(subject.route, amount.burst, amount.burst)
                for connection in connections:
                    connection.close()
                time.sleep(1)
                after = programs.resident_mb(subject.pid)
                return {"chain": chain.name, "subject": subject.name, "idle_mb": round(idle, 2),
                        "peak_mb": round(max(programs.peak_mb(subject.pid), after), 2),
                        "after_mb": round(after, 2), "lost": lost}

            part.take(f"{subject.name}, {chain.name}: memory", fill)
        part.log(chain.name)
    return part


def tunnels(part):
    """Cost against connections: CPU and memory while more and more tunnels are held, none lost."""
    for chain in part.chains():
        wanted = (part.amount.obfs4_tunnels if chain.name == "obfs4" else part.amount.plain_tunnels)
        most = programs.most_tunnels(wanted[-1])
        if most < wanted[-1]:
            part.leave_out(
                f"{wanted[-1]} tunnels, {chain.name}", f"the descriptor limit allows {most}")
        levels = sorted({min(level, most) for level in wanted})
        subject = part.subject(
            f"pt-adapter, {chain.name}", part.stage.pt_adapter, chain,
            f"max-connections={most + 100}")
        if not subject:
            continue
        held, cpu = [], programs.cpu_seconds(subject.pid)
        try:
            for level in levels:
                started = time.perf_counter()
                more, _, lost = load.open_many(subject.route, level - len(held), 32)
                took = time.perf_counter() - started
                held += more
                opened = programs.cpu_seconds(subject.pid)
                silent = load.unanswered(held)
                time.sleep(0.3)
                part.samples.append({
                    "chain": chain.name, "subject": subject.name, "tunnels": level,
                    "lost": lost + silent, "open_s": round(took, 3), "cpu_s": round(opened - cpu, 4),
                    "rss_mb": round(programs.resident_mb(subject.pid), 2)})
                part.log(f"{chain.name}: {level} tunnels, {lost + silent} lost")
                if lost + silent:
                    break
        except (OSError, load.Loss) as e:
            part.leave_out(f"pt-adapter, {chain.name}: more than {len(held)} tunnels", e)
        finally:
            for connection in held:
                connection.close()
    return part


def sizes(part):
    """Cost against bytes: CPU and memory of one transfer, from small to large."""
    for chain in part.chains():
        largest = 1000 if chain.name == "obfs4" else part.amount.growth_mb[-1]
        subject = part.subject(f"pt-adapter, {chain.name}", part.stage.pt_adapter, chain)
        if not subject:
            continue
        if not warmed_up(part, subject, 400 * MB):
            continue
        for size in (s for s in part.amount.growth_mb if s <= largest):
            def transfer():
                before = programs.cpu_seconds(subject.pid)
                took = load.bulk_seconds(subject.route, "d", size * MB)
                time.sleep(0.05)
                return {"chain": chain.name, "subject": subject.name, "mb": size,
                        "seconds": round(took, 4),
                        "cpu_s": round(programs.cpu_seconds(subject.pid) - before, 4),
                        "rss_mb": round(programs.resident_mb(subject.pid), 2)}

            for _ in range(3 if size <= 100 else 1):
                part.take(f"{size} MB, {chain.name}", transfer)
            part.log(f"{chain.name}: {size} MB")
    return part


def generator(part):
    """What the load itself can do, with nothing between its two ends."""
    route = load.Route(part.stage.backend.port)
    for direction, streams in (("d", 1), ("u", 1), ("d", 16)):
        for _ in range(3):
            before = time.process_time()
            took = load.bulk_seconds(route, direction, part.amount.plain_bytes, streams)
            part.samples.append({
                "direction": direction, "streams": streams, "mb": part.amount.plain_bytes / MB,
                "seconds": round(took, 4), "client_cpu_s": round(time.process_time() - before, 4)})
    return part


PARTS = {
    "generator": generator, "bulk": bulk, "connect": connect, "delay": delay, "start": start,
    "memory": memory, "tunnels": tunnels, "sizes": sizes}


def load_now():
    return round(os.getloadavg()[0], 2)
