"""Devices of an application on the page: their state goes out, the page's switches come in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from sonicrtc.errors import ToolError
from sonicrtc.events import DeviceStateEvent, DeviceSwitchedEvent, DeviceSwitchMessage

if TYPE_CHECKING:
    from sonicrtc.call import Call


class DeviceSource(Protocol):
    """What an application gives as ``agent.devices``."""

    def states(self) -> AsyncIterator[DeviceStateEvent]:
        """Yield each device once, then again whenever it changes."""

    async def switch(self, device: str, change: Mapping[str, Any]) -> None:
        """Change a device and wait until it has reported.

        `device` and `change` come from a page, and may be anything.

        Raises
        ------
        ToolError
            It did not; the text is for a person to read.
        """


async def show_devices(source: DeviceSource, call: Call) -> None:
    """Keep a call's page up to date, and do what it switches, until the call is over."""
    busy: set[str] = set()
    async with asyncio.TaskGroup() as tasks:
        showing = tasks.create_task(_show(source, call))
        async for event in call.events():
            # The page shows a switch as moved until it hears of it; a second one meanwhile is not for a person to do.
            if isinstance(event, DeviceSwitchMessage) and event.device not in busy:
                busy.add(event.device)
                tasks.create_task(_switch(source, call, event, busy))
        showing.cancel()


async def _show(source: DeviceSource, call: Call) -> None:
    async for state in source.states():
        call.tell(state)


async def _switch(source: DeviceSource, call: Call, wish: DeviceSwitchMessage, busy: set[str]) -> None:
    problem = ""
    try:
        await source.switch(wish.device, wish.change)
    except ToolError as exc:
        problem = str(exc)
    finally:
        busy.discard(wish.device)
    call.tell(DeviceSwitchedEvent(device=wish.device, problem=problem))
