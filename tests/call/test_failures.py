"""Whatever goes wrong between us and the model: what the caller hears and is told, and what the model hears.

Human speech goes from a page over WebRTC through the gate and the real AWS SDK to the local service, which fails on
demand. Nothing here is a stand-in but the model's mind: see voices.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.call.voices import LONG, STORY, Caller, Listener, streams_that_heard, talking

from sonicrtc.config import ContinuityConfig, VadConfig
from sonicrtc.events import EndedEvent, ErrorEvent, TranscriptEvent
from sonicrtc.local.sonic import Fault, LocalSonic
from sonicrtc.local.state import LocalState
from sonicrtc.sonic.protocol import CONTINUE

pytestmark = pytest.mark.checkout


@pytest.fixture(scope="module")
def state() -> Iterator[LocalState]:
    with LocalState.open(None) as opened:
        yield opened


#: What happens to a stream in the middle of the caller's words, and what the page is told.
BREAKS: list[tuple[Fault, str]] = [
    (Fault(fault="reset"), "sonic_closed"),
    (Fault(fault="drop"), "sonic_closed"),
    (Fault(fault="truncate"), "sonic_closed"),
    (Fault(fault="corrupt"), "sonic_closed"),
    (Fault(fault="close"), "sonic_closed"),
    (Fault(exception="throttlingException"), "sonic_throttled"),
    (Fault(exception="modelTimeoutException"), "sonic_expired"),
    (Fault(exception="modelStreamErrorException"), "sonic_model"),
    (Fault(exception="internalServerException"), "sonic_closed"),
    (Fault(exception="validationException", message="System instability detected."), "sonic_closed"),
    (Fault(exception="validationException", message="InternalErrorCode=531::RST_STREAM closed"), "sonic_closed"),
    (Fault(exception="validationException", message="Timed out waiting for audio bytes"), "sonic_expired"),
    (Fault(exception="brandNewException"), "sonic_model"),
    (Fault(error="ExpiredTokenException"), "sonic_expired"),
    (Fault(fault="deaf"), "sonic_silent"),
    (Fault(fault="stall"), "sonic_silent"),
]


def check(service: LocalSonic, caller: Caller, count: int) -> None:
    """See that pieces 1 to `count` were heard whole, shown once and answered once."""
    numbers = list(range(1, count + 1))
    assert caller.tones == numbers
    assert list(caller.shown().values()) == [str(number) for number in numbers]
    assert all(streams_that_heard(service, caller))


async def test_whatever_breaks_a_stream_every_word_is_answered_once(state: LocalState) -> None:
    async with talking(state, ContinuityConfig(silence_limit_s=1.5, replay_pace=2)) as (service, caller):
        for number, (fault, _) in enumerate(BREAKS, 1):
            service.faults.now(replace(fault, after_audio_ms=(300, 500, 700)[number % 3]))
            caller.say(number)
            await caller.hears(number)
            await caller.recovers(number)
        check(service, caller, len(BREAKS))
    assert caller.told() == [code for _, code in BREAKS]
    assert not caller.page.told(ErrorEvent)


GATES = [
    VadConfig(gate="withhold", hangover_ms=600, withhold_after_ms=0),
    VadConfig(gate="off"),
    VadConfig(detector="energy", hangover_ms=600),
]


@pytest.mark.parametrize("vad", GATES, ids=["withheld", "ungated", "energy"])
async def test_however_speech_is_told_from_silence_a_break_in_either_loses_nothing(
    state: LocalState, vad: VadConfig
) -> None:
    async with talking(state, vad=vad) as (service, caller):
        caller.say(1)
        await caller.hears(1)
        await caller.page.heard.seconds(0.8)  # by now the gate is closed
        service.faults.now(Fault(fault="drop"))
        await service.records.until(lambda records: len(records) == 2 and records[1].setup is not None)
        service.faults.now(Fault(fault="reset", after_audio_ms=500))
        caller.say(2)
        await caller.hears(2)
        await caller.recovers(2)
        check(service, caller, 2)


REFUSALS = [
    Fault(refuse="ThrottlingException"),
    Fault(refuse="ServiceQuotaExceededException"),
    Fault(no_headers=True, fault="reset"),
]


async def test_a_service_that_refuses_for_a_while_loses_nothing_of_what_is_said_meanwhile(state: LocalState) -> None:
    async with talking(state, ContinuityConfig(replay_pace=3)) as (service, caller):
        for fault in REFUSALS:
            service.faults.next(fault)
        service.faults.now(Fault(fault="reset", after_audio_ms=400))
        caller.say(1, 2, 3)
        await caller.hears(3)
        assert caller.tones == [1, 2, 3]
        assert caller.shown() == {1: "1 2 3"}
        assert streams_that_heard(service, caller) == [[4]]
        assert [record.ended for record in service.records[1:4]] == [fault.refuse or "reset" for fault in REFUSALS]
    assert caller.told() == ["sonic_closed"]


async def test_an_account_that_is_full_at_first_answers_what_was_said_at_once(state: LocalState) -> None:
    service_is_full = [Fault(refuse="ThrottlingException"), Fault(refuse="ServiceQuotaExceededException")]
    async with talking(state, first=service_is_full) as (service, caller):
        caller.say(1)
        await caller.hears(1)
        check(service, caller, 1)
    assert caller.told() == []


async def test_words_that_were_understood_but_not_answered_are_shown_once(state: LocalState) -> None:
    async with talking(state) as (service, caller):
        Listener.may_answer.clear()
        caller.say(1)
        await caller.page.until(TranscriptEvent)
        service.faults.now(Fault(fault="drop"))
        await caller.recovers(1)
        Listener.may_answer.set()
        await caller.hears(1)
        caller.say(2)
        await caller.hears(2)
        check(service, caller, 2)
        assert streams_that_heard(service, caller) == [[0, 1], [1]]


async def test_an_answer_that_breaks_off_is_heard_to_its_end(state: LocalState) -> None:
    async with talking(state) as (service, caller):
        service.faults.now(Fault(fault="reset", after_said_ms=500, pace=0.5))
        caller.say(STORY)
        await caller.hears(34)
        assert caller.tones == [STORY, 32, 33, 34]
        assert service.records[1].texts == [CONTINUE]
        assert caller.shown() == {1: str(STORY)}
    assert caller.told() == ["sonic_closed"]


async def test_a_stream_that_grows_old_is_left_in_a_pause_and_nobody_notices(state: LocalState) -> None:
    async with talking(state, ContinuityConfig(swap_after_s=0.5)) as (service, caller):
        for number in (1, 2, 3):
            caller.say(number)
            await caller.hears(number)
            await service.records.until(lambda records, n=number: len(records) > n)  # type: ignore[misc]
        check(service, caller, 3)
        assert {record.ended for record in service.records[:2]} == {"orderly"}
    assert caller.told() == []


async def test_a_stream_whose_time_is_over_is_left_in_the_middle_of_a_sentence(state: LocalState) -> None:
    async with talking(state, ContinuityConfig(swap_after_s=2, swap_by_s=2, replay_pace=8)) as (service, caller):
        caller.say(LONG)
        await caller.hears(LONG)
        assert caller.tones == [LONG]
        assert streams_that_heard(service, caller) == [[1]]
    assert caller.told() == []


@pytest.mark.parametrize("kind", ["AccessDeniedException", "ResourceNotFoundException"])
async def test_what_no_other_stream_mends_is_told_and_ends_the_call(state: LocalState, kind: str) -> None:
    async with talking(state, first=[Fault(refuse=kind, message="not for you")]) as (_, caller):
        ended = await caller.page.until(EndedEvent)
        (error,) = caller.page.told(ErrorEvent)
    assert (error.code, error.retryable, ended.reason) == ("sonic_model", False, "error")
    assert "not for you" in error.message


async def test_a_recovery_that_is_refused_for_good_ends_the_call_with_both_reasons(state: LocalState) -> None:
    async with talking(state) as (service, caller):
        caller.say(1)
        await caller.hears(1)
        service.faults.next(Fault(refuse="AccessDeniedException"))
        service.faults.now(Fault(fault="reset"))
        assert (await caller.page.until(EndedEvent)).reason == "error"
        assert caller.told() == ["sonic_closed"]
        assert [(e.code, e.retryable) for e in caller.page.told(ErrorEvent)] == [("sonic_model", False)]
