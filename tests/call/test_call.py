"""One call with a fake model: what the page hears and is told, whatever the model does."""

from __future__ import annotations

import asyncio
import time
import wave

import numpy as np
import pytest
from tests.call.pages import ModelBroke, all_events, calling, with_model
from tests.net.peers import PATHS, Int16, Tone, level_at
from tests.speech import LIBRIVOX

from sonicrtc.audio import Resampler
from sonicrtc.config import BargeInConfig, Config, MediaConfig, ToolsConfig
from sonicrtc.errors import MessageError, SonicThrottledError, ToolError
from sonicrtc.events import (
    AppEvent,
    EndedEvent,
    ErrorEvent,
    InterruptedEvent,
    SessionEvent,
    SpeakingEvent,
    TextMessage,
    TimingEvent,
    ToolEvent,
    TranscriptEvent,
    UnknownEvent,
    UsageEvent,
)
from sonicrtc.sonic.protocol import AssistantText, AudioEnded, Interrupted, ToolRequest, UsageReported, UserText
from sonicrtc.tools.registry import ToolRegistry

on_both_paths = pytest.mark.parametrize("media", [MediaConfig(path=path) for path in PATHS], ids=PATHS)


class Person:
    """A caller who is silent until told to speak."""

    def __init__(self) -> None:
        with wave.open(str(LIBRIVOX / "sense_and_sensibility_01_austen_64kb-0890.wav")) as file:
            sentence = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        self._sentence = Resampler(16_000, 48_000).push(sentence)
        self._at: int | None = None

    def speak(self) -> None:
        self._at = 0

    def __call__(self, frames: int) -> Int16:
        block = np.zeros(frames, np.int16)
        if self._at is not None:
            said = self._sentence[self._at : self._at + frames]
            block[: len(said)] = said
            self._at += frames
        return block


async def test_the_page_is_introduced_first_and_told_the_end_last() -> None:
    async with with_model() as (calls, models), calling(calls) as page:
        session = await page.until(SessionEvent)
        await page.call.hang_up()
        await page.until(EndedEvent)
        assert page.told()[0] == session
        assert (session.mode, session.call_id, session.endpoint_ms) == ("sonic", page.call.id, 1750)
        assert page.told()[-1].reason == "hangup"
        assert models[0].closed


@on_both_paths
async def test_the_model_hears_the_caller_in_real_time(media: MediaConfig) -> None:
    async with with_model(Config(media=media)) as (calls, models), calling(calls, Tone(300)) as page:
        await page.heard.seconds(1.0)
        assert 0.7 * 16_000 < models[0].heard_frames < 1.3 * 16_000


@on_both_paths
async def test_the_caller_hears_the_model_and_is_told_who_speaks_and_when(media: MediaConfig) -> None:
    async with with_model(Config(media=media)) as (calls, models), calling(calls) as page:
        models[0].say(UserText(text="Sing."))
        models[0].say(AssistantText(text="La.", stage="speculative", content_id="t"))
        models[0].speak(0.6)
        models[0].say(AudioEnded(content_id="a", stop_reason="END_TURN"))
        models[0].say(AssistantText(text="La.", stage="final", content_id="u"))
        await page.until(SpeakingEvent, 2)
        timing = await page.until(TimingEvent)
        loud = [block for block in page.heard.blocks if np.abs(block).max() > 8000]
        assert sum(map(len, loud)) / 48_000 == pytest.approx(0.6, abs=0.1)
        assert level_at(np.concatenate(loud[3:23]), 1000) == pytest.approx(16_384, rel=0.1)
    told = page.told(TranscriptEvent)
    assert [(t.role, t.stage, t.text, t.turn) for t in told] == [
        ("user", "final", "Sing.", 1), ("assistant", "speculative", "La.", 1), ("assistant", "final", "La.", 1),
    ]  # fmt: skip
    assert [(s.role, s.active) for s in page.told(SpeakingEvent)] == [("assistant", True), ("assistant", False)]
    assert timing.turn == 1
    assert timing.user_text_ms <= timing.first_audio_received_ms <= timing.first_audio_played_ms


@on_both_paths
async def test_an_interruption_silences_the_model_at_once_and_says_how_much_was_heard(media: MediaConfig) -> None:
    async with with_model(Config(media=media)) as (calls, models), calling(calls) as page:
        models[0].say(UserText(text="Count."))
        models[0].speak(20)
        await page.heard.until(lambda: sum(1 for b in page.heard.blocks if np.abs(b).max() > 8000) >= 50)
        models[0].say(Interrupted())
        models[0].speak(5)  # what was on its way when the user broke in
        event = await page.until(InterruptedEvent)
        after = await page.heard.seconds(0.6)
        models[0].speak(1, content_id="b")
        await page.heard.until(lambda: np.abs(page.heard.blocks[-1]).max() > 8000)
    assert event.turn == 1
    assert 900 < event.played_ms < 2500
    # 80 ms lie in the receiver's jitter buffer.
    assert np.abs(after[int(0.2 * 48_000) :]).max() < 100


@on_both_paths
async def test_a_marker_after_the_end_of_the_audio_and_before_late_audio_silences_this_turn_and_no_other(
    media: MediaConfig,
) -> None:
    def is_loud() -> bool:
        return bool(np.abs(page.heard.blocks[-1]).max() > 8000)

    async with with_model(Config(media=media)) as (calls, models), calling(calls) as page:
        models[0].speak(20)
        models[0].say(AudioEnded(content_id="a", stop_reason="END_TURN"))
        await page.heard.until(lambda: bool(page.heard.blocks) and is_loud())
        models[0].say(Interrupted())
        models[0].speak(5)
        models[0].say(AudioEnded(content_id="a", stop_reason="INTERRUPTED"))
        await page.heard.until(lambda: not is_loud())
        assert models[0].flushed_frames > 15 * 24_000
        models[0].speak(1, content_id="b")
        await page.heard.until(is_loud)
        assert not page.call.stats.playout_dropped_frames


@on_both_paths
async def test_a_user_who_speaks_up_ducks_the_agent_and_the_marker_tells_how_fast(media: MediaConfig) -> None:
    person = Person()
    # On a busy machine the marker would come after the release.
    patient = Config(bargein=BargeInConfig(release_ms=10_000), media=media)
    async with with_model(patient) as (calls, models), calling(calls, person) as page:
        models[0].speak(20)
        await page.heard.until(lambda: bool(page.heard.blocks) and np.abs(page.heard.blocks[-1]).max() > 8000)
        await page.heard.seconds(1.0)
        person.speak()
        await page.heard.until(lambda: 3000 < np.abs(page.heard.blocks[-1]).max() < 6000)
        models[0].say(Interrupted())
        event = await page.until(InterruptedEvent)
        assert 0 < event.duck_ms < event.flush_ms
        assert (page.call.stats.ducks, page.call.stats.false_ducks) == (1, 0)


async def test_an_answer_that_does_not_fit_is_told_once_and_heard_as_far_as_it_does() -> None:
    async with with_model() as (calls, models), calling(calls) as page:
        for _ in range(14):
            models[0].speak(5)
        error = await page.until(ErrorEvent)
        await page.heard.until(lambda: any(np.abs(block).max() > 8000 for block in page.heard.blocks))
        models[0].say(UserText(text="Stop."))
        await page.until(TranscriptEvent)
        assert page.told(ErrorEvent) == [error]
        assert error.code == "playout_overflow"
        assert page.call.stats.playout_dropped_frames > 9 * 24_000


async def test_a_tool_runs_while_audio_goes_on_and_its_result_goes_to_the_model() -> None:
    started, may_end, tools = asyncio.Event(), asyncio.Event(), ToolRegistry()

    async def weather(city: str) -> dict[str, str]:
        started.set()
        await may_end.wait()
        return {"sky": f"clear over {city}"}

    tools.add(weather, description="Tell the weather.")
    async with with_model(tools=tools) as (calls, models), calling(calls, Tone(300)) as page:
        models[0].say(ToolRequest(tool_use_id="1", name="weather", arguments={"city": "Rome"}))
        await started.wait()
        before = models[0].heard_frames
        await page.heard.seconds(0.3)
        assert models[0].heard_frames > before
        may_end.set()
        await models[0].until(lambda: models[0].results == {"1": {"sky": "clear over Rome"}})
        event = await page.until(ToolEvent, 2)
        assert (event.status, event.name, event.arguments, event.result) == (
            "succeeded", "weather", {"city": "Rome"}, {"sky": "clear over Rome"},
        )  # fmt: skip
        assert event.duration_ms >= 250


async def test_a_tool_that_fails_or_is_unknown_becomes_a_result_and_the_call_goes_on() -> None:
    tools = ToolRegistry()

    async def explode() -> None:
        raise ToolError("boom")

    tools.add(explode, description="Explode.")
    async with with_model(tools=tools) as (calls, models), calling(calls) as page:
        models[0].say(ToolRequest(tool_use_id="1", name="explode", arguments={}))
        models[0].say(ToolRequest(tool_use_id="2", name="nothing", arguments={}))
        await models[0].until(lambda: len(models[0].results) == 2)
        await page.until(ToolEvent, 4)
        assert {e.status for e in page.told(ToolEvent)} == {"started", "failed"}
        assert all("error" in result for result in models[0].results.values())  # type: ignore[operator]
        assert page.call.stats.turns == 0


async def test_a_tool_that_is_still_out_ends_with_the_call() -> None:
    ended, tools = asyncio.Event(), ToolRegistry()

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    tools.add(forever, description="Never come back.")
    async with with_model(tools=tools) as (calls, models), calling(calls) as page:
        models[0].say(ToolRequest(tool_use_id="1", name="forever", arguments={}))
        await page.until(ToolEvent)
        await page.call.hang_up()
        await page.until(EndedEvent)
        async with asyncio.timeout(5):
            await ended.wait()


async def test_a_result_too_large_for_the_page_reaches_model_and_application() -> None:
    tools = ToolRegistry()

    async def book() -> str:
        return "x" * 20_000

    tools.add(book, description="Read a book.")
    config = Config(tools=ToolsConfig(max_result_bytes=64 * 1024))
    async with with_model(config, tools=tools) as (calls, models), calling(calls) as page:
        models[0].say(ToolRequest(tool_use_id="1", name="book", arguments={}))
        error = await page.until(ErrorEvent)
        assert "left out" in error.message
        assert models[0].results == {"1": {"result": "x" * 20_000}}
        await page.call.hang_up()
        events = [e for e in await all_events(page.call) if isinstance(e, ToolEvent)]
        assert events[-1].result == {"result": "x" * 20_000}


async def test_usage_is_told() -> None:
    async with with_model() as (calls, models), calling(calls) as page:
        models[0].say(
            UsageReported(input_speech_tokens=1, input_text_tokens=2, output_speech_tokens=3, output_text_tokens=4)
        )
        usage = await page.until(UsageEvent)
        assert (usage.input_speech_tokens, usage.output_text_tokens) == (1, 4)


async def test_what_is_typed_reaches_the_model_and_opens_one_turn() -> None:
    async with with_model() as (calls, models), calling(calls) as page:
        page.peer.send('{"type":"text","text":"typed"}')
        await models[0].until(lambda: models[0].typed == ["typed"])
        await page.call.send_text("from the app")
        assert models[0].typed == ["typed", "from the app"]
        models[0].say(UserText(text="typed"))
        models[0].say(AssistantText(text="Yes.", stage="speculative", content_id="t"))
        await page.until(TranscriptEvent, 2)
        assert [t.turn for t in page.told(TranscriptEvent)] == [1, 1]
        await page.call.hang_up()
        assert TextMessage in {type(e) for e in await all_events(page.call)}


async def test_app_messages_go_both_ways() -> None:
    async with with_model() as (calls, _), calling(calls) as page:
        page.peer.send('{"type":"app","kind":"door.open","data":{"door":1}}')
        sent = await page.call.send("device.state", {"door": "open"})
        assert await page.until(AppEvent) == sent
        await page.heard.seconds(0.1)
        await page.call.hang_up()
        received = [e for e in await all_events(page.call) if isinstance(e, AppEvent)]
        assert [(e.kind, e.data) for e in received] == [("door.open", {"door": 1})]


async def test_an_app_message_that_is_too_large_or_no_json_is_refused() -> None:
    async with with_model() as (calls, _), calling(calls) as page:
        with pytest.raises(MessageError, match="at most 16384 bytes"):
            await page.call.send("big", "x" * 17_000)
        with pytest.raises(MessageError, match="JSON"):
            await page.call.send("odd", object())


async def test_a_stall_of_the_event_loop_is_counted() -> None:
    async with with_model() as (calls, _), calling(calls) as page:
        await page.heard.until(lambda: len(page.heard.blocks) > 5)
        assert page.call.stats.packets_lost == 0
        asyncio.get_running_loop().call_soon(time.sleep, 0.15)  # the stall
        await page.heard.until(lambda: page.call.stats.stalls > 0)
        assert page.call.stats.longest_stall_ms > 100


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("nonsense", "not what was expected"),
        ("[1]", "not what was expected"),
        ('{"no":"type"}', "not what was expected"),
        ('{"type":"text","text":5}', "not what was expected"),
        ('"' + "x" * 20_000 + '"', "at most 16384 bytes"),
    ],
)
async def test_a_message_that_makes_no_sense_is_an_error_on_the_page_and_nothing_else_breaks(
    message: str, words: str
) -> None:
    async with with_model() as (calls, models), calling(calls) as page:
        page.peer.send(message)
        error = await page.until(ErrorEvent)
        assert words in error.message
        page.peer.send('{"type":"text","text":"still here"}')
        await models[0].until(lambda: models[0].typed == ["still here"])


async def test_a_message_of_an_unknown_kind_surfaces() -> None:
    async with with_model() as (calls, models), calling(calls) as page:
        page.peer.send('{"type":"from the future","x":1}')
        page.peer.send('{"type":"text","text":"done"}')
        await models[0].until(lambda: models[0].typed == ["done"])
        await page.call.hang_up()
        unknown = [e for e in await all_events(page.call) if isinstance(e, UnknownEvent)]
        assert [e.kind for e in unknown] == ["from the future"]


async def test_a_failing_model_is_told_in_words_and_the_call_ends() -> None:
    async with with_model() as (calls, models), calling(calls) as page:
        models[0].end(SonicThrottledError("the service asks to slow down"))
        ended = await page.until(EndedEvent)
        error = page.told(ErrorEvent)[0]
        assert (error.code, error.message, error.retryable) == (
            "sonic_throttled", "the service asks to slow down", True,
        )  # fmt: skip
        assert ended.reason == "error"


async def test_a_model_that_fails_before_the_connection_is_up_is_still_told() -> None:
    class Impatient:
        async def answer(self, offer: dict[str, str], client_id: str | None = None) -> object:
            call = await calls.answer(offer, client_id)
            models[0].end(ModelBroke("no keys"))
            return call

    async with with_model() as (calls, models), calling(Impatient()) as page:  # type: ignore[arg-type]
        await page.until(EndedEvent)
        assert [type(e) for e in page.told()] == [SessionEvent, ErrorEvent, EndedEvent]
        assert page.told(ErrorEvent)[0].message == "no keys"


async def test_a_model_that_ends_by_itself_ends_the_call() -> None:
    async with with_model() as (calls, models), calling(calls) as page:
        models[0].end()
        assert (await page.until(EndedEvent)).reason == "error"
        assert page.told(ErrorEvent)[0].code == "sonic_closed"


async def test_a_mistake_of_ours_ends_one_call_and_no_other(caplog: pytest.LogCaptureFixture) -> None:
    async with with_model() as (calls, models), calling(calls) as first, calling(calls) as second:
        models[0].end(ZeroDivisionError("a bug"))
        assert (await first.until(EndedEvent)).reason == "error"
        assert "a bug" not in first.told(ErrorEvent)[0].message
        models[1].say(UserText(text="still here"))
        await second.until(TranscriptEvent)
    assert any(record.exc_info and "call failed" in record.message for record in caplog.records)


async def test_a_page_that_leaves_ends_the_call() -> None:
    async with with_model() as (calls, models), calling(calls) as page:
        await page.peer.close()
        events = await all_events(page.call)
        assert isinstance(events[-1], EndedEvent)
        assert events[-1].reason == "peer_left"
        assert models[0].closed


async def test_a_page_can_hang_up() -> None:
    async with with_model() as (calls, _), calling(calls) as page:
        page.peer.send('{"type":"hangup"}')
        assert (await page.until(EndedEvent)).reason == "hangup"


async def test_every_reader_gets_every_event() -> None:
    async with with_model() as (calls, models), calling(calls) as page:
        first, second = page.call.events(), page.call.events()
        models[0].say(UserText(text="hello"))
        await page.call.hang_up()
        texts = [[e.text async for e in events if isinstance(e, TranscriptEvent)] for events in (first, second)]
        assert texts == [["hello"], ["hello"]]
