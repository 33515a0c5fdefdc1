"""What a caller says and where the reply goes."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from sonicrtc.caller.wav import CALL_RATE_HZ, Samples

#: Silence before a clip, so that its first sound does not come with the first packet.
LEAD_IN_MS = 300


class Source(Protocol):
    """What the caller says: 48 kHz mono int16."""

    @property
    def finished(self) -> bool:
        """Whether all was said; a microphone never finishes."""

    def start(self) -> None:
        """Begin: the call is up."""

    def pull(self, frames: int) -> Samples:
        """Return exactly `frames` frames, silence while there is nothing to say."""


class Sink(Protocol):
    """Where the reply goes, beside the recording."""

    def push(self, block: Samples) -> None:
        """Take 48 kHz mono audio."""


class Clip:
    """Says `samples` once, at the pace at which they are pulled, and then nothing.

    Parameters
    ----------
    samples : ndarray, shape (frames,), int16
        48 kHz mono; may be empty.
    """

    def __init__(self, samples: Samples) -> None:
        lead_in = np.zeros(LEAD_IN_MS * CALL_RATE_HZ // 1000, np.int16)
        self._samples = np.concatenate((lead_in, samples)) if len(samples) else samples
        self._position: int | None = None

    @property
    def finished(self) -> bool:
        """Whether all was said."""
        return self._position is not None and self._position >= len(self._samples)

    def start(self) -> None:
        """Begin with the next block."""
        self._position = 0

    def pull(self, frames: int) -> Samples:
        """Return exactly `frames` frames."""
        block = np.zeros(frames, np.int16)
        if self._position is not None:
            piece = self._samples[self._position : self._position + frames]
            block[: len(piece)] = piece
            self._position += len(piece)
        return block
