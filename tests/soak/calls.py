"""Whole calls: a page calls, hears the agent, and one side hangs up; over and over."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
from tests.call.pages import Page, all_events, calling
from tests.net.peers import Int16
from tests.soak.talks import CONTINUITY

from sonicrtc.calls import Calls
from sonicrtc.config import Config, SonicConfig, VadConfig
from sonicrtc.credentials import StaticCredentials
from sonicrtc.events import EndedEvent, ToolEvent
from sonicrtc.tools.registry import ToolRegistry

_PATIENCE_S = 40.0
_LOUD = 2000


def weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"rain in {city}"


class Speech:
    """A tone of 300 ms every two seconds; a source for a page's microphone."""

    def __init__(self) -> None:
        self._at = 0

    def __call__(self, frames: int) -> Int16:
        n = np.arange(self._at, self._at + frames)
        self._at += frames
        tone = 12_000 * np.sin(2 * np.pi * 300 * n / 48_000) * (n % 96_000 >= 24_000) * (n % 96_000 < 38_400)
        return np.rint(tone).astype(np.int16)


class CallAfterCall:
    """Calls, one after the other.

    Attributes
    ----------
    count : int
        Calls so far.
    problems : list of str
        Calls in which something did not come in time.
    """

    def __init__(self, config: SonicConfig, credentials: StaticCredentials) -> None:
        tools = ToolRegistry()
        tools.add(weather)
        self._config = Config(
            sonic=replace(config, instructions="tool"), vad=VadConfig(detector="energy"), continuity=CONTINUITY
        )
        self._credentials, self._tools = credentials, tools
        self.count = 0
        self.problems: list[str] = []

    async def run(self, length_s: float) -> None:
        """Go on calling for that long; call once at least."""
        loop = asyncio.get_running_loop()
        ends_s = loop.time() + length_s
        async with Calls(self._config, credentials=self._credentials, tools=self._tools) as calls:
            while calls.opened == 0 or loop.time() < ends_s:
                self.count += 1
                try:
                    async with calling(calls, Speech()) as page:
                        await self._converse(page)
                    await all_events(page.call)
                except* TimeoutError:
                    told = [type(event).__name__ for event in page.told()]
                    self.problems.append(f"call {self.count} was stuck after {told}: {page.call.stats}")
        if calls.opened != calls.closed:
            self.problems.append(f"{calls.opened} calls opened and {calls.closed} closed")

    async def _converse(self, page: Page) -> None:
        """Hear the answer that takes a tool; then the server hangs up, or the page, in turn."""
        heard = page.heard
        await heard.until(lambda: len(page.told(ToolEvent)) >= 2, _PATIENCE_S)
        await heard.until(lambda: any(np.abs(block).max() > _LOUD for block in heard.blocks[-5:]), _PATIENCE_S)
        if self.count % 2:
            await page.call.hang_up()
            await page.until(EndedEvent)
