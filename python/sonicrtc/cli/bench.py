"""``sonicrtc bench``: the suite that ships."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sonicrtc.cli import bench_capacity
from sonicrtc.errors import ConfigError

if TYPE_CHECKING:
    from sonicrtc.bench.report import Document

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

_CASES = ("core", "call", "capacity", "all")
_OLD_NAMES = {"audio": "core", "response": "call"}
_DESCRIPTION = """Measure this installation.

  core   the audio core beside other resamplers: time, delay and answer of each, block by block
  call   how soon the demo answers ten spoken questions, and where the time goes
  capacity  how many calls a server carries on one core, and with --loss what it hears when packets are lost;
         this installation's, or any that answers POST /offer with {"sdp", "type"} and returns the caller's audio
  all    core and call

A speed is a ratio of candidates that took turns in one run, with its 99 % interval. The exit status is 1 when an
answer is wrong, and with --gate when a budget is surely broken: the whole interval is past it."""
_EPILOG = """examples:
  sonicrtc bench core                                  look
  sonicrtc bench core --json today.json --plot today.svg
  sonicrtc bench core --gate --compare last-year.json  an earlier run, on any machine
  sonicrtc bench core --gate --against main            another build, in turns: the smallest drifts
  sonicrtc bench call --gate --compare yesterday.json  the time to answer, question by question
  sonicrtc bench capacity                              more and more calls until packets are late
  sonicrtc bench capacity --calls 4,8,16 --server other=http://127.0.0.1:7860
  sonicrtc bench capacity --calls none --loss 0,5,10,5x3 --plot loss.svg

Peers come with the extra: pip install 'sonicrtc[bench]'. Those that are missing are named as skipped."""


def add_to(commands: Commands) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "bench", help="measure the audio core and the time to answer", description=_DESCRIPTION, epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument(
        "case", nargs="?", type=lambda name: _OLD_NAMES.get(name, name), choices=_CASES, default="all",
        help="what to measure (all)",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the run as JSON")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw the run (extra 'bench')")
    parser.add_argument(
        "--compare", type=Path, metavar="FILE", help="an earlier --json: compare the unit-less numbers of both"
    )
    parser.add_argument(
        "--against", metavar="REF",
        help="another build: a git revision of this checkout, a wheel, or a directory that holds the package",
    )  # fmt: skip
    parser.add_argument("--gate", action="store_true", help="exit status 1 when a budget is surely broken")
    parser.add_argument("--budgets", type=Path, metavar="FILE", help="your own instead of the suite's budgets.toml")
    parser.add_argument("--rounds", type=_positive, metavar="N", help="samples per candidate (100)")
    parser.add_argument("--quick", action="store_true", help="10 rounds, 2 questions: to see that it runs")
    parser.add_argument("--no-pin", action="store_true", help="do not stay on one processor core")
    bench_capacity.add_to(parser)
    parser.set_defaults(run=run)


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, got {text!r}")
    return int(text)


def run(options: argparse.Namespace) -> int:
    """Run the cases and print what they found."""
    from sonicrtc.bench import budgets, plot, report

    if options.against is not None and options.case not in ("core", "all"):
        raise ConfigError("--against times the core; use it with 'core' or 'all'")
    for path in (options.json, options.plot):
        if path is not None and not path.absolute().parent.is_dir():
            raise ConfigError(f"cannot write {path}: its directory is not there")
    if options.plot is not None:
        plot.require()
    limits = budgets.load(options.budgets or budgets.OWN)
    earlier = None if options.compare is None else report.read(options.compare)
    measured = _measure(options)
    gates = [] if "core" not in measured else [*budgets.of_core(measured["core"], limits)]
    if "against" in measured:
        gates += budgets.of_drift("against", measured["against"][1].ratios, limits)
    if earlier is not None:
        gates += budgets.of_drift("compare", report.compare(report.document(**measured), earlier), limits)
    found = report.document(**measured, gates=gates)
    print("\n".join(report.lines(found)), flush=True)
    if options.json is not None:
        _write(options.json, found)
    if options.plot is not None:
        plot.plot(found, options.plot)
    wrong = "call" in found and bool(found["call"]["problems"])
    broken = options.gate and any(gate.verdict == "FAIL" for gate in gates)
    return int(wrong or broken)


def _measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run what was asked for: the arguments of :func:`report.document`."""
    from sonicrtc.bench import against, call_case, core_case

    if options.case == "capacity":
        return {"media": bench_capacity.measure(options, _say)}
    measured: dict[str, Any] = {}
    rounds = options.rounds or (core_case.QUICK_ROUNDS if options.quick else core_case.ROUNDS)
    if options.case != "call":
        measured["core"] = core_case.run(rounds=rounds, say=_say, pin=not options.no_pin)
        if options.against is not None:
            with against.other_build(options.against, _say) as build:
                found = against.drift(build, rounds=rounds, pin=not options.no_pin, say=_say)
            measured["against"] = (options.against, found)
    if options.case != "core":
        questions = call_case.QUESTIONS[: 2 if options.quick else None]
        length = {"interruptions": 1, "stations_s": 5} if options.quick else {"interruptions": 5, "stations_s": 20}
        measured["call"] = asyncio.run(call_case.run(_say, questions, **length))
    return measured


def _say(line: str) -> None:
    print(f"· {line}", file=sys.stderr, flush=True)


def _write(path: Path, found: Document) -> None:
    try:
        path.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    except OSError as exc:
        raise ConfigError(f"cannot write {path}: {exc}") from exc
