"""Faults on demand, as the unmodified SDK sees them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aws_sdk_bedrock_runtime import models
from smithy_aws_event_stream.exceptions import UnmodeledEventError
from tests.local_sonic import sdk
from tests.local_sonic.raw import RawStream, raw_stream
from tests.local_sonic.sdk import Talk, audio, closing, opening, scripted, serving, talk

from sonicrtc.errors import ConfigError
from sonicrtc.local.sonic import Emitter, Fault, LocalSonic, SessionSetup
from sonicrtc.local.sonic.eventstream import Decoder, encode_event
from sonicrtc.local.sonic.faults import REFUSALS
from sonicrtc.local.sonic.outlet import Outlet
from sonicrtc.local.state import LocalState

SILENCE = bytes(1024)  # 32 ms
HELLO = scripted({"wait_audio_ms": 32}, {"say": "Hello.", "audio_ms": 400})


class Pipe:
    """Stands in for a stream, and counts."""

    def __init__(self, sent: list[str]) -> None:
        self._sent = sent

    def write(self, data: bytes) -> None:
        self._sent.append("event")

    async def drain(self) -> None:
        return None


Events = list[tuple[str, dict[str, Any]]]


async def hello(conversation: Talk) -> Events:
    """Hold one conversation to its end."""
    await conversation.send(*opening(), audio(SILENCE), *closing())
    await conversation.close_input()
    return await conversation.rest()


async def failure(conversation: Talk) -> BaseException:
    with pytest.raises(Exception) as caught:
        await conversation.rest()
    return caught.value


async def begun(client: Any) -> Talk:
    conversation = await talk(client)
    await conversation.send(*opening(), audio(SILENCE))
    return conversation


def names(events: Events) -> list[str]:
    return [name for name, _ in events]


# -- before the stream ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [kind for kind in REFUSALS if hasattr(models, kind)])
async def test_every_modelled_error_can_come_instead_of_a_stream(state: LocalState, kind: str) -> None:
    async with serving(state, HELLO) as (sonic, client):
        sonic.faults.next(Fault(refuse=kind, message="as asked"))
        error = await failure(await talk(client))
    assert isinstance(error, getattr(models, kind))
    assert "as asked" in str(error)


async def test_only_the_next_sessions_are_struck(state: LocalState) -> None:
    async with serving(state, HELLO) as (sonic, client):
        sonic.faults.next(Fault(refuse="ThrottlingException"), times=2)
        for _ in range(2):
            assert isinstance(await failure(await talk(client)), models.ThrottlingException)
        assert names(await hello(await talk(client)))[-1] == "completionEnd"


async def test_a_session_can_be_chosen_by_its_index_and_by_a_condition(state: LocalState) -> None:
    async with serving(state, HELLO, record=True) as (sonic, client):
        sonic.faults.session(1, Fault(refuse="ModelNotReadyException"))
        sonic.faults.when(lambda opening: opening.index == 2, Fault(refuse="AccessDeniedException"))
        await hello(await talk(client))
        await failure(await talk(client))
        await failure(await talk(client))
        assert [r.ended for r in sonic.records] == ["orderly", "ModelNotReadyException", "AccessDeniedException"]


async def test_a_plan_can_be_forgotten(state: LocalState) -> None:
    async with serving(state, HELLO) as (sonic, client):
        sonic.faults.always(Fault(refuse="AccessDeniedException"))
        sonic.faults.next(Fault(refuse="ThrottlingException"))
        sonic.faults.clear()
        assert names(await hello(await talk(client)))[-1] == "completionEnd"


async def test_the_response_headers_can_be_late(state: LocalState) -> None:
    async with serving(state, HELLO) as (sonic, client):
        sonic.faults.next(Fault(delay_headers_ms=100))
        assert names(await hello(await talk(client)))[-1] == "completionEnd"


async def test_the_response_headers_can_stay_away(state: LocalState) -> None:
    async with LocalSonic(state=state, brain=HELLO, record=True) as sonic, raw_stream(sonic, state) as stream:
        sonic.faults.next(Fault(no_headers=True))
        stream.request()
        await stream.send_events(*opening(), audio(SILENCE), *closing())
        await stream.finish()  # its session is over: RST_STREAM
        assert sonic.records[0].ended == "orderly"
        assert not stream.headers
        assert not stream.body


@pytest.mark.parametrize("how", ["reset", "drop"])
async def test_a_stream_can_be_lost_before_its_headers(state: LocalState, how: str) -> None:
    async with LocalSonic(state=state, brain=HELLO) as sonic, raw_stream(sonic, state) as stream:
        sonic.faults.next(Fault(no_headers=True, fault=how, after_ms=1))
        stream.request()
        await stream.finish()
        assert stream.headers == {}
        assert stream.ended == (how == "reset")


# -- in the stream --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        Fault(exception="modelStreamErrorException", after_audio_ms=32),
        Fault(exception="modelStreamErrorException", after_said_ms=200),
        Fault(exception="modelStreamErrorException", after_ms=1),
    ],
)
async def test_an_exception_comes_when_it_shall(state: LocalState, fault: Fault) -> None:
    async with serving(state, HELLO) as (sonic, client):
        sonic.faults.next(fault)
        assert isinstance(await failure(await begun(client)), models.ModelStreamErrorException)


async def test_an_error_without_a_model_can_come(state: LocalState) -> None:
    async with serving(state, HELLO) as (sonic, client):
        sonic.faults.next(Fault(error="Odd", message="very"))
        error = await failure(await begun(client))
    assert isinstance(error, UnmodeledEventError)


async def test_an_exception_of_an_unknown_type_can_come(state: LocalState) -> None:
    async with serving(state, HELLO) as (sonic, client):
        sonic.faults.next(Fault(exception="brandNewException"))
        assert "brandNewException" in repr(await failure(await begun(client)))


async def test_an_open_session_can_be_struck_now(state: LocalState) -> None:
    async with serving(state, HELLO, record=True) as (sonic, client):
        first = await begun(client)
        await first.until("audioOutput")
        second = await begun(client)
        await sonic.records.until(lambda records: len(records) == 2)
        sonic.faults.now(Fault(exception="throttlingException"), session=0)
        assert isinstance(await failure(first), models.ThrottlingException)
        assert sonic.records[1].ended == ""
        await second.send(*closing())
        assert names(await second.rest())[-1] == "completionEnd"


# -- breaks: what the wire shows ------------------------------------------------------------------


async def broken(state: LocalState, *steps: dict[str, Any], fault: Fault | None = None) -> RawStream:
    """Talk to a service that breaks, and return what came up to the end of stream or connection."""
    brain = scripted({"wait_audio_ms": 32}, *(steps or ({"say": "Hello.", "audio_ms": 400},)))
    async with LocalSonic(state=state, brain=brain) as sonic, raw_stream(sonic, state) as stream:
        sonic.faults.next(fault or Fault())
        stream.request()
        await stream.send_events(*opening(), audio(SILENCE))
        await stream.finish()
    return stream


async def test_a_stream_can_be_reset_in_the_middle_of_an_answer(state: LocalState) -> None:
    stream = await broken(state, fault=Fault(fault="reset", after_said_ms=80))
    assert stream.ended
    assert stream.headers[":status"] == "200"


async def test_half_a_message_can_be_the_last_that_comes(state: LocalState) -> None:
    stream = await broken(state, {"fault": "stall"}, {"say": "never"}, {"exception": "internalServerException"})
    assert list(Decoder().feed(bytes(stream.body))) == []
    assert stream.body == encode_event({"event": {}})[: len(stream.body)]
    assert stream.reset


async def test_a_stalled_stream_stays_open(state: LocalState) -> None:
    brain = scripted({"fault": "stall"})
    async with LocalSonic(state=state, brain=brain, record=True) as sonic, raw_stream(sonic, state) as stream:
        stream.request()
        await stream.send_events(*opening(), audio(SILENCE))
        while not stream.body:
            await stream.pump()
        await stream.ping()
        assert not stream.ended
        assert sonic.records[0].ended == ""


async def test_an_answer_can_come_without_its_audio(state: LocalState) -> None:
    async with serving(state, HELLO) as (sonic, client):
        sonic.faults.next(Fault(fault="mute"))
        told = names(await hello(await talk(client)))
    assert "audioOutput" not in told
    assert told.count("textOutput") == 2


async def test_events_can_come_twice_and_too_late(state: LocalState) -> None:
    async with serving(state, scripted({"usage": {"text_in": 1}}, {"user": "hi"})) as (sonic, client):
        sonic.faults.next(Fault(duplicate=("usageEvent",), reorder=("textOutput",)))
        told = names(await hello(await talk(client)))
    assert told == [
        "completionStart", "usageEvent", "usageEvent", "contentStart", "contentEnd", "textOutput", "completionEnd",
    ]  # fmt: skip


async def test_audio_can_come_in_bursts(state: LocalState) -> None:
    sent: list[str] = []
    outlet = Outlet(Pipe(sent), lambda *_: None, print, Fault(burst_ms=120))  # type: ignore[arg-type]
    emitter = Emitter(outlet)
    await emitter.speculative("Hello.")
    before = len(sent)
    await emitter.audio(bytes(2 * 24 * 80))
    assert len(sent) == before + 1  # the block has begun, 80 ms wait
    await emitter.audio(bytes(2 * 24 * 40))
    assert len(sent) == before + 4
    await emitter.audio(bytes(2 * 24 * 40))
    await emitter.end_audio()
    assert len(sent) == before + 6


async def test_audio_can_come_as_slowly_as_it_plays(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: 0.0)
    emitter = Emitter(Outlet(Pipe([]), lambda *_: None, print, Fault(pace=2)))  # type: ignore[arg-type]
    await emitter.speculative("Hello.")
    await emitter.audio(bytes(2 * 24 * 120))
    assert slept == pytest.approx([0.08, 0.16, 0.24])  # each 40 ms take 80; the clock stands still


async def test_a_starved_client_cannot_send_for_ever(state: LocalState) -> None:
    async with serving(state, HELLO, window_bytes=65_536, record=True) as (sonic, client), asyncio.TaskGroup() as tasks:
        sonic.faults.next(Fault(fault="starve"))
        conversation = await begun(client)
        sending = tasks.create_task(conversation.send(*[audio(SILENCE)] * 100))
        await sonic.records.until(lambda records: records[0].audio_ms > 500)
        sonic.faults.now(Fault(exception="throttlingException"))
        assert isinstance(await failure(conversation), models.ThrottlingException)
        assert not sending.done()
        sending.cancel()
    assert sonic.records[0].audio_ms < 1000


async def test_a_pause_can_be_set(state: LocalState) -> None:
    told: list[int] = []

    class Curious:
        async def run(self, setup: SessionSetup, inputs: object, emit: object) -> None:
            told.append(setup.pause_ms)

    async with serving(state, Curious) as (sonic, client):
        sonic.faults.next(Fault(pause_ms=400))
        await hello(await talk(client))
    assert told == [400]


async def test_a_session_can_have_less_time_than_the_others(state: LocalState) -> None:
    async with serving(state, HELLO) as (sonic, client):
        sonic.faults.next(Fault(session_s=0.05))
        assert isinstance(await failure(await begun(client)), models.ModelTimeoutException)


async def test_a_connection_takes_so_many_streams(state: LocalState) -> None:
    async with LocalSonic(state=state, brain=HELLO, max_streams=3) as sonic, raw_stream(sonic, state) as stream:
        stream.request()
        await stream.ping()
        assert stream.conn.remote_settings.max_concurrent_streams == 3


# -- a fault that makes no sense ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"refuse": "A", "exception": "b"}, "at most one of refuse"),
        ({"refuse": "Teapot"}, "refuse needs a status"),
        ({"fault": "explode"}, "expected one of close, reset"),
        ({"no_headers": True, "exception": "x"}, "without headers"),
        ({"duplicate": ("hello",)}, "expected output events"),
        ({"after_ms": 1, "after_said_ms": 1, "fault": "drop"}, "at most one of after_ms"),
        ({"pace": -1}, "pace must be a number, 0 or more"),
        ({"pause_ms": "long"}, "pause_ms must be a number"),
        ({"message": 3}, "message must be a text"),
        ({"no_headers": 1}, "no_headers must be true or false"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Fault(**fields)


# -- records --------------------------------------------------------------------------------------


async def test_a_record_holds_what_the_client_said(state: LocalState) -> None:
    async with serving(state, scripted({"call_tool": "clock"}, {"say": "Hi.", "audio_ms": 80}), record=True) as both:
        sonic, client = both
        conversation = await talk(client)
        history = sdk.text("h", "USER", "before")
        start, prompt, *system, begin = opening(tools=("clock",))
        await conversation.send(start, prompt, *system, *history, begin, audio(b"\1\0" * 512), audio(b"\2\0" * 512))
        asked = await conversation.until("toolUse")
        await conversation.send(*sdk.text("t", "USER", "typed", interactive=True))
        await conversation.send(*sdk.tool_result("r", asked["toolUseId"], '{"a": 1}'), *closing())
        await conversation.rest()
        (record,) = sonic.records
    assert record.audio == b"\1\0" * 512 + b"\2\0" * 512
    assert (record.audio_ms, record.texts, record.history) == (64, ["typed"], (("USER", "before"),))
    assert (list(record.tools), record.voice, record.instructions) == (["clock"], "matthew", "Be brief.")
    assert [result.content for result in record.results] == ['{"a": 1}']
    assert (len(record.said), record.ended, record.events[0][0]) == (80 * 48, "orderly", "sessionStart")


async def test_nothing_is_recorded_unless_asked(state: LocalState) -> None:
    async with serving(state, HELLO) as (sonic, client):
        await hello(await talk(client))
        assert len(sonic.records) == 0


async def test_waiting_for_what_does_not_come_ends(state: LocalState) -> None:
    async with LocalSonic(state=state, brain=HELLO, record=True) as sonic:
        with pytest.raises(TimeoutError):
            await sonic.records.until(lambda records: len(records) > 0, timeout_s=0.01)
