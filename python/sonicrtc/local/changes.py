"""Waiting for something to become true, in any thread, with an event loop or without."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future


class Changes:
    """Those who wait; what they wait for is asked again at every :meth:`tell`."""

    def __init__(self) -> None:
        # A deque, because other threads add to it while the one that tells takes from it.
        self._waiters: deque[Future[None]] = deque()

    async def until(self, holds: Callable[[], bool], timeout_s: float) -> None:
        """Wait until `holds` is true; TimeoutError when that takes longer."""
        async with asyncio.timeout(timeout_s):
            while (change := self._next(holds)) is not None:
                await asyncio.wrap_future(change)

    def wait(self, holds: Callable[[], bool], timeout_s: float) -> None:
        """Wait as :meth:`until` does, without an event loop."""
        deadline_s = time.monotonic() + timeout_s
        while (change := self._next(holds)) is not None:
            change.result(max(0.0, deadline_s - time.monotonic()))

    def _next(self, holds: Callable[[], bool]) -> Future[None] | None:
        """Return what will be done at the next change, or None when `holds` is true."""
        change: Future[None] = Future()
        # Before the question, so that nothing that happens in between is missed.
        self._waiters.append(change)
        return None if holds() else change

    def tell(self) -> None:
        """Wake everybody who waits."""
        for _ in range(len(self._waiters)):
            change = self._waiters.popleft()
            if change.set_running_or_notify_cancel():
                change.set_result(None)
