"""Failures that come at a bad moment: in the middle of a recovery, of an answer, of a long sentence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import numpy as np
import pytest
from tests.sonic.driving import Driven, driven
from tests.sonic.numbers import user_word
from tests.sonic.test_seams import PAUSE, WEATHER, telephoning

from sonicrtc.config import ContinuityConfig, SonicConfig
from sonicrtc.credentials import AwsKeys, StaticCredentials
from sonicrtc.errors import SonicClosedError
from sonicrtc.local.sonic import Emitter, Fault, LocalSonic, SessionSetup
from sonicrtc.local.sonic.brain import BrainInput, UserText
from sonicrtc.local.state import LocalState
from sonicrtc.sonic import protocol as said
from sonicrtc.sonic.leg import Deadlines
from sonicrtc.sonic.session import SonicSession

pytestmark = pytest.mark.checkout

BREATH = np.zeros(1600, np.int16)
QUICK = ContinuityConfig(replay_pace=4)


def words(first: int, last: int, pause: np.ndarray = BREATH) -> list[np.ndarray]:
    return [piece for n in range(first, last + 1) for piece in (user_word(n), pause)]


async def test_what_is_said_while_no_stream_can_be_had_is_answered_later(state: LocalState) -> None:
    async with telephoning(state, QUICK, jitter=lambda: 0.0) as (service, subject, phone):
        service.faults.next(Fault(refuse="ServiceUnavailableException"), times=4)
        service.faults.now(Fault(fault="drop"))
        phone.say(*words(1, 12), PAUSE)
        await phone.until(last=12)
        assert phone.heard == list(range(1, 13))
    assert subject.session.stats.recoveries == 1


async def test_streams_that_break_one_after_the_other_lose_nothing(state: LocalState) -> None:
    async with telephoning(state, ContinuityConfig(), jitter=lambda: 0.0) as (service, subject, phone):
        service.faults.next(Fault(fault="reset", after_audio_ms=32), times=5)
        service.faults.now(Fault(fault="reset", after_audio_ms=200))
        phone.say(*words(1, 8), PAUSE)
        await phone.until(last=8)
        assert phone.heard == list(range(1, 9))
    assert subject.session.stats.recoveries == 6


async def test_streams_that_do_nothing_but_break_are_given_up_in_time(state: LocalState) -> None:
    async with LocalSonic(state=state, brain=Reader, record=True) as service:
        service.faults.always(Fault(fault="reset"))
        config = SonicConfig(endpoint=service.endpoint, ca_file=state.ca_file)
        subject = Driven(config, keys=state.keys, continuity=ContinuityConfig(retry_for_s=2), jitter=lambda: 1.0)
        with pytest.raises(SonicClosedError):
            await subject.run()
    assert 2 <= len(service.records) <= 5  # at once, and then after longer and longer pauses


async def test_a_break_in_the_middle_of_a_replay_begins_it_again(state: LocalState) -> None:
    async with telephoning(state, ContinuityConfig()) as (service, _, phone):
        service.faults.next(Fault(fault="drop", after_audio_ms=700))
        service.faults.now(Fault(fault="reset", after_audio_ms=1200))
        phone.say(*words(1, 6), PAUSE)
        await phone.until(last=6)
        assert phone.heard == [1, 2, 3, 4, 5, 6]
        assert service.records[1].ended == "drop"


async def test_an_answer_is_finished_although_the_stream_that_was_to_do_it_broke_too(state: LocalState) -> None:
    async with telephoning(state, ContinuityConfig()) as (service, subject, phone):
        service.faults.next(Fault(fault="reset", after_ms=1))
        service.faults.now(Fault(fault="reset", after_said_ms=480, pace=0.5, burst_ms=240))
        phone.say(*words(1, 5))
        await phone.until(last=5)
        assert phone.heard == [1, 2, 3, 4, 5]
    assert subject.session.stats.recoveries == 2


async def test_a_model_that_turns_deaf_while_it_speaks_is_noticed_when_the_user_speaks(state: LocalState) -> None:
    async with telephoning(state, ContinuityConfig(silence_limit_s=1.5)) as (service, subject, phone):
        service.faults.now(Fault(fault="deaf", after_said_ms=480, pace=0.5, burst_ms=240))
        phone.say(*words(1, 4), PAUSE, *words(5, 7), PAUSE)
        await phone.until(last=7)
        assert phone.heard == [1, 2, 3, 4, 5, 6, 7]
    assert [event.error.code for event in subject.of(said.Recovering)] == ["sonic_silent"]


async def test_an_old_stream_that_breaks_while_it_finishes_its_answer_is_helped_out(state: LocalState) -> None:
    continuity = ContinuityConfig(swap_after_s=3, swap_by_s=3)
    async with telephoning(state, continuity, first=[Fault(pace=1, burst_ms=240)]) as (service, subject, phone):
        phone.say(*words(1, 8))
        await phone.until(last=1)
        await subject.until(said.StreamChanged, lambda event: event.number == 2)
        await phone.until(last=4)
        service.faults.now(Fault(fault="reset"), session=0)
        await phone.until(last=8)
        assert phone.heard == list(range(1, 9))


async def test_a_long_speech_is_heard_whole_although_its_streams_time_is_over(state: LocalState) -> None:
    async with telephoning(state, ContinuityConfig(swap_after_s=2.0, swap_by_s=4.0, replay_pace=8)) as (*_, phone):
        phone.say(*words(1, 20), PAUSE)  # 5.2 s
        await phone.until(last=20)
        assert phone.heard == list(range(1, 21))


async def test_settings_that_change_during_a_recovery_hold_for_the_stream_after_it(state: LocalState) -> None:
    async with telephoning(state, ContinuityConfig()) as (service, subject, phone):
        service.faults.next(Fault(delay_headers_ms=200))
        service.faults.now(Fault(fault="reset"))
        await service.records.until(lambda records: len(records) == 2)
        subject.session.change(replace(subject.config, voice="tiffany"))
        phone.say(*words(1, 2), PAUSE)
        await phone.until(last=2)
        await subject.until(said.StreamChanged, lambda event: event.config.voice == "tiffany")
        await service.records.until(lambda records: records[-1].voice == "tiffany")
        assert phone.heard == [1, 2]


class Keys:
    """Never there again after the first time."""

    def __init__(self, keys: AwsKeys) -> None:
        self._keys: AwsKeys | None = keys

    async def frozen(self) -> AwsKeys:
        keys, self._keys = self._keys, None
        if keys is None:
            await asyncio.Event().wait()
            raise AssertionError
        return keys


@pytest.mark.parametrize("how", ["waiting", "opening", "without keys"])
async def test_a_session_can_be_closed_in_the_middle_of_a_recovery(state: LocalState, how: str) -> None:
    async with LocalSonic(state=state, brain=Reader, record=True) as service:
        service.faults.next(Fault())
        service.faults.always(Fault(no_headers=True) if how == "opening" else Fault(refuse="ThrottlingException"))
        config = SonicConfig(endpoint=service.endpoint, ca_file=state.ca_file)
        keys = Keys(state.keys) if how == "without keys" else StaticCredentials(state.keys)
        async with driven(config, credentials=keys, deadlines=Deadlines(open_s=1)) as subject:
            await subject.until(said.SessionOpened)
            service.faults.now(Fault(fault="reset"))
            await subject.until(said.Recovering)
            if how != "without keys":
                await service.records.until(lambda records: len(records) == 2)
    assert SonicSession.running == 0


class Reader:
    """Reads what is typed, aloud."""

    async def run(self, setup: SessionSetup, inputs: AsyncIterator[BrainInput], emit: Emitter) -> None:
        async for item in inputs:
            if isinstance(item, UserText):
                await emit.speculative(item.text)
                await emit.final(item.text)


async def read_aloud(subject: Driven, service: LocalSonic) -> list[str]:
    """Type a last word, and return all that was read until it came."""
    subject.session.send_text("over")
    await subject.until(said.AssistantText, lambda text: text.text == "over")
    return [text.text for text in subject.of(said.AssistantText) if text.stage == "speculative"]


async def test_text_that_is_typed_while_there_is_no_stream_is_read_once(state: LocalState) -> None:
    async with LocalSonic(state=state, brain=Reader) as service:
        config = SonicConfig(endpoint=service.endpoint, ca_file=state.ca_file)
        async with driven(config, keys=state.keys) as subject:
            await subject.until(said.SessionOpened)
            service.faults.next(Fault(refuse="ThrottlingException"), times=2)
            service.faults.now(Fault(fault="reset"))
            await subject.until(said.Recovering)
            subject.session.send_text("hello")
            await subject.until(said.AssistantText)
            assert await read_aloud(subject, service) == ["hello", "over"]


async def test_a_greeting_that_an_early_break_swallowed_is_said_once(state: LocalState) -> None:
    async with LocalSonic(state=state, brain=Reader) as service:
        service.faults.next(Fault(fault="reset"))
        service.faults.next(Fault(refuse="ThrottlingException"))
        config = SonicConfig(endpoint=service.endpoint, ca_file=state.ca_file, greeting="Welcome!")
        async with driven(config, keys=state.keys) as subject:
            await subject.until(said.AssistantText)
            assert await read_aloud(subject, service) == [said.announcement("Welcome!"), "over"]


class Asker(Reader):
    """Asks for the weather first, in its first session."""

    async def run(self, setup: SessionSetup, inputs: AsyncIterator[BrainInput], emit: Emitter) -> None:
        if not setup.history:
            await emit.user_text("how is the weather")
            await emit.tool_use("weather", {})
        await super().run(setup, inputs, emit)


async def test_a_tools_result_that_comes_while_there_is_no_stream_is_told_to_the_next(state: LocalState) -> None:
    async with LocalSonic(state=state, brain=Asker, record=True) as service:
        config = SonicConfig(endpoint=service.endpoint, ca_file=state.ca_file)
        async with driven(config, keys=state.keys, tools=[WEATHER]) as subject:
            request = await subject.until(said.ToolRequest)
            service.faults.next(Fault(refuse="ThrottlingException"))
            service.faults.now(Fault(fault="reset"))
            await subject.until(said.Recovering)
            subject.session.send_tool_result(request.tool_use_id, {"sky": "sunny"})
            await subject.until(said.AssistantText, lambda text: "sunny" in text.text)
            assert len(await read_aloud(subject, service)) == 2
    assert service.records[-1].results == []
