"""Kinesis Video Streams signaling on this machine: control plane and signaling WebSocket."""

from __future__ import annotations

from sonicrtc.local.kvs.channel import Limits
from sonicrtc.local.kvs.service import LocalKvs

__all__ = ["Limits", "LocalKvs"]
