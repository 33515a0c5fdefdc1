"""What the model is told of its tools, whatever they do, and when."""

from __future__ import annotations

import asyncio
import enum
import threading
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import pytest
from tests.tools.stage import Stage
from tests.virtual_time import on_virtual_time

from sonicrtc.config import ToolsConfig
from sonicrtc.errors import ToolError
from sonicrtc.tools.progress import still_working
from sonicrtc.tools.runtime import new_token


class Unit(enum.Enum):
    CELSIUS = "C"


@dataclass
class Place:
    city: str


DONE = {"result": "done"}


async def for_seconds(s: float) -> str:
    """Take so long."""
    await asyncio.sleep(s)
    return "done"


async def test_a_result_is_told_as_plain_json_with_its_arguments_and_id() -> None:
    async def now(city: str) -> Any:
        return {"at": datetime(2026, 7, 30, 15, 45), "place": Place(city), "unit": Unit.CELSIUS}

    stage = Stage(now)
    result = await stage.runner.run("a", "now", {"city": "Ulm"})
    assert result == {"at": "2026-07-30T15:45:00", "place": {"city": "Ulm"}, "unit": "C"}
    assert stage.statuses == ["started", "succeeded"]
    assert [(e.tool_use_id, e.name, e.arguments) for e in stage.told] == 2 * [("a", "now", {"city": "Ulm"})]
    assert stage.told[1].result == result


async def test_a_sync_tool_runs_in_a_thread_and_may_return_something_to_await() -> None:
    def where(s: float) -> Any:
        assert threading.current_thread() is not threading.main_thread()
        return for_seconds(s)

    assert await Stage(where).call(s=0) == DONE


@on_virtual_time
async def test_tools_run_beside_each_other_and_their_time_is_told() -> None:
    stage = Stage(for_seconds)
    async with asyncio.TaskGroup() as group:
        for seconds in (3, 1, 2):
            group.create_task(stage.call(s=seconds))
    assert [event.duration_ms for event in stage.told if event.status == "succeeded"] == pytest.approx(
        [1000, 2000, 3000]
    )


@pytest.mark.parametrize("value", [None, True, 5, 0.5, "text", [1, "a"]])
async def test_a_result_that_is_no_object_is_put_into_one(value: object) -> None:
    async def give() -> object:
        return value

    assert await Stage(give).call() == {"result": value}


# --- what goes wrong ------------------------------------------------------------------------------


async def broken() -> None:
    raise LookupError("no such lamp")


async def wordless() -> None:
    raise ZeroDivisionError


async def impatient() -> None:
    raise TimeoutError("the lamp did not answer")


async def refuse() -> None:
    raise ToolError("not at night")


async def unkind() -> None:
    raise ToolError("\udcff")


async def cancelled() -> None:
    raise asyncio.CancelledError


def leave() -> None:
    raise SystemExit(3)


ERRORS = [
    (broken, "broken failed: LookupError: no such lamp"),
    (wordless, "wordless failed: ZeroDivisionError"),
    (impatient, "impatient failed: TimeoutError: the lamp did not answer"),
    (refuse, "not at night"),
    (unkind, "?"),
    (cancelled, "cancelled failed: it was cancelled from within"),
    (leave, "leave failed: RuntimeError: SystemExit: 3"),
]


@pytest.mark.parametrize(("tool", "told"), ERRORS, ids=lambda v: getattr(v, "__name__", ""))
async def test_an_exception_becomes_words_for_the_model(tool: Any, told: str) -> None:
    stage = Stage(tool)
    assert await stage.call() == {"error": told}
    assert stage.statuses == ["started", "failed"]
    assert stage.told[1].result == {"error": told}


@pytest.mark.parametrize("result", [object(), {"f": print}, [1, object()], "\udcff"])
async def test_a_result_that_json_cannot_hold_is_an_error(result: object) -> None:
    async def give() -> object:
        return result

    assert "give returned what JSON cannot hold" in (await Stage(give).call())["error"]


async def test_an_unknown_tool_and_bad_arguments_are_told_as_such() -> None:
    stage = Stage(for_seconds)
    assert (await stage.runner.run("a", "nap", {}))["error"] == "unknown tool 'nap'; available are for_seconds"
    assert (await stage.call(s="long"))["error"] == "arguments of for_seconds: Expected `float`, got `str` - at `$.s`"
    assert stage.statuses == ["started", "failed"] * 2


@on_virtual_time
async def test_a_tool_that_takes_too_long_is_cancelled_and_told() -> None:
    stage = Stage(for_seconds)
    assert await stage.call(s=19.9) == DONE
    assert await stage.call(s=20.1) == {"error": "for_seconds took longer than 20 s"}
    assert stage.told[-1].duration_ms == pytest.approx(20_000)


@on_virtual_time
async def test_a_tool_may_have_a_time_of_its_own() -> None:
    assert await Stage(for_seconds, timeout_s=1.5).call(s=2) == {"error": "for_seconds took longer than 1.5 s"}
    assert await Stage(for_seconds, timeout_s=60).call(s=50) == DONE


async def test_a_sync_tool_that_takes_too_long_keeps_its_thread_and_the_model_is_told_when_none_is_left() -> None:
    may_end = threading.Event()

    def stuck() -> None:
        may_end.wait()

    stage = Stage(stuck, ToolsConfig(max_threads=1), timeout_s=0.02)
    assert await stage.call() == {"error": "stuck took longer than 0.02 s"}
    assert (await stage.call())["error"].startswith("every thread for tools (1) is held")
    may_end.set()
    await stage.threads.close(10)
    assert stage.threads.running == 0


# --- limits ---------------------------------------------------------------------------------------


@on_virtual_time
async def test_more_than_so_many_at_once_are_refused_until_one_has_ended() -> None:
    stage = Stage(for_seconds, ToolsConfig(max_running=2))
    async with asyncio.TaskGroup() as group:
        calls = [group.create_task(stage.call(s=1)) for _ in range(3)]
    assert [call.result() for call in calls[:2]] == [DONE, DONE]
    assert calls[2].result() == {"error": "too many tools are running, the limit is 2; wait until one has ended"}
    assert await stage.call(s=1) == DONE


async def test_more_than_so_many_calls_are_refused_until_the_user_has_said_something() -> None:
    stage = Stage(for_seconds, ToolsConfig(max_per_turn=2))
    assert [await stage.call(s=0) for _ in range(2)] == [DONE, DONE]
    assert (await stage.call(s=0))["error"].startswith(
        "too many calls since the user last said something, the limit is 2"
    )
    stage.runner.user_said("And now?")
    assert await stage.call(s=0) == DONE


async def test_unknown_tools_count_too() -> None:
    stage = Stage(for_seconds, ToolsConfig(max_per_turn=1))
    await stage.runner.run("a", "nap", {})
    assert "calls since" in (await stage.call(s=0))["error"]


@pytest.mark.parametrize("text", ["x" * 5000, "é" * 5000, '"' * 5000, "\x01" * 5000, "😀" * 5000])
async def test_a_result_that_is_too_long_is_cut_as_late_as_possible_and_says_so(text: str) -> None:
    async def read() -> str:
        return text

    result = await Stage(read, ToolsConfig(max_result_bytes=400)).call()
    assert (result["truncated"], result["size_bytes"]) == (True, len(msgspec.json.encode(text)))
    assert text.startswith(result["text"])
    assert 400 - 6 < len(msgspec.json.encode(result)) <= 400


async def test_of_an_object_that_is_too_long_the_beginning_of_its_json_is_told() -> None:
    async def read() -> dict[str, str]:
        return {"title": "Moby Dick", "text": "x" * 5000}

    result = await Stage(read, ToolsConfig(max_result_bytes=400)).call()
    assert result["text"].startswith('{"title":"Moby Dick","text":"xxx')


async def test_a_result_of_just_the_limit_is_whole() -> None:
    async def read(length: int) -> str:
        return "x" * length

    stage = Stage(read, ToolsConfig(max_result_bytes=400))
    fits = 400 - len('{"result":""}')
    assert await stage.call(length=fits) == {"result": "x" * fits}
    assert (await stage.call(length=fits + 1))["truncated"] is True


async def test_an_error_that_is_too_long_is_cut_and_says_so() -> None:
    async def fail() -> None:
        raise ToolError("x" * 5000)

    (words,) = (await Stage(fail, ToolsConfig(max_result_bytes=400)).call()).values()
    assert words.startswith("xxx")
    assert words.endswith("x… (truncated)")
    assert 380 < len(words) < 400


# --- the end of the call --------------------------------------------------------------------------


async def test_what_runs_at_the_end_of_the_call_is_cancelled_and_told() -> None:
    stage, ended = Stage(for_seconds), asyncio.Event()

    async def call() -> None:
        try:
            await stage.call(s=1000)
        finally:
            ended.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(call())
        await asyncio.sleep(0)
        stage.runner.cancel()
        await ended.wait()
    assert stage.statuses == ["started", "cancelled"]


async def test_after_the_end_of_the_call_nothing_is_run_or_told() -> None:
    stage = Stage(for_seconds)
    stage.runner.cancel()
    assert await stage.call(s=0) == {"error": "the call is over"}
    assert stage.told == []


# --- the filler -----------------------------------------------------------------------------------

WAIT = ToolsConfig(filler="One moment.", filler_after_s=2)


@on_virtual_time
async def test_the_filler_is_said_once_when_a_tool_takes_long() -> None:
    stage = Stage(for_seconds, WAIT)
    await stage.call(s=1.9)
    assert stage.announced == []
    await stage.call(s=15)
    assert stage.announced == ["One moment."]


@on_virtual_time
async def test_a_tool_may_have_a_filler_of_its_own_or_none() -> None:
    own, none = Stage(for_seconds, filler="I am looking."), Stage(for_seconds, WAIT, filler="")
    await own.call(s=5)
    await none.call(s=5)
    assert (own.announced, none.announced) == (["I am looking."], [])


@on_virtual_time
async def test_without_a_text_nothing_is_said() -> None:
    stage = Stage(for_seconds)
    await stage.call(s=15)
    assert stage.announced == []


@on_virtual_time
async def test_the_filler_waits_while_somebody_speaks() -> None:
    stage = Stage(for_seconds, WAIT)
    stage.is_free = False
    await stage.call(s=7)
    assert stage.announced == []
    async with asyncio.TaskGroup() as group:
        group.create_task(stage.call(s=7))
        await asyncio.sleep(5)
        assert stage.announced == []
        stage.is_free = True
    assert stage.announced == ["One moment."]


@on_virtual_time
async def test_of_tools_that_run_together_one_filler_is_enough() -> None:
    stage = Stage(for_seconds, WAIT)
    async with asyncio.TaskGroup() as group:
        group.create_task(stage.call(s=5))
        group.create_task(stage.call(s=5.5))
    assert stage.announced == ["One moment."]
    await stage.call(s=5)
    assert stage.announced == ["One moment.", "One moment."]


@on_virtual_time
async def test_a_tool_that_was_cut_short_says_no_filler() -> None:
    stage = Stage(for_seconds, WAIT, timeout_s=1)
    await stage.call(s=10)
    await asyncio.sleep(10)
    assert stage.announced == []


# --- asking first ---------------------------------------------------------------------------------


class Door:
    """A tool that asks first."""

    def __init__(self, config: ToolsConfig | None = None) -> None:
        self.opened: list[tuple[str, int]] = []

        async def unlock(door: str, minutes: int = 5) -> str:
            self.opened.append((door, minutes))
            return "unlocked"

        self.stage = Stage(unlock, config, confirm="Unlock the {door} door?")
        self.call, self.user_said = self.stage.call, self.stage.runner.user_said


async def test_the_first_call_only_asks() -> None:
    door = Door()
    door.user_said("Unlock the front door.")
    result = await door.call(door="front")
    assert (result["confirm"], result["confirmation"]) == ("Unlock the front door?", "token 1")
    assert "Nothing was done yet" in result["next"]
    assert door.opened == []
    assert door.stage.statuses == ["started", "confirming"]


async def test_with_the_confirmation_the_same_arguments_and_a_later_text_it_acts_once() -> None:
    door = Door()
    token = (await door.call(door="front"))["confirmation"]
    door.user_said("Yes.")
    assert await door.call(minutes="5", door="front", confirmation=token) == {"result": "unlocked"}
    assert "not valid" in (await door.call(door="front", confirmation=token))["error"]
    assert door.opened == [("front", 5)]


async def test_before_the_user_has_spoken_it_does_not_act_but_may_afterwards() -> None:
    door = Door()
    token = (await door.call(door="front"))["confirmation"]
    assert "has not answered" in (await door.call(door="front", confirmation=token))["error"]
    door.user_said("Yes.")
    assert await door.call(door="front", confirmation=token) == {"result": "unlocked"}


@pytest.mark.parametrize("changed", [{"door": "back"}, {"door": "front", "minutes": 60}])
async def test_other_arguments_do_not_act_and_end_the_confirmation(changed: dict[str, Any]) -> None:
    door = Door()
    token = (await door.call(door="front"))["confirmation"]
    door.user_said("Yes.")
    assert "asked about another call" in (await door.call(**changed, confirmation=token))["error"]
    assert "not valid" in (await door.call(door="front", confirmation=token))["error"]
    assert door.opened == []


@pytest.mark.parametrize("token", ["made up", 5, ["token 1"], {"a": 1}, True])
async def test_a_confirmation_that_was_never_given_does_not_act(token: object) -> None:
    door = Door()
    await door.call(door="front")
    door.user_said("Yes.")
    assert "not valid" in (await door.call(door="front", confirmation=token))["error"]
    assert door.opened == []


@pytest.mark.parametrize("nothing", ["", None])
async def test_an_empty_confirmation_asks(nothing: object) -> None:
    assert (await Door().call(door="front", confirmation=nothing))["confirm"] == "Unlock the front door?"


async def test_a_confirmation_is_for_one_tool() -> None:
    door = Door()

    async def lock(door: str, minutes: int = 5) -> None: ...

    door.stage.tools.add(lock, confirm=True)
    token = (await door.call(door="front"))["confirmation"]
    door.user_said("Yes.")
    crossed = {"door": "front", "confirmation": token}
    assert "asked about another call" in (await door.stage.runner.run("x", "lock", crossed))["error"]


async def test_bad_arguments_are_told_before_anybody_is_asked() -> None:
    assert "missing required field `door`" in (await Door().call(minutes=5))["error"]


async def test_two_questions_may_be_open_and_each_acts_for_itself() -> None:
    door = Door()
    front = (await door.call(door="front"))["confirmation"]
    back = (await door.call(door="back"))["confirmation"]
    door.user_said("Both.")
    assert await door.call(door="back", confirmation=back) == {"result": "unlocked"}
    assert await door.call(door="front", confirmation=front) == {"result": "unlocked"}
    assert door.opened == [("back", 5), ("front", 5)]


async def test_of_very_many_open_questions_the_oldest_lapses() -> None:
    door = Door(ToolsConfig(max_per_turn=100))
    tokens = [(await door.call(door="front"))["confirmation"] for _ in range(33)]
    door.user_said("Yes.")
    assert "not valid" in (await door.call(door="front", confirmation=tokens[0]))["error"]
    assert await door.call(door="front", confirmation=tokens[1]) == {"result": "unlocked"}


@on_virtual_time
async def test_a_confirmation_is_not_used_up_while_too_many_tools_run() -> None:
    door = Door(ToolsConfig(max_running=1))
    door.stage.tools.add(for_seconds)
    token = (await door.call(door="front"))["confirmation"]
    door.user_said("Yes.")
    async with asyncio.TaskGroup() as group:
        group.create_task(door.stage.runner.run("x", "for_seconds", {"s": 1}))
        await asyncio.sleep(0.5)
        assert "too many tools are running" in (await door.call(door="front", confirmation=token))["error"]
    assert await door.call(door="front", confirmation=token) == {"result": "unlocked"}


async def test_what_was_typed_counts_at_once_and_not_again_when_the_service_repeats_it() -> None:
    door = Door()
    door.stage.runner.user_typed("Unlock the front door.")
    token = (await door.call(door="front"))["confirmation"]
    door.user_said("Unlock the front door.")
    assert "has not answered" in (await door.call(door="front", confirmation=token))["error"]
    door.stage.runner.user_typed("Yes.")
    assert await door.call(door="front", confirmation=token) == {"result": "unlocked"}


@on_virtual_time
async def test_a_filler_that_the_service_repeats_as_the_users_text_confirms_nothing() -> None:
    door = Door(WAIT)
    door.stage.tools.add(for_seconds)
    token = (await door.call(door="front"))["confirmation"]
    await door.stage.runner.run("x", "for_seconds", {"s": 5})
    door.user_said('Say exactly this to the user: "One moment."')
    assert "has not answered" in (await door.call(door="front", confirmation=token))["error"]


def test_tokens_cannot_be_guessed_and_never_come_twice() -> None:
    tokens = {new_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert min(map(len, tokens)) >= 12


# --- progress -------------------------------------------------------------------------------------


async def in_steps(steps: int) -> str:
    """Report progress every second."""
    for _ in range(steps):
        await asyncio.sleep(1)
        still_working.get()()
    return "done"


@on_virtual_time
async def test_a_tool_that_reports_progress_gets_its_time_again_up_to_ten_times() -> None:
    stage = Stage(in_steps, timeout_s=2)
    assert await stage.call(steps=15) == DONE
    assert "took longer than 2 s" in (await stage.call(steps=30))["error"]
    still_working.get()()  # the call has ended: nothing happens
