"""What "flat" means: the rule by which a long run is judged. It measures nothing, and has tests of its own.

A quantity that varies is flat when its growth over the judged part of the run stays within its bound. The first
third of the run is warm-up and not judged. Growth is measured twice, and the larger counts: as the slope by Theil
and Sen (the median of the slopes of all pairs) times the length, which sees the slow climb in much noise; and as
the difference between the medians of the last and the first fifth, three points at least, which sees a single step.
Neither is moved by one outlier.

A quantity that is counted while nothing is going on (threads, tasks, files) is flat when it never leaves its
first value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

#: Pairs grow with the square; more points than these are thinned out evenly.
_MOST_POINTS = 200
#: A slope through fewer points says nothing.
FEWEST_POINTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """How much a quantity may grow.

    Parameters
    ----------
    rate : float
        Per unit of the run's length.
    noise : float
        In all, however short the run: what this quantity moves without a leak.
    """

    rate: float
    noise: float

    def allowed(self, span: float) -> float:
        """Return the growth allowed over a run of length `span`."""
        return max(self.noise, self.rate * span)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The verdict on one quantity; `growth` and `allowed` are per unit of length, or absolute for a count."""

    name: str
    first: float
    last: float
    growth: float
    allowed: float

    @property
    def flat(self) -> bool:
        return self.growth <= self.allowed


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Return the slope of a line through `points` by Theil and Sen."""
    step = -(-len(points) // _MOST_POINTS)
    return median((y2 - y1) / (x2 - x1) for (x1, y1), (x2, y2) in combinations(points[::step], 2))


def rise(points: Sequence[tuple[float, float]]) -> float:
    """Return by how much the median of the last fifth of `points` lies above that of the first."""
    size = max(3, len(points) // 5)
    return median(y for _, y in points[-size:]) - median(y for _, y in points[:size])


def judged(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    """Return `points` without the first third of the run."""
    begin, end = points[0][0], points[-1][0]
    return [point for point in points if point[0] >= begin + (end - begin) / 3]


def judge_growth(name: str, points: Sequence[tuple[float, float]], bound: Bound) -> Finding:
    """Judge a quantity that varies.

    Parameters
    ----------
    points : sequence of (position, value)
        In order of position.
    """
    part = judged(points)
    if len(part) < FEWEST_POINTS:
        raise ValueError(f"{name}: expected {FEWEST_POINTS} points or more to judge, got {len(part)}")
    span = part[-1][0] - part[0][0]
    growth = max(slope(part), rise(part) / span)
    return Finding(name=name, first=part[0][1], last=part[-1][1], growth=growth, allowed=bound.allowed(span) / span)


def judge_count(name: str, values: Sequence[float]) -> Finding:
    """Judge a quantity that must be the same whenever it is counted."""
    away = max(abs(value - values[0]) for value in values)
    return Finding(name=name, first=values[0], last=values[-1], growth=away, allowed=0)


def judge_difference(name: str, first: float, last: float, noise: float) -> Finding:
    """Judge what is left in the end of a quantity that varies."""
    return Finding(name=name, first=first, last=last, growth=last - first, allowed=noise)


def table(findings: Mapping[str, Sequence[Finding]], units: Mapping[str, str]) -> str:
    """Return the verdicts as lines of text, one part of the run after the other."""
    lines = []
    for part, rows in findings.items():
        lines.append(f"{part:24}{'first':>12}{'last':>12}{'growth':>12}{'allowed':>12}  per {units[part]}")
        for row in rows:
            verdict = "flat" if row.flat else "GROWS"
            lines.append(
                f"  {row.name:22}{row.first:12.0f}{row.last:12.0f}{row.growth:+12.2f}{row.allowed:12.2f}  {verdict}"
            )
    return "\n".join(lines)
