"""Speeds as ratios inside one run: interleaved rounds, median ratio, bootstrap interval.

Times on a shared machine drift by more than any change that one would want to see. A ratio of two
candidates that took turns does not. The clock is the processor time of this process, all its threads
together: what else the machine does meanwhile is not counted. What a ratio may be stands in :mod:`budgets`.
"""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

type Clock = Callable[[], float]
type Times = dict[str, list[float]]

#: How sure "sure" is. A gate of twenty rows that looks at 95 % intervals is wrong in every second run.
CONFIDENCE = 0.99
_SAMPLE_S = 2e-3


@dataclass(frozen=True, slots=True)
class Timed:
    """What is timed: `call` on each of `items`, over and over. One call is the unit of the times."""

    call: Callable[[Any], object]
    items: Sequence[Any] = (None,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """Median of the ratios of the rounds, and the interval in which 99 % of resampled medians lie."""

    median: float
    low: float
    high: float

    @classmethod
    def exact(cls, value: float) -> Ratio:
        """Return a number that is known without noise, e.g. a count."""
        return cls(median=value, low=value, high=value)

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f} to {self.high:.2f})"


@contextmanager
def undisturbed(*, pin: bool = True) -> Iterator[None]:
    """Keep the garbage collector off and, where the system can, this thread on one core.

    Processes that are started inside stay on that core too.
    """
    enabled, cores = gc.isenabled(), _cores() if pin else set()
    gc.disable()
    if cores:
        os.sched_setaffinity(0, {max(cores)})  # the first core serves most interrupts
    try:
        yield
    finally:
        if cores:
            os.sched_setaffinity(0, cores)
        if enabled:
            gc.enable()


def _cores() -> set[int]:
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()


def passes_per_sample(timed: Timed, *, least_s: float = _SAMPLE_S, clock: Clock = time.process_time) -> int:
    """Return how often all items must be gone through to last at least `least_s` seconds: a power of two."""
    passes = 1
    while sample(timed, passes, clock=clock) * passes * len(timed.items) < least_s and passes < 1 << 20:
        passes *= 2
    return passes


def sample(timed: Timed, passes: int, *, clock: Clock = time.process_time) -> float:
    """Go through all items `passes` times and return the seconds that one call took."""
    call, items = timed.call, timed.items
    start = clock()
    for _ in range(passes):
        for item in items:
            call(item)
    return (clock() - start) / (passes * len(items))


def interleave(candidates: Mapping[str, Timed], *, rounds: int = 100, clock: Clock = time.process_time) -> Times:
    """Time every candidate once a round, beginning with another one each round.

    Parameters
    ----------
    candidates : mapping of name to Timed
        Who takes turns.
    rounds : int
        How many samples each candidate gets.
    clock : callable, optional
        Seconds.

    Returns
    -------
    dict of name to list of float
        Seconds per call, one value per round.
    """
    names = list(candidates)
    passes = {name: passes_per_sample(timed, clock=clock) for name, timed in candidates.items()}
    times: Times = {name: [] for name in names}
    for turn in range(rounds):
        for name in rotated(names, turn):
            times[name].append(sample(candidates[name], passes[name], clock=clock))
    return times


def rotated(names: Sequence[str], turn: int) -> list[str]:
    """Return `names` beginning with another one each `turn`."""
    first = turn % len(names)
    return [*names[first:], *names[:first]]


def ratio(
    times: Sequence[float], reference: Sequence[float], *, group: int = 1, resamples: int = 2000, seed: int = 1
) -> Ratio:
    """Compare two candidates of one run, round by round.

    Parameters
    ----------
    times, reference : sequence of float
        Seconds per call of the same rounds.
    group : int
        So many consecutive rounds came from the same pair of processes. What a process got by chance, the
        place of its memory for example, is the same in all of its rounds, so that processes are resampled
        first and then the rounds of each.
    resamples : int
        Size of the bootstrap.
    seed : int
        Makes the interval the same for the same times.

    Returns
    -------
    Ratio
        Of `times` to `reference`: above 1 is slower.
    """
    if len(times) != len(reference) or not times:
        raise ValueError(f"expected as many times as reference times, at least one; got {len(times)}, {len(reference)}")
    if len(times) % group:
        raise ValueError(f"expected whole groups of {group} rounds, got {len(times)} rounds")
    ratios = (np.array(times, float) / np.array(reference, float)).reshape(-1, group)
    random, groups = np.random.default_rng(seed), len(ratios)
    which = random.integers(0, groups, (resamples, groups, 1))
    within = random.integers(0, group, (resamples, groups, group))
    medians = np.median(ratios[which, within].reshape(resamples, -1), axis=1)
    low, high = np.quantile(medians, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Ratio(median=float(np.median(ratios)), low=float(low), high=float(high))


def microseconds(times: Sequence[float]) -> float:
    """Median of `times`, in us."""
    return statistics.median(times) * 1e6
