"""The audio core beside its peers: times, answers, delays, counts and hops of one run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sonicrtc._core import isa
from sonicrtc.bench import counts
from sonicrtc.bench.candidates import WORKS, Entry, ready, tapes
from sonicrtc.bench.harness import Ratio, Timed, Times, interleave, microseconds, ratio, undisturbed
from sonicrtc.bench.hops import Hop, of_the_core
from sonicrtc.bench.ours import OURS
from sonicrtc.bench.peers import PEERS
from sonicrtc.bench.reference import Reference
from sonicrtc.bench.tape import Answer

type Say = Callable[[str], None]

ROUNDS = 100
QUICK_ROUNDS = 10
REFERENCE = "reference"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One candidate.

    Parameters
    ----------
    key, label, work : str
        Its names and that of the table it stands in.
    us : float
        Time per block of 20 ms on this machine.
    number : Ratio
        The same in times of the reference work: compares across machines.
    beside_ours : Ratio
        The same in times of the first row of its table.
    answer : Answer, optional
        How right and how late its output is.
    """

    key: str
    label: str
    work: str
    us: float
    number: Ratio
    beside_ours: Ratio
    answer: Answer | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreReport:
    """What :func:`run` found.

    Parameters
    ----------
    rows : tuple of Row
        In the order of the tables.
    times : dict
        Seconds per block by key and round, the reference among them.
    skipped : tuple of str
        What did not run here, and what to install.
    counts, design_ms : dict
        See :mod:`counts`.
    hops : tuple of Hop
        See :mod:`hops`.
    isa : str
        Kernels that were used.
    """

    rows: tuple[Row, ...]
    times: Times
    skipped: tuple[str, ...]
    counts: dict[str, float]
    design_ms: dict[str, float]
    hops: tuple[Hop, ...]
    isa: str


def run(
    *, rounds: int = ROUNDS, say: Say = lambda line: None, pin: bool = True, entries: Iterable[Entry] = (*OURS, *PEERS)
) -> CoreReport:
    """Measure all candidates that are installed.

    Parameters
    ----------
    rounds : int
        Samples per candidate.
    say : callable
        Told what goes on.
    pin : bool
        Stay on one core where the system can.
    entries : iterable of Entry
        The candidates; the first of each work is the one that the others are compared with.

    Raises
    ------
    BenchError
        A candidate's output is not the signal.
    """
    entries = sorted(entries, key=lambda entry: WORKS.index(entry.work))
    present = [entry for entry in entries if entry.missing is None]
    say(f"core: checking the answers of {len(present)} candidates")
    of_work = tapes(present)
    made = {entry.key: ready(entry, of_work[entry.work.key]) for entry in present}
    reference = Reference()
    reference.check()
    say(f"core: {rounds} rounds of {len(present)} candidates and the reference, in turns")
    with undisturbed(pin=pin):
        timed = {key: timed for key, (timed, _) in made.items()}
        times = interleave({**timed, REFERENCE: Timed(reference.work)}, rounds=rounds)
        say("core: single calls of each hop")
        hops = of_the_core(calls=50 * rounds)
    say("core: counts and designs")
    return CoreReport(
        rows=tuple(_rows(present, times, {key: answer for key, (_, answer) in made.items()})),
        times=times,
        skipped=tuple(entry.missing for entry in entries if entry.missing is not None),
        counts=counts.of_this_build(),
        design_ms=counts.design_ms(),
        hops=hops,
        isa=isa(),
    )


def _rows(entries: list[Entry], times: Times, answers: dict[str, Answer | None]) -> Iterable[Row]:
    first: dict[str, str] = {}
    for entry in entries:
        ours = first.setdefault(entry.work.key, entry.key)
        yield Row(
            key=entry.key,
            label=entry.label,
            work=entry.work.title,
            us=microseconds(times[entry.key]),
            number=ratio(times[entry.key], times[REFERENCE]),
            beside_ours=ratio(times[entry.key], times[ours]),
            answer=answers[entry.key],
        )
