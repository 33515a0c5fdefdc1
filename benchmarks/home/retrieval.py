"""How well the local knowledge base finds passages of the smart home's document.

``python -m benchmarks.home.retrieval`` prints top-1, top-3 and milliseconds per question of both halves;
``--half development`` shows what went wrong in the half that may be looked at.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sonicrtc.local.knowledge_base.embedding import embedder
from sonicrtc.local.knowledge_base.index import Index
from sonicrtc.local.knowledge_base.library import Library

QUESTIONS = Path(__file__).with_name("questions.toml")
DOCUMENT = Path(__file__).parents[2] / "examples" / "smart_home" / "topics.md"
HALVES = ("development", "held out")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question and the heading of the passage that answers it."""

    text: str
    heading: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was found: headings, best first, and how long it took."""

    asked: Asked
    headings: tuple[str, ...]
    seconds: float

    def is_right(self, among: int) -> bool:
        return self.asked.heading in self.headings[:among]


def questions() -> dict[str, list[Asked]]:
    """Return the questions of each half."""
    document = tomllib.loads(QUESTIONS.read_text("utf-8"))
    headings = document["passages"]
    asked = [Asked(text=text, heading=headings[passage]) for text, passage in document["questions"]["asked"]]
    return {HALVES[0]: asked[::2], HALVES[1]: asked[1::2]}


def read(document: Path) -> Index:
    """Index one file, as the service indexes a folder."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / document.name).write_bytes(document.read_bytes())
        index = Library(Path(folder), embedder(), lambda line: None).index(threading.Event())
    assert index is not None
    return index


def ask(index: Index, asked: Asked) -> Answer:
    """Find three passages; the time is that of embedding and search, without HTTP."""
    started_s = time.perf_counter()
    found = index.nearest(asked.text, embedder()(asked.text), limit=3)
    seconds = time.perf_counter() - started_s
    return Answer(asked=asked, headings=tuple(_heading(each.entry.text) for each in found), seconds=seconds)


def _heading(text: str) -> str:
    """Return the innermost heading of a passage."""
    return [line.lstrip("# ") for line in text.partition("\n\n")[0].splitlines() if line.startswith("#")][-1]


def report(half: str, answers: Sequence[Answer]) -> str:
    right = [
        f"top-{n} {sum(a.is_right(n) for a in answers):2}/{len(answers)} = {_share(answers, n):.1%}" for n in (1, 3)
    ]
    milliseconds = statistics.median(answer.seconds for answer in answers) * 1000
    return f"{half:12} {', '.join(right)}, median {milliseconds:.1f} ms per question"


def _share(answers: Sequence[Answer], among: int) -> float:
    return sum(answer.is_right(among) for answer in answers) / len(answers)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--document", type=Path, default=DOCUMENT)
    parser.add_argument("--half", choices=HALVES, help="only this half, with what was not found first")
    options = parser.parse_args()
    index = read(options.document)
    print(f"{options.document.name}: {index}")
    for half, asked in questions().items():
        if options.half not in (None, half):
            continue
        answers = [ask(index, each) for each in asked]
        print(report(half, answers))
        for answer in answers if options.half else ():
            if not answer.is_right(1):
                print(f"  {answer.asked.text}\n    {answer.asked.heading}\n    got {answer.headings}")


if __name__ == "__main__":
    main()
