"""Two sides that speak numbered words: what is lost, repeated or out of order shows in the numbers.

A word is 160 ms of one sample value. The brain answers each word of the user with the word of the same number, so
a listener who hears 1, 2, 3 … has lost nothing and heard nothing twice.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sonicrtc.audio import Playout
from sonicrtc.local.sonic import Emitter, SessionSetup
from sonicrtc.local.sonic.brain import BrainInput, UserAudio, UserText
from sonicrtc.sonic import protocol as said

Samples = NDArray[np.int16]
_USER, _AGENT = 4000, 12_000
_WORD_MS, _PAUSE_MS = 160, 480


def word(number: int, *, rate_hz: int, base: int) -> Samples:
    return np.full(rate_hz * _WORD_MS // 1000, base + 10 * number, np.int16)


def user_word(number: int) -> Samples:
    return word(number, rate_hz=16_000, base=_USER)


def user_number(value: int) -> int:
    """Return the number of the user's word that has this value."""
    return (value - _USER) // 10


def agent_word(number: int, rate_hz: int) -> Samples:
    return word(number, rate_hz=rate_hz, base=_AGENT)


def agent_number(value: int) -> int:
    """Return the number of the agent's word that has this value."""
    return (value - _AGENT) // 10


def agent_numbers(audio: Samples) -> list[int]:
    """Return the numbers of the words in `audio`, in order; a piece of a word counts as one.

    On a busy machine the loudspeaker may run empty in the middle of a word, so its length tells how often it came.
    """
    runs = np.split(audio, np.flatnonzero(np.diff(audio)) + 1)
    pieces = [(agent_number(int(run[0])), run.size) for run in runs if _is_word(int(run[0]) - _AGENT)]
    words = [(number, sum(size for _, size in same)) for number, same in itertools.groupby(pieces, lambda p: p[0])]
    return [number for number, size in words for _ in range(max(1, round(size / (24 * _WORD_MS))))]


def _is_word(value: int) -> bool:
    return 0 < value < 10_000 and value % 10 == 0


class NumberBrain:
    """Answers each word, when the user has been silent for long enough."""

    async def run(self, setup: SessionSetup, inputs: AsyncIterator[BrainInput], emit: Emitter) -> None:
        heard: list[int] = []
        value, silent_ms = 0, 0.0
        async for item in inputs:
            match item:
                case UserAudio(pcm):
                    samples = np.frombuffer(pcm, "<i2")
                    for run in np.split(samples, np.flatnonzero(np.diff(samples)) + 1):
                        if run[0] and run[0] != value:
                            heard.append(user_number(int(run[0])))
                        silent_ms = 0.0 if run[0] else silent_ms + run.size / 16
                        value = int(run[0])
                    if heard and silent_ms >= _PAUSE_MS:
                        await emit.user_text(" ".join(map(str, heard)))
                        await self._answer(heard, emit, setup.output_rate_hz)
                        heard = []
                case UserText():  # it was cut off: what the user said is in the history, and what it said itself
                    (_, asked), (_, answered) = setup.history[-2:]
                    missing = [int(n) for n in asked.split() if n not in answered.split()]
                    await self._answer(missing, emit, setup.output_rate_hz)
                case _:
                    raise AssertionError(f"nobody asked for {item}")

    async def _answer(self, heard: list[int], emit: Emitter, rate_hz: int) -> None:
        for number in heard:
            last = number == heard[-1]
            await emit.speculative(str(number))
            await emit.audio(agent_word(number, rate_hz).tobytes(), flush=True)
            await emit.audio(bytes(2 * rate_hz * 80 // 1000), flush=True)
            await emit.end_audio("END_TURN" if last else "PARTIAL_TURN")
            await emit.final(str(number), "END_TURN" if last else "PARTIAL_TURN")


class Telephone:
    """The user's end: a microphone that never stops and a loudspeaker, both in real time."""

    def __init__(self, subject: Any) -> None:
        self._subject = subject
        self._to_say: list[Samples] = []
        self._played: list[Samples] = []
        self._news = asyncio.Event()
        self.playout = Playout(input_rate_hz=24_000, output_rate_hz=24_000)
        self.pushed_frames = self.flushed_frames = 0
        self.over = False

    def on_event(self, event: said.SonicEvent) -> None:
        match event:
            case said.AudioChunk():
                self.pushed_frames += self.playout.push(event.pcm)
            case said.AudioEnded():
                self.playout.end()
            case said.Interrupted():
                self.flushed_frames += self.playout.buffered_frames
                self._subject.session.flushed(self.playout.buffered_frames)
                self.playout.flush()
            case _:
                pass

    def say(self, *pieces: Samples) -> None:
        self._to_say += pieces

    @property
    def heard(self) -> list[int]:
        return agent_numbers(np.concatenate([np.zeros(1, np.int16), *self._played]))

    async def until(self, *, last: int) -> None:
        """Wait until the agent's word `last` was played."""
        while last not in agent_numbers(np.concatenate([np.zeros(1, np.int16), *self._played[-50:]])):
            self._news.clear()
            await self._news.wait()

    async def run(self) -> None:
        """Move 20 ms each way, every 20 ms."""
        loop = asyncio.get_running_loop()
        due_s, blocks = loop.time(), self._blocks()
        while not self.over:
            self._subject.send(next(blocks))
            self._played.append(self.playout.pull(480))
            self._news.set()
            due_s += 0.02
            await asyncio.sleep(max(0.0, due_s - loop.time()))

    def _blocks(self) -> Iterator[Samples]:
        waiting = np.zeros(0, np.int16)
        while True:
            while waiting.size < 320 and self._to_say:
                waiting = np.concatenate([waiting, self._to_say.pop(0)])
            padded = np.concatenate([waiting, np.zeros(320, np.int16)])
            waiting = waiting[320:]
            yield padded[:320]
