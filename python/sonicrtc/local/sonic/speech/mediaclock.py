"""Time as the user's audio tells it."""

from __future__ import annotations

import asyncio

_Waiter = tuple[float, asyncio.Future[None]]


class MediaClock:
    """Counts the seconds of audio received, and wakes who waits for a moment."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._waiting: list[_Waiter] = []

    def advance(self, seconds: float) -> None:
        """Let `seconds` of audio pass."""
        self.now_s += seconds
        for _, waiter in (due := [entry for entry in self._waiting if entry[0] <= self.now_s]):
            if not waiter.done():
                waiter.set_result(None)
        if due:
            self._waiting = [entry for entry in self._waiting if entry[0] > self.now_s]

    def at(self, moment_s: float) -> asyncio.Future[None]:
        """Return a future that is done when the audio has reached `moment_s`; cancel it when not needed."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if moment_s <= self.now_s:
            waiter.set_result(None)
        else:
            self._waiting = [entry for entry in self._waiting if not entry[1].done()]
            self._waiting.append((moment_s, waiter))
        return waiter

    async def reach(self, moment_s: float) -> None:
        """Wait until `moment_s`; no longer than that takes by the wall clock, for a client that sends no audio."""
        if moment_s > self.now_s:
            await asyncio.wait((self.at(moment_s),), timeout=moment_s - self.now_s)
