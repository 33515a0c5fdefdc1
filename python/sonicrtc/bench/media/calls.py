"""Many light calls to one server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Self

import aiohttp

from sonicrtc.bench.media.session import LightCall
from sonicrtc.errors import SonicRtcError

#: How many calls connect at the same time: their handshakes are work for both sides.
_AT_ONCE = 4
_HTTP_S = 60.0


class Calls:
    """Calls to the server at `url`; all hang up in the end."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._exit = AsyncExitStack()
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self.connected: list[LightCall] = []
        #: Why calls did not come about.
        self.failures: list[str] = []

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=_HTTP_S)
        self._http = await self._exit.enter_async_context(aiohttp.ClientSession(timeout=timeout))
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self._each(self.connected, LightCall.close)
        finally:
            await self._exit.aclose()

    async def add(self, calls: Sequence[LightCall]) -> None:
        """Make `calls`; those that do not come about are noted as failures."""
        await self._each(calls, self._connect)

    async def _connect(self, call: LightCall) -> None:
        try:
            await call.connect(self._http, self._url)
        except SonicRtcError as exc:
            self.failures.append(str(exc))
            await call.close()
        else:
            self.connected.append(call)

    async def _each(self, calls: Sequence[LightCall], act: Callable[[LightCall], Awaitable[None]]) -> None:
        async def one(call: LightCall) -> None:
            async with self._gate:
                await act(call)

        async with asyncio.TaskGroup() as group:
            for call in calls:
                group.create_task(one(call))
