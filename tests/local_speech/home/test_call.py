"""The house in whole calls: a page that types, the agent with its tools, the AWS SDK, the local service."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.call.pages import Page, calling
from tests.local_speech.home.pretended import House
from tests.local_speech.stage import FakeRecognizer, FakeSynthesizer

from sonicrtc import Agent
from sonicrtc.config import Config, SonicConfig
from sonicrtc.credentials import StaticCredentials
from sonicrtc.errors import ToolError
from sonicrtc.events import ToolEvent, TranscriptEvent
from sonicrtc.local.sonic.service import LocalSonic
from sonicrtc.local.sonic.speech import SpeechBrain
from sonicrtc.local.sonic.speech.parts import SpeechParts
from sonicrtc.local.state import LocalState


@pytest.fixture(scope="module")
def state() -> Iterator[LocalState]:
    with LocalState.open(None) as opened:
        yield opened


class Home:
    """The tools of the example over a house without a broker; a test may hold its devices up, or break it."""

    def __init__(self) -> None:
        self.house = House()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.asked = asyncio.Event()
        self.broken = ""

    def tools_of(self, agent: Agent) -> None:
        async def obey(topic: str, payload: dict[str, Any], *, confirmed: bool = False) -> dict[str, Any]:
            self.asked.set()
            await self.may_answer.wait()
            if self.broken:
                raise ToolError(self.broken)
            return self.house.publish(topic, payload, confirmed=confirmed)

        @agent.tool
        async def publish(topic: str, payload: dict[str, Any]) -> dict[str, Any]:
            """Send a command."""
            return await obey(topic, payload)

        @agent.tool(confirm=True)
        async def publish_confirmed(topic: str, payload: dict[str, Any]) -> dict[str, Any]:
            """Send a command that needs the user's confirmation."""
            return await obey(topic, payload, confirmed=True)

        @agent.tool
        async def get_state(device: str | None = None) -> dict[str, Any]:
            """Tell what the devices last reported."""
            return self.house.get_state(device)


class Caller:
    """Types, and reads what the agent says."""

    def __init__(self, page: Page, home: Home) -> None:
        self.page, self.home = page, home

    def type(self, text: str) -> None:
        self.page.peer.send(json.dumps({"type": "text", "text": text}))

    async def hears(self, *words: str) -> str:
        """Wait until the agent has said all `words`; return what it said."""
        async with asyncio.timeout(10):
            await self.page.heard.until(lambda: all(word in self.said() for word in words))
        return self.said()

    def said(self) -> str:
        finals = [event for event in self.page.told(TranscriptEvent) if event.role == "assistant"]
        return " ".join(event.text for event in finals)


@asynccontextmanager
async def at_home(state: LocalState) -> AsyncIterator[Caller]:
    def brain() -> SpeechBrain:
        return SpeechBrain(parts=SpeechParts(FakeRecognizer(""), FakeSynthesizer(0.02)))

    home = Home()
    async with LocalSonic(state=state, brain=brain) as sonic:
        config = Config(sonic=SonicConfig(endpoint=sonic.endpoint, ca_file=state.ca_file))
        async with Agent(config=config, credentials=StaticCredentials(state.keys)) as agent:
            home.tools_of(agent)
            async with calling(agent) as page:
                yield Caller(page, home)


async def test_a_light_is_switched_and_the_reported_state_is_told(state: LocalState) -> None:
    async with at_home(state) as caller:
        caller.type("Please set the kitchen light to fifty percent.")
        await caller.hears("The kitchen light is on at 50 percent.")
        assert caller.home.house.states["kitchen/light"]["brightness_percent"] == 50


async def test_a_door_is_unlocked_after_a_typed_yes_and_not_before(state: LocalState) -> None:
    async with at_home(state) as caller:
        caller.type("Unlock the back door.")
        await caller.hears("Shall I unlock the back door?")
        assert caller.home.house.sent == []
        caller.type("yes")
        await caller.hears("The back door is unlocked.")
        statuses = [event.status for event in caller.page.told(ToolEvent)]
        assert statuses == ["started", "confirming", "started", "succeeded"]


async def test_a_question_back_and_a_correction_go_on_from_what_was_said(state: LocalState) -> None:
    async with at_home(state) as caller:
        caller.type("turn on the light")
        await caller.hears("In which room?")
        caller.type("the kitchen")
        await caller.hears("The kitchen light is on.")
        caller.type("no, the bedroom")
        await caller.hears("The bedroom light is on.")


async def test_a_broker_that_is_down_is_told(state: LocalState) -> None:
    async with at_home(state) as caller:
        caller.home.broken = "the MQTT broker at 127.0.0.1:1 cannot be reached; nothing was sent"
        caller.type("all lights off")
        await caller.hears("did not work", "the MQTT broker cannot be reached", "nothing was sent")


async def test_stop_is_heard_while_a_slow_device_answers(state: LocalState) -> None:
    async with at_home(state) as caller:
        caller.home.may_answer.clear()
        caller.type("turn on the kitchen light")
        async with asyncio.timeout(10):
            await caller.home.asked.wait()
        caller.type("actually, stop")
        await caller.hears("Okay, I stop.", "may still be done")
        caller.home.may_answer.set()
        caller.type("is the kitchen light on?")
        await caller.hears("The kitchen light is ")
