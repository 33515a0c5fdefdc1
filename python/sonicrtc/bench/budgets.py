"""What the numbers may be, and the rule by which one fails."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from sonicrtc.bench.core_case import CoreReport
from sonicrtc.bench.harness import Ratio, Times, ratio
from sonicrtc.errors import ConfigError

type Verdict = Literal["ok", "short", "FAIL", "skipped"]

OWN = Path(__file__).with_name("budgets.toml")
_SECTIONS = ("ratios", "ages_ms", "counts", "drift")


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A limit and why it is there."""

    limit: float
    at_least: bool
    reason: str

    def verdict(self, found: Ratio) -> Verdict:
        """Judge: only when even the interval's near end is past the limit is it a sure regression.

        Returns
        -------
        {"ok", "short", "FAIL"}
            "short" when the median is past the limit, but not surely.
        """
        near, median = (found.high, found.median) if self.at_least else (-found.low, -found.median)
        limit = self.limit if self.at_least else -self.limit
        return "FAIL" if near < limit else "short" if median < limit else "ok"

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.limit:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A budget and what was found; None when that was not measured."""

    name: str
    budget: Budget
    found: Ratio | None

    @property
    def verdict(self) -> Verdict:
        """How it stands."""
        return "skipped" if self.found is None else self.budget.verdict(self.found)


type Budgets = Mapping[str, Mapping[str, Budget]]


def load(path: Path = OWN) -> Budgets:
    """Read a budgets file; sections that it leaves out are empty.

    Raises
    ------
    ConfigError
        It cannot be read, or a line is not a limit with a reason.
    """
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as exc:
        raise ConfigError(f"cannot read budgets {path}: {exc}") from exc
    for name in document:
        if name not in _SECTIONS:
            raise ConfigError(f"{path}: expected sections {', '.join(_SECTIONS)}, got {name!r}")
    return {
        section: {name: _budget(f"{path}: {section}.{name}", line) for name, line in document.get(section, {}).items()}
        for section in _SECTIONS
    }


def _budget(where: str, line: Any) -> Budget:
    kinds = {"at_least", "at_most"}
    if not isinstance(line, dict) or len(kinds & line.keys()) != 1 or line.keys() - kinds != {"reason"}:
        raise ConfigError(f"{where}: expected at_least or at_most, and a reason; got {line!r}")
    (kind,) = kinds & line.keys()
    if not isinstance(line[kind], int | float) or not isinstance(line["reason"], str) or not line["reason"]:
        raise ConfigError(f"{where}: expected a number and a reason in words; got {line!r}")
    return Budget(limit=float(line[kind]), at_least=kind == "at_least", reason=line["reason"])


def of_core(report: CoreReport, budgets: Budgets) -> Iterator[Gate]:
    """Yield a gate for every line on ratios, ages and counts."""
    ages = {row.key: row.answer.age_max_ms for row in report.rows if row.answer is not None}
    for name, budget in budgets["ratios"].items():
        yield Gate(name=name, budget=budget, found=_ratio(name, report.times))
    for section, values in (("ages_ms", ages), ("counts", report.counts)):
        for name, budget in budgets[section].items():
            found = Ratio.exact(values[name]) if name in values else None
            yield Gate(name=f"{section.replace('_', ' in ')}: {name}", budget=budget, found=found)


def of_drift(kind: str, drifts: Mapping[str, Ratio], budgets: Budgets) -> Iterator[Gate]:
    """Yield a gate for every row of this build over another; `kind` is "against" or "compare"."""
    if kind in budgets["drift"]:
        for key, found in drifts.items():
            yield Gate(name=f"{kind}: {key}", budget=budgets["drift"][kind], found=found)


def rows_of(name: str) -> tuple[list[str], list[str]]:
    """Return the rows above and below the stroke of a ratio's name.

    Raises
    ------
    ConfigError
        There is not one stroke.
    """
    parts = [[row.strip() for row in part.split("+")] for part in name.split("/")]
    if len(parts) != 2:
        raise ConfigError(f"expected a ratio of rows, 'row / row + row', got {name!r}")
    return parts[0], parts[1]


def _ratio(name: str, times: Times) -> Ratio | None:
    above, below = rows_of(name)
    if any(row not in times for row in above + below):
        return None
    return ratio(_sum(times[row] for row in above), _sum(times[row] for row in below))


def _sum(times: Iterable[list[float]]) -> list[float]:
    total: list[float] = np.sum([*times], axis=0).tolist()
    return total
