"""The measuring rules, on synthetic clocks and timings: nothing here depends on how fast a machine is."""

from __future__ import annotations

import gc
from collections.abc import Callable

import numpy as np
import pytest

from sonicrtc.bench.harness import Ratio, calls_per_sample, interleave, microseconds, ratio


class Clock:
    """A clock that only the work moves."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s

    def work(self, seconds: float) -> Callable[[], None]:
        def run() -> None:
            self.now_s += seconds

        return run


def timings(median: float, *, rounds: int = 30, spread: float = 0.05, seed: int = 0) -> np.ndarray:
    return median * np.random.default_rng(seed).lognormal(0, spread, rounds)


def test_a_sample_lasts_at_least_as_long_as_asked() -> None:
    clock = Clock()
    assert calls_per_sample(clock.work(1e-5), 2e-3, clock) == 256
    assert calls_per_sample(clock.work(1.0), 2e-3, clock) == 1


def test_times_are_per_call() -> None:
    clock = Clock()
    times = interleave({"a": clock.work(3e-6), "b": clock.work(1e-3)}, rounds=4, clock=clock)
    assert times["a"] == pytest.approx([3e-6] * 4)
    assert times["b"] == pytest.approx([1e-3] * 4)


def test_every_round_begins_with_another_candidate() -> None:
    clock, order = Clock(), []

    def candidate(name: str) -> Callable[[], None]:
        def run() -> None:
            order.append(name)
            clock.now_s += 1.0

        return run

    interleave({name: candidate(name) for name in "abc"}, rounds=3, clock=clock)
    assert "".join(order[3:]) == "abcbcacab"  # three calls before that found out how long one lasts


def test_garbage_is_not_collected_in_between() -> None:
    clock, states = Clock(), []

    def run() -> None:
        states.append(gc.isenabled())
        clock.now_s += 1.0

    assert gc.isenabled()
    interleave({"a": run}, rounds=2, clock=clock)
    assert states == [False] * 3
    assert gc.isenabled()


def test_a_drift_of_the_machine_cancels_out() -> None:
    drift = np.linspace(1, 5, 30)
    found = ratio(list(2e-6 * drift), list(1e-6 * drift))
    assert (found.median, found.low, found.high) == pytest.approx((2.0, 2.0, 2.0))


def test_one_wild_round_changes_nothing() -> None:
    times = timings(1e-6)
    times[3] *= 100
    assert ratio(list(times), list(timings(1e-6, seed=1))).median == pytest.approx(1.0, abs=0.05)


def test_the_same_times_give_the_same_interval() -> None:
    a, b = list(timings(1e-6)), list(timings(1.1e-6, seed=1))
    assert ratio(a, b) == ratio(a, b)


@pytest.mark.parametrize("seed", range(5))
def test_equal_candidates_do_not_fail_a_gate(seed: int) -> None:
    found = ratio(list(timings(1e-6, seed=seed)), list(timings(1e-6, seed=seed + 100)))
    assert not found.exceeds(1.05)
    assert found.low < 1.02 < found.high + 0.05


@pytest.mark.parametrize("seed", range(5))
def test_a_candidate_twenty_percent_slower_fails_a_gate_of_five(seed: int) -> None:
    assert ratio(list(timings(1.2e-6, seed=seed)), list(timings(1e-6, seed=seed + 100))).exceeds(1.05)


def test_noise_alone_does_not_fail_a_gate() -> None:
    wide = ratio(list(timings(1.08e-6, rounds=5, spread=0.5)), list(timings(1e-6, rounds=5, spread=0.5, seed=9)))
    assert wide.high - wide.low > 0.2
    assert not wide.exceeds(1.05)


def test_only_the_near_end_of_the_interval_decides() -> None:
    assert not Ratio(median=1.2, low=1.04, high=1.4).exceeds(1.05)
    assert Ratio(median=1.2, low=1.06, high=1.4).exceeds(1.05)


def test_times_that_do_not_match_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected as many times as reference times, at least one; got 2, 1"):
        ratio([1.0, 1.0], [1.0])
    with pytest.raises(ValueError, match="at least one; got 0, 0"):
        ratio([], [])


def test_microseconds_is_the_median() -> None:
    assert microseconds([1e-6, 5e-6, 2e-6]) == pytest.approx(2.0)
