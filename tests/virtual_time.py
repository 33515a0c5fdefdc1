"""A loop whose clock is moved by its timers, for tests of what happens when."""

from __future__ import annotations

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine


class VirtualTime(asyncio.SelectorEventLoop):
    """A loop that does not wait: its clock jumps to whatever is due next."""

    def __init__(self) -> None:
        super().__init__(_NoWait(self))
        self.now_s = 1000.0

    def time(self) -> float:
        return self.now_s


class _NoWait(selectors.DefaultSelector):
    def __init__(self, loop: VirtualTime) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._loop.now_s += max(0.0, timeout or 0.0)
        return super().select(0)


def in_virtual_time(work: Coroutine[None, None, None]) -> None:
    with asyncio.Runner(loop_factory=VirtualTime) as runner:
        runner.run(work)


def on_virtual_time[**P](test: Callable[P, Coroutine[None, None, None]]) -> Callable[P, None]:
    """Run an async test on a clock that does not wait."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        in_virtual_time(test(*args, **kwargs))

    return run
