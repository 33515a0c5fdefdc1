"""How the time of single calls is spread: a mean hides the block that came too late."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sonicrtc.audio import Playout, Uplink
from sonicrtc.bench.candidates import DOWNLINK, UPLINK
from sonicrtc.bench.ours import PULLED


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One station's times.

    Parameters
    ----------
    name : str
        The station.
    unit : str
        ``"us"`` or ``"ms"``.
    edges, counts : tuple
        Histogram: ``len(edges) == len(counts) + 1``; edges grow by a constant factor.
    p50, p90, p99, most : float
        Of all times, not of the histogram.
    calls : int
        How many times there are.
    """

    name: str
    unit: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    p50: float
    p90: float
    p99: float
    most: float
    calls: int


def hop(name: str, unit: str, times: Sequence[float]) -> Hop:
    """Sort `times`, one or more and none negative, into twelve classes to a decade."""
    values = np.maximum(np.asarray(times, float), 1e-3)
    first, last = np.floor(12 * np.log10(values.min())), np.floor(12 * np.log10(values.max())) + 1
    edges = 10 ** (np.arange(first, last + 1) / 12)
    counts, _ = np.histogram(values, edges)
    p50, p90, p99 = (float(p) for p in np.percentile(values, [50, 90, 99]))
    return Hop(
        name=name, unit=unit, edges=tuple(float(e) for e in edges), counts=tuple(int(c) for c in counts),
        p50=p50, p90=p90, p99=p99, most=float(values.max()), calls=values.size,
    )  # fmt: skip


def spent_us(call: Callable[[Any], object], item: Any, clock_ns: Callable[[], int] = time.perf_counter_ns) -> float:
    """Time a single call, in us; the clock's own cost is part of it."""
    start = clock_ns()
    call(item)
    return (clock_ns() - start) / 1000


def of_the_core(calls: int = 5000) -> tuple[Hop, ...]:
    """Return the hops of the native core: block after block, as in a call."""
    uplink, playout = Uplink(), Playout(DOWNLINK.input_hz, DOWNLINK.output_hz)
    push, out = uplink.push, uplink.block(UPLINK.frames)
    queue, pull, pulled = playout.push, playout.pull, np.zeros(PULLED, np.int16)
    times: dict[str, list[float]] = {"Uplink.push": [], "Playout.push": [], "Playout.pull": []}
    uplinked, played = UPLINK.tape(), DOWNLINK.tape()
    for i in range(calls):
        times["Uplink.push"].append(spent_us(lambda block: push(block, out=out), uplinked[i % len(uplinked)]))
        times["Playout.push"].append(spent_us(queue, played[i % len(played)]))
        times["Playout.pull"].append(spent_us(lambda frames: pull(frames, pulled), PULLED))
    return tuple(hop(name, "us", values) for name, values in times.items())
