"""How many calls a server carries on one core, and what one takes: CPU, memory, round trip, late packets."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sonicrtc.bench import processes
from sonicrtc.bench.harness import Ratio, rotated
from sonicrtc.bench.media.calls import Calls
from sonicrtc.bench.media.figures import (
    LATE_SHARE,
    LOAD_LATE_S,
    LOAD_LATE_SHARE,
    Spread,
    late_share,
    lateness_ms,
    next_calls,
    pitch_of,
    round_trips_ms,
)
from sonicrtc.bench.media.impairment import Impairment
from sonicrtc.bench.media.session import LightCall
from sonicrtc.bench.media.tapes import PACKETS_PER_S, Decoder, Tape
from sonicrtc.bench.processes import ServerUnderTest

type Say = Callable[[str], None]
type Float64 = NDArray[np.float64]

#: A busy machine makes the load late: how often a measurement is tried before the best one counts, with a remark.
TRIES = 3
_SETTLE_S = 2.0
_PROBES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """One measurement.

    Parameters
    ----------
    server : str
        Whose.
    calls, connected : int
        How many calls there should have been, and how many came about.
    cpu_percent, cpu_per_call : float, optional
        Of one core, by all processes of the server: together, and over the number of calls.
    first_mb, per_call_mb : float, optional
        Resident memory with one call, and what each further one added.
    round_trip_ms : Spread
        From a packet that holds the beginning of a tone to the first packet that brings it back.
    connect_ms : Spread
        From the beginning of a call to its connection.
    late : float
        Share of packets that came back more than 40 ms behind the schedule of the earliest.
    missing : float
        Share of packets that did not come back at all.
    load_cpu_percent, load_late : float
        CPU of the load generator, and the share of its own packets that it sent 10 ms or more too late: above
        0.5 % nothing can be said about the server.
    failures : tuple of str
        Why calls did not come about.
    """

    server: str
    calls: int
    connected: int
    cpu_percent: float | None
    cpu_per_call: float | None
    first_mb: float | None
    per_call_mb: float | None
    round_trip_ms: Spread
    connect_ms: Spread
    late: float
    missing: float
    load_cpu_percent: float
    load_late: float
    failures: tuple[str, ...] = ()

    @property
    def kept_up(self) -> bool:
        """Whether all calls came about and at most 0.5 % of the packets were late."""
        return self.connected == self.calls and self.late <= LATE_SHARE


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The time in which was measured, on the loop's clock."""

    begin_s: float
    end_s: float

    def of(self, times_s: Sequence[float] | Float64) -> slice:
        """Return where in `times_s`, which ascend, the window begins and ends."""
        begin, end = np.searchsorted(np.asarray(times_s), [self.begin_s, self.end_s])
        return slice(int(begin), int(end))


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What happens to packets on the way to the server and back."""

    up: Impairment = field(default_factory=Impairment)
    down: Impairment = field(default_factory=Impairment)


async def measure(
    server: ServerUnderTest, calls: int, tape: Tape, *, seconds: float, network: Network | None = None
) -> Load:
    """Put `calls` on a fresh process of `server`, and watch for `seconds`."""
    server_cores, load_cores = processes.split_cores()
    network, every = network or Network(), max(1, calls // _PROBES)
    light = [
        LightCall(tape, start=37 * n, up=network.up, down=network.down, seed=n, keeps_payloads=n % every == 0)
        for n in range(calls)
    ]
    with processes.on_cores(load_cores):
        async with processes.started(server, cores=server_cores) as running, Calls(running.url) as on:
            await on.add(light[:1])
            await asyncio.sleep(_SETTLE_S)
            first_mb = _resident(running.pid)
            await on.add(light[1:])
            await asyncio.sleep(_SETTLE_S)
            loop = asyncio.get_running_loop()
            begin_s, used = loop.time(), (_cpu(running.pid), time.process_time())
            await asyncio.sleep(seconds)
            window = Window(begin_s=begin_s, end_s=loop.time())
            spent = (_cpu(running.pid) - used[0], time.process_time() - used[1])
            all_mb = _resident(running.pid)
    known = running.pid is not None and bool(on.connected)
    span_s = window.end_s - window.begin_s
    cpu = 100 * spent[0] / span_s if known else None
    return Load(
        server=server.name, calls=calls, connected=len(on.connected), cpu_percent=cpu,
        cpu_per_call=None if cpu is None else cpu / len(on.connected), first_mb=first_mb if known else None,
        per_call_mb=(all_mb - first_mb) / (len(on.connected) - 1) if known and len(on.connected) > 1 else None,
        load_cpu_percent=100 * spent[1] / span_s, failures=tuple(on.failures), **figures(on.connected, window),
    )  # fmt: skip


def _cpu(pid: int | None) -> float:
    return 0.0 if pid is None else processes.cpu_s(pid)


def _resident(pid: int | None) -> float:
    return 0.0 if pid is None else processes.resident_mb(pid)


def figures(calls: Sequence[LightCall], window: Window) -> dict[str, Any]:
    """Return what the packets of `calls` in `window` say."""
    behind, missing, too_late, trips = [np.zeros(0)], 0.0, [np.zeros(0, bool)], []
    for call in calls:
        arrivals = call.arrivals
        inside = window.of(arrivals.at_s)
        behind.append(lateness_ms(arrivals.at_s[inside], arrivals.timestamps[inside]))
        missing += max(0.0, (window.end_s - window.begin_s) * PACKETS_PER_S - (inside.stop - inside.start))
        too_late.append(overdue_s(call, window) > LOAD_LATE_S)
        trips += round_trips(call, window)
    expected = max(1.0, len(calls) * (window.end_s - window.begin_s) * PACKETS_PER_S)
    sent = np.concatenate(too_late)
    return {
        "late": late_share(np.concatenate(behind)), "missing": missing / expected, "round_trip_ms": Spread.of(trips),
        "connect_ms": Spread.of([call.connected_ms for call in calls if call.connected_ms is not None]),
        "load_late": float(sent.mean()) if sent.size else 0.0,
    }  # fmt: skip


def overdue_s(call: LightCall, window: Window) -> Float64:
    """Return how long after it was due each packet was sent in `window`."""
    sent_s = np.asarray(call.track.sent_s, np.float64)
    overdue = sent_s - call.track.began_s - np.arange(sent_s.size) / PACKETS_PER_S
    return overdue[window.of(sent_s)]


def round_trips(call: LightCall, window: Window) -> list[float]:
    """Return how long the marks that were sent in `window` took to come back, in ms; of a probe only."""
    arrivals, sent_s = call.arrivals, call.track.sent_s
    if arrivals.payloads is None:
        return []
    pitches = {hz for _, hz in call.tape.marks}
    begins = dict(call.tape.marks)
    inside = window.of(sent_s)
    sent = [
        (sent_s[number], begins[place])
        for number in range(inside.start, inside.stop)
        if (place := call.track.place(number)) in begins
    ]
    decoder, wanted = Decoder(), tuple(sorted(pitches))
    heard = [
        (at_s, pitch_of(decoder.decode(payload), wanted))
        for at_s, payload in zip(arrivals.at_s, arrivals.payloads, strict=True)
    ]
    return list(round_trips_ms(sent, heard))


# -- the whole case ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityReport:
    """What :func:`run` found.

    Parameters
    ----------
    loads : tuple of Load
        In the order in which they were measured.
    most_calls : dict of str to int
        For each server the most calls with which it kept up; only where that was searched for.
    beside_first : dict of str to Ratio
        CPU per call of each server over that of the first one with as many calls: the median, the least and the most
        of the pairs that kept up.
    """

    loads: tuple[Load, ...]
    most_calls: dict[str, int]
    beside_first: dict[str, Ratio]


async def run(
    servers: Sequence[ServerUnderTest], tape: Tape, *, counts: Sequence[int] | None, seconds: float, rounds: int = 1,
    network: Network | None = None, say: Say = lambda line: None,
) -> CapacityReport:  # fmt: skip
    """Measure `servers` in turns: with each of `counts` calls, or, with None, with more and more until it is too much.

    Each measurement has a fresh process of the server.
    """
    loads: list[Load] = []

    async def one(server: ServerUnderTest, calls: int) -> Load:
        tries = [await measure(server, calls, tape, seconds=seconds, network=network)]
        while tries[-1].load_late > LOAD_LATE_SHARE and len(tries) < TRIES:
            say(f"capacity: {server.name}, {calls} calls: the load was late, once more")
            tries.append(await measure(server, calls, tape, seconds=seconds, network=network))
        load = min(tries, key=lambda load: load.load_late)
        cpu = "" if load.cpu_per_call is None else f", {load.cpu_per_call:.2f} % of a core each"
        say(f"capacity: {server.name}, {load.connected} of {calls} calls{cpu}, {100 * load.late:.2g} % late")
        loads.append(load)
        return load

    most: dict[str, int] = {}
    if counts is None:
        kept: dict[str, dict[int, bool]] = {server.name: {} for server in servers}
        while pending := [s for s in servers if next_calls(kept[s.name]) is not None]:
            for server in pending:
                calls = next_calls(kept[server.name])
                assert calls is not None
                kept[server.name][calls] = (await one(server, calls)).kept_up
        most = {name: max((n for n, ok in tried.items() if ok), default=0) for name, tried in kept.items()}
    for turn in range(0 if counts is None else rounds):
        for calls in counts or ():
            for name in rotated([server.name for server in servers], turn):
                await one(next(server for server in servers if server.name == name), calls)
    return CapacityReport(loads=tuple(loads), most_calls=most, beside_first=dict(_ratios(loads, servers)))


def _ratios(loads: Sequence[Load], servers: Sequence[ServerUnderTest]) -> Iterator[tuple[str, Ratio]]:
    """Yield each server's CPU per call over the first one's, for those that kept up with the same number of calls."""
    found: dict[str, dict[tuple[int, int], float]] = {server.name: {} for server in servers}
    for load in loads:
        if load.kept_up and load.cpu_per_call is not None:
            known = found[load.server]
            turn = sum(calls == load.calls for calls, _ in known)
            known[load.calls, turn] = load.cpu_per_call
    first = found[servers[0].name]
    for server in servers[1:]:
        both = [key for key in found[server.name] if key in first]
        if both:
            pairs = [found[server.name][key] / first[key] for key in both]
            # Too few for an interval in which to be sure: all of them.
            yield server.name, Ratio(median=statistics.median(pairs), low=min(pairs), high=max(pairs))
