"""The scenarios that ship with the package, each played to the unmodified SDK."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from aws_sdk_bedrock_runtime import models
from smithy_aws_event_stream.exceptions import InvalidEventBytes
from tests.local_sonic import sdk
from tests.local_sonic.raw import raw_stream
from tests.local_sonic.sdk import Talk, audio, closing, opening, talk

from sonicrtc.local.sonic import LocalSonic, Scenario
from sonicrtc.local.sonic.words import heard_words, spoken_words
from sonicrtc.local.state import LocalState

SPEECH = spoken_words([1, 2], 16_000)
PAUSE = bytes(32 * 400)  # 400 ms


@asynccontextmanager
async def playing(state: LocalState, name: str) -> AsyncIterator[tuple[LocalSonic, Any]]:
    async with (
        LocalSonic(state=state, scenario=Scenario.named(name), record=True) as sonic,
        sdk.client(sonic.endpoint, state.ca_file, state.keys) as client,
    ):
        yield sonic, client


async def speak(conversation: Talk) -> None:
    for start in range(0, len(SPEECH + PAUSE), 1024):
        await conversation.send(audio((SPEECH + PAUSE)[start : start + 1024]))


async def asked(client: Any, **prompt: Any) -> Talk:
    """Open a session and say something."""
    conversation = await talk(client)
    await conversation.send(*opening(**prompt))
    await speak(conversation)
    return conversation


async def is_answered(sonic: LocalSonic, client: Any) -> bool:
    """Hold a whole conversation, and tell whether its answer was the five words."""
    conversation = await asked(client)
    while (await conversation.until("contentEnd"))["type"] != "AUDIO":
        pass
    await conversation.send(*closing())
    await conversation.close_input()
    await conversation.rest()
    return heard_words(bytes(sonic.records[-1].said), 24_000) == [1, 2, 3, 4, 5]


async def failure(conversation: Talk) -> BaseException:
    with pytest.raises(Exception) as caught:
        await conversation.rest()
    return caught.value


async def test_throttled_refuses_twice(state: LocalState) -> None:
    async with playing(state, "throttled") as (sonic, client):
        for _ in range(2):
            assert isinstance(await failure(await talk(client)), models.ThrottlingException)
        assert await is_answered(sonic, client)


async def test_lost_drops_the_connection_in_the_first_answer(state: LocalState) -> None:
    async with playing(state, "lost") as (sonic, client):
        with suppress(InvalidEventBytes):  # what the SDK says when it is cut inside a message; else it says nothing
            await (await asked(client)).rest()
        assert sonic.records[0].ended == "drop"
        assert heard_words(bytes(sonic.records[0].said), 24_000) == [1, 2, 3]
        assert await is_answered(sonic, client)


async def test_failed_ends_the_first_stream_with_an_exception(state: LocalState) -> None:
    async with playing(state, "failed") as (sonic, client):
        conversation = await asked(client)
        for _ in range(2):
            await speak(conversation)
        assert isinstance(await failure(conversation), models.ModelStreamErrorException)
        assert await is_answered(sonic, client)


async def test_goaway_lets_the_stream_finish_and_closes_the_connection(state: LocalState) -> None:
    async with LocalSonic(state=state, scenario=Scenario.named("goaway"), record=True) as sonic:
        async with raw_stream(sonic, state) as stream:
            stream.request()
            await stream.send_events(*opening(), *[audio(bytes(3200))] * 10)
            while not stream.going_away:
                await stream.pump()
            await stream.send_events(*closing())
            stream.send(b"", end=True)
            await stream.finish()
            assert await stream.closed()
        assert sonic.records[0].ended == "orderly"


async def test_deaf_answers_nothing_in_the_first_session(state: LocalState) -> None:
    async with playing(state, "deaf") as (sonic, client):
        conversation = await asked(client)
        await conversation.send(*closing())
        await conversation.close_input()
        assert await conversation.rest() == []
        assert sonic.records[0].audio == SPEECH + PAUSE
        assert await is_answered(sonic, client)


async def test_starved_gives_the_first_session_no_more_room(state: LocalState) -> None:
    scenario = Scenario.named("starved")
    async with LocalSonic(state=state, scenario=scenario, record=True) as sonic, raw_stream(sonic, state) as stream:
        stream.request()
        await stream.ping()
        await stream.send_events(*opening())
        while (room := stream.conn.local_flow_control_window(1)) > 4096:
            await stream.send_events(audio(bytes(1024)))
        await sonic.records.until(lambda records: records[0].audio_ms > 500)
        await stream.ping()
        assert stream.conn.local_flow_control_window(1) == room


async def test_late_answers_late_and_in_bursts(state: LocalState) -> None:
    async with playing(state, "late") as (sonic, client):
        assert await is_answered(sonic, client)


async def test_expired_ends_a_stream_after_20_seconds(state: LocalState) -> None:
    now_s = 0.0
    scenario = Scenario.named("expired")
    async with (
        LocalSonic(state=state, scenario=scenario, clock=lambda: now_s) as sonic,
        sdk.client(sonic.endpoint, state.ca_file, state.keys) as client,
    ):
        conversation = await asked(client)
        await conversation.until("audioOutput")
        now_s = 20.0
        sonic.look_at_the_clock()
        assert isinstance(await failure(conversation), models.ModelTimeoutException)


async def test_small_history_has_the_older_limits(state: LocalState) -> None:
    async with playing(state, "small-history") as (_, client):
        conversation = await talk(client)
        await conversation.send(*opening()[:2], *sdk.text("h", "USER", "x" * 1025))
        assert "Chat history is over max limit" in str(await failure(conversation))


async def test_confused_sends_events_twice_and_out_of_order(state: LocalState) -> None:
    async with playing(state, "confused") as (_, client):
        conversation = await asked(client)
        await conversation.send(*closing())
        await conversation.close_input()
        names = [name for name, _ in await conversation.rest()]
    assert names[:6] == ["completionStart", "contentStart", "textOutput", "textOutput", "contentStart", "contentEnd"]


async def test_tool_asks_for_the_weather(state: LocalState) -> None:
    async with playing(state, "tool") as (_, client):
        conversation = await asked(client, tools=("get_weather",))
        request = await conversation.until("toolUse")
        assert json.loads(request["content"]) == {"city": "Rome"}
        await conversation.send(*sdk.tool_result("t", request["toolUseId"], '{"sky": "clear"}'))
        assert (await conversation.until("textOutput"))["content"] == "I have looked it up."


async def test_interrupted_stops_when_the_user_speaks_again(state: LocalState) -> None:
    async with playing(state, "interrupted") as (_, client):
        conversation = await asked(client)
        await conversation.until("audioOutput")
        await speak(conversation)
        while (await conversation.until("contentEnd"))["stopReason"] != "INTERRUPTED":
            pass
        await speak(conversation)
        assert (await conversation.until("textOutput"))["role"] == "ASSISTANT"
        await conversation.until("audioOutput")


def test_every_scenario_has_a_test() -> None:
    tested = {name.removeprefix("test_").partition("_")[0] for name in globals() if name.startswith("test_")}
    assert {name.partition("-")[0] for name in Scenario.names()} <= tested


@pytest.mark.parametrize("name", Scenario.names())
def test_every_scenario_can_go_with_another_brain(name: str) -> None:
    scenario = Scenario.named(name)
    assert scenario.complete
    assert all(script.steps is None for script in scenario.without_steps().scripts)
