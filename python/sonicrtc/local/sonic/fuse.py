"""When a fault happens: at once, after some time, or after so much audio."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sonicrtc.local.sonic.faults import Fault

__all__ = ["Fuse"]


class Fuse:
    """Waits for the moment of one fault.

    Parameters
    ----------
    fault : Fault
        Says when.
    happen : callable
        Gets the fault, once.
    """

    def __init__(self, fault: Fault, happen: Callable[[Fault], None]) -> None:
        self._fault = fault
        self._happen = happen
        self._audio_ms = fault.after_audio_ms
        self._said_ms = fault.after_said_ms
        self._burnt = False
        self._timer: asyncio.TimerHandle | None = None

    def light(self) -> None:
        """Begin to wait; what waits for nothing happens now."""
        if self._fault.after_ms:
            self._timer = asyncio.get_running_loop().call_later(self._fault.after_ms / 1000, self._burn)
        elif not (self._audio_ms or self._said_ms):
            self._burn()

    def passed(self, *, audio_ms: float = 0, said_ms: float = 0) -> None:
        """Tell that there was so much audio of the user, or of the assistant."""
        due = (self._audio_ms and audio_ms >= self._audio_ms) or (self._said_ms and said_ms >= self._said_ms)
        self._audio_ms = self._audio_ms and self._audio_ms - audio_ms
        self._said_ms = self._said_ms and self._said_ms - said_ms
        if due:
            self._burn()

    def put_out(self) -> None:
        """It shall not happen any more."""
        self._burnt = True
        if self._timer is not None:
            self._timer.cancel()

    def _burn(self) -> None:
        if not self._burnt:
            self._burnt = True
            self._happen(self._fault)
