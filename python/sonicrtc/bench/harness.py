"""Speeds as ratios inside one run: interleaved rounds, median ratio, bootstrap interval, one decision rule.

Times on a shared machine drift by more than any change that one would want to see. A ratio of two
candidates that took turns does not.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

type Clock = Callable[[], float]
type Times = dict[str, list[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """Median of the ratios of the rounds, and the interval in which 95 % of resampled medians lie."""

    median: float
    low: float
    high: float

    def exceeds(self, budget: float) -> bool:
        """Whether even the near end of the interval is past `budget`: only then does a gate fail."""
        return self.low > budget


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def calls_per_sample(run: Callable[[], object], least_s: float = 2e-3, clock: Clock = time.perf_counter) -> int:
    """Return how often `run` must be called to last at least `least_s` seconds: a power of two."""
    calls = 1
    while _time(run, calls, clock) * calls < least_s and calls < 1 << 20:
        calls *= 2
    return calls


def _time(run: Callable[[], object], calls: int, clock: Clock) -> float:
    start = clock()
    for _ in range(calls):
        run()
    return (clock() - start) / calls


def interleave(
    candidates: Mapping[str, Callable[[], object]], *, rounds: int = 30, clock: Clock = time.perf_counter
) -> Times:
    """Time every candidate once a round, beginning with another one each round.

    Parameters
    ----------
    candidates : mapping of name to callable
        What one call does is the unit of the times.
    rounds : int
        How many samples each candidate gets.
    clock : callable, optional
        Seconds, monotonic.

    Returns
    -------
    dict of name to list of float
        Seconds per call, one value per round.
    """
    names = list(candidates)
    with _without_garbage_collection():
        calls = {name: calls_per_sample(run, clock=clock) for name, run in candidates.items()}
        times: Times = {name: [] for name in names}
        for turn in range(rounds):
            first = turn % len(names)
            for name in names[first:] + names[:first]:
                times[name].append(_time(candidates[name], calls[name], clock))
    return times


def ratio(times: Sequence[float], reference: Sequence[float], *, resamples: int = 2000, seed: int = 1) -> Ratio:
    """Compare two candidates of one run, round by round.

    Parameters
    ----------
    times, reference : sequence of float
        Seconds per call of the same rounds.
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
    ratios = np.array(times, float) / np.array(reference, float)
    picks = np.random.default_rng(seed).integers(0, ratios.size, (resamples, ratios.size))
    low, high = np.percentile(np.median(ratios[picks], axis=1), [2.5, 97.5])
    return Ratio(median=float(np.median(ratios)), low=float(low), high=float(high))


def microseconds(times: Sequence[float]) -> float:
    """Median of `times`, in us."""
    return statistics.median(times) * 1e6
