"""Timings without a machine: clocks that only work moves, and reports made of given numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sonicrtc.bench.core_case import CoreReport, Row
from sonicrtc.bench.harness import Ratio, Timed


class Clock:
    """A clock that only the work moves."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s

    def work(self, seconds: float, items: int = 1) -> Timed:
        def call(item: object) -> None:
            self.now_s += seconds

        return Timed(call, range(items))


@pytest.fixture
def clock() -> Clock:
    return Clock()


def core_report(**us: float) -> CoreReport:
    """A core run in which every candidate took the same time in each of ten rounds."""
    times = {key: [value * 1e-6] * 10 for key, value in {"reference": 50.0, **us}.items()}
    rows = tuple(
        Row(
            key=key, label=key, work="work", us=value, number=Ratio.exact(value / 50), beside_ours=Ratio.exact(1.0),
            answer=None,
        )
        for key, value in us.items()
    )  # fmt: skip
    return CoreReport(rows=rows, times=times, skipped=(), counts={}, design_ms={}, hops=(), isa="baseline")


@pytest.fixture
def make_core_report() -> Callable[..., Any]:
    return core_report
