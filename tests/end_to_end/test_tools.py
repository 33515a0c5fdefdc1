"""Every rule for tools in a whole call: a page, the agent, the AWS SDK, and the local service behind it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.call.pages import Page, calling

from sonicrtc import Agent
from sonicrtc.config import Config, SonicConfig, ToolsConfig
from sonicrtc.credentials import StaticCredentials
from sonicrtc.events import EndedEvent, HandOverEvent, SpeakingEvent, ToolEvent, TranscriptEvent
from sonicrtc.local.sonic.brain import BrainInput, Emitter, SessionSetup, ToolResult, UserAudio, UserText
from sonicrtc.local.sonic.service import LocalSonic
from sonicrtc.local.state import LocalState


class Model:
    """Thinks behind the local service: does what the test says, and notes what it gets."""

    emit: Emitter

    def __init__(self) -> None:
        self.setup = SessionSetup()
        self.audio_bytes = 0
        self.texts: list[str] = []
        #: Results in the order of their coming, by the id of the tool use.
        self.results: dict[str, Any] = {}
        self._changed = asyncio.Event()

    async def run(self, setup: SessionSetup, inputs: AsyncIterator[BrainInput], emit: Emitter) -> None:
        self.setup, self.emit = setup, emit
        async for item in inputs:
            match item:
                case UserAudio(pcm):
                    self.audio_bytes += len(pcm)
                case UserText(text):
                    self.texts.append(text)
                case ToolResult(tool_use_id, content):
                    assert tool_use_id not in self.results
                    self.results[tool_use_id] = json.loads(content)
            self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def hear_user(self, text: str = "Go on.") -> None:
        await self.emit.user_text(text)

    async def request(self, name: str, **arguments: Any) -> str:
        """Ask for a tool and do not wait; return the id of the use."""
        return await self.emit.tool_use(name, arguments)

    async def result(self, tool_use_id: str) -> Any:
        await self.until(lambda: tool_use_id in self.results)
        return self.results[tool_use_id]

    async def use(self, name: str, **arguments: Any) -> Any:
        """Ask for a tool and return what came of it."""
        return await self.result(await self.request(name, **arguments))


@pytest.fixture(scope="module")
def state() -> Iterator[LocalState]:
    with LocalState.open(None) as opened:
        yield opened


@asynccontextmanager
async def conversation(
    state: LocalState, tool: Callable[..., Any], limits: ToolsConfig | None = None, **options: Any
) -> AsyncIterator[tuple[Model, Page]]:
    """Connect a page with a model that may use `tool`."""
    model = Model()
    async with LocalSonic(state=state, brain=lambda: model) as sonic:
        config = Config(
            sonic=SonicConfig(endpoint=sonic.endpoint, ca_file=state.ca_file), tools=limits or ToolsConfig()
        )
        async with Agent(config=config, credentials=StaticCredentials(state.keys)) as agent:
            agent.tool(**options)(tool)
            async with calling(agent) as page:
                await model.until(lambda: model.audio_bytes > 0)
                yield model, page
        assert sonic.sessions.opened == sonic.sessions.closed == 1


async def told(page: Page, *statuses: str) -> list[ToolEvent]:
    """Wait until the page was told as much of tools; return the events in that order."""
    await page.until(ToolEvent, len(statuses))
    events: list[ToolEvent] = page.told(ToolEvent)
    assert [event.status for event in events] == list(statuses)
    return events


class Gate:
    """A tool that returns when it is let go."""

    def __init__(self) -> None:
        self._open: dict[str, asyncio.Event] = {}
        self.entered: list[str] = []
        self.cancelled: list[str] = []

    async def pass_gate(self, who: str) -> str:
        """Pass the gate."""
        self.entered.append(who)
        try:
            await self._open.setdefault(who, asyncio.Event()).wait()
        except asyncio.CancelledError:
            self.cancelled.append(who)
            raise
        return f"{who} has passed"

    def let_go(self, who: str) -> None:
        self._open.setdefault(who, asyncio.Event()).set()


class Door:
    """A tool that acts."""

    def __init__(self) -> None:
        self.unlocked: list[str] = []

    async def unlock(self, door: str) -> str:
        """Unlock a door of the house."""
        self.unlocked.append(door)
        return "unlocked"


async def test_tools_run_beside_each_other_while_both_sides_go_on_talking(state: LocalState) -> None:
    gate = Gate()
    async with conversation(state, gate.pass_gate) as (model, page):
        slow, quick = await model.request("pass_gate", who="Ann"), await model.request("pass_gate", who="Bob")
        await told(page, "started", "started")
        before = model.audio_bytes
        await model.until(lambda: model.audio_bytes > before + 16_000)
        await model.emit.speculative("They are on their way.")
        await model.emit.audio(bytes(48_000))
        await page.until(SpeakingEvent)
        assert model.results == {}
        gate.let_go("Bob")
        assert await model.result(quick) == {"result": "Bob has passed"}
        gate.let_go("Ann")
        assert await model.result(slow) == {"result": "Ann has passed"}
        assert list(model.results) == [quick, slow]
        events = await told(page, "started", "started", "succeeded", "succeeded")
    assert [event.tool_use_id for event in events] == [slow, quick, quick, slow]


async def test_a_function_that_is_not_async_holds_nobody_up(state: LocalState) -> None:
    may_end = threading.Event()

    def dig(metres: int) -> dict[str, object]:
        may_end.wait(10)
        return {"metres": metres, "in_main_thread": threading.current_thread() is threading.main_thread()}

    async with conversation(state, dig) as (model, page):
        use = await model.request("dig", metres="3")
        before = model.audio_bytes
        await model.until(lambda: model.audio_bytes > before + 16_000)
        may_end.set()
        assert await model.result(use) == {"metres": 3, "in_main_thread": False}
        await told(page, "started", "succeeded")


async def test_a_tool_that_takes_too_long_is_an_error_and_the_call_goes_on(state: LocalState) -> None:
    gate = Gate()
    gate.let_go("Bob")
    async with conversation(state, gate.pass_gate, timeout_s=0.05) as (model, page):
        assert await model.use("pass_gate", who="Ann") == {"error": "pass_gate took longer than 0.05 s"}
        assert await model.use("pass_gate", who="Bob") == {"result": "Bob has passed"}
        assert gate.cancelled == ["Ann"]
        await told(page, "started", "failed", "started", "succeeded")


async def test_when_stuck_functions_hold_all_threads_the_model_is_told(state: LocalState) -> None:
    may_end = threading.Event()

    def stuck() -> None:
        may_end.wait(10)

    async with conversation(state, stuck, ToolsConfig(max_threads=1, timeout_s=0.05)) as (model, page):
        assert "took longer" in (await model.use("stuck"))["error"]
        assert "every thread for tools (1) is held" in (await model.use("stuck"))["error"]
        await told(page, "started", "failed", "started", "failed")
        may_end.set()


async def test_more_than_so_many_at_once_are_refused(state: LocalState) -> None:
    gate = Gate()
    async with conversation(state, gate.pass_gate, ToolsConfig(max_running=1)) as (model, page):
        first = await model.request("pass_gate", who="Ann")
        assert "too many tools are running" in (await model.use("pass_gate", who="Bob"))["error"]
        gate.let_go("Ann")
        assert await model.result(first) == {"result": "Ann has passed"}
        events = await told(page, "started", "started", "failed", "succeeded")
    assert gate.entered == ["Ann"]
    assert events[2].result == model.results[events[2].tool_use_id]


async def test_more_than_so_many_in_one_turn_are_refused_until_the_user_speaks(state: LocalState) -> None:
    gate = Gate()
    gate.let_go("Ann")
    async with conversation(state, gate.pass_gate, ToolsConfig(max_per_turn=2)) as (model, page):
        await model.hear_user("Let Ann in.")
        for _ in range(2):
            assert await model.use("pass_gate", who="Ann") == {"result": "Ann has passed"}
        assert "too many calls" in (await model.use("pass_gate", who="Ann"))["error"]
        await model.hear_user("Again.")
        assert await model.use("pass_gate", who="Ann") == {"result": "Ann has passed"}
        await told(page, *["started", "succeeded"] * 2, "started", "failed", "started", "succeeded")


async def test_what_still_runs_when_the_call_ends_is_cancelled_and_not_told_to_the_model(state: LocalState) -> None:
    gate = Gate()
    async with conversation(state, gate.pass_gate) as (model, page):
        await model.request("pass_gate", who="Ann")
        await told(page, "started")
        await page.call.hang_up()
        await page.until(EndedEvent)
        assert gate.cancelled == ["Ann"]
        await told(page, "started", "cancelled")
    assert model.results == {}


async def test_a_long_result_is_cut_and_says_so_to_model_and_page(state: LocalState) -> None:
    async def read() -> str:
        return "Call me Ishmael. " * 10_000

    async with conversation(state, read) as (model, page):
        result = await model.use("read")
        assert (result["truncated"], result["size_bytes"]) == (True, 170_002)
        assert result["text"].startswith("Call me Ishmael.")
        assert 12_000 < len(json.dumps(result)) <= 12 * 1024 + 10
        assert (await told(page, "started", "succeeded"))[1].result == result


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("unlock", {"door": 5}, "arguments of unlock: Expected `str`, got `int` - at `$.door`"),
        ("unlock", {}, "missing required field `door`"),
        ("lock", {"door": "front"}, "unknown tool 'lock'; available are get_date_and_time, unlock"),
    ],
)
async def test_an_unknown_tool_or_bad_arguments_are_an_error_that_can_be_talked_about(
    state: LocalState, name: str, arguments: dict[str, Any], words: str
) -> None:
    door = Door()
    async with conversation(state, door.unlock) as (model, page):
        assert words in (await model.use(name, **arguments))["error"]
        assert await model.use("unlock", door="front") == {"result": "unlocked"}
        await told(page, "started", "failed", "started", "succeeded")


async def test_an_exception_is_an_error_that_can_be_talked_about(state: LocalState) -> None:
    async def explode() -> None:
        raise LookupError("no such lamp")

    async with conversation(state, explode) as (model, page):
        assert await model.use("explode") == {"error": "explode failed: LookupError: no such lamp"}
        await model.hear_user("Never mind.")
        assert (await page.until(TranscriptEvent)).text == "Never mind."


async def test_a_schema_that_was_given_is_what_the_model_sees(state: LocalState) -> None:
    schema = {"type": "object", "properties": {"door": {"enum": ["front", "back"]}}, "required": ["door"]}
    door = Door()
    async with conversation(state, door.unlock, schema=schema) as (model, _):
        assert model.setup.tools["unlock"] == {"description": "Unlock a door of the house.", "schema": schema}
        assert await model.use("unlock", door="back") == {"result": "unlocked"}


# --- the filler -----------------------------------------------------------------------------------


async def test_the_agent_says_the_filler_once_when_a_tool_takes_long(state: LocalState) -> None:
    gate = Gate()
    limits = ToolsConfig(filler="One moment.", filler_after_s=0.1)
    async with conversation(state, gate.pass_gate, limits) as (model, _):
        use = await model.request("pass_gate", who="Ann")
        await model.until(lambda: model.texts != [])
        before = model.audio_bytes
        await model.until(lambda: model.audio_bytes > before + 16_000)  # half a second more
        gate.let_go("Ann")
        assert await model.result(use) == {"result": "Ann has passed"}
    assert len(model.texts) == 1
    assert '"One moment."' in model.texts[0]


async def test_no_filler_is_said_while_the_agent_speaks(state: LocalState) -> None:
    gate = Gate()
    async with conversation(state, gate.pass_gate, ToolsConfig(filler_after_s=0.1), filler="Wait.") as (model, page):
        await model.emit.speculative("Let me see.")
        await model.emit.audio(bytes(2 * 24_000 * 10))
        await model.emit.end_audio()
        await page.until(SpeakingEvent)
        use = await model.request("pass_gate", who="Ann")
        await page.heard.seconds(0.6)
        gate.let_go("Ann")
        assert await model.result(use) == {"result": "Ann has passed"}
    assert model.texts == []


async def test_a_quick_tool_needs_no_filler(state: LocalState) -> None:
    door = Door()
    async with conversation(state, door.unlock, ToolsConfig(filler="Wait.", filler_after_s=0.3)) as (model, page):
        assert await model.use("unlock", door="front") == {"result": "unlocked"}
        await page.heard.seconds(0.6)
    assert model.texts == []


# --- asking first ---------------------------------------------------------------------------------


async def test_a_tool_that_asks_first_acts_after_a_later_yes_and_once(state: LocalState) -> None:
    door = Door()
    async with conversation(state, door.unlock, confirm="Unlock the {door} door?") as (model, page):
        assert "confirmation" in model.setup.tools["unlock"]["schema"]["properties"]  # type: ignore[operator]
        await model.hear_user("Unlock the front door.")
        asked = await model.use("unlock", door="front")
        assert asked["confirm"] == "Unlock the front door?"
        confirmed = {"door": "front", "confirmation": asked["confirmation"]}
        assert "has not answered yet" in (await model.use("unlock", **confirmed))["error"]
        assert door.unlocked == []
        await model.hear_user("Yes, please.")
        assert await model.use("unlock", **confirmed) == {"result": "unlocked"}
        assert "not valid" in (await model.use("unlock", **confirmed))["error"]
        statuses = ("confirming", "failed", "succeeded", "failed")
        await told(page, *(status for ended in statuses for status in ("started", ended)))
    assert door.unlocked == ["front"]


async def test_a_yes_to_one_question_does_nothing_else(state: LocalState) -> None:
    door = Door()
    async with conversation(state, door.unlock, confirm=True) as (model, _):
        token = (await model.use("unlock", door="front"))["confirmation"]
        await model.hear_user("Yes.")
        assert "about another call" in (await model.use("unlock", door="back", confirmation=token))["error"]
        assert "not valid" in (await model.use("unlock", door="front", confirmation="token"))["error"]
    assert door.unlocked == []


async def test_a_yes_may_be_typed(state: LocalState) -> None:
    door = Door()
    async with conversation(state, door.unlock, confirm=True) as (model, page):
        token = (await model.use("unlock", door="front"))["confirmation"]
        page.peer.send('{"type":"text","text":"yes"}')
        await model.until(lambda: model.texts == ["yes"])
        assert await model.use("unlock", door="front", confirmation=token) == {"result": "unlocked"}


async def test_what_the_agent_says_itself_is_no_yes(state: LocalState) -> None:
    door = Door()
    async with conversation(state, door.unlock, confirm=True) as (model, _):
        token = (await model.use("unlock", door="front"))["confirmation"]
        await model.emit.speculative("Yes.")
        await model.emit.audio(bytes(960))
        await model.emit.end_audio()
        await model.emit.final("Yes.")
        assert "not answered" in (await model.use("unlock", door="front", confirmation=token))["error"]
    assert door.unlocked == []


# --- the call itself ------------------------------------------------------------------------------


async def test_the_agent_asks_for_a_person_and_hangs_up(state: LocalState, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sonicrtc.tools.in_call._LAST_WORDS_S", 0.2)
    limits = ToolsConfig(builtin=("hang_up", "hand_over"))
    async with conversation(state, Door().unlock, limits) as (model, page):
        assert "was asked" in (await model.use("hand_over", reason="a refund"))["result"]
        assert (await page.until(HandOverEvent)).reason == "a refund"
        assert "goodbye" in (await model.use("hang_up"))["result"]
        assert (await page.until(EndedEvent)).reason == "hangup"
