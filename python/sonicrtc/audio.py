"""The native audio classes; see their own documentation. There is no Python frame per block."""

from __future__ import annotations

from sonicrtc._core import Block, EchoDetector, Playout, Resampler, Uplink
from sonicrtc.config import VadConfig

__all__ = ["Block", "EchoDetector", "Playout", "Resampler", "Uplink", "VadConfig"]
