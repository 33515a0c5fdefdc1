"""A jitter buffer as it could be if memory and time did not matter: lists, and no wrap-around."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from tests.scripted_opus import scripted_mark, scripted_packet

from sonicrtc.audio import AudioReceiver

RATE_HZ = 8000
UNIT_MS = 10
UNIT_FRAMES = RATE_HZ * UNIT_MS // 1000

#: What is heard in a unit: its kind, and the number of the packet that it came from or -1.
Unit = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """A packet and its fate; times in ms since the first one was spoken."""

    number: int
    start_ms: int
    length_ms: int = 20
    fec: bool = True
    mark: bool = False
    at_ms: int = 0
    copies: int = 1

    @property
    def payload(self) -> bytes:
        return (
            scripted_mark(self.length_ms) if self.mark else scripted_packet(self.number, self.length_ms, fec=self.fec)
        )


@dataclass(slots=True)
class Model:
    """The rules of an arrival-driven buffer, one line each."""

    heard: list[Unit] = field(default_factory=list)
    seen: dict[int, float] = field(default_factory=dict)
    waiting: dict[int, Packet] = field(default_factory=dict)
    lateness: list[float] = field(default_factory=list)
    transits: list[float] = field(default_factory=list)
    jitters: list[float] = field(default_factory=list)
    next_number: int = -1
    start_ms: int = 0
    filled_from_ms: int = 0
    length_ms: int = 20
    newest: Packet | None = None

    @property
    def position_ms(self) -> int:
        return self.start_ms + UNIT_MS * len(self.heard)

    @property
    def hold_ms(self) -> float:
        late = quantile_ms(self.lateness[-500:], 0.995)
        return min(late + 2.5, 120) if late else 0

    def push(self, packet: Packet) -> None:
        now_ms = packet.at_ms
        if self.newest is None:
            self.next_number, self.start_ms = packet.number, packet.start_ms
        if packet.number not in self.seen:
            overtakers = [at for number, at in self.seen.items() if number > packet.number]
            self.lateness.append(max(now_ms - min(overtakers), 0.1) if overtakers else 0)
            self.transits.append(now_ms - packet.start_ms)
            self.jitters.append(self.transits[-1] - min(self.transits))
            self.seen[packet.number] = now_ms
            self.newest = packet if not overtakers else self.newest
            if packet.number >= self.next_number:
                self.waiting[packet.number] = packet
        self.drain(now_ms)

    def drain(self, now_ms: float) -> None:
        while self.waiting:
            first = self.waiting[min(self.waiting)]
            missing = first.number - self.next_number
            if missing and now_ms + 1e-3 < min(p.at_ms for p in self.waiting.values()) + self.hold_ms:
                return
            if self.position_ms - first.start_ms - first.length_ms >= 400:
                self.transits, self.jitters = [first.at_ms - first.start_ms], [0]
            self.start_ms += min(0, first.start_ms - self.position_ms)
            self.fill_before(first, missing)
            self.play(self.waiting.pop(first.number))

    def fill_before(self, packet: Packet, missing: int) -> None:
        gap_ms = max(packet.start_ms - self.position_ms, 0)
        lost_ms = gap_ms if gap_ms <= 120 * missing else min(gap_ms, missing * self.length_ms)
        restored_ms = min(gap_ms, packet.length_ms) if lost_ms == gap_ms else 0
        by_fec = packet.fec and not packet.mark and restored_ms >= packet.length_ms
        self.hear(("plc", -1), lost_ms - restored_ms)
        self.hear(("fec", packet.number - 1) if by_fec else ("plc", -1), restored_ms)
        self.hear(("comfort", -1), gap_ms - lost_ms)

    def play(self, packet: Packet) -> None:
        rest_ms = packet.start_ms + packet.length_ms - self.position_ms
        self.hear(("comfort", -1) if packet.mark else ("real", packet.number), rest_ms)
        self.next_number, self.length_ms = packet.number + 1, packet.length_ms
        self.filled_from_ms = packet.start_ms + packet.length_ms

    def hear(self, unit: Unit, ms: int) -> None:
        self.heard += [unit] * (ms // UNIT_MS)

    @property
    def due_ms(self) -> float:
        if self.waiting:
            return min(p.at_ms for p in self.waiting.values()) + self.hold_ms
        if self.newest is None or self.position_ms - self.filled_from_ms >= 10_000:
            return math.inf
        jitter_ms = quantile_ms(self.jitters[-500:], 0.97)
        quiet_ms = max(40, jitter_ms + 30) if self.newest.mark else 500
        return max(self.newest.at_ms + quiet_ms, min(self.transits) + self.position_ms + jitter_ms)

    def advance(self, now_ms: float) -> None:
        self.drain(now_ms)
        while not self.waiting and self.due_ms <= now_ms + 1e-3:
            self.hear(("comfort", -1), min(self.length_ms, 20))


def quantile_ms(values: list[float], q: float) -> float:
    """The upper end of the step of 2.5 ms that a quantile lies in."""
    ordered = sorted(values)
    return math.ceil((ordered[math.ceil(q * len(ordered) - 1e-9) - 1]) / 2.5 - 1e-3) * 2.5


@dataclass(slots=True)
class Heard:
    """What a receiver gave out, in units of 10 ms."""

    receiver: AudioReceiver
    units: list[Unit] = field(default_factory=list)
    sequence: int = 0
    timestamp: int = 0

    def push(self, packet: Packet) -> None:
        sequence = (packet.number + self.sequence) % 2**16
        timestamp = (packet.start_ms * 48 + self.timestamp) % 2**32
        self.note(self.receiver.push(packet.payload, sequence, timestamp, packet.at_ms / 1000))

    def advance(self, at_ms: float) -> None:
        self.note(self.receiver.advance(at_ms / 1000))

    def note(self, frames: int) -> None:
        values = self.receiver.audio.tolist()
        assert len(values) == frames == sum(count for _, count in self.receiver.kinds)
        at = 0
        for kind, count in self.receiver.kinds:
            assert count % UNIT_FRAMES == 0
            for start in range(at, at + count, UNIT_FRAMES):
                self.units.append(unit(kind, set(values[start : start + UNIT_FRAMES])))
            at += count

    @property
    def due_ms(self) -> float:
        due_s = self.receiver.due_s
        return math.inf if due_s is None else due_s * 1000


def unit(kind: str, values: set[int]) -> Unit:
    """Return what a unit says, which must be one thing and fit its kind."""
    (value,) = values
    assert {"real": value >= 0, "fec": value >= 9999, "plc": value == -1, "comfort": value in (-1, -2)}[kind]
    return kind, value - 10_000 if kind == "fec" else max(value, -1)


def arrivals(packets: list[Packet]) -> Iterator[Packet]:
    """The packets in the order in which they come, copies right behind each other; those without any are lost."""
    for packet in sorted(packets, key=lambda p: p.at_ms):
        yield from [packet] * packet.copies


def shifted(packets: list[Packet], factor: float) -> list[Packet]:
    """The same for a receiver whose clock runs faster by `factor`."""
    return [replace(p, at_ms=round(p.at_ms * factor)) for p in packets]
