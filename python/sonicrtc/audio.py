"""The native audio classes; see their own documentation. There is no Python frame per block."""

from __future__ import annotations

from dataclasses import dataclass

from sonicrtc._core import (
    AudioReceiver,
    Block,
    EchoDetector,
    OpusDecoder,
    OpusEncoder,
    OpusLibrary,
    Playout,
    ReceiverStats,
    Resampler,
    Uplink,
    opus_frames,
    opus_has_fec,
)
from sonicrtc.config import VadConfig

__all__ = [
    "AudioFormat",
    "AudioReceiver",
    "Block",
    "EchoDetector",
    "OpusDecoder",
    "OpusEncoder",
    "OpusLibrary",
    "Playout",
    "ReceiverStats",
    "Resampler",
    "Uplink",
    "VadConfig",
    "opus_frames",
    "opus_has_fec",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFormat:
    """What a call's audio is at its edge to the network: int16, and as aiortc has it unless told otherwise.

    Parameters
    ----------
    heard_hz, heard_channels : int
        What comes from the caller; two channels are interleaved.
    spoken_hz : int
        What goes to the caller, mono.
    """

    heard_hz: int = 48_000
    heard_channels: int = 2
    spoken_hz: int = 48_000

    @property
    def spoken_frames(self) -> int:
        """Frames of 20 ms to the caller."""
        return self.spoken_hz // 50

    @property
    def longest_frames(self) -> int:
        """Frames of the longest packet from the caller: 120 ms (RFC 6716 section 2.1.4)."""
        return self.heard_hz * 120 // 1000
