"""An agent against the local service: who speaks first, with whose voice, and what a broken stream looks like."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.call.pages import calling

from sonicrtc import Agent
from sonicrtc.config import Config, SonicConfig
from sonicrtc.credentials import StaticCredentials
from sonicrtc.events import ModelEvent, SessionEvent, SettingsMessage, TranscriptEvent, encode
from sonicrtc.local.sonic import LocalSonic
from sonicrtc.local.sonic.faults import Fault
from sonicrtc.local.sonic.scripted import Scenario, ScriptedBrain
from sonicrtc.local.state import LocalState

#: Answers whatever is written to it, and is else silent.
ANSWERS = Scenario.parse([{"repeat": 0, "steps": [{"wait_text": True}, {"say": "Yes?", "audio_ms": 300}]}])


@asynccontextmanager
async def agent_and_service(**own: Any) -> AsyncIterator[tuple[Agent, LocalSonic]]:
    with LocalState.open(None) as state:
        async with LocalSonic(state=state, brain=lambda: ScriptedBrain(ANSWERS), record=True) as sonic:
            config = Config(sonic=SonicConfig(endpoint=sonic.endpoint, ca_file=state.ca_file))
            async with Agent(config=config, credentials=StaticCredentials(state.keys), **own) as agent:
                yield agent, sonic


async def voices(sonic: LocalSonic, sessions: int) -> list[str]:
    """The voices of so many sessions, once all of them have been told theirs."""
    await sonic.records.until(lambda records: sum(bool(record.voice) for record in records) == sessions)
    return [record.voice for record in sonic.records]


async def test_the_agent_speaks_first_though_nobody_has_said_anything() -> None:
    async with agent_and_service(greeting="Good morning!") as (agent, sonic), calling(agent) as page:
        told = await page.until(TranscriptEvent)
        await page.heard.until(lambda: any(abs(block).max() > 3000 for block in page.heard.blocks))
        assert page.told()[0].greets
        assert (told.role, told.turn) == ("assistant", 1)
        assert sonic.records[0].texts == ['Say exactly this to the user, and nothing else: "Good morning!"']


async def test_the_first_session_has_the_voice_that_the_page_offered_with() -> None:
    async with agent_and_service() as (agent, sonic), calling(agent, settings={"voice": "ambre"}) as page:
        await page.until(SessionEvent)
        assert await voices(sonic, 1) == ["ambre"]


async def test_the_page_gets_another_voice_in_the_same_call_and_the_greeting_is_not_repeated() -> None:
    async with agent_and_service(greeting="Good morning!") as (agent, sonic), calling(agent) as page:
        await page.until(TranscriptEvent, 2)
        page.peer.send(encode(SettingsMessage(voice="tina", language="de-DE")))
        told = await page.until(ModelEvent, 2)
        assert (told.status, told.stream, told.voice, told.language) == ("ready", 2, "tina", "de-DE")
        assert await voices(sonic, 2) == ["matthew", "tina"]
        assert sonic.records[1].texts == []


async def test_the_application_gives_the_next_session_other_instructions_and_tools() -> None:
    async with agent_and_service() as (agent, sonic), calling(agent) as page:
        agent.tool(name="door", description="Open the door.")(lambda: 1)
        await page.until(ModelEvent)
        await page.call.configure(instructions="You are a butler.", tools=["door"])
        await page.until(ModelEvent, 2)
        assert await voices(sonic, 2) == ["matthew", "matthew"]
        assert sonic.records[1].instructions.startswith("You are a butler.")
        assert list(sonic.records[1].tools) == ["door"]


async def test_a_stream_that_breaks_is_told_and_the_call_goes_on() -> None:
    async with agent_and_service() as (agent, sonic), calling(agent) as page:
        await page.until(ModelEvent)
        sonic.faults.now(Fault(fault="drop"))
        await page.until(ModelEvent, 3)
        assert [(e.status, e.stream) for e in page.told(ModelEvent)] == [("ready", 1), ("recovering", 1), ("ready", 2)]
        await page.call.send_text("Are you there?")
        assert (await page.until(TranscriptEvent)).text == "Yes?"
