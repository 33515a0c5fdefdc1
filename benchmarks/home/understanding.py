"""How many written sentences the local speech brain understands.

python -m benchmarks.home.understanding [FILE] [--show]

FILE is in the form of paraphrases.toml, which is the default; its head says how it is to be read. A sentence with
commands is right when the commands are those of the file, or one of its other right answers, in any order; of the
others what is expected of them has to be right. ``--show`` prints what was missed: never use it on held-out sentences.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sonicrtc.local.sonic.speech.home.house import BRIGHTNESS, HEAT, RANGES, WHITE, Command
from sonicrtc.local.sonic.speech.home.understand import understand

HELD_OUT = Path(__file__).with_name("paraphrases.toml")
#: The words of the file for changes: of a light, then of the oven.
_RELATIVE = {
    "brighter": (BRIGHTNESS, 1), "dimmer": (BRIGHTNESS, -1), "hotter": (WHITE, -1), "cooler": (WHITE, 1),
    "warmer": (WHITE, -1), "colder": (WHITE, 1),
}  # fmt: skip
_OVEN = {"hotter": (HEAT, 1), "cooler": (HEAT, -1), "warmer": (HEAT, 1), "colder": (HEAT, -1)}


def wanted(command: Mapping[str, Any]) -> str:
    """Return a command of the file in a form that can be compared."""
    if unknown := command.keys() - {"topic", "payload", "relative", "by"}:
        raise ValueError(f"a command has members that are not known: {', '.join(sorted(unknown))}")
    topic = str(command["topic"])
    if "relative" not in command:
        return _form(topic, command["payload"], "", 0)
    member, sign = (_OVEN if "/oven/" in topic else _RELATIVE)[command["relative"]]
    return _form(topic, {}, member, sign * int(command.get("by", RANGES[member].step)))


def understood(command: Command) -> str:
    """Return what was understood in the same form."""
    return _form(command.topic, command.payload, command.member, command.by)


def _form(topic: str, payload: Mapping[str, object], member: str, by: int) -> str:
    return json.dumps([topic, dict(payload), member, by], sort_keys=True)


def right(sentence: Mapping[str, Any]) -> tuple[bool, str]:
    """Return whether a sentence was understood, and what was understood."""
    meaning = understand(sentence["say"])
    got = sorted(map(understood, meaning.commands))
    kind = "confirm" if meaning.kind == "act" and meaning.asks_first else meaning.kind
    if kind != sentence["expect"]:
        return False, f"{kind} {got}"
    if kind not in ("act", "confirm"):
        return True, kind
    answers: list[Iterable[Mapping[str, Any]]] = [sentence["commands"], *sentence.get("or", [])]
    return any(got == sorted(map(wanted, answer)) for answer in answers), f"{kind} {got}"


def main() -> int:
    """Print the share that is right, for each expectation and for all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, nargs="?", default=HELD_OUT)
    parser.add_argument("--show", action="store_true", help="print what was missed")
    options = parser.parse_args()
    if options.show and options.file.resolve() == HELD_OUT:
        parser.error("held-out sentences are for measuring only")
    sentences = tomllib.loads(options.file.read_text("utf-8"))["sentence"]
    total, hits = Counter[str](), Counter[str]()
    acted = 0
    for sentence in sentences:
        good, got = right(sentence)
        total[sentence["expect"]] += 1
        hits[sentence["expect"]] += good
        acted += sentence["expect"] == "none" and got.startswith(("act", "confirm"))
        if options.show and not good:
            print(f"{sentence['say']!r}: expected {sentence['expect']}, understood {got}")
    for expect, count in total.items():
        print(f"{expect:8}  {hits[expect]:3} of {count:3}  {hits[expect] / count:6.1%}")
    print(f"{'all':8}  {hits.total():3} of {total.total():3}  {hits.total() / total.total():6.1%}")
    print(f"non-commands that would act or ask for a yes: {acted}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
