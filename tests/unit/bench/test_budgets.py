"""What the numbers may be: the file, and how a gate is judged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sonicrtc.bench import budgets
from sonicrtc.bench.budgets import Budget, Gate
from sonicrtc.bench.harness import Ratio
from sonicrtc.bench.ours import OURS
from sonicrtc.bench.peers import PEERS
from sonicrtc.errors import ConfigError

#: The table "Speed to reach" of the issue that asked for this suite.
TABLE: dict[tuple[str, str], tuple[str, float]] = {
    ("ratios", "soxr / uplink"): ("at least", 6.5),
    ("ratios", "pyav / uplink"): ("at least", 22),
    ("ratios", "scipy / uplink"): ("at least", 37),
    ("ratios", "soxr / uplink_fresh"): ("at least", 4.5),
    ("ratios", "soxr / uplink_hq"): ("at least", 3.3),
    ("ratios", "soxr_frame / uplink_frame"): ("at least", 5),
    ("ratios", "soxr_downlink / resampler"): ("at least", 3),
    ("ratios", "pyav_downlink / resampler"): ("at least", 11),
    ("ratios", "uplink_webrtcvad / uplink + webrtcvad"): ("at most", 1.35),
    ("ages_ms", "uplink"): ("at most", 1.3),
    ("ages_ms", "uplink_low_latency"): ("at most", 0.3),
    ("counts", "bytes, Uplink.push(block, out=)"): ("at most", 0),
    ("counts", "bytes, the same with detector energy"): ("at most", 0),
    ("counts", "native calls, the same with detector energy"): ("at most", 1),
    ("counts", "native calls, Uplink.push(block, out=)"): ("at most", 1),
}
AT_LEAST, AT_MOST = Budget(limit=6.5, at_least=True, reason="-"), Budget(limit=1.1, at_least=False, reason="-")


@pytest.mark.parametrize(("section", "name"), TABLE)
def test_no_budget_is_looser_than_the_table(section: str, name: str) -> None:
    kind, goal = TABLE[section, name]
    budget = budgets.load()[section][name]
    assert budget.at_least == (kind == "at least")
    assert budget.limit >= goal if budget.at_least else budget.limit <= goal


def test_every_ratio_is_of_rows_that_are_measured() -> None:
    rows = {entry.key for entry in (*OURS, *PEERS)}
    for name in budgets.load()["ratios"]:
        above, below = budgets.rows_of(name)
        assert {*above, *below} <= rows


@pytest.mark.parametrize(
    ("budget", "median", "low", "high", "verdict"),
    [
        (AT_LEAST, 7.0, 6.0, 8.0, "ok"),
        (AT_LEAST, 6.4, 6.0, 6.6, "short"),
        (AT_LEAST, 6.2, 6.0, 6.4, "FAIL"),
        (AT_LEAST, 6.5, 6.5, 6.5, "ok"),
        (AT_MOST, 1.0, 0.9, 1.2, "ok"),
        (AT_MOST, 1.2, 1.05, 1.4, "short"),
        (AT_MOST, 1.2, 1.11, 1.4, "FAIL"),
        (AT_MOST, 1.1, 1.1, 1.1, "ok"),
    ],
)
def test_only_a_whole_interval_past_the_limit_fails(
    budget: Budget, median: float, low: float, high: float, verdict: str
) -> None:
    assert budget.verdict(Ratio(median=median, low=low, high=high)) == verdict


def test_what_was_not_measured_is_skipped() -> None:
    assert Gate(name="soxr / uplink", budget=AT_LEAST, found=None).verdict == "skipped"


def test_ratios_of_sums_are_taken_round_by_round(make_core_report: Callable[..., Any]) -> None:
    report = make_core_report(uplink=2.0, uplink_webrtcvad=5.0, webrtcvad=2.0, soxr=14.0)
    found = {gate.name: gate for gate in budgets.of_core(report, budgets.load())}
    assert found["soxr / uplink"].found == Ratio.exact(7.0)
    assert found["uplink_webrtcvad / uplink + webrtcvad"].found == Ratio.exact(1.25)
    assert found["pyav / uplink"].verdict == "skipped"


def test_drifts_are_judged_row_by_row() -> None:
    drifts = {"uplink": Ratio.exact(1.05), "playout": Ratio.exact(1.2)}
    gates = budgets.of_drift("against", drifts, budgets.load())
    assert [(gate.name, gate.verdict) for gate in gates] == [("against: uplink", "ok"), ("against: playout", "FAIL")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[ratio]", r"expected sections ratios, ages_ms, counts, drift, got 'ratio'"),
        ("[ratios]\n'a / b' = { at_least = 2 }", r"ratios\.a / b: expected at_least or at_most, and a reason"),
        ("[ratios]\n'a / b' = { at_least = 2, at_most = 3, reason = 'x' }", r"expected at_least or at_most, and"),
        ("[ratios]\n'a / b' = { at_least = 'x', reason = 'x' }", r"expected a number and a reason in words"),
        ("[ratios]\n'a / b' = 2", r"expected at_least or at_most, and a reason; got 2"),
        ("[ratios", r"cannot read budgets "),
    ],
)
def test_a_wrong_file_is_told(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "budgets.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=message):
        budgets.load(path)


def test_a_name_that_is_no_ratio_is_told() -> None:
    with pytest.raises(ConfigError, match=r"expected a ratio of rows, 'row / row \+ row', got 'uplink'"):
        budgets.rows_of("uplink")
