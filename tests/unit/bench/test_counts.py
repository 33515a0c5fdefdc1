"""Counts and histograms of calls that are made up."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from sonicrtc.bench.counts import allocated_bytes, crossings, of_this_build
from sonicrtc.bench.hops import hop, spent_us

kept: list[Any] = []


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    yield
    kept.clear()


def test_a_call_that_allocates_nothing_counts_nothing() -> None:
    assert allocated_bytes(lambda item: None, range(50)) == 0


def test_memory_that_is_given_back_at_once_counts() -> None:
    assert allocated_bytes(lambda item: len(bytes(5000)), range(50)) >= 5000


def test_memory_that_is_kept_counts_for_each_call() -> None:
    assert allocated_bytes(lambda item: kept.append(bytes(5000)), range(50)) >= 50 * 5000


def test_calls_inside_a_call_are_counted() -> None:
    assert crossings(lambda item: None, range(10)) == 0
    assert crossings(lambda item: len("a"), range(10)) == 1
    assert crossings(lambda item: [len("a"), abs(item)], range(10)) == 2


def test_a_profiler_that_was_there_is_there_afterwards() -> None:
    def mine(frame: object, event: str, argument: object) -> None:
        pass

    before = sys.getprofile()
    sys.setprofile(mine)
    try:
        crossings(lambda item: None, range(3))
        assert sys.getprofile() is mine
    finally:
        sys.setprofile(before)


def test_this_build_allocates_nothing_and_crosses_once() -> None:
    assert of_this_build() == {
        "bytes, Uplink.push(block, out=)": 0,
        "bytes, the same with detector energy": 0,
        "bytes, Playout.pull(frames, out=)": 0,
        "native calls, Uplink.push(block, out=)": 1,
        "native calls, the same with detector energy": 1,
    }


def test_a_histogram_holds_every_time_once() -> None:
    times = np.random.default_rng(1).lognormal(1, 2, 1000)
    found = hop("made up", "us", list(times))
    assert len(found.edges) == len(found.counts) + 1
    assert sum(found.counts) == found.calls == 1000
    assert found.edges[0] <= times.min() <= times.max() == found.most < found.edges[-1]
    assert found.p50 <= found.p90 <= found.p99 <= found.most


@pytest.mark.parametrize("value", [0.0, 1.0, 1000.0])
def test_a_histogram_of_one_value_has_one_class(value: float) -> None:
    assert hop("made up", "ms", [value]).counts == (1,)


def test_a_single_call_is_timed_in_microseconds() -> None:
    ticks = iter([1000, 3500])
    assert spent_us(lambda item: None, None, lambda: next(ticks)) == 2.5
