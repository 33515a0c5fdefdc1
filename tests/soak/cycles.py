"""Sessions that begin and end, over and over: in order, too early, cancelled, and with every failure."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress

import numpy as np

from sonicrtc.audio import Playout, Uplink
from sonicrtc.config import ContinuityConfig, SonicConfig, VadConfig
from sonicrtc.credentials import StaticCredentials
from sonicrtc.errors import SonicRtcError
from sonicrtc.sonic import protocol as said
from sonicrtc.sonic.leg import Deadlines
from sonicrtc.sonic.session import SonicSession

AT_ONCE = 4
_TONE = np.rint(8000 * np.sin(np.arange(960) * 0.05)).astype(np.int16).repeat(2)
_SILENCE = np.zeros(1920, np.int16)
_PATIENCE_S = 30.0
#: A service that fails is given up soon: it is not the waiting that is measured.
_DEADLINES = Deadlines(open_s=0.5, close_s=0.3, send_s=0.5)
_NO_RETRY = ContinuityConfig(retry_for_s=0, silence_limit_s=0.4)


class Cycle:
    """One session with one short exchange."""

    def __init__(self, config: SonicConfig, credentials: StaticCredentials, *, fails: bool) -> None:
        self._uplink = Uplink(input_rate_hz=48_000, channels=2, downmix="mean", vad=VadConfig(detector="energy"))
        self._playout = Playout(input_rate_hz=24_000, output_rate_hz=48_000)
        options = {"continuity": _NO_RETRY, "deadlines": _DEADLINES} if fails else {}
        # A model that keeps silent is noticed only by somebody who has said more than "hm".
        self._blocks = 30 if fails else 10
        self.session = SonicSession(config, credentials=credentials, on_event=self._take, **options)  # type: ignore[arg-type]
        self.answered = asyncio.Event()

    def _take(self, event: said.SonicEvent) -> None:
        match event:
            case said.SessionOpened():
                self.speak()
            case said.AudioChunk():
                self._playout.push(event.pcm)
                self._playout.pull(960)
                self.answered.set()
            case _:
                pass

    def speak(self) -> None:
        """Say something, out of silence: a tone that was always there is the room's."""
        for block in [_SILENCE] * 5 + [_TONE] * self._blocks:
            self.session.send_audio(self._uplink.push(block), captured_at_s=asyncio.get_running_loop().time())

    async def in_order(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.session.run())
            await self.answered.wait()
            await self.session.close()

    async def closed_early(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.session.run())
            await asyncio.sleep(0)
            await self.session.close()

    async def cancelled(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            run = tasks.create_task(self.session.run())
            await self.answered.wait()
            run.cancel()

    async def broken(self) -> None:
        """Live until the service has let it down."""
        with suppress(SonicRtcError):
            await self.session.run()


class Cycles:
    """Runs sessions, a few at once.

    Parameters
    ----------
    echo, failing : SonicConfig
        A service that answers, and one that fails.

    Attributes
    ----------
    kinds : Counter of str
        How many sessions of each kind there were.
    """

    def __init__(self, echo: SonicConfig, failing: SonicConfig, credentials: StaticCredentials) -> None:
        self._echo, self._failing, self._credentials = echo, failing, credentials
        self._number = 0
        self.kinds: Counter[str] = Counter()

    async def run(self, count: int) -> None:
        """Run `count` sessions and return when all of them are over."""
        numbers = iter(range(count))
        async with asyncio.timeout(_PATIENCE_S + count), asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(self._work(numbers))

    async def _work(self, numbers: object) -> None:
        for _ in numbers:  # type: ignore[attr-defined]
            self._number += 1
            await self._one(self._number)

    async def _one(self, number: int) -> None:
        """Six in ten end in order."""
        kind = {3: "closed_early", 6: "cancelled", 1: "broken", 9: "broken"}.get(number % 10, "in_order")
        self.kinds[kind] += 1
        cycle = Cycle(self._failing if kind == "broken" else self._echo, self._credentials, fails=kind == "broken")
        async with asyncio.timeout(_PATIENCE_S):
            await getattr(cycle, kind)()
        stats = cycle.session.stats
        if stats.opened != stats.closed:
            raise AssertionError(f"{kind}: {stats.opened} streams opened and {stats.closed} closed")
