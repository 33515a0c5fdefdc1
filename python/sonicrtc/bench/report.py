"""One run as a document: what ``--json`` writes and ``--compare`` reads, and its tables as text."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from sonicrtc import __version__
from sonicrtc.bench.against import Drift
from sonicrtc.bench.budgets import Gate
from sonicrtc.bench.call_case import ConversationReport
from sonicrtc.bench.core_case import CoreReport
from sonicrtc.bench.harness import Ratio, ratio
from sonicrtc.bench.media import tables
from sonicrtc.bench.ours import OURS
from sonicrtc.bench.reference import VERSION
from sonicrtc.errors import ConfigError

#: What a document looks like; another number for another look.
FORMAT = 1

type Document = dict[str, Any]


def document(
    *,
    core: CoreReport | None = None,
    call: ConversationReport | None = None,
    against: tuple[str, Drift] | None = None,
    media: Document | None = None,
    gates: Iterable[Gate] = (),
) -> Document:
    """Return a run as JSON has it. Each part that was not measured is left out."""
    made: Document = {
        "format": FORMAT, "reference": VERSION, "sonicrtc": __version__,
        "date": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine(),
    }  # fmt: skip
    if core is not None:
        made["core"] = {key: value for key, value in dataclasses.asdict(core).items() if key != "times"}
        made["core"]["reference_us"] = 1e6 * float(np.median(core.times["reference"]))
    if call is not None:
        made["call"] = dataclasses.asdict(call) | {"median_ms": call.median_ms}
    if against is not None:
        made["against"] = {"ref": against[0], **dataclasses.asdict(against[1])}
    if media is not None:
        made["media"] = media
    made["gates"] = [_gate(gate) for gate in gates]
    return made


def _gate(gate: Gate) -> Document:
    found = None if gate.found is None else dataclasses.asdict(gate.found)
    return {
        "name": gate.name, "goal": str(gate.budget), "found": found, "verdict": gate.verdict,
        "reason": gate.budget.reason,
    }  # fmt: skip


def machine() -> dict[str, Any]:
    """Return what a reader must know of the machine; nothing that names it."""
    return {
        "cpu": _cpu(), "cores": os.cpu_count(), "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(), "numpy": np.__version__,
    }  # fmt: skip


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or "unknown")


def read(path: Path) -> Document:
    """Read an earlier run.

    Raises
    ------
    ConfigError
        It is none, or its numbers do not compare with this suite's.
    """
    try:
        earlier = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as exc:
        raise ConfigError(f"cannot read {path}: {exc}") from exc
    if not isinstance(earlier, dict) or earlier.get("format") != FORMAT:
        raise ConfigError(f"{path}: expected a file of 'sonicrtc bench --json' in format {FORMAT}")
    if earlier.get("reference") != VERSION:
        raise ConfigError(
            f"{path}: measured with reference {earlier.get('reference')!r}, this suite has {VERSION!r}: "
            "the numbers do not compare; measure that build with this suite (--against)"
        )
    return earlier


def compare(now: Document, earlier: Document) -> dict[str, Ratio]:
    """Return this run's unit-less numbers over an earlier one's, for what both have of our own.

    Rows of the core take the far ends of both intervals; the call compares the same questions. Peers are left
    out: one that got slower is no regression of ours.

    Raises
    ------
    ConfigError
        The earlier run lacks something that it should have.
    """
    try:
        drifts = dict(_core_drifts(now, earlier))
        numbers = [
            {a["question"]: a["number"] for a in run.get("call", {}).get("answered", ())} for run in (now, earlier)
        ]
    except (KeyError, TypeError, AttributeError) as exc:
        raise ConfigError(f"the earlier run is not complete: {exc!r}; measure it again") from exc
    both = [question for question in numbers[0] if question in numbers[1]]
    if both:
        drifts["call"] = ratio([numbers[0][q] for q in both], [numbers[1][q] for q in both])
    return drifts


def _core_drifts(now: Document, earlier: Document) -> Iterator[tuple[str, Ratio]]:
    ours = {entry.key for entry in OURS}
    rows = {row["key"]: row["number"] for row in earlier.get("core", {}).get("rows", ()) if row["key"] in ours}
    for row in now.get("core", {}).get("rows", ()):
        if row["key"] in rows:
            new, old = row["number"], rows[row["key"]]
            yield (
                row["key"],
                Ratio(
                    median=new["median"] / old["median"], low=new["low"] / old["high"], high=new["high"] / old["low"]
                ),
            )


def lines(run: Document) -> Iterator[str]:
    """Yield a run as tables."""
    if "core" in run:
        yield from _core_lines(run["core"])
    if "call" in run:
        yield from _call_lines(run["call"])
    if "media" in run:
        yield from tables.lines(run["media"])
    if "against" in run:
        other = run["against"]
        yield f"this build over {other['ref']} (version {other['version']}): above 1 this one is slower"
        for row, found in other["ratios"].items():
            yield f"  {row:44}{_interval(found)}"
        yield from (f"  skipped: {what}" for what in other["skipped"])
        yield ""
    if run["gates"]:
        yield from _gate_lines(run["gates"])


def _core_lines(core: Document) -> Iterator[str]:
    work = None
    for row in core["rows"]:
        if row["work"] != work:
            work = row["work"]
            yield f"{work}, per 20 ms block, kernels: {core['isa']}"
            yield f"  {'':40}     us  x first           (99 %)   number    late   most   agrees"
        beside, answer = row["beside_ours"], row["answer"]
        interval = f"({beside['low']:.2f} to {beside['high']:.2f})"
        timing = f"{row['us']:7.2f}  {beside['median']:7.2f} {interval:>16}  {row['number']['median']:7.4f}"
        late = ""
        if answer is not None:
            late = f"  {_ms(answer['age_mean_ms'])} {_ms(answer['age_max_ms'])}  {answer['correlation']:7.5f}"
        yield f"  {row['label']:40}{timing}{late}"
    yield f"  number: times of the reference work {VERSION}, which takes {core['reference_us']:.1f} us here"
    yield "  late: age of the newest output, in the mean and at most"
    yield from (f"  skipped: {what}" for what in core["skipped"])
    yield ""
    yield from hop_lines(core["hops"])
    yield "counts and designs"
    yield from (f"  {name:44}{count:g}" for name, count in core["counts"].items())
    yield from (f"  {'design, ' + name:44}{ms:.1f} ms (goal: 50)" for name, ms in core["design_ms"].items())
    yield ""


def _call_lines(call: Document) -> Iterator[str]:
    yield "end of speech to first sound of the answer, without the model's documented pause"
    for asked in call["answered"]:
        yield f"  {asked['response_ms']:6.0f} ms  {asked['question']}"
    yield from (f"  FAILED     {problem}" for problem in call["problems"])
    if call["median_ms"] is not None:
        times = [asked["response_ms"] for asked in call["answered"]]
        yield f"  {call['median_ms']:6.0f} ms  median of {len(times)}, from {min(times):.0f} to {max(times):.0f}"
    yield ""
    yield from hop_lines(call["hops"])


def hop_lines(hops: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield how the times of single passes are spread."""
    yield f"  {'hop':32}{'p50':>9}{'p90':>9}{'p99':>9}{'most':>9}"
    for hop in hops:
        yield (
            f"  {hop['name']:32}" + "".join(f"{hop[k]:9.2f}" for k in ("p50", "p90", "p99", "most")) + f" {hop['unit']}"
        )
    yield ""


def _gate_lines(gates: list[Document]) -> Iterator[str]:
    width = max(len(gate["name"]) for gate in gates)
    yield f"{'gate':{width}}{'goal':>9}  {'measured (99 %)':>24}"
    for gate in gates:
        yield f"{gate['name']:{width}}{gate['goal']:>9}  {_interval(gate['found']):>24}  {gate['verdict']}"
        if gate["verdict"] in ("short", "FAIL"):
            yield f"    {gate['reason']}"
    counted = [gate["verdict"] for gate in gates]
    yield ", ".join(f"{counted.count(v)} {v}" for v in ("ok", "short", "FAIL", "skipped") if v in counted)


def _interval(found: Mapping[str, float] | None) -> str:
    if found is None:
        return "not measured"
    if found["low"] == found["high"]:
        return f"{found['median']:.3g}"
    return str(Ratio(**found))


def _ms(value: float) -> str:
    return f"{0 if abs(value) < 0.005 else value:6.2f}"
