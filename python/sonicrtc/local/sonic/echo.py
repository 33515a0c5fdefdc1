"""The echo brain: gives the user's audio straight back, for measuring."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
import numpy.typing as npt

from sonicrtc.local.sonic.brain import BrainInput, Emitter, SessionSetup, UserAudio, UserText

__all__ = ["EchoBrain", "LinearResampler"]


class LinearResampler:
    """Streaming linear interpolation between two rates; the same output for any chunking.

    Parameters
    ----------
    input_rate_hz, output_rate_hz : int
    """

    def __init__(self, input_rate_hz: int, output_rate_hz: int) -> None:
        self._in = input_rate_hz
        self._out = output_rate_hz
        self._next = 0  # index of the next output frame
        self._base = 0  # index of the first kept input frame
        self._kept = np.zeros(0, np.int16)

    def push(self, pcm: bytes) -> bytes:
        """Take input and return the output that it completes, both s16 little endian mono."""
        if self._in == self._out:
            return pcm
        kept = np.concatenate((self._kept, np.frombuffer(pcm, "<i2").astype(np.int16)))
        last = self._base + len(kept) - 1
        # Output k stands at input position k * in / out and needs the frame behind it too.
        end = max(self._next, (last * self._out - 1) // self._in + 1)
        position = np.arange(self._next, end, dtype=np.int64) * self._in
        index = position // self._out - self._base
        output = _blend(kept, index, position % self._out, self._out)
        self._next = end
        drop = min(len(kept), max(0, end * self._in // self._out - self._base))
        self._base += drop
        self._kept = kept[drop:]
        return output.astype("<i2").tobytes()


def _blend(
    frames: npt.NDArray[np.int16], index: npt.NDArray[np.int64], part: npt.NDArray[np.int64], whole: int
) -> npt.NDArray[np.int64]:
    left = frames[index].astype(np.int64)
    right = frames[index + 1].astype(np.int64)
    return left + (right - left) * part // whole


class EchoBrain:
    """Streams the user's audio back as audioOutput, piece by piece as it comes; echoes text too."""

    async def run(self, setup: SessionSetup, inputs: AsyncIterator[BrainInput], emit: Emitter) -> None:
        """See :class:`~sonicrtc.local.sonic.brain.Brain`."""
        resampler = LinearResampler(setup.input_rate_hz, setup.output_rate_hz)
        saying: str | None = None
        async for item in inputs:
            match item:
                case UserAudio(pcm):
                    if saying is None:
                        saying = "echo"
                        await emit.speculative(saying)
                    await emit.audio(resampler.push(pcm), flush=True)
                case UserText(text):
                    await _end(emit, saying)
                    await emit.user_text(text)
                    saying = text
                    await emit.speculative(saying)
                case _:
                    pass
        await _end(emit, saying)


async def _end(emit: Emitter, saying: str | None) -> None:
    if saying is not None:
        await emit.end_audio()
        await emit.final(saying)
