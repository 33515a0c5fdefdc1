"""The measuring rules, on synthetic clocks and timings: nothing here depends on how fast a machine is."""

from __future__ import annotations

import gc
import os
from typing import Any

import numpy as np
import pytest

from sonicrtc.bench.harness import (
    Ratio,
    Timed,
    interleave,
    microseconds,
    passes_per_sample,
    ratio,
    rotated,
    sample,
    undisturbed,
)  # fmt: skip


def timings(median: float, *, rounds: int = 30, spread: float = 0.05, seed: int = 0) -> list[float]:
    return list(median * np.random.default_rng(seed).lognormal(0, spread, rounds))


def test_a_sample_lasts_at_least_as_long_as_asked(clock: Any) -> None:
    assert passes_per_sample(clock.work(1e-5), least_s=2e-3, clock=clock) == 256
    assert passes_per_sample(clock.work(1e-5, items=50), least_s=1.9e-3, clock=clock) == 4
    assert passes_per_sample(clock.work(1.0), least_s=2e-3, clock=clock) == 1


def test_a_sample_goes_through_all_items_and_is_the_time_of_one_call(clock: Any) -> None:
    seen: list[str] = []

    def call(item: str) -> None:
        seen.append(item)
        clock.now_s += 3e-6

    assert sample(Timed(call, "abc"), 2, clock=clock) == pytest.approx(3e-6)
    assert "".join(seen) == "abcabc"


def test_times_are_per_call(clock: Any) -> None:
    times = interleave({"a": clock.work(3e-6, items=7), "b": clock.work(1e-3)}, rounds=4, clock=clock)
    assert times["a"] == pytest.approx([3e-6] * 4)
    assert times["b"] == pytest.approx([1e-3] * 4)


def test_every_round_begins_with_another_candidate(clock: Any) -> None:
    order: list[str] = []

    def call(name: str) -> None:
        order.append(name)
        clock.now_s += 1.0

    interleave({name: Timed(call, name) for name in "abc"}, rounds=3, clock=clock)
    assert "".join(order[3:]) == "abcbcacab"  # three calls before that found out how long one lasts
    assert rotated("abc", 4) == ["b", "c", "a"]


def test_garbage_is_not_collected_in_between() -> None:
    assert gc.isenabled()
    with undisturbed():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_one_core_is_used_and_all_come_back() -> None:
    cores = os.sched_getaffinity(0)
    with undisturbed():
        assert os.sched_getaffinity(0) == {max(cores)}
    assert os.sched_getaffinity(0) == cores
    with undisturbed(pin=False):
        assert os.sched_getaffinity(0) == cores


def test_a_drift_of_the_machine_cancels_out() -> None:
    drift = np.linspace(1, 5, 30)
    found = ratio(list(2e-6 * drift), list(1e-6 * drift))
    assert (found.median, found.low, found.high) == pytest.approx((2.0, 2.0, 2.0))


def test_one_wild_round_changes_nothing() -> None:
    times = timings(1e-6)
    times[3] *= 100
    assert ratio(times, timings(1e-6, seed=1)).median == pytest.approx(1.0, abs=0.05)


def test_the_same_times_give_the_same_interval() -> None:
    a, b = timings(1e-6), timings(1.1e-6, seed=1)
    assert ratio(a, b) == ratio(a, b)


def test_what_a_process_has_by_chance_widens_the_interval() -> None:
    by_chance = np.repeat([0.97, 1.0, 1.03, 1.01], 25)
    alone = ratio(list(by_chance), [1.0] * 100)
    grouped = ratio(list(by_chance), [1.0] * 100, group=25)
    assert grouped.low < alone.low
    assert grouped.high > alone.high
    assert grouped.median == alone.median


def test_times_that_do_not_match_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected as many times as reference times, at least one; got 2, 1"):
        ratio([1.0, 1.0], [1.0])
    with pytest.raises(ValueError, match="at least one; got 0, 0"):
        ratio([], [])
    with pytest.raises(ValueError, match="expected whole groups of 2 rounds, got 3"):
        ratio([1.0] * 3, [1.0] * 3, group=2)


def test_microseconds_is_the_median() -> None:
    assert microseconds([1e-6, 5e-6, 2e-6]) == pytest.approx(2.0)


def test_a_ratio_reads_as_its_median_and_interval() -> None:
    assert str(Ratio(median=1.2345, low=1.2, high=1.3)) == "1.23 (1.20 to 1.30)"
