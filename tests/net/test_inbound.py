"""From packets to the call, on a virtual clock, with a receiver that does as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Buffer, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest
from tests.net.peers import Int16
from tests.virtual_time import on_virtual_time

from sonicrtc.rtc.inbound import InboundPackets, Losses

STEP = 320  # frames of 20 ms at 16 kHz


@dataclass
class Script:
    """A receiver: a packet's first byte says how many blocks it makes ready; all its frames have that value."""

    audio: Int16 = field(default_factory=lambda: np.zeros(0, np.int16))
    due_s: float | None = None
    advanced_s: list[float] = field(default_factory=list)
    stats: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(lost=2, fec_frames=320, plc_frames=32))
    #: What the next advances make ready, in frames, and when they want to be called again.
    plan: list[tuple[int, float | None]] = field(default_factory=list)

    def push(self, payload: bytes, sequence_number: int, timestamp: int, at_s: float, marker: bool = False) -> int:
        self.audio = np.full(payload[0] * STEP, payload[0], np.int16)
        return len(self.audio)

    def advance(self, at_s: float) -> int:
        self.advanced_s.append(at_s)
        frames, self.due_s = self.plan.pop(0)
        self.audio = np.full(frames, -1, np.int16)
        return frames


class Line:
    """The way in, and what came of it: value and length of every piece, and when."""

    def __init__(self) -> None:
        self.receivers: list[Script] = []
        self.heard: list[tuple[int, int]] = []
        self.at_s: list[float] = []
        self.failures: list[Exception] = []
        self.on_audio: Callable[[Buffer, int], None] = self._take
        self.inbound = InboundPackets(
            self._open, lambda buffer, frames: self.on_audio(buffer, frames), self.failures.append, rate_hz=16_000
        )

    def _open(self) -> Script:
        self.receivers.append(Script())
        return self.receivers[-1]

    def _take(self, buffer: Buffer, frames: int) -> None:
        self.heard.append((int(np.frombuffer(buffer, np.int16)[0]), frames))
        self.at_s.append(asyncio.get_running_loop().time())

    def packet(self, blocks: int = 1, source: int = 7) -> None:
        self.inbound.take(source, bytes([blocks]), 1, 960, False)


@asynccontextmanager
async def running() -> AsyncIterator[Line]:
    line = Line()
    with suppress(asyncio.CancelledError):
        async with asyncio.TaskGroup() as group:
            task = group.create_task(line.inbound.run())
            await asyncio.sleep(0)
            yield line
            task.cancel()


@on_virtual_time
async def test_audio_is_handed_on_before_the_packet_is_done_with() -> None:
    async with running() as line:
        line.packet()
        assert line.heard == [(1, STEP)]


@on_virtual_time
async def test_what_was_held_up_is_handed_on_in_pieces_of_20_ms() -> None:
    async with running() as line:
        line.packet(17)
        line.packet(0)
        assert line.heard == 17 * [(17, STEP)]


@on_virtual_time
async def test_before_it_runs_and_after_it_nothing_is_handed_on() -> None:
    line = Line()
    line.packet()
    async with running() as other:
        other.packet()
    other.packet()
    assert (line.heard, other.heard) == ([], [(1, STEP)])


@on_virtual_time
async def test_the_receiver_is_called_when_it_wants_to_be() -> None:
    async with running() as line:
        start_s = asyncio.get_running_loop().time()
        line.packet()
        (receiver,) = line.receivers
        receiver.due_s, receiver.plan = start_s + 0.06, [(STEP, start_s + 0.08), (160, start_s + 9)]
        line.packet()
        await asyncio.sleep(0.2)
        assert receiver.advanced_s == pytest.approx([start_s + 0.06, start_s + 0.08])
        assert line.heard[2:] == [(-1, STEP), (-1, 160)]


@on_virtual_time
async def test_a_receiver_that_has_time_is_not_called_early() -> None:
    async with running() as line:
        line.packet()
        for _ in range(100):
            line.receivers[0].due_s = asyncio.get_running_loop().time() + 0.5
            line.packet()
            await asyncio.sleep(0.02)
        assert line.receivers[0].advanced_s == []


@on_virtual_time
async def test_after_the_receiver_has_given_up_zeros_keep_the_time() -> None:
    async with running() as line:
        line.packet()
        await asyncio.sleep(1.05)
        assert line.heard == [(1, STEP)] + 50 * [(0, STEP)]
        line.packet()
        assert line.heard[-1] == (1, STEP)


@on_virtual_time
async def test_a_receiver_that_makes_nothing_of_packets_is_begun_anew() -> None:
    async with running() as line:
        line.packet()
        for _ in range(7):  # as long as a hole may be waited for
            line.packet(0)
            await asyncio.sleep(0.02)
        assert len(line.receivers) == 1
        await asyncio.sleep(0.02)
        line.packet(0)
        assert len(line.receivers) == 2


@on_virtual_time
async def test_what_comes_at_once_and_too_late_is_not_taken_for_that() -> None:
    async with running() as line:
        line.packet()
        for _ in range(100):
            line.packet(0)
        assert len(line.receivers) == 1


@on_virtual_time
async def test_a_new_source_takes_over_at_once_with_a_receiver_of_its_own() -> None:
    async with running() as line:
        line.packet(source=1)
        line.packet(2, source=2)
        assert len(line.receivers) == 2
        assert line.heard == [(1, STEP), (2, STEP), (2, STEP)]


@on_virtual_time
async def test_the_old_source_is_not_heard_until_the_new_one_is_quiet() -> None:
    async with running() as line:
        line.packet(source=1)
        line.packet(source=2)
        line.packet(3, source=1)
        assert 3 not in [value for value, _ in line.heard]
        await asyncio.sleep(0.6)
        line.packet(3, source=1)
        assert line.heard[-1] == (3, STEP)


@on_virtual_time
async def test_sources_without_end_are_not_remembered_without_end() -> None:
    async with running() as line:
        for source in range(1000):
            line.packet(source=source)
        assert len(line.receivers) == 8


@on_virtual_time
async def test_losses_are_those_of_all_sources() -> None:
    async with running() as line:
        assert line.inbound.losses == Losses()
        for source in (1, 2, 3):
            line.packet(source=source)
        assert line.inbound.losses == Losses(packets=6, restored_ms=60, made_up_ms=6)


@on_virtual_time
async def test_a_copy_of_a_lost_packet_is_heard_and_counted_as_restored() -> None:
    async with running() as line:
        line.packet()
        before = line.inbound.losses
        opus_of_60_ms = bytes([24])
        line.inbound.take(7, opus_of_60_ms, 2, 1920, False, is_copy=True)
        assert line.heard[1:] == [(24, STEP)] * 24
        restored_ms = before.restored_ms + 60
        assert line.inbound.losses == Losses(packets=before.packets + 1, restored_ms=restored_ms, made_up_ms=2)
        line.packet(source=8)
        assert line.inbound.losses.packets == 2 * before.packets + 1


@pytest.mark.parametrize("by", ["packet", "timer"])
def test_what_the_call_raises_is_told_and_ends_it(by: str) -> None:
    @on_virtual_time
    async def check() -> None:
        def fail(buffer: Buffer, frames: int) -> None:
            raise ValueError("a mistake")

        async with running() as line:
            line.packet(0)
            line.on_audio = fail
            if by == "packet":
                line.packet()
            await asyncio.sleep(1)
            line.packet()
            assert [str(error) for error in line.failures] == ["a mistake"]

    check()
