"""Structured concurrency: run something beside a block of code, and end when asked to."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager


@asynccontextmanager
async def beside[T](work: Coroutine[None, None, T]) -> AsyncIterator[asyncio.Task[T]]:
    """Run `work` while the body runs, and cancel it when the body ends.

    An error of `work` ends the body. Whichever fails, a single error comes out as itself and not
    in an `ExceptionGroup`.

    Parameters
    ----------
    work : coroutine
        What to run.

    Yields
    ------
    asyncio.Task
        The task of `work`.
    """
    try:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(work)
            try:
                yield task
            finally:
                task.cancel()
    except BaseExceptionGroup as group:
        if len(group.exceptions) == 1:
            raise group.exceptions[0]  # noqa: B904 - its own cause and trace tell the whole story
        raise


@asynccontextmanager
async def stop_event(*, with_stdin: bool = False) -> AsyncIterator[asyncio.Event]:
    """Yield an event that is set by SIGINT or SIGTERM.

    Parameters
    ----------
    with_stdin : bool
        Also set it at the end of standard input. A parent that holds the other end of that pipe
        needs to do nothing at all to stop this process, not even live.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    transport = None
    if with_stdin:
        transport, _ = await loop.connect_read_pipe(lambda: _UntilEnd(stop), sys.stdin)
    try:
        yield stop
    finally:
        if transport is not None:
            transport.close()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


class _UntilEnd(asyncio.Protocol):
    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop.set()
