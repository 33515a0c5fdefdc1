"""SonicRTC: real-time voice agents over WebRTC.

``import sonicrtc`` loads numpy and the native core only; :class:`Agent` is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sonicrtc._core import __version__

if TYPE_CHECKING:
    from sonicrtc.agent import Agent

__all__ = ["Agent", "__version__"]


def __getattr__(name: str) -> object:
    if name == "Agent":
        from sonicrtc.agent import Agent

        return Agent
    raise AttributeError(f"module 'sonicrtc' has no attribute {name!r}")
