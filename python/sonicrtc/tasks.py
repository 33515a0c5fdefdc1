"""Structured concurrency: run something beside a block of code."""

from __future__ import annotations

import asyncio
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
