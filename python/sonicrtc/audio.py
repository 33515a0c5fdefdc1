"""The native audio classes; see their own documentation. There is no Python frame per block."""

from __future__ import annotations

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
