"""Write the tables of docs/benchmarks.md and README.md from runs, so that no number there was typed.

    sonicrtc bench all --json run.json --plot docs/benchmarks.svg
    python benchmarks/gate_study.py --json gate.json
    python -m benchmarks.turns --json turns.json
    python benchmarks/write_docs.py --run run.json --gate gate.json --turns turns.json

A table stands between the comments ``<!-- run -->`` and ``<!-- /run -->``, or the same with ``gate`` or ``turns``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
README = ROOT / "README.md"
#: Rows of the README's table.
SHOWN = ("uplink", "uplink_hq", "uplink_webrtcvad", "soxr", "pyav", "scipy")


def measured_on(found: dict[str, Any]) -> str:
    machine = found["machine"]
    return (
        f"{found['date'][:10]}, {machine['cpu']}, {machine['cores']} cores, {machine['system']}, "
        f"Python {machine['python']}, numpy {machine['numpy']}"
    )


def interval(found: dict[str, float] | None, digits: int = 2) -> str:
    if found is None:
        return "not measured"
    if found["low"] == found["high"]:
        return f"{found['median']:.3g}"
    return f"{found['median']:.{digits}f} ({found['low']:.{digits}f} to {found['high']:.{digits}f})"


def run_tables(run: dict[str, Any]) -> Iterator[str]:
    """Yield a run's tables; cases that were not measured are left out."""
    yield f"SonicRTC {run['sonicrtc']}, {measured_on(run)}. Intervals are 99 %."
    if "core" in run:
        yield from core_tables(run["core"])
    if run["gates"]:
        yield from ("", "| gate | goal | measured | |", "|---|---|---|---|")
        yield from (
            f"| {gate['name']} | {gate['goal'].replace('>=', '≥').replace('<=', '≤')} | {interval(gate['found'])} "
            f"| {gate['verdict']} |"
            for gate in run["gates"]
        )
    if "call" in run:
        yield from call_tables(run["call"])


def summary(run: dict[str, Any]) -> Iterator[str]:
    """Yield the README's table."""
    yield f"`make bench`, {measured_on(run)}, kernels {run['core']['isa']}; all on that machine."
    yield ""
    yield "| 20 ms of 48 kHz stereo to 16 kHz float32 and int16 | µs per block | times ours (99 %) | late by, ms |"
    yield "|---|---|---|---|"
    for row in run["core"]["rows"]:
        if row["key"] in SHOWN:
            late = f"{abs(row['answer']['age_mean_ms']):.2f}"
            yield f"| {row['label']} | {row['us']:.2f} | {interval(row['beside_ours'])} | {late} |"
    if "call" in run and run["call"]["median_ms"] is not None:
        times = [asked["response_ms"] for asked in run["call"]["answered"]]
        spread = f"over {len(times)} questions, {min(times):.0f} to {max(times):.0f} ms"
        yield ""
        yield "End of speech to first sound of the answer, without the pause that the model waits for by design: median"
        yield f"**{run['call']['median_ms']:.0f} ms** {spread}."


def core_tables(core: dict[str, Any]) -> Iterator[str]:
    work = None
    for row in core["rows"]:
        if row["work"] != work:
            work = row["work"]
            yield from ("", f"**{work}**, per 20 ms block, kernels {core['isa']}:", "")
            yield "| | µs | times the first | number | output late by, mean / most ms |"
            yield "|---|---|---|---|---|"
        answer = row["answer"]
        late = "" if answer is None else f"{abs(answer['age_mean_ms']):.2f} / {abs(answer['age_max_ms']):.2f}"
        number = interval(row["number"], 4)
        yield f"| {row['label']} | {row['us']:.2f} | {interval(row['beside_ours'])} | {number} | {late} |"
    yield from ("", f"The reference work took {core['reference_us']:.1f} µs.")
    yield from (f"Skipped: {what}." for what in core["skipped"])
    yield from hop_table(core["hops"])
    designs = ", ".join(f"{name}: {ms:.1f} ms" for name, ms in core["design_ms"].items())
    yield from ("", f"Design of a filter, once in a process: {designs}.")


def call_tables(call: dict[str, Any]) -> Iterator[str]:
    yield from ("", "**End of speech to first sound of the answer**, without the model's documented pause:", "")
    yield from ("| question | ms |", "|---|---|")
    yield from (f"| {asked['question']} | {asked['response_ms']:.0f} |" for asked in call["answered"])
    yield from (f"| {problem} | failed |" for problem in call["problems"])
    if call["median_ms"] is not None:
        yield f"| **median** | **{call['median_ms']:.0f}** |"
    yield from hop_table(call["hops"])


def hop_table(hops: list[dict[str, Any]]) -> Iterator[str]:
    yield from ("", "| hop | median | p90 | p99 | most | passages |", "|---|---|---|---|---|---|")
    for hop in hops:
        values = " | ".join(f"{hop[key]:.2f}" for key in ("p50", "p90", "p99", "most"))
        yield f"| {hop['name']}, {hop['unit'].replace('us', 'µs')} | {values} | {hop['calls']} |"


def gate_table(found: dict[str, Any]) -> Iterator[str]:
    """Yield the table of a study of the gate."""
    yield f"{measured_on(found)}; {found['rounds']} rounds in {found['pairs']} pairs of processes a run."
    yield from ("", "| | failed the gate | medians of rows |", "|---|---|---|")
    for name, kind in found["kinds"].items():
        medians = f"{kind['least_median']:.3f} to {kind['most_median']:.3f}"
        yield f"| {name} | {kind['failed']} of {kind['runs']} | {medians} |"


def turns_tables(found: dict[str, Any]) -> Iterator[str]:
    """Yield the tables of a study of barge-in."""
    yield f"{measured_on(found)}. Times are media time, so the machine does not matter but for the cost."
    rows = found["rows"]
    yield from ("", "| a user speaks up | ducked after, median | p90 | onsets | not noticed | muted of each |")
    yield "|---|---|---|---|---|---|"
    for row in rows:
        if row["part"] in ("onset", "double talk"):
            alone = row["part"] == "onset"
            what = row["what"] if alone else f"over the echo: {row['what']}"
            muted = f"{row['muted_ms']:.1f} ms" if alone else ""
            times = f"{row['median_ms']:.0f} ms | {row['p90_ms']:.0f} ms | {row['onsets']} | {row['unheard']}"
            yield f"| {what} | {times} | {muted} |"
    yield from ("", "| nobody speaks | cases | minutes | ducks | barge-ins |", "|---|---|---|---|---|")
    for kind in dict.fromkeys(row["what"].partition(",")[0] for row in rows if row["part"] == "echo"):
        cases = [row for row in rows if row["part"] == "echo" and row["what"].startswith(f"{kind},")]
        sums = " | ".join(f"{sum(row[key] for row in cases):.0f}" for key in ("minutes", "ducks", "barge_ins"))
        yield f"| echo: {kind} | {len(cases)} | {sums} |"
    for row in rows:
        if row["part"] == "noise":
            yield f"| noise: {row['what']} | 1 | {row['minutes']:.0f} | {row['ducks_per_min'] * row['minutes']:.0f} | |"
    cost = next(row for row in rows if row["part"] == "cost")
    yield from ("", f"While the agent speaks, the assist takes {cost['median_us']:.0f} µs (median) per 20 ms.")


def media_tables(run: dict[str, Any]) -> Iterator[str]:
    """Yield the tables of calls on one core and of lost packets."""
    yield f"SonicRTC {run['sonicrtc']}, {measured_on(run)}."
    media = run["media"]
    if "capacity" in media:
        yield from ("", "| calls on one core | calls | CPU each, % | MB each | echo p50 / p95, ms | late, % |")
        yield "|---|---|---|---|---|---|"
        for load in media["capacity"]["loads"]:
            trip = load["round_trip_ms"]
            yield (
                f"| {load['server']} | {load['calls']} | {number(load['cpu_per_call'], 2)} "
                f"| {number(load['per_call_mb'], 2)} | {number(trip['p50'], 0)} / {number(trip['p95'], 0)} "
                f"| {100 * load['late']:.2f} |"
            )
        yield ""
        yield from (f"{name}: at most {calls} calls. " for name, calls in media["capacity"]["most_calls"].items())
        beside = media["capacity"]["beside_first"].items()
        yield from (f"{name} takes {interval(found)} times the CPU of a call of the first. " for name, found in beside)
    if "loss" in media:
        codec = media["loss"]["codec"]
        yield from (
            "",
            "| packets lost | server | words wrong, % | echo mean / p99, ms | added, ms |",
            "|---|---|---|---|---|",
        )
        for heard in media["loss"]["heard"]:
            trip = heard["round_trip_ms"]
            yield (
                f"| {heard['network']} | {heard['server']} | {heard['words']['percent']:.1f} "
                f"| {number(trip['mean'], 0)} / {number(trip['p99'], 0)} | {number(heard['added_ms'], 0)} |"
            )
        yield from ("", f"Without any network {codec['percent']:.1f} % of {codec['words']} words are wrong.")


def number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def write(path: Path, mark: str, lines: Iterator[str]) -> None:
    """Put `lines` between the comments of `mark`."""
    before, opening, rest = path.read_text("utf-8").partition(f"<!-- {mark} -->")
    _, closing, after = rest.partition(f"<!-- /{mark} -->")
    if not opening or not closing:
        raise SystemExit(f"expected <!-- {mark} --> and <!-- /{mark} --> in {path}")
    path.write_text("\n".join((before + opening, *lines, closing + after)), "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, metavar="FILE")
    parser.add_argument("--gate", type=Path, metavar="FILE")
    parser.add_argument("--turns", type=Path, metavar="FILE")
    parser.add_argument("--media", type=Path, metavar="FILE", nargs="+", default=[])
    options = parser.parse_args()
    if options.run is not None:
        run = json.loads(options.run.read_text("utf-8"))
        write(PAGE, "run", run_tables(run))
        write(README, "run", summary(run))
    if options.media:
        runs = [json.loads(file.read_text("utf-8")) for file in options.media]
        write(PAGE, "media", (line for run in runs for line in ("", *media_tables(run))))
    if options.gate is not None:
        write(PAGE, "gate", gate_table(json.loads(options.gate.read_text("utf-8"))))
    if options.turns is not None:
        write(PAGE, "turns", turns_tables(json.loads(options.turns.read_text("utf-8"))))


if __name__ == "__main__":
    main()
