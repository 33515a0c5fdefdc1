"""Pacing on a virtual clock, and the time axis of what is received."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Buffer

import numpy as np
import pytest
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame
from tests.net.peers import Tone, silence
from tests.virtual_time import VirtualTime, in_virtual_time

from sonicrtc.rtc import packets
from sonicrtc.rtc.tracks import InboundAudio, OutboundAudio


def now_s() -> float:
    return asyncio.get_running_loop().time()


def stall(seconds: float) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTime)
    loop.now_s += seconds


def test_a_packet_comes_every_20_ms_and_never_drifts() -> None:
    async def check() -> None:
        track, start_s = OutboundAudio(silence), now_s()
        for number in range(2000):
            frame = await track.recv()
            stall(0.003 * (number % 5))  # work that takes up to 12 of the 20 ms
            assert frame.pts == 960 * number
        assert now_s() - start_s == pytest.approx(1999 * 0.02, abs=0.013)

    in_virtual_time(check())


def test_a_packet_holds_what_was_pulled_on_both_channels() -> None:
    async def check() -> None:
        frame = await OutboundAudio(Tone(1000)).recv()
        samples = np.frombuffer(frame.planes[0], np.int16, count=1920).reshape(-1, 2)
        assert np.array_equal(samples[:, 0], Tone(1000)(960))
        assert np.array_equal(samples[:, 1], samples[:, 0])
        assert (frame.sample_rate, frame.time_base.numerator, frame.time_base.denominator) == (48_000, 1, 48_000)

    in_virtual_time(check())


class Scripted(MediaStreamTrack):
    """Gives frames with these timestamps; a float waits that many seconds."""

    kind = "audio"

    def __init__(self, *steps: int | float) -> None:
        super().__init__()
        self._steps = deque(steps)

    async def recv(self) -> AudioFrame:
        while self._steps and isinstance(self._steps[0], float):
            wait_s = self._steps[0]
            self._steps[0] = 0
            until_s = now_s() + wait_s
            try:
                await asyncio.sleep(wait_s)
            except asyncio.CancelledError:
                self._steps[0] = until_s - now_s()
                raise
            self._steps.popleft()
        if not self._steps:
            raise MediaStreamError
        frame = AudioFrame(format="s16", layout="stereo", samples=960)
        frame.planes[0].update(np.ones(1920, np.int16).tobytes())
        frame.pts, frame.sample_rate = int(self._steps.popleft()), 48_000
        return frame


def received(*steps: int | float) -> tuple[str, InboundAudio]:
    """Return one letter per 20 ms: A for audio, 0 for silence."""
    letters: list[str] = []

    def on_audio(block: Buffer, frames: int) -> None:
        samples = np.frombuffer(block, np.int16, count=2 * frames)
        letters.append("A" if samples.any() else "0")

    async def read() -> InboundAudio:
        inbound = InboundAudio(Scripted(*steps), on_audio)
        await inbound.run()
        return inbound

    with asyncio.Runner(loop_factory=VirtualTime) as runner:
        inbound = runner.run(read())
    return "".join(letters), inbound


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((0, 960, 1920), "AAA"),
        ((0, 2880, 3840), "A00AA"),
        ((5000, 5960), "AA"),
        ((0, 960, 0, 960), "AAAA"),
        ((0, 960 * 1000), "AA"),
    ],
    ids=["whole", "two lost", "starts anywhere", "timestamps restart", "timestamps jump far"],
)
def test_lost_packets_become_silence_of_the_same_length(steps: tuple[int, ...], expected: str) -> None:
    assert received(*steps)[0] == expected


def test_a_quiet_sender_becomes_silence_as_time_passes() -> None:
    letters, inbound = received(0, 1.2, 960 * 60)
    assert letters == "A" + 59 * "0" + "A"
    assert inbound.filled_frames == 59 * 960


def test_the_silence_of_a_quiet_sender_comes_in_steps_of_100_ms() -> None:
    letters, inbound = received(0, 2.05)
    assert letters == "A" + 17 * 5 * "0"
    assert inbound.filled_frames == 17 * 4800


def test_before_the_first_packet_there_is_no_time_to_fill() -> None:
    assert received(3.0, 0)[0] == "A"


@pytest.mark.parametrize(("amplitude", "dbov"), [(32_767, 0), (16_384, -6), (1, -90), (0, -127)])
def test_the_audio_level_is_that_of_rfc_6465(amplitude: int, dbov: int) -> None:
    frame = AudioFrame(format="s16", layout="stereo", samples=960)
    frame.planes[0].update(np.full(1920, amplitude, np.int16).tobytes())
    assert packets.audio_level_dbov(frame) == dbov
    assert dbov in (0, -127) or dbov == round(20 * math.log10(amplitude / 32_767))
