"""Audio in and out of a peer connection, on an even time axis."""

from __future__ import annotations

import asyncio
from collections.abc import Buffer, Callable
from fractions import Fraction
from typing import TYPE_CHECKING

from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    PullAudio = Callable[[int], NDArray[np.int16]]

RATE_HZ = 48_000
#: Frames of a packet that we send: 20 ms.
FRAMES = 960
#: Frames of the longest packet that Opus allows: 120 ms (RFC 6716 section 2.1.4).
MAX_PACKET_FRAMES = 5760

_PACKET_S = FRAMES / RATE_HZ
_TIME_BASE = Fraction(1, RATE_HZ)
_CATCH_UP_S = 0.1
_SILENCE = bytes(4 * FRAMES)
_MAX_GAP_FRAMES = RATE_HZ
_QUIET_AFTER_S = 0.5


class OutboundAudio(MediaStreamTrack):
    """A track that pulls 20 ms of 48 kHz mono every 20 ms.

    Due times are multiples of 20 ms after the first one on the loop's monotonic clock, so the pace
    never drifts. After a stall of up to 100 ms the packets that are due go out at once; after a
    longer one the timestamps jump and nothing is sent twice as fast as it can be heard.

    Parameters
    ----------
    pull : callable
        ``pull(frames)`` returns that many int16 frames at 48 kHz; silence when there is nothing.
    """

    kind = "audio"

    def __init__(self, pull: PullAudio) -> None:
        super().__init__()
        self._pull = pull
        self._started_s: float | None = None
        self._packets = 0
        self.skipped_packets = 0

    async def recv(self) -> AudioFrame:
        """Return the next packet's audio when it is due."""
        if self.readyState != "live":
            raise MediaStreamError
        await self._until_due()
        # aiortc encodes stereo, and its way from mono to stereo takes 3 dB off.
        frame = AudioFrame(format="s16", layout="stereo", samples=FRAMES)
        frame.planes[0].update(self._pull(FRAMES).repeat(2).tobytes())
        frame.sample_rate = RATE_HZ
        frame.time_base = _TIME_BASE
        frame.pts = self._packets * FRAMES
        self._packets += 1
        return frame

    async def _until_due(self) -> None:
        now_s = asyncio.get_running_loop().time()
        if self._started_s is None:
            self._started_s = now_s
        late_s = now_s - (self._started_s + self._packets * _PACKET_S)
        if late_s < 0:
            await asyncio.sleep(-late_s)
        elif late_s > _CATCH_UP_S:
            skipped = int(late_s / _PACKET_S)
            self.skipped_packets += skipped
            self._packets += skipped


class InboundAudio:
    """Reads a remote track and hands its audio on without holes.

    aiortc leaves lost packets out and delivers nothing at all while the sender is quiet; the model
    measures pauses on the audio's own time axis. So a jump of the timestamps becomes silence of the
    same length, and so does every half second without a packet.

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
        while True:
            try:
                async with asyncio.timeout(_QUIET_AFTER_S):
                    frame = await self._track.recv()
            except TimeoutError:
                if self._next_pts is not None:
                    self._fill(int(_QUIET_AFTER_S * RATE_HZ))
                continue
            except MediaStreamError:
                return
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
