"""How often the gate is wrong: this build beside itself, and beside itself slowed down by 1.3.

``make bench-gate`` runs it; ``--json FILE`` keeps the result for docs/benchmarks.md (see write_docs.py). Each run is
what ``sonicrtc bench core --against`` does: pairs of fresh processes that take turns. The slowed side does 30 % more
real calls than it counts.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sonicrtc.bench import budgets
from sonicrtc.bench.against import PAIRS, ROUNDS, drift
from sonicrtc.bench.harness import Ratio
from sonicrtc.bench.report import machine

KINDS = {"this build beside itself": 1.0, "this build, slowed down by 1.3, beside itself": 1.3}


def study(slowdown: float, runs: int, rounds: int) -> dict[str, Any]:
    """Return how many of `runs` gates failed, and the most and the least that was measured."""
    limits = budgets.load()
    failed = 0
    rows: list[Ratio] = []
    for run in range(runs):
        found = drift(None, rounds=rounds, slowdown=slowdown)
        broken = [gate.name for gate in budgets.of_drift("against", found.ratios, limits) if gate.verdict == "FAIL"]
        failed += bool(broken)
        rows += found.ratios.values()
        print(f"· {slowdown:g}: run {run + 1} of {runs}, {failed} failed", file=sys.stderr, flush=True)
    return {
        "runs": runs,
        "failed": failed,
        "least_median": min(row.median for row in rows),
        "most_median": max(row.median for row in rows),
        "widest": max(row.high - row.low for row in rows),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    kinds = {name: study(slowdown, options.runs, options.rounds) for name, slowdown in KINDS.items()}
    for name, found in kinds.items():
        print(f"{name}: {found['failed']} of {found['runs']} failed the gate; medians of rows "
              f"{found['least_median']:.3f} to {found['most_median']:.3f}")  # fmt: skip
    if options.json is not None:
        head = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine()}
        found = head | {"rounds": options.rounds, "pairs": PAIRS, "kinds": kinds}
        options.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    alone, slowed = kinds.values()
    return int(alone["failed"] > 0 or slowed["failed"] < slowed["runs"])


if __name__ == "__main__":
    sys.exit(main())
