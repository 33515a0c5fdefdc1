"""An application's devices on the page, its lifespan around the calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.call.pages import calling

from sonicrtc.agent import Agent
from sonicrtc.config import Config, ServerConfig
from sonicrtc.errors import ToolError
from sonicrtc.events import DeviceStateEvent, DeviceSwitchedEvent, EndedEvent

LAMP = DeviceStateEvent(device="hall/light", room="hall", kind="light", online=True, state={"on": False})
SWITCH = '{"type":"device.switch","device":"hall/light","change":{"on":true}}'


class Hall:
    """A source with one lamp, which answers when the test lets it."""

    def __init__(self) -> None:
        self.asked: asyncio.Queue[tuple[str, Mapping[str, Any]]] = asyncio.Queue()
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def states(self) -> AsyncIterator[DeviceStateEvent]:
        yield LAMP
        await asyncio.Event().wait()

    async def switch(self, device: str, change: Mapping[str, Any]) -> None:
        await self.asked.put((device, change))
        await self.may_answer.wait()
        if device != LAMP.device:
            raise ToolError("there is no such lamp")


def an_agent() -> Agent:
    return Agent(config=Config(server=ServerConfig(loopback=True)))


async def test_a_page_is_told_of_each_device_and_its_switch_reaches_the_application() -> None:
    async with an_agent() as agent:
        agent.devices = hall = Hall()
        async with calling(agent) as page:
            assert (await page.until(DeviceStateEvent)).state == {"on": False}
            page.peer.send(SWITCH)
            assert (await page.until(DeviceSwitchedEvent)).problem == ""
    assert hall.asked.get_nowait() == ("hall/light", {"on": True})


async def test_why_a_switch_did_nothing_is_told() -> None:
    async with an_agent() as agent:
        agent.devices = Hall()
        async with calling(agent) as page:
            page.peer.send(SWITCH.replace("hall/light", "cellar"))
            told = await page.until(DeviceSwitchedEvent)
    assert (told.device, told.problem) == ("cellar", "there is no such lamp")


async def test_a_switch_that_is_moved_again_before_its_device_answered_is_moved_once() -> None:
    async with an_agent() as agent:
        agent.devices = hall = Hall()
        hall.may_answer.clear()
        async with calling(agent) as page:
            for text in (SWITCH, SWITCH, SWITCH.replace("hall/light", "cellar")):
                page.peer.send(text)
            async with asyncio.timeout(10):
                assert [(await hall.asked.get())[0] for _ in range(2)] == ["hall/light", "cellar"]
            hall.may_answer.set()
            await page.until(DeviceSwitchedEvent, 2)
    assert hall.asked.empty()


async def test_a_device_that_never_answers_does_not_hold_up_the_end_of_a_call() -> None:
    async with an_agent() as agent:
        agent.devices = hall = Hall()
        hall.may_answer.clear()
        async with calling(agent) as page:
            page.peer.send(SWITCH)
            page.peer.send('{"type":"hangup"}')
            assert (await page.until(EndedEvent)).reason == "hangup"


async def test_a_switch_is_nothing_to_an_agent_without_devices() -> None:
    async with an_agent() as agent, calling(agent) as page:
        page.peer.send(SWITCH)
        page.peer.send('{"type":"hangup"}')
        await page.until(EndedEvent)
    assert page.told(DeviceSwitchedEvent) == []


async def test_a_lifespan_surrounds_all_calls() -> None:
    seen: list[str] = []

    @asynccontextmanager
    async def house() -> AsyncIterator[None]:
        seen.append("entered")
        yield
        seen.append("left")

    async with an_agent() as agent:
        agent.lifespan(house)
        async with calling(agent):
            seen.append("a call")
    assert seen == ["entered", "a call", "left"]


async def test_a_lifespan_that_fails_is_told_to_whoever_wants_a_call_and_tried_again_by_the_next() -> None:
    entered: list[str] = []

    @asynccontextmanager
    async def house() -> AsyncIterator[None]:
        entered.append("tried")
        raise ValueError("no broker is named")
        yield

    async with asyncio.timeout(10), an_agent() as agent:
        agent.lifespan(house)
        for times in (1, 2):
            with pytest.raises(ValueError, match="no broker is named"):
                await agent.answer({})
            assert len(entered) == times
