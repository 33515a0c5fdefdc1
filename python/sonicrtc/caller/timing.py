"""When speech ended and when the answer began, from two recordings with time stamps: pure functions.

Both ends are judged by level alone, so that the figure does not depend on any detector: speech ends
with the last sample above -50 dBFS that was sent, and the answer begins with the first sample above
-50 dBFS that was received after it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sonicrtc.caller.wav import CALL_RATE_HZ, Samples

#: Level of a sample that counts as sound.
THRESHOLD_DBFS = -50.0
_THRESHOLD = 32768 * 10 ** (THRESHOLD_DBFS / 20)


@dataclass(slots=True)
class Tape:
    """One direction of a call: blocks of 48 kHz mono audio, each with the time of its first frame.

    Times are seconds on any clock that never goes back.
    """

    blocks: list[Samples] = field(default_factory=list)
    starts_s: list[float] = field(default_factory=list)

    def append_received(self, block: Samples, now_s: float) -> None:
        """Add a block that came in at `now_s`, which is when its first frame can be heard."""
        self.blocks.append(block)
        self.starts_s.append(now_s)

    def append_sent(self, block: Samples, now_s: float) -> None:
        """Add a block that was handed over at `now_s`, which is when its last frame has been spoken."""
        self.blocks.append(block)
        self.starts_s.append(now_s - len(block) / CALL_RATE_HZ)

    def samples(self) -> Samples:
        """Return the whole recording, shape ``(frames,)``."""
        return np.concatenate(self.blocks) if self.blocks else np.zeros(0, np.int16)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseTime:
    """How long the answer took; None where there was nothing to measure.

    Parameters
    ----------
    first_audio_ms : float, optional
        From the last sound that was sent to the first sound of the answer.
    response_ms : float, optional
        The same without the pause that the model waits for by design.
    """

    first_audio_ms: float | None
    response_ms: float | None


def is_loud(block: Samples) -> bool:
    """Return whether `block` holds a sample above -50 dBFS."""
    return len(block) > 0 and bool(_loud(block).any())


def end_of_speech_s(sent: Tape) -> float | None:
    """Return when the last sample above -50 dBFS was spoken."""
    for block, start_s in zip(reversed(sent.blocks), reversed(sent.starts_s), strict=True):
        loud = np.flatnonzero(_loud(block))
        if len(loud):
            return start_s + float(loud[-1]) / CALL_RATE_HZ
    return None


def first_sound_s(received: Tape, after_s: float) -> float | None:
    """Return when the first sample above -50 dBFS was heard at or after `after_s`."""
    for block, start_s in zip(received.blocks, received.starts_s, strict=True):
        loud = np.flatnonzero(_loud(block))
        times_s = start_s + loud / CALL_RATE_HZ
        later = times_s[times_s >= after_s]
        if len(later):
            return float(later[0])
    return None


def response_time(spoken_s: float | None, received: Tape, endpoint_ms: float) -> ResponseTime:
    """Measure the answer to what was said until `spoken_s`.

    Parameters
    ----------
    spoken_s : float, optional
        End of speech, on the clock of `received`; see :func:`end_of_speech_s`.
    received : Tape
        What came back.
    endpoint_ms : float
        Documented pause after which the model ends the user's turn.
    """
    heard_s = None if spoken_s is None else first_sound_s(received, spoken_s)
    if spoken_s is None or heard_s is None:
        return ResponseTime(first_audio_ms=None, response_ms=None)
    first_audio_ms = round(1000 * (heard_s - spoken_s), 1)
    return ResponseTime(first_audio_ms=first_audio_ms, response_ms=round(first_audio_ms - endpoint_ms, 1))


def _loud(block: Samples) -> NDArray[np.bool_]:
    # abs(-32768) does not fit int16
    return np.asarray((block > _THRESHOLD) | (block < -_THRESHOLD))
