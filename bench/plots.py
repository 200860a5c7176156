#!/usr/bin/env python3
"""Draws the plots of docs/benchmarks.md from the raw results: plots.py RESULTS FOLDER."""

import json
import pathlib
import statistics
import sys

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({
    "svg.hashsalt": "pt-adapter", "font.size": 9, "axes.grid": True, "grid.alpha": 0.3,
    "axes.axisbelow": True, "figure.constrained_layout.use": True})

from matplotlib import pyplot  # noqa: E402

COLOURS = {
    "pt-adapter": "tab:blue", "ptadapter": "tab:orange", "socat": "tab:green",
    "simple-obfs": "tab:red", "v2ray-plugin": "tab:purple", "ceiling": "black"}
TITLES = {"plain": "PT without crypto", "obfs4": "obfs4proxy"}
WAYS = (("d", 1, "down"), ("u", 1, "up"), ("d", 16, "16 down"))


def main(results, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in (
            ("bulk", bulk), ("cpu", cpu), ("connect", connect), ("delay", delay), ("start", start),
            ("tunnels", tunnels), ("sizes", sizes)):
        source = results / f"{SOURCES.get(name, name)}.json"
        samples = json.loads(source.read_text())["samples"] if source.exists() else []
        target = folder / f"{name}.svg"
        if not samples:
            target.unlink(missing_ok=True)
            continue
        figure = draw(samples)
        figure.savefig(target, metadata={"Date": None, "Creator": None})
        pyplot.close(figure)


SOURCES = {"cpu": "bulk"}


def by_chain(samples, **options):
    chains = [chain for chain in TITLES if any(s["chain"] == chain for s in samples)]
    figure, axes = pyplot.subplots(1, len(chains), figsize=(4.6 * len(chains), 3.2), squeeze=False,
                                   **options)
    for axis, chain in zip(axes[0], chains):
        axis.set_title(TITLES[chain])
        yield figure, axis, [s for s in samples if s["chain"] == chain]


def names(samples):
    return [name for name in COLOURS if any(s["subject"] == name for s in samples)]


def dots(samples, value, label, reference=None):
    """A dot for each sample and a bar for the median, of every subject, for each way."""
    for figure, axis, mine in by_chain(samples):
        shown = names(mine)
        for at, (direction, streams, _) in enumerate(WAYS):
            for number, name in enumerate(shown):
                values = [value(s) for s in mine if (s["subject"], s["direction"], s["streams"])
                          == (name, direction, streams)]
                if not values:
                    continue
                x = at + (number - (len(shown) - 1) / 2) * 0.8 / len(shown)
                axis.plot([x] * len(values), values, ".", color=COLOURS[name], alpha=0.5)
                axis.hlines(statistics.median(values), x - 0.07, x + 0.07, color=COLOURS[name],
                            linewidth=3, label=name if at == 0 else None)
        if reference:
            axis.axhline(reference, color="black", linewidth=1)
        axis.set_xticks(range(len(WAYS)), [way for _, _, way in WAYS])
        axis.margins(y=0.1)
        axis.set_ylim(bottom=0)
        axis.set_ylabel(label)
        axis.legend(fontsize=7)
    return figure


def bulk(samples):
    return dots(samples, lambda s: s["ceiling_s"] / s["subject_s"],
                "throughput, ceiling of the pair = 1", 1)


def cpu(samples):
    return dots(samples, lambda s: s["cpu_s"] / s["mb"] * 1000, "CPU s per GB, relay alone")


def steps(axis, values, **options):
    values = sorted(values)
    axis.step(values, [(i + 1) / len(values) for i in range(len(values))], where="post", **options)


def connect(samples):
    one = [s for s in samples if s["mode"] == "one by one"]
    for figure, axis, mine in by_chain(one):
        for name in names(mine):
            steps(axis, [t for s in mine if s["subject"] == name for t in s["subject_ms"]],
                  color=COLOURS[name], label=name)
        steps(axis, [t for s in mine for t in s["ceiling_ms"]], color="black", label="ceiling")
        axis.set_xscale("log")
        axis.set_xlabel("ms from connect to the first byte")
        axis.set_ylabel("share of the connections")
        axis.legend(fontsize=7)
    return figure


def delay(samples):
    figure, axis = pyplot.subplots(figsize=(6, 2.6))
    rows = {"ceiling": [t for s in samples for t in s["ceiling_ms"]]}
    rows |= {s["subject"]: s["subject_ms"] for s in samples}
    for at, (name, values) in enumerate(rows.items()):
        axis.plot(values, [at] * len(values), "|", markersize=12,
                  color="black" if name == "ceiling" else f"C{at - 1}")
    axis.set_yticks(range(len(rows)), rows)
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.set_xlim(left=0)
    axis.set_xlabel("ms from connect to the first byte, 100 ms round trip")
    return figure


def start(samples):
    figure, axis = pyplot.subplots(figsize=(6, 2.2))
    for at, row in enumerate(samples):
        axis.plot(row["ms"], [at] * len(row["ms"]), "|", markersize=12, color="tab:blue")
    axis.set_yticks(range(len(samples)), [row["until"] for row in samples])
    axis.set_ylim(len(samples) - 0.5, -0.5)
    axis.set_xlim(left=0)
    axis.set_xlabel("ms from exec")
    return figure


def growth(samples, key, label):
    """CPU and memory against a quantity, one line for each chain: straight, when all is well."""
    figure, axes = pyplot.subplots(1, 2, figsize=(9.2, 3.2))
    for axis, value, what in zip(axes, ("cpu_s", "rss_mb"), ("CPU s", "resident MB")):
        for chain, title in TITLES.items():
            mine = [s for s in samples if s["chain"] == chain]
            levels = sorted({s[key] for s in mine})
            axis.plot(levels, [statistics.median(s[value] for s in mine if s[key] == level)
                               for level in levels], ".-", label=title)
        axis.margins(y=0.15)
        axis.set_xlim(left=0)
        axis.set_ylim(bottom=0)
        axis.set_xlabel(label)
        axis.set_ylabel(what)
        axis.legend(fontsize=7)
    return figure


def tunnels(samples):
    return growth(samples, "tunnels", "tunnels held")


def sizes(samples):
    return growth(samples, "mb", "MB through one tunnel")


if __name__ == "__main__":
    main(*map(pathlib.Path, sys.argv[1:]))
