"""Two peers over loopback, for the tests in this folder and beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Buffer, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sonicrtc.config import MediaConfig, MediaPathName
from sonicrtc.rtc.media import MediaPath, media_path
from sonicrtc.rtc.peer import Description, Peer

Int16 = NDArray[np.int16]
PATHS: tuple[MediaPathName, ...] = ("packets", "frames")


def media_of(path: MediaPathName) -> MediaPath:
    """A path at 48 kHz, as the headless client has it."""
    return media_path(MediaConfig(path=path), heard_hz=48_000, spoken_hz=48_000)


class Tone:
    """A sine of `hz` at -6 dBFS; a source for ``pull_audio``."""

    def __init__(self, hz: float, rate_hz: int = 48_000) -> None:
        self._hz, self._rate_hz, self._at = hz, rate_hz, 0

    def __call__(self, frames: int) -> Int16:
        n = np.arange(self._at, self._at + frames)
        self._at += frames
        return np.rint(16_384 * np.sin(2 * np.pi * self._hz * n / self._rate_hz)).astype(np.int16)


def silence(frames: int) -> Int16:
    return np.zeros(frames, np.int16)


def level_at(audio: Int16, hz: float, rate_hz: int = 48_000) -> float:
    """Amplitude of the component at `hz`, in units of one sample: the median over windows of 20 ms."""
    size = rate_hz // 50
    windows = audio[: len(audio) // size * size].reshape(-1, size)
    wave = np.exp(-2j * np.pi * hz * np.arange(size) / rate_hz)
    return float(np.median(2 * np.abs(np.mean(windows * wave, axis=1))))


@dataclass
class Heard:
    """Collects what a peer receives, and tells when there is enough of it."""

    channels: int = 1
    blocks: list[Int16] = field(default_factory=list)
    messages: list[str | bytes] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def on_audio(self, block: Buffer, frames: int) -> None:
        self.blocks.append(np.frombuffer(block, np.int16, count=self.channels * frames)[:: self.channels].copy())
        self._changed.set()

    def on_message(self, message: str | bytes) -> None:
        self.messages.append(message)
        self._changed.set()

    def on_state(self, state: str) -> None:
        self.states.append(state)
        self._changed.set()

    def audio(self) -> Int16:
        return np.concatenate(self.blocks) if self.blocks else np.zeros(0, np.int16)

    async def until(self, condition: Callable[[], bool], timeout_s: float = 15) -> None:
        async with asyncio.timeout(timeout_s):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def seconds(self, wanted_s: float) -> Int16:
        """Wait until that much audio has come, and return it."""
        start = len(self.blocks)
        await self.until(lambda: sum(map(len, self.blocks[start:])) >= wanted_s * 48_000)
        return np.concatenate(self.blocks[start:])


def make_peer(
    heard: Heard,
    pull: Callable[[int], Int16] = silence,
    connect_timeout_s: float = 15,
    path: MediaPathName = "packets",
    pauses: bool = False,
    media: MediaPath | None = None,
) -> Peer:
    media = media or media_of(path)
    heard.channels = media.format.heard_channels
    return Peer(
        media=media,
        pauses=pauses,
        pull_audio=pull,
        on_audio=heard.on_audio,
        on_message=heard.on_message,
        on_state=heard.on_state,
        connect_timeout_s=connect_timeout_s,
    )


@dataclass
class Pair:
    caller: Peer
    callee: Peer
    at_caller: Heard
    at_callee: Heard
    group: asyncio.TaskGroup


@asynccontextmanager
async def connected_pair(
    caller_says: Callable[[int], Int16] = silence,
    callee_says: Callable[[int], Int16] = silence,
    edit_offer: Callable[[str], str] = lambda sdp: sdp,
    paths: tuple[MediaPathName, MediaPathName] = ("packets", "packets"),
    callee_pauses: bool = True,
    callee_media: MediaPath | None = None,
) -> AsyncIterator[Pair]:
    """Connect two peers in this process; close both in the end. `paths` are the caller's and the callee's."""
    at_caller, at_callee = Heard(), Heard()
    caller = make_peer(at_caller, caller_says, path=paths[0])
    callee = make_peer(at_callee, callee_says, path=paths[1], pauses=callee_pauses, media=callee_media)
    try:
        async with asyncio.TaskGroup() as group:
            await connect(caller, callee, edit_offer)
            runs = [group.create_task(caller.run()), group.create_task(callee.run())]
            async with asyncio.timeout(15):
                await caller.connected.wait()
                await callee.connected.wait()
            yield Pair(caller, callee, at_caller, at_callee, group)
            await caller.close()
            await callee.close()
            for run in runs:
                await run
    finally:
        await caller.close()
        await callee.close()


async def connect(caller: Peer, callee: Peer, edit_offer: Callable[[str], str] = lambda sdp: sdp) -> None:
    offer = await caller.offer()
    answer = await callee.answer(describe(edit_offer(offer.sdp)))
    await caller.accept(answer)


def describe(sdp: str, kind: Literal["offer", "answer"] = "offer") -> Description:
    return Description(sdp, kind)
