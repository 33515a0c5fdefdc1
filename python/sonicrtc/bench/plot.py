"""A run as a picture: bars with intervals beside the peers, a histogram per hop. The same run gives the same bytes."""

from __future__ import annotations

import importlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sonicrtc.bench.media import picture
from sonicrtc.bench.report import Document
from sonicrtc.errors import ConfigError, MissingExtraError

# A card of its own colour: readable on a light and on a dark page.
_STYLE = {
    "svg.hashsalt": "sonicrtc", "svg.fonttype": "path", "font.size": 9, "font.family": "DejaVu Sans",
    "figure.facecolor": "#f6f8fa", "axes.facecolor": "#f6f8fa", "savefig.facecolor": "#f6f8fa",
    "text.color": "#1f2328", "axes.labelcolor": "#1f2328", "xtick.color": "#57606a", "ytick.color": "#1f2328",
    "axes.edgecolor": "#8c959f", "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 10,
    "axes.titlelocation": "left", "axes.titleweight": "bold",
}  # fmt: skip
_OURS, _PEER, _ERROR = "#0a7f78", "#8c959f", "#1f2328"
_OUR_LABELS = ("Uplink", "Resampler", "Playout")


def require() -> Any:
    """Return the module matplotlib.

    Raises
    ------
    MissingExtraError
        It is not installed.
    """
    try:
        return importlib.import_module("matplotlib")
    except ModuleNotFoundError as exc:
        raise MissingExtraError("--plot needs the extra 'bench': pip install 'sonicrtc[bench]'") from exc


def plot(run: Document, path: Path) -> None:
    """Draw `run` into an SVG file.

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.
    ConfigError
        The file cannot be written.
    """
    matplotlib = require()
    figures: Any = importlib.import_module("matplotlib.figure")
    works = _works(run)
    hops = [hop for case in ("core", "call") for hop in run.get(case, {}).get("hops", ())]
    bars = [0.75 + 0.3 * len(rows) for _, rows in works]
    lines = -(-len(hops) // 3)
    loss = run.get("media", {}).get("loss")
    heights = (sum(bars), 2.2 * lines, 3.2 * (loss is not None))
    with matplotlib.rc_context(_STYLE):
        figure = figures.Figure(figsize=(9, 0.4 + sum(heights)), layout="constrained")
        figure.suptitle(_title(run), x=0.01, ha="left", fontsize=9, color="#57606a")
        above, below, last = figure.subfigures(3, 1, height_ratios=[max(height, 1e-3) for height in heights])
        if works:
            axes = above.subplots(len(works), 1, squeeze=False, height_ratios=bars)[:, 0]
            for place, (title, rows) in zip(axes, works, strict=True):
                _bars(place, title, rows)
        for place, hop in enumerate(hops):
            _histogram(below.add_subplot(lines, 3, place + 1), hop)
        if loss is not None:
            picture.panels(last.subplots(1, 2), loss)
        try:
            figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
        except OSError as exc:
            raise ConfigError(f"cannot write {path}: {exc}") from exc


def _works(run: Document) -> list[tuple[str, list[Document]]]:
    """Return the tables that compare somebody with somebody."""
    tables: dict[str, list[Document]] = {}
    for row in run.get("core", {}).get("rows", ()):
        tables.setdefault(row["work"], []).append(row)
    return [(title, rows) for title, rows in tables.items() if len(rows) > 1]


def _title(run: Document) -> str:
    machine = run["machine"]
    return (
        f"SonicRTC {run['sonicrtc']}, {run['date'][:10]}, {machine['cpu']}, {machine['cores']} cores, "
        f"{machine['system']}, Python {machine['python']}"
    )


def _bars(axes: Any, title: str, rows: Sequence[Document]) -> None:
    """One bar per row: time per block, and how many times the first row's that is."""
    us = [row["us"] for row in rows]
    beside = [row["beside_ours"] for row in rows]
    ends = [
        [u * (1 - b["low"] / b["median"]) for u, b in zip(us, beside, strict=True)],
        [u * (b["high"] / b["median"] - 1) for u, b in zip(us, beside, strict=True)],
    ]
    colours = [_OURS if row["label"].startswith(_OUR_LABELS) else _PEER for row in rows]
    axes.barh(range(len(rows)), us, xerr=ends, color=colours, height=0.66, ecolor=_ERROR, capsize=3)
    for i, (u, b) in enumerate(zip(us, beside, strict=True)):
        axes.annotate(
            f"{u:.2f} µs, {b['median']:.2f}×",
            (u + ends[1][i], i),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
        )
    axes.set(yticks=range(len(rows)), yticklabels=[row["label"] for row in rows], xlim=(0, 1.45 * max(us)))
    axes.set_title(f"{title}: µs per 20 ms block")
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()


def _histogram(axes: Any, hop: Document) -> None:
    """How often a passage took how long, both scales logarithmic where there are many."""
    unit = "µs" if hop["unit"] == "us" else hop["unit"]
    axes.stairs(hop["counts"], hop["edges"], fill=True, color=_OURS)
    axes.set(xscale="log", yscale="log" if hop["calls"] > 100 else "linear", ylabel="passages")
    ticks = _ticks(hop["edges"][0], hop["edges"][-1])
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_xlabel(f"median {hop['p50']:.3g}, p99 {hop['p99']:.3g} {unit}")
    axes.axvline(hop["p50"], color=_ERROR, linewidth=1)
    axes.set_title(hop["name"])


def _ticks(first: float, last: float) -> list[float]:
    """Return round numbers from `first` to `last`: 1, 2, 5 of each decade, or decades alone over more than two."""
    steps = (1, 2, 5) if last <= 100 * first else (1,)
    decades = range(math.floor(math.log10(first)), math.ceil(math.log10(last)) + 1)
    ticks = [tick for d in decades for step in steps if first <= (tick := step * 10.0**d) <= last]
    return ticks if len(ticks) > 1 else [round(first), round(last)]
