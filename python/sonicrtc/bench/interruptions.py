"""From the moment a user breaks in until the agent is silent, as the user hears it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from sonicrtc.caller import CallOptions, HeadlessCall, read_wav
from sonicrtc.caller.timing import is_loud
from sonicrtc.caller.wav import Samples

QUESTION, INTERRUPTION = "Please tell me a story.", "Stop, please, that is enough for today."
#: How long the agent may speak before the user breaks in.
_LISTEN_S = 1.5
#: Quiet from which on the agent counts as silent: longer than its pauses between sentences.
_SILENT_S = 0.8


class Interrupter:
    """Asks, listens for a while, and breaks in: what a caller says and hears.

    Parameters
    ----------
    question, interruption : ndarray, shape (frames,), int16
        48 kHz mono.
    clock : callable
        Seconds that never go back.
    """

    def __init__(
        self, question: Samples, interruption: Samples, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._question, self._interruption, self._clock = question, interruption, clock
        self._rest: Samples | None = None
        self._answered_s: float | None = None
        self._broke_in = False
        self._voice_s: float | None = None
        self._loud_s = 0.0
        self._silent_ms: float | None = None

    @property
    def finished(self) -> bool:
        """Whether all was said."""
        return self._broke_in and self._has_asked

    def start(self) -> None:
        """Ask."""
        self._rest = self._question

    def pull(self, frames: int) -> Samples:
        """Return what is said next; silence while the agent is listened to."""
        now_s = self._clock()
        listened = self._answered_s is not None and now_s >= self._answered_s + _LISTEN_S
        if listened and not self._broke_in:
            self._broke_in, self._rest = True, self._interruption
        block = np.zeros(frames, np.int16)
        if self._rest is not None:
            piece, self._rest = self._rest[:frames], self._rest[frames:]
            block[: len(piece)] = piece
        if self._broke_in and self._voice_s is None and is_loud(block):
            self._voice_s = self._loud_s = now_s
        return block

    def push(self, block: Samples) -> None:
        """Take what the caller hears."""
        now_s = self._clock()
        if self._voice_s is None:
            if self._answered_s is None and self._has_asked and is_loud(block):
                self._answered_s = now_s
        elif self._silent_ms is None:
            if is_loud(block):
                self._loud_s = now_s
            elif now_s - self._loud_s >= _SILENT_S:
                self._silent_ms = 1000 * (self._loud_s - self._voice_s)

    @property
    def _has_asked(self) -> bool:
        return self._rest is not None and not len(self._rest)

    @property
    def silent_ms(self) -> float | None:
        """How long the agent went on once the user's voice began; None when it did not stop."""
        return self._silent_ms


async def measure(url: str, wavs: Path, speak: Callable[[str, Path], None], times: int) -> list[float]:
    """Break in `times` times, in a call each, and return how long the agent went on, in ms.

    Parameters
    ----------
    url : str
        Address of a server that tells stories.
    wavs : Path
        Directory for the recordings.
    speak : callable
        Speaks a text into a WAV file.
    times : int
        How often.
    """
    clips = []
    for name, text in (("story", QUESTION), ("stop", INTERRUPTION)):
        path = wavs / f"{name}.wav"
        await asyncio.to_thread(speak, text, path)
        clips.append(read_wav(path))
    found = []
    for _ in range(times):
        caller = Interrupter(clips[0], clips[1])
        await HeadlessCall(CallOptions(url=url), caller, caller).run()
        found += [] if caller.silent_ms is None else [caller.silent_ms]
    return found
