"""A session under test, its events, and a block of audio that need not come from the native core."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sonicrtc.config import SonicConfig
from sonicrtc.credentials import AwsKeys, StaticCredentials
from sonicrtc.sonic.protocol import SonicEvent
from sonicrtc.sonic.session import SonicSession

KEYS = AwsKeys(access_key_id="AKIDTEST", secret_access_key="not a secret")
EMPTY: NDArray[np.int16] = np.zeros(0, np.int16)


@dataclass
class FakeBlock:
    s16: NDArray[np.int16]
    speech: bool = True
    preroll: NDArray[np.int16] = field(default_factory=lambda: EMPTY)
    onset: int = -1
    offset: int = -1
    withheld_frames: int = 0
    level_dbfs: float = -20.0


class Driven:
    """A session and what it said so far."""

    def __init__(self, config: SonicConfig, *, keys: AwsKeys = KEYS, **options: Any) -> None:
        self.config = config
        self.events: list[SonicEvent] = []
        #: Gets each event, too.
        self.also: Callable[[SonicEvent], None] = lambda event: None
        self._news = asyncio.Event()
        self._over = False
        options.setdefault("credentials", StaticCredentials(keys))
        self.session = SonicSession(config, on_event=self._on_event, **options)

    def _on_event(self, event: SonicEvent) -> None:
        self.events.append(event)
        self.also(event)
        self._news.set()

    async def until[E](self, kind: type[E], met: Callable[[E], bool] = lambda _: True) -> E:
        """Wait for the first event of `kind` that is `met`."""
        while True:
            for event in self.events:
                if isinstance(event, kind) and met(event):
                    return event
            assert not self._over, f"the session ended without {kind.__name__}: {self.events}"
            self._news.clear()
            await self._news.wait()

    async def more_than[E](self, count: int, kind: type[E]) -> None:
        """Wait until more than `count` events of `kind` have come."""
        while len(self.of(kind)) <= count:
            assert not self._over, f"the session ended after {len(self.of(kind))} {kind.__name__}"
            self._news.clear()
            await self._news.wait()

    async def run(self) -> None:
        try:
            await self.session.run()
        finally:
            self._over = True
            self._news.set()

    def speak(self, samples: NDArray[np.int16]) -> None:
        """Hand over audio in 20 ms blocks, as fast as it goes."""
        for start in range(0, len(samples), 320):
            self.send(samples[start : start + 320])

    def send(self, samples: NDArray[np.int16]) -> None:
        """Hand over one block, in which somebody speaks unless it is silent."""
        block = FakeBlock(samples, speech=bool(samples.any()))
        self.session.send_audio(block, captured_at_s=0.0)

    def of[E](self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]


@asynccontextmanager
async def driven(config: SonicConfig, *, timeout_s: float = 10, **options: Any) -> AsyncIterator[Driven]:
    """Run a session beside the test, close it after, and see that it gave everything back."""
    subject = Driven(config, **options)
    async with asyncio.timeout(timeout_s), asyncio.TaskGroup() as tasks:
        tasks.create_task(subject.run())
        yield subject
        await subject.session.close()
    assert subject.session.stats.opened == subject.session.stats.closed
