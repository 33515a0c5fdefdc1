"""A conversation over many streams: who listens notices no seam."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from tests.sonic.driving import Driven, driven
from tests.sonic.numbers import NumberBrain, Telephone, user_word

from sonicrtc.config import ContinuityConfig, SonicConfig
from sonicrtc.credentials import AwsKeys
from sonicrtc.errors import ConfigError, SonicModelError, SonicThrottledError
from sonicrtc.local.sonic import Emitter, Fault, Limits, LocalSonic, SessionSetup
from sonicrtc.local.sonic.brain import BrainInput, StreamFault, UserText
from sonicrtc.local.state import LocalState
from sonicrtc.sonic import protocol as said
from sonicrtc.sonic.wire import ToolSpec

pytestmark = pytest.mark.checkout

PAUSE = np.zeros(16_000 * 7 // 10, np.int16)
WEATHER = ToolSpec(name="weather", description="Tell the weather.", input_schema={"type": "object"})


class Series:
    """Gives one set of keys after the other; the last one for ever."""

    def __init__(self, keys: list[AwsKeys]) -> None:
        self._keys = keys
        self.asked = 0

    async def frozen(self) -> AwsKeys:
        self.asked += 1
        return self._keys[min(self.asked, len(self._keys)) - 1]


@asynccontextmanager
async def telephoning(
    state: LocalState,
    continuity: ContinuityConfig,
    limits: Limits | None = None,
    first: Sequence[Fault] = (),
    **options: Any,
) -> AsyncIterator[tuple[LocalSonic, Driven, Telephone]]:
    """Talk to a brain that answers numbers, in real time."""
    async with LocalSonic(state=state, brain=NumberBrain, limits=limits or Limits(), record=True) as service:
        for fault in first:
            service.faults.next(fault)
        config = SonicConfig(endpoint=service.endpoint, ca_file=state.ca_file)
        async with driven(config, keys=state.keys, continuity=continuity, timeout_s=90, **options) as subject:
            phone = Telephone(subject)
            subject.also = phone.on_event
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(phone.run())
                await subject.until(said.SessionOpened)
                yield service, subject, phone
                phone.over = True
        await service.records.until(lambda records: all(record.ended for record in records))
    assert service.sessions.opened == service.sessions.closed
    assert phone.playout.played_frames + phone.playout.buffered_frames == phone.pushed_frames - phone.flushed_frames


def speak_at_random(phone: Telephone, count: int, seed: int) -> None:
    """Let the user say words 1 to `count` with pauses of any length between."""
    chance = random.Random(seed)
    for number in range(1, count + 1):
        pause_s = chance.choice([0.1, 0.2, 0.7, 1.0, 1.6])
        phone.say(user_word(number), np.zeros(int(16_000 * pause_s), np.int16))


async def test_ten_swaps_lose_and_repeat_nothing(state: LocalState) -> None:
    continuity = ContinuityConfig(swap_after_s=1.0, swap_by_s=2.2)
    async with telephoning(state, continuity, Limits(session_s=4.0)) as (service, subject, phone):
        speak_at_random(phone, 30, seed=7)
        await phone.until(last=30)
        assert phone.heard == list(range(1, 31))
        stats = subject.session.stats
    assert stats.swaps >= 10
    assert stats.recoveries == 0
    assert not subject.of(said.Recovering)
    assert [text for event in subject.of(said.UserText) for text in event.text.split()] == [
        str(n) for n in range(1, 31)
    ]
    assert service.sessions.failed == 0


#: Ends of a stream in the middle of the talk, and what people are told the conversation recovers from.
FAILURES: list[tuple[Fault, str]] = [
    (Fault(fault="reset"), "sonic_closed"),
    (Fault(fault="drop"), "sonic_closed"),
    (Fault(fault="truncate"), "sonic_closed"),
    (Fault(fault="corrupt"), "sonic_closed"),
    (Fault(fault="close"), "sonic_closed"),
    (Fault(exception="throttlingException"), "sonic_throttled"),
    (Fault(exception="modelTimeoutException"), "sonic_expired"),
    (Fault(exception="modelStreamErrorException"), "sonic_model"),
    (Fault(exception="internalServerException"), "sonic_closed"),
    (Fault(exception="serviceUnavailableException"), "sonic_closed"),
    (Fault(exception="validationException", message="System instability detected."), "sonic_closed"),
    (
        Fault(exception="validationException", message="InternalErrorCode=531::RST_STREAM closed stream."),
        "sonic_closed",
    ),
    (
        Fault(
            exception="validationException",
            message="Timed out waiting for audio bytes or interactive content: less than 295 seconds.",
        ),
        "sonic_expired",
    ),
    (Fault(exception="validationException", message="Invalid input request"), "sonic_protocol"),
    (Fault(exception="brandNewException"), "sonic_model"),
    (Fault(error="ExpiredTokenException"), "sonic_expired"),
]


async def test_whatever_ends_a_stream_the_talk_goes_on(state: LocalState) -> None:
    faults = [replace(fault, after_audio_ms=1300) for fault, _ in FAILURES]
    async with telephoning(state, ContinuityConfig(), first=faults) as (_, subject, phone):
        count = 2 * len(FAILURES)
        phone.say(*(piece for n in range(1, count + 1) for piece in (user_word(n), PAUSE)))
        await phone.until(last=count)
        assert phone.heard == list(range(1, count + 1))
    told = [event.error.code for event in subject.of(said.Recovering)]
    assert told == [code for _, code in FAILURES]
    assert subject.session.stats.recoveries == len(FAILURES)


REFUSALS = [
    Fault(refuse="ThrottlingException"),
    Fault(refuse="ServiceQuotaExceededException"),
    Fault(refuse="ServiceUnavailableException"),
    Fault(refuse="ValidationException", message="System instability detected."),
    Fault(no_headers=True, fault="reset"),
]


async def test_a_stream_that_is_refused_for_now_is_asked_for_again(state: LocalState) -> None:
    faults = [Fault(fault="reset", after_audio_ms=300), *REFUSALS]
    async with telephoning(state, ContinuityConfig(), first=faults) as (_, subject, phone):
        phone.say(*(piece for n in range(1, 5) for piece in (user_word(n), PAUSE)))
        await phone.until(last=4)
        assert phone.heard == [1, 2, 3, 4]
    assert len(subject.of(said.Recovering)) == subject.session.stats.recoveries == 1


async def test_an_account_that_is_full_lets_the_call_in_as_soon_as_it_can(state: LocalState) -> None:
    async with telephoning(state, ContinuityConfig(), first=[Fault(refuse="ThrottlingException")] * 2) as (*_, phone):
        phone.say(PAUSE, user_word(1), PAUSE)
        await phone.until(last=1)


@pytest.mark.parametrize("kind", ["AccessDeniedException", "ResourceNotFoundException"])
async def test_what_no_other_stream_mends_ends_the_call_with_its_reason(state: LocalState, kind: str) -> None:
    async with LocalSonic(state=state, brain=NumberBrain) as service:
        service.faults.next(Fault(refuse=kind))
        subject = Driven(SonicConfig(endpoint=service.endpoint, ca_file=state.ca_file), keys=state.keys)
        with pytest.raises(SonicModelError, match=kind):
            await subject.run()
    assert subject.session.stats.opened == subject.session.stats.closed == 1


async def test_a_call_that_cannot_recover_ends_with_the_last_reason(state: LocalState) -> None:
    async with LocalSonic(state=state, brain=NumberBrain) as service:
        service.faults.next(Fault(fault="reset", after_ms=100))
        service.faults.next(Fault(refuse="ThrottlingException"), times=100)
        config = SonicConfig(endpoint=service.endpoint, ca_file=state.ca_file)
        subject = Driven(config, keys=state.keys, continuity=ContinuityConfig(retry_for_s=1))
        with pytest.raises(SonicThrottledError):
            await subject.run()
    assert [event.error.code for event in subject.of(said.Recovering)] == ["sonic_closed"]


async def test_a_model_that_turns_deaf_is_replaced_and_hears_it_all(state: LocalState) -> None:
    async with telephoning(state, ContinuityConfig(silence_limit_s=1.5)) as (service, subject, phone):
        service.faults.now(Fault(fault="deaf"))
        phone.say(user_word(1), PAUSE, user_word(2), PAUSE)
        await phone.until(last=2)
        assert phone.heard == [1, 2]
    assert [event.error.code for event in subject.of(said.Recovering)] == ["sonic_silent"]


@pytest.mark.parametrize("how", ["reset", "stall"])
async def test_an_answer_that_breaks_off_is_finished_by_the_next_stream(state: LocalState, how: str) -> None:
    async with telephoning(state, ContinuityConfig(silence_limit_s=1.5)) as (service, _, phone):
        service.faults.now(Fault(fault=how, after_said_ms=480))
        phone.say(*(piece for n in range(1, 6) for piece in (user_word(n), np.zeros(1600, np.int16))))
        await phone.until(last=5)
        assert phone.heard == [1, 2, 3, 4, 5]
        assert service.records[1].texts == [said.CONTINUE]


async def test_a_stream_changes_before_its_keys_expire(state: LocalState) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    keys = [replace(state.keys, expires_at=now + timedelta(seconds=s)) for s in (62, 4000, 8000)]
    provider = Series(keys)
    options: dict[str, Any] = {"credentials": provider, "wall_clock": lambda: now}
    async with telephoning(state, ContinuityConfig(), **options) as (_, subject, phone):
        phone.say(*(piece for n in range(1, 7) for piece in (user_word(n), PAUSE)))
        await phone.until(last=6)
        assert phone.heard == [1, 2, 3, 4, 5, 6]
    assert (subject.session.stats.swaps, provider.asked) == (1, 2)
    assert not subject.of(said.Recovering)


async def test_settings_are_changed_for_the_next_stream_in_a_gap(state: LocalState) -> None:
    async with telephoning(state, ContinuityConfig()) as (service, subject, phone):
        phone.say(user_word(1), PAUSE)
        subject.session.change(replace(subject.config, voice="tiffany"), tools=[WEATHER])
        await subject.until(said.StreamChanged, lambda event: event.number == 2)
        phone.say(user_word(2), PAUSE)
        await phone.until(last=2)
        assert phone.heard == [1, 2]
        assert (service.records[1].voice, list(service.records[1].tools)) == ("tiffany", ["weather"])


async def test_settings_that_cannot_be_used_change_nothing(state: LocalState) -> None:
    subject = Driven(SonicConfig(), keys=state.keys)
    with pytest.raises(ConfigError, match="map"):
        subject.session.change(replace(subject.config, tool_choice="map"), tools=[WEATHER])


class ForgetfulBrain:
    """Asks for the weather and is cut off; its next one learns it by the way."""

    asked = False

    async def run(self, setup: SessionSetup, inputs: AsyncIterator[BrainInput], emit: Emitter) -> None:
        if not ForgetfulBrain.asked:
            ForgetfulBrain.asked = True
            await emit.user_text("how is the weather")
            await emit.tool_use("weather", {})
            raise StreamFault("reset")
        async for item in inputs:
            if isinstance(item, UserText):
                await emit.speculative(item.text)


async def test_a_tool_outlives_the_stream_that_asked_for_it(state: LocalState) -> None:
    async with LocalSonic(state=state, brain=ForgetfulBrain, record=True) as service:
        config = SonicConfig(endpoint=service.endpoint, ca_file=state.ca_file)
        async with driven(config, keys=state.keys, tools=[WEATHER]) as subject:
            request = await subject.until(said.ToolRequest)
            await subject.until(said.StreamChanged, lambda event: event.number == 2)
            subject.session.send_tool_result(request.tool_use_id, {"sky": "sunny"})
            text = await subject.until(said.AssistantText)
    assert text.text == 'The tool weather, called before, returned: {"sky": "sunny"}'
    assert service.records[1].history == (("USER", "how is the weather"),)
