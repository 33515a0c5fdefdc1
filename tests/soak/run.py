"""The soak: ten thousand sessions, and half an hour of talk, after which the process holds what it held before.

``make soak`` runs it, ``make soak ARGS='--minutes 5 --cycles 1000'`` a part of it. The product is in this process,
the services that it talks to are in others: ``sonicrtc local sonic --brain echo`` as a user starts it, and
:mod:`tests.soak.service`, whose streams break in every way there is. All of it goes through the AWS SDK and TLS.

Cycles
    Sessions are opened, exchange a little audio, and end: six in ten in order, the others before they are open,
    cancelled, or by a failure of the service.
Talk
    Conversations in real time, each over a stream that is replaced every few seconds, some for the whole time and
    some that come and go: numbered words of which none may be missing or come again, interruptions, tools. One
    stream in four breaks. Beside them whole calls of WebRTC pages begin and end.

Judged by :mod:`tests.soak.flat`: memory (of the process, of malloc, of the SDK's native library), Python's blocks
and objects may not grow after the first third; threads, tasks and files are the same whenever nothing is going on.
Nothing may be said on the side: an exception that nobody retrieved, a warning or a line on standard error fails
the run. Exit status 0 when everything is flat and quiet, 1 when not.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import sys
import threading
import tracemalloc
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.soak import gauges
from tests.soak.calls import CallAfterCall
from tests.soak.cycles import Cycles
from tests.soak.flat import Bound, Finding, judge_count, judge_difference, judge_growth, table
from tests.soak.gauges import COUNTS, GROWTH, GROWTH_IN_TALK, RESIDENT, Reading, read_at_rest
from tests.soak.other_process import OtherProcess, running
from tests.soak.quiet import Noise, listening
from tests.soak.talks import Talk, Tally

from sonicrtc.config import SonicConfig
from sonicrtc.credentials import StaticCredentials
from sonicrtc.local.state import LocalState

UNITS = {"cycles": "1000 cycles", "talk": "minute", "at rest": "run"}
_THREADS = 4
#: What may be left in the end: less than one session has. A peer connection leaves 0.4 kB in OpenSSL and asyncio.
LEFT = {"objects": 300, "heap_kb": 1024, "native_kb": 128}
#: The SDK keeps something for each of its first 128 clients.
_WARM_UP_CYCLES = 140
_WARM_UP_S = 3.0
_FEWEST_CYCLES = 100
#: Talk that is shorter than this says nothing about growth: a conversation's last ten seconds are kept.
_JUDGED_TALK_S = 60.0
#: How the model answers in the conversations that last, and in those that come and go.
LASTING = ("words", "words", "long", "tool")
PASSING = ("words", "long", "tool", "words")
_PASSING_S = 25.0
#: So little that the longest conversation has filled it in the warm-up.
_HISTORY_BYTES = 1024


@dataclass(slots=True)
class Report:
    """What the run came to."""

    cycles: dict[str, int] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    calls: int = 0
    findings: dict[str, list[Finding]] = field(default_factory=dict)
    series: dict[str, list[tuple[float, dict[str, float]]]] = field(default_factory=dict)
    noise: list[str] = field(default_factory=list)
    expected: dict[str, int] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        grows = any(not finding.flat for rows in self.findings.values() for finding in rows)
        return not (grows or self.noise or self.tally.problems)

    def text(self) -> str:
        tally = asdict(self.tally)
        problems = tally.pop("problems") + self.noise
        lines = [
            "cycles: " + ", ".join(f"{count} {kind}" for kind, count in self.cycles.items()),
            f"calls: {self.calls}; talk: " + ", ".join(f"{value:g} {name}" for name, value in tally.items()),
            table(self.findings, UNITS),
            *(f"! {problem}" for problem in problems[:40]),
            "flat and quiet" if self.passed else "FAILED",
        ]
        return "\n".join(lines)

    def json(self) -> str:
        return json.dumps({"passed": self.passed, **asdict(self)}, indent=2)


class Soak:
    """One run.

    Parameters
    ----------
    echo : OtherProcess
        ``sonicrtc local sonic --brain echo``.
    service : OtherProcess
        :mod:`tests.soak.service`.
    """

    def __init__(
        self, state: LocalState, echo: OtherProcess, service: OtherProcess, noise: Noise, *, trace: bool
    ) -> None:
        exports = dict(word.partition("=")[::2] for line in echo.lines for word in line.split())
        credentials = StaticCredentials(state.keys)
        echoing, talking, failing = (
            SonicConfig(
                endpoint=endpoint,
                ca_file=state.ca_file,
                instructions="long",
                history_message_bytes=_HISTORY_BYTES,
                history_total_bytes=_HISTORY_BYTES,
            )
            for endpoint in (exports["SONICRTC_SONIC_ENDPOINT"], *service.lines[:2])
        )
        self._talking, self._credentials = talking, credentials
        self._others = {"echo": echo, "service": service}
        self._cycles = Cycles(echoing, failing, credentials)
        self._calls = CallAfterCall(talking, credentials)
        self._noise = noise
        self._trace = trace
        self.report = Report()

    async def run(self, cycles: int, talk_s: float) -> Report:
        """Run it all and return the report."""
        asyncio.get_running_loop().set_exception_handler(self._noise.on_loop)
        await fill_executor()
        await self._warm_up()
        gc.collect()
        gc.freeze()  # the modules: looking at them again and again would stop the talks for 100 ms each time
        before = await read_at_rest()
        rest = [self._counts(before)]
        with self._tracing():
            rest += await self._run_cycles(cycles, before)
            if talk_s:
                await self._talk(talk_s)
                rest.append(self._counts(await read_at_rest(before)))
        after = await read_at_rest(before)
        self.report.findings["at rest"] = [
            *(judge_count(name, [counts[name] for counts in rest]) for name in rest[0]),
            *(judge_difference(name, getattr(before, name), getattr(after, name), LEFT[name]) for name in LEFT),
        ]
        self.report.cycles, self.report.calls = dict(self._cycles.kinds), self._calls.count
        self.report.tally.problems += self._calls.problems
        return self.report

    async def _warm_up(self) -> None:
        """Do everything once: what is imported late, cached or pooled comes to be now."""
        await self._cycles.run(_WARM_UP_CYCLES)
        async with asyncio.TaskGroup() as tasks:
            for seed, manner in enumerate(sorted(set(LASTING))):
                tasks.create_task(self._converse(manner, seed, _WARM_UP_S))
            tasks.create_task(self._calls.run(_WARM_UP_S))
        await self._cycles.run(10)

    # -- cycles ------------------------------------------------------------------------------------

    async def _run_cycles(self, count: int, before: Reading) -> list[dict[str, float]]:
        """Return what was counted between the batches, of which there are 10 to 50."""
        if not count:
            return []
        batch = max(10, count // 50)
        series: list[tuple[float, dict[str, float]]] = []
        rest: list[dict[str, float]] = []
        for done in range(batch, count + 1, batch):
            await self._cycles.run(batch)
            reading = await read_at_rest(before)
            series.append((done / 1000, self._memory(reading)))
            rest.append(self._counts(reading))
            self._progress(f"{done} of {count} cycles", reading)
        self._judge("cycles", series, GROWTH)
        return rest

    # -- talk --------------------------------------------------------------------------------------

    async def _talk(self, length_s: float) -> None:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        series: list[tuple[float, dict[str, float]]] = []
        async with asyncio.TaskGroup() as tasks:
            for seed, manner in enumerate(LASTING):
                tasks.create_task(self._converse(manner, seed, length_s))
            for seed, manner in enumerate(PASSING, 100):
                tasks.create_task(self._converse_again(manner, seed, began_s + length_s))
            calling = tasks.create_task(self._calls.run(length_s))
            pause_s = max(2.0, length_s / 120)
            while loop.time() + pause_s < began_s + length_s and not calling.done():
                await asyncio.sleep(pause_s)
                reading = gauges.read()
                series.append(((loop.time() - began_s) / 60, self._memory(reading)))
                self._progress(f"{loop.time() - began_s:.0f} of {length_s:.0f} s of talk", reading)
        if length_s >= _JUDGED_TALK_S:
            self._judge("talk", series, GROWTH_IN_TALK)

    async def _converse(self, manner: str, seed: int, length_s: float) -> None:
        talk = Talk(self._talking, self._credentials, self.report.tally, manner=manner, seed=seed)
        await talk.run(length_s)

    async def _converse_again(self, manner: str, seed: int, ends_s: float) -> None:
        loop = asyncio.get_running_loop()
        while (left_s := ends_s - loop.time()) > 1:
            await self._converse(manner, seed, min(left_s, _PASSING_S))
            seed += 100

    # -- what it comes to --------------------------------------------------------------------------

    def _memory(self, reading: Reading) -> dict[str, float]:
        """Return what may vary but not grow, here and in the services."""
        others = {f"{name} rss_kb": other.rss_kb for name, other in self._others.items()}
        return {name: getattr(reading, name) for name in GROWTH} | others

    def _counts(self, reading: Reading) -> dict[str, float]:
        """Return what has to be the same."""
        return {name: getattr(reading, name) for name in COUNTS}

    def _judge(self, part: str, series: Sequence[tuple[float, dict[str, float]]], bounds: Mapping[str, Bound]) -> None:
        self.report.series[part] = list(series)
        self.report.findings[part] = [
            judge_growth(name, [(at, memory[name]) for at, memory in series], bounds.get(name, RESIDENT))
            for name in series[0][1]
        ]

    def _progress(self, text: str, reading: Reading) -> None:
        held = f"{reading.rss_kb / 1024:.1f} MB, {reading.objects} objects, {reading.threads} threads"
        others = ", ".join(f"{name} {other.rss_kb / 1024:.1f} MB" for name, other in self._others.items())
        self._noise.say(f"{text}: {held}, {reading.tasks} tasks, {reading.files} files; {others}")

    @contextmanager
    def _tracing(self) -> Iterator[None]:
        """Say where Python's memory grew, when that is asked for; it takes several times as long."""
        if not self._trace:
            yield
            return
        tracemalloc.start(8)
        before = tracemalloc.take_snapshot()
        yield
        after = tracemalloc.take_snapshot()
        tracemalloc.stop()
        for statistic in after.compare_to(before, "traceback")[:10]:
            self._noise.say("\n".join([str(statistic), *statistic.traceback.format()]))


async def fill_executor() -> None:
    """Give the loop a pool of threads that all exist: by itself it grows whenever two have work at once."""
    loop = asyncio.get_running_loop()
    executor = ThreadPoolExecutor(_THREADS)
    loop.set_default_executor(executor)
    together = threading.Barrier(_THREADS)
    async with asyncio.TaskGroup() as tasks:
        for _ in range(_THREADS):
            tasks.create_task(asyncio.to_thread(together.wait))


def soak(options: argparse.Namespace) -> Report:
    """Start the services, run, and end them."""
    with (
        listening() as noise, LocalState.open(None) as state,
        running("sonicrtc", "local", "sonic", "--brain", "echo", "--state", str(state.directory),
                "--exit-with-stdin") as echo,
        running("tests.soak.service", str(state.directory)) as service,
    ):  # fmt: skip
        run = Soak(state, echo, service, noise, trace=options.trace)
        report = asyncio.run(run.run(options.cycles, options.minutes * 60))
    report.noise = noise.lines + echo.noise.splitlines() + service.noise.splitlines()
    report.expected = noise.expected
    return report


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="make soak", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cycles", type=int, default=10_000, help="sessions to open and end (default: 10000)")
    parser.add_argument("--minutes", type=float, default=30.0, help="length of the talk (default: 30)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here; - for standard output")
    parser.add_argument("--trace", action="store_true", help="say where Python's memory grew (slow)")
    options = parser.parse_args(arguments)
    if 0 < options.cycles < _FEWEST_CYCLES:
        parser.error(f"--cycles: expected 0 or at least {_FEWEST_CYCLES}, got {options.cycles}")
    if not os.environ.get("AWS_CRT_MEMORY_TRACING"):
        # The native library reads this when it is loaded, and we have loaded it.
        os.environ["AWS_CRT_MEMORY_TRACING"] = "1"
        os.execv(sys.executable, [sys.executable, "-m", "tests.soak.run", *arguments])
    report = soak(options)
    print(report.json() if str(options.json) == "-" else report.text())
    if options.json and str(options.json) != "-":
        options.json.write_text(report.json())
    return not report.passed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
