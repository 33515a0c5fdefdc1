"""Audio in and out of a peer connection, on an even time axis."""

from __future__ import annotations

import asyncio
from collections.abc import Buffer, Callable
from fractions import Fraction
from typing import TYPE_CHECKING

from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame

from sonicrtc.rtc.pacing import Pace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    PullAudio = Callable[[int], NDArray[np.int16]]

RATE_HZ = 48_000
#: Frames of a packet that we send: 20 ms.
FRAMES = 960

_TIME_BASE = Fraction(1, RATE_HZ)
_SILENCE = bytes(4 * FRAMES)
_MAX_GAP_FRAMES = RATE_HZ
_QUIET_AFTER_S = 0.4
_QUIET_STEP_S = 0.1


class OutboundAudio(MediaStreamTrack):
    """A track that pulls 20 ms of 48 kHz mono every 20 ms, by the schedule of :class:`sonicrtc.rtc.pacing.Pace`.

    Parameters
    ----------
    pull : callable
        ``pull(frames)`` returns that many int16 frames at 48 kHz; silence when there is nothing.
    """

    kind = "audio"

    def __init__(self, pull: PullAudio) -> None:
        super().__init__()
        self._pull = pull
        self.pace = Pace()

    async def recv(self) -> AudioFrame:
        """Return the next packet's audio when it is due."""
        if self.readyState != "live":
            raise MediaStreamError
        await self.pace.due()
        # aiortc encodes stereo, and its way from mono to stereo takes 3 dB off.
        frame = AudioFrame(format="s16", layout="stereo", samples=FRAMES)
        frame.planes[0].update(self._pull(FRAMES).repeat(2).tobytes())
        frame.sample_rate = RATE_HZ
        frame.time_base = _TIME_BASE
        frame.pts = self.pace.packets * FRAMES
        self.pace.sent()
        return frame


class InboundAudio:
    """Reads a remote track and hands its audio on without holes.

    aiortc leaves lost packets out and delivers nothing at all while the sender is quiet; the model
    measures pauses on the audio's own time axis. So a jump of the timestamps becomes silence of the
    same length, and a sender that stays quiet becomes silence as time passes, in steps short enough
    for the model's outbox.

    Parameters
    ----------
    track : MediaStreamTrack
        The remote audio track.
    on_audio : callable
        ``on_audio(block, frames)``: interleaved int16 stereo at 48 kHz. The buffer may be longer
        than its `frames` of audio and is valid during the call only.
    """

    def __init__(self, track: MediaStreamTrack, on_audio: Callable[[Buffer, int], None]) -> None:
        self._track = track
        self._on_audio = on_audio
        self._next_pts: int | None = None
        self.filled_frames = 0

    async def run(self) -> None:
        """Read until the track ends."""
        patience_s = _QUIET_AFTER_S
        while True:
            try:
                async with asyncio.timeout(patience_s):
                    frame = await self._track.recv()
            except TimeoutError:
                patience_s = _QUIET_STEP_S
                if self._next_pts is not None:
                    self._fill(int(_QUIET_STEP_S * RATE_HZ))
                continue
            except MediaStreamError:
                return
            patience_s = _QUIET_AFTER_S
            assert isinstance(frame, AudioFrame)
            self._take(frame)

    def _take(self, frame: AudioFrame) -> None:
        pts = frame.pts or 0
        if self._next_pts is not None and 0 < pts - self._next_pts <= _MAX_GAP_FRAMES:
            self._fill(pts - self._next_pts)
        # The plane is larger than its audio, hence the count.
        self._on_audio(frame.planes[0], frame.samples)
        self._next_pts = pts + frame.samples

    def _fill(self, frames: int) -> None:
        assert self._next_pts is not None
        self._next_pts += frames
        self.filled_frames += frames
        while frames > 0:
            self._on_audio(_SILENCE, min(frames, FRAMES))
            frames -= FRAMES
