"""The scripted brain: plays a scenario, for tests and to inject faults."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sonicrtc.local.sonic.brain import (
    SPOILS,
    BrainInput,
    Emitter,
    ServiceError,
    SessionSetup,
    StreamFault,
    ToolResult,
    UserAudio,
    UserText,
)
from sonicrtc.local.sonic.scenario import Recording, Scenario, Step
from sonicrtc.local.sonic.words import spoken_words

__all__ = ["Scenario", "ScriptedBrain", "tone"]

_FRAME_MS = 10


def tone(rate_hz: int, start_frame: int, frames: int, *, tone_hz: float, level_dbfs: float) -> npt.NDArray[np.int16]:
    """Return a piece of an endless sine: ``(frames,)`` int16; its RMS is 3 dB below `level_dbfs`."""
    phase = 2 * np.pi * tone_hz * np.arange(start_frame, start_frame + frames) / rate_hz
    return np.round(np.sin(phase) * 32767 * 10 ** (min(level_dbfs, 0) / 20)).astype("<i2")


class _InputOverError(Exception):
    """Inside only: the user's input has ended."""


class ScriptedBrain:
    """Plays one session of a scenario.

    Parameters
    ----------
    scenario : Scenario
    session : int
        Which one, counted from 0.
    """

    def __init__(self, scenario: Scenario, session: int = 0) -> None:
        self._steps = scenario.script(session).steps or ()
        self._heard_ms = 0.0
        self._listening: Listening | None = None
        self._texts: deque[str] = deque()
        self._results: deque[str] = deque()

    async def run(self, setup: SessionSetup, inputs: AsyncIterator[BrainInput], emit: Emitter) -> None:
        """See :class:`~sonicrtc.local.sonic.brain.Brain`."""
        self._setup = setup
        self._inputs = inputs
        self._emit = emit
        try:
            await self._play(self._steps)
            while True:
                await self._take()
        except _InputOverError:
            return

    async def _play(self, steps: Sequence[Step]) -> None:
        for step in steps:
            if step.action == "repeat":
                played = 0
                while step.value == 0 or played < step.value:
                    await self._play(step.steps)
                    played += 1
            elif step.action.startswith("wait_"):
                await self._wait(step)
            else:
                await self._act(step)

    async def _wait(self, step: Step) -> None:
        match step.action:
            case "wait_audio_ms":
                until_ms = self._heard_ms + step.value
                while self._heard_ms < until_ms:
                    await self._take()
            case "wait_speech":
                self._listening = Listening(rate_hz=self._setup.input_rate_hz, **step.options)
                while not self._listening.over:
                    await self._take()
                self._listening = None
            case "wait_text":
                await self._wait_for(self._texts, step.options.get("contains", ""))
            case "wait_tool_result":
                await self._wait_for(self._results, step.options.get("contains", ""))
            case _:
                while True:
                    await self._take()

    async def _wait_for(self, arrived: deque[str], part: str) -> None:
        while True:
            while arrived:
                if part in arrived.popleft():
                    return
            await self._take()

    async def _take(self) -> None:
        match await anext(self._inputs, None):
            case UserAudio(pcm):
                self._heard_ms += len(pcm) / 2 / self._setup.input_rate_hz * 1000
                if self._listening is not None:
                    self._listening.hear(pcm)
            case UserText(text):
                self._texts.append(text)
            case ToolResult(_, content):
                self._results.append(content)
            case None:
                raise _InputOverError

    async def _act(self, step: Step) -> None:
        options = step.options
        match step.action:
            case "delay_ms":
                await asyncio.sleep(step.value / 1000)
            case "user":
                await self._emit.user_text(step.value)
            case "say":
                await self._say(step.value, **options)
            case "interrupt":
                await self._emit.interrupted()
            case "call_tool":
                await self._emit.tool_use(step.value, options.get("arguments", {}))
            case "usage":
                await self._emit.usage(**step.value)
            case "exception":
                raise ServiceError(step.value, options.get("message", "scripted"))
            case "error":
                raise ServiceError(step.value, options.get("message", "scripted"), modelled=False)
            case "fault" if step.value in SPOILS:
                self._emit.spoil(step.value)
            case "fault":
                raise StreamFault(step.value)

    async def _say(
        self, text: str, *, pace: float = 0, burst_ms: float = 100, leave_open: bool = False, **sound: Any
    ) -> None:
        rate_hz = self._setup.output_rate_hz
        pcm = _sound(rate_hz, **sound)
        piece = 2 * max(1, round(rate_hz * burst_ms / 1000))
        await self._emit.speculative(text)
        for start in range(0, len(pcm), piece):
            block = pcm[start : start + piece]
            await self._emit.audio(block)
            if pace:
                await asyncio.sleep(len(block) / 2 / rate_hz * pace)
        if not leave_open:
            await self._emit.end_audio()
            await self._emit.final(text)


def _sound(
    rate_hz: int,
    *,
    audio_ms: float = 1000,
    tone_hz: float = 440,
    level_dbfs: float = -12,
    wav: Recording | None = None,
    words: int | Sequence[int] | None = None,
    pcm: bytes | None = None,
) -> bytes:
    """Return what a ``say`` sends, at the output rate."""
    if pcm is not None:
        return pcm
    if words is not None:
        return spoken_words(range(1, words + 1) if isinstance(words, int) else words, rate_hz)
    if wav is not None:
        return _resampled(wav, rate_hz)
    return tone(rate_hz, 0, round(rate_hz * audio_ms / 1000), tone_hz=tone_hz, level_dbfs=level_dbfs).tobytes()


def _resampled(wav: Recording, rate_hz: int) -> bytes:
    if wav.rate_hz == rate_hz:
        return wav.pcm
    from sonicrtc.local.sonic.speech.resampling import resample

    samples = resample(np.frombuffer(wav.pcm, "<i2").astype(np.float32), wav.rate_hz, rate_hz)
    return np.clip(np.round(samples), -32768, 32767).astype("<i2").tobytes()


class Listening:
    """Finds the end of a piece of speech by its level alone, in the time of the audio.

    Attributes
    ----------
    over_after_ms : float or None
        Audio that had come when the pause was long enough.
    """

    def __init__(self, *, rate_hz: int, speech_ms: float = 100, pause_ms: float = 300, level_dbfs: float = -50) -> None:
        self.over_after_ms: float | None = None
        self._frame_bytes = 2 * (rate_hz * _FRAME_MS // 1000)
        self._least = 32768 * 10 ** (level_dbfs / 20)
        self._speech_ms = speech_ms
        self._pause_ms = pause_ms
        self._heard_ms = 0.0
        self._spoken_ms = 0.0
        self._silent_ms = 0.0
        self._rest = b""

    @property
    def over(self) -> bool:
        """Whether the speech has ended."""
        return self.over_after_ms is not None

    def hear(self, pcm: bytes) -> None:
        """Take the next piece of audio, of any length."""
        pcm = self._rest + pcm
        whole = len(pcm) // self._frame_bytes * self._frame_bytes
        self._rest = pcm[whole:]
        frames = np.frombuffer(pcm[:whole], "<i2").astype(np.float64).reshape(-1, self._frame_bytes // 2)
        for loud in np.sqrt(np.mean(frames**2, axis=1)) > self._least:
            self._heard_ms += _FRAME_MS
            self._spoken_ms += _FRAME_MS * bool(loud)
            self._silent_ms = 0.0 if loud else self._silent_ms + _FRAME_MS
            spoken, silent = self._spoken_ms >= self._speech_ms, self._silent_ms >= self._pause_ms
            if spoken and silent and not self.over:
                self.over_after_ms = self._heard_ms
