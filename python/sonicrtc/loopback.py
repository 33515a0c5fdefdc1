"""What stands in the model's place in a loopback call: the caller's own audio comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sonicrtc.errors import SonicError
from sonicrtc.sonic.protocol import AudioChunk

if TYPE_CHECKING:
    from sonicrtc.audio import Block
    from sonicrtc.config import SonicConfig
    from sonicrtc.sonic.protocol import SonicEvent
    from sonicrtc.sonic.wire import ToolSpec

#: What is waiting to be played may be this long: what a stall of the caller's network held up comes at once.
_MOST_WAITING_MS = 400.0
#: Beyond this, quiet is left out, so that the delay goes back.
_WAITING_MS, _QUIET_DBFS = 60.0, -50.0


class Loopback:
    """A session as :class:`sonicrtc.sonic.session.SonicSession` is one, without a model behind it.

    Parameters
    ----------
    on_event : callable
        Gets the caller's audio, 16 kHz, as `AudioChunk`.
    waiting_ms : callable
        Returns how much of it has not been played yet.
    """

    def __init__(self, on_event: Callable[[SonicEvent], None], waiting_ms: Callable[[], float]) -> None:
        self._on_event = on_event
        self._waiting_ms = waiting_ms
        self._over = asyncio.Event()

    def send_audio(self, block: Block, *, captured_at_s: float) -> None:
        """Return `block` to its sender."""
        waiting_ms = self._waiting_ms()
        if waiting_ms < _WAITING_MS or (waiting_ms < _MOST_WAITING_MS and block.level_dbfs > _QUIET_DBFS):
            self._on_event(AudioChunk(pcm=block.s16.tobytes(), content_id="loopback"))

    def send_text(self, text: str) -> None:
        """Refuse: nobody reads it."""
        raise SonicError("this call has no model: it returns the caller's own audio")

    def announce(self, text: str) -> None:
        """Say nothing: there is no voice."""

    def send_tool_result(self, tool_use_id: str, result: object) -> None:
        """Take a result that nobody asked for."""

    def change(self, config: SonicConfig, tools: Sequence[ToolSpec] | None = None) -> None:
        """Refuse: there is nothing to set."""
        raise SonicError("this call has no model: it returns the caller's own audio")

    def flushed(self, frames: int) -> None:
        """Take note that audio was thrown away."""

    async def run(self) -> None:
        """Return once :meth:`close` was called."""
        await self._over.wait()

    async def close(self) -> None:
        """End it."""
        self._over.set()
