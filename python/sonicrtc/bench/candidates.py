"""What a candidate is, and the works that candidates do."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sonicrtc.bench.harness import Timed
from sonicrtc.bench.tape import Answer, BenchError, Outputs, Work, judge

UPLINK = Work(
    key="uplink", title="48 kHz stereo int16 to 16 kHz mono float32 and int16",
    input_hz=48_000, output_hz=16_000, channels=2,
)  # fmt: skip
FRAME = Work(key="frame", title="the same from an av.AudioFrame", input_hz=48_000, output_hz=16_000, channels=2)
DOWNLINK = Work(key="downlink", title="24 kHz to 48 kHz, mono int16", input_hz=24_000, output_hz=48_000, channels=1)
#: Its candidate gives decisions, not audio: one on 20 ms of 16 kHz.
DETECTION = Work(
    key="detection", title="speech or not, 16 kHz mono int16", input_hz=16_000, output_hz=16_000, channels=1
)
WORKS = (UPLINK, FRAME, DOWNLINK, DETECTION)

LEAST_CORRELATION = 0.99
#: What pip calls a module, where it is not the same.
_PACKAGES = {"webrtcvad": "webrtcvad-wheels"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One way to do a work, ready to run.

    Parameters
    ----------
    call : callable
        Converts one block: the whole of what is timed, in the way its users write it.
    read : callable
        Turns what `call` returned into the outputs. Not timed: it copies nothing and converts nothing.
    feed : callable
        Turns the tape's blocks into what `call` takes. Not timed.
    """

    call: Callable[[Any], Any]
    read: Callable[[Any], Outputs] = tuple
    feed: Callable[[Sequence[Any]], Sequence[Any]] = list


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A candidate by name.

    Parameters
    ----------
    key, label : str
        For budgets and for people.
    work : Work
        What it does.
    make : callable
        Sets it up, from the state after construction.
    needs : tuple of str
        Modules of other packages.
    """

    key: str
    label: str
    work: Work
    make: Callable[[], Candidate]
    needs: tuple[str, ...] = ()

    @property
    def missing(self) -> str | None:
        """Why this cannot run here and what to install, or None."""
        absent = [module for module in self.needs if importlib.util.find_spec(module) is None]
        packages = " ".join(_PACKAGES.get(module, module) for module in absent)
        return f"{self.key}, {self.label}: not installed (pip install {packages})" if absent else None


def tapes(entries: Iterable[Entry]) -> dict[str, list[Any]]:
    """Return the tape of every work that `entries` do."""
    return {work.key: work.tape() for work in {entry.work for entry in entries}}


def ready(entry: Entry, tape: Sequence[Any]) -> tuple[Timed, Answer | None]:
    """Set a candidate up, check what it makes of `tape`, and return what is to be timed.

    Returns
    -------
    (Timed, Answer)
        A detector has no answer but its decisions.

    Raises
    ------
    BenchError
        Its output is not the signal.
    """
    candidate = entry.make()
    items = candidate.feed(tape)
    return Timed(candidate.call, items), _answer(entry, candidate, items)


def _answer(entry: Entry, candidate: Candidate, items: Sequence[Any]) -> Answer | None:
    if entry.work is DETECTION:
        found = {candidate.call(item) for item in items}
        if not found <= {True, False} or True not in found:
            raise BenchError(f"{entry.label}: expected decisions and speech among them, got {found}")
        return None
    try:
        answer = judge(entry.work, lambda item: candidate.read(candidate.call(item)), items)
    except BenchError as exc:
        raise BenchError(f"{entry.label}: {exc}") from None
    if not answer.correlation >= LEAST_CORRELATION:
        raise BenchError(
            f"{entry.label}: expected a correlation of at least {LEAST_CORRELATION}, got {answer.correlation:.4f}"
        )
    return answer
