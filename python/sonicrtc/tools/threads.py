"""Threads for tools that are not async, as many as allowed and no more."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sonicrtc.errors import ToolError

_log = logging.getLogger(__name__)

#: The threads of the call whose tool runs here.
pool_of_call: contextvars.ContextVar[ThreadPool] = contextvars.ContextVar("pool_of_call")


async def in_thread[T](fn: Callable[[], T]) -> T:
    """Return what `fn` returns, run in a thread of the call whose tool awaits this; outside of calls in any."""
    pool = pool_of_call.get(None)
    return await (asyncio.to_thread(fn) if pool is None else pool.run(fn))


class ThreadPool:
    """Runs functions in threads, at most `max_threads` at once; belongs to one event loop.

    A thread begins with its function and ends with it: its start takes some 0.1 ms, which is nothing next to a tool,
    and a pool at rest has nothing to give back. A function that nobody waits for any more keeps its thread until it
    returns, because nothing can stop it. The threads are daemons: one that never returns does not keep the process
    alive, as one of ``concurrent.futures`` would.

    Parameters
    ----------
    max_threads : int
        Functions that run at the same time; the next one waits.
    """

    def __init__(self, max_threads: int) -> None:
        self._max_threads = max_threads
        self._runs: dict[threading.Thread, asyncio.Future[None]] = {}
        self._changed = asyncio.Event()

    @property
    def running(self) -> int:
        """Threads that are there, those that nobody waits for among them."""
        return len(self._runs)

    async def run[T](self, fn: Callable[[], T]) -> T:
        """Return what `fn` returns, or raise what it raises.

        Raises
        ------
        ToolError
            Every thread is held by a function that nobody waits for any more.
        """
        while len(self._runs) >= self._max_threads:
            if all(done.cancelled() for done in self._runs.values()):
                raise ToolError(
                    f"every thread for tools ({self._max_threads}) is held by a function that did not return in time"
                )
            self._changed.clear()
            await self._changed.wait()
        run = _Run(fn, contextvars.copy_context())
        loop = asyncio.get_running_loop()
        thread = threading.Thread(target=self._work, args=(run, loop), name="sonicrtc tool", daemon=True)
        thread.start()
        self._runs[thread] = done = loop.create_future()
        try:
            await done
        except asyncio.CancelledError:
            self._changed.set()  # perhaps it was the last that somebody waited for
            raise
        if run.error is not None:
            raise run.error
        result: T = run.value
        return result

    def _work(self, run: _Run, loop: asyncio.AbstractEventLoop) -> None:
        run()
        with suppress(RuntimeError):  # the loop is closed; nobody waits
            loop.call_soon_threadsafe(self._ended, threading.current_thread())

    def _ended(self, thread: threading.Thread) -> None:
        thread.join()  # it has nothing left to do
        done = self._runs.pop(thread)
        if not done.done():
            done.set_result(None)
        self._changed.set()

    async def close(self, deadline_s: float) -> None:
        """Wait until every function has returned, at most so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(deadline_s):
                while self._runs:
                    self._changed.clear()
                    await self._changed.wait()
        if self._runs:
            _log.warning("functions of tools did not return; their threads go on", extra={"threads": self.running})


class _Run:
    """One function and what became of it."""

    def __init__(self, fn: Callable[[], Any], context: contextvars.Context) -> None:
        self._fn, self._context = fn, context
        self.value: Any = None
        self.error: Exception | None = None

    def __call__(self) -> None:
        try:
            self.value = self._context.run(self._fn)
        except Exception as exc:
            self.error = exc
        except BaseException as exc:  # SystemExit ends the function, not the server
            self.error = RuntimeError(f"{type(exc).__name__}: {exc}")
