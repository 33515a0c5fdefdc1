from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone

import pytest
from tests.tools.stage import Stage
from tests.virtual_time import on_virtual_time

from sonicrtc.config import BUILTIN_TOOLS, ToolsConfig
from sonicrtc.errors import ToolError
from sonicrtc.events import HandOverEvent
from sonicrtc.tools.builtin import (
    BUILTIN,
    date_and_time_tool,
    get_date_and_time,
    hand_over,
    hang_up,
    recall,
    remember,
)

CEST = timezone(timedelta(hours=2), "CEST")


def test_the_date_and_time_are_told_in_words_and_figures() -> None:
    assert date_and_time_tool(lambda: datetime(2026, 7, 30, 15, 45, tzinfo=CEST))() == {
        "date": "2026-07-30",
        "time": "3:45 PM",
        "weekday": "Thursday",
        "spoken_date": "Thursday, July 30, 2026",
        "timezone": "CEST (UTC+02:00)",
    }


@pytest.mark.parametrize(("hour", "spoken"), [(0, "12:05 AM"), (11, "11:05 AM"), (12, "12:05 PM"), (23, "11:05 PM")])
def test_the_twelve_hour_clock_has_no_zero(hour: int, spoken: str) -> None:
    assert date_and_time_tool(lambda: datetime(2026, 1, 1, hour, 5, tzinfo=CEST))()["time"] == spoken


def test_the_real_clock_is_local() -> None:
    told = get_date_and_time()
    assert told["date"] in {str(datetime.now().date()), str((datetime.now() - timedelta(minutes=1)).date())}
    assert "UTC" in told["timezone"]


def test_the_tools_that_settings_can_name_are_those_that_there_are() -> None:
    assert tuple(BUILTIN) == BUILTIN_TOOLS


# --- those of one call ------------------------------------------------------------------------------


async def test_a_person_is_asked_for_by_an_event_to_the_page() -> None:
    stage = Stage(hand_over)
    assert "A person was asked" in (await stage.call(reason="a refund", summary="The lamp broke."))["result"]
    assert HandOverEvent(reason="a refund", summary="The lamp broke.") in stage.told


async def test_what_was_kept_is_found_in_the_same_call_and_in_no_other() -> None:
    stage, other = Stage(remember), Stage(recall)
    stage.tools.add(recall)
    assert await stage.call(name="guest", what="Ann, on Friday") == {"result": "kept as 'guest'"}
    assert await stage.runner.run("a", "recall", {"name": "guest"}) == {"guest": "Ann, on Friday"}
    assert await stage.runner.run("b", "recall", {}) == {"guest": "Ann, on Friday"}
    missing = await stage.runner.run("c", "recall", {"name": "host"})
    assert missing == {"error": "nothing was kept as 'host'; there is guest"}
    assert await other.call() == {}


async def test_notes_are_limited_in_length_and_number() -> None:
    stage = Stage(remember, ToolsConfig(max_per_turn=60))
    assert "at most 1000 characters" in (await stage.call(name="long", what="x" * 1001))["error"]
    for number in range(50):
        await stage.call(name=str(number), what="x")
    assert "50 notes already" in (await stage.call(name="50", what="x"))["error"]
    assert await stage.call(name="49", what="y") == {"result": "kept as '49'"}


@on_virtual_time
async def test_the_call_ends_when_the_last_words_were_heard() -> None:
    stage = Stage(hang_up)
    await stage.call()
    stage.waiting_ms = 6000.0
    await asyncio.sleep(5)
    assert stage.ended == []
    stage.waiting_ms = 0.0
    await asyncio.sleep(6)
    assert stage.ended == ["hangup"]


@on_virtual_time
async def test_a_user_who_goes_on_or_speaks_is_not_hung_up_on() -> None:
    stage = Stage(hang_up)
    await stage.call()
    stage.runner.user_said("One more thing!")
    await asyncio.sleep(10)
    await stage.call()
    stage.is_free = False
    await asyncio.sleep(10)
    await stage.call()
    await stage.call()
    stage.runner.cancel()
    await asyncio.sleep(10)
    assert stage.ended == []


async def test_outside_of_a_call_there_is_nothing_to_hang_up() -> None:
    with pytest.raises(ToolError, match="only works in a call"):
        await hang_up()
