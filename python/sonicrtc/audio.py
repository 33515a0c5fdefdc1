"""The native audio classes; see their own documentation. There is no Python frame per block."""

from __future__ import annotations

from sonicrtc._core import (
    Block,
    EchoDetector,
    OpusDecoder,
    OpusEncoder,
    OpusLibrary,
    Playout,
    Resampler,
    Uplink,
    opus_frames,
    opus_has_fec,
)
from sonicrtc.config import VadConfig

__all__ = [
    "Block",
    "EchoDetector",
    "OpusDecoder",
    "OpusEncoder",
    "OpusLibrary",
    "Playout",
    "Resampler",
    "Uplink",
    "VadConfig",
    "opus_frames",
    "opus_has_fec",
]
