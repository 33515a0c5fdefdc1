"""Nova's output events in Nova's order, and no others."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sonicrtc.local.sonic.emitter import Emitter, EmitterMisuseError, RecordingOutbox
from sonicrtc.local.sonic.shapes import flaw

TEXT = ["contentStart", "textOutput", "contentEnd"]


@pytest.fixture
def outbox() -> RecordingOutbox:
    return RecordingOutbox()


@pytest.fixture
def emit(outbox: RecordingOutbox) -> Emitter:
    ids = itertools.count()
    return Emitter(outbox, session_id="s", prompt_name="p", new_id=lambda: f"id-{next(ids)}")


def bodies(outbox: RecordingOutbox, kind: str) -> list[dict[str, Any]]:
    return [event["event"][kind] for event in outbox.events if kind in event["event"]]


async def a_turn(emit: Emitter) -> None:
    await emit.user_text("what time is it")
    await emit.tool_use("clock", {"zone": "UTC"})
    await emit.speculative("It is noon.")
    await emit.audio(bytes(24000))
    await emit.end_audio()
    await emit.final("It is noon.")
    await emit.usage(speech_in=5, text_in=3, speech_out=9)


async def test_a_turn_has_novas_order(emit: Emitter, outbox: RecordingOutbox) -> None:
    await a_turn(emit)
    await emit.finish()
    kinds = [kind for kind, _ in itertools.groupby(outbox.kinds())]
    assert kinds == [
        "completionStart", *TEXT, "contentStart", "toolUse", "contentEnd", *TEXT,
        "contentStart", "audioOutput", "contentEnd", *TEXT, "usageEvent", "completionEnd",
    ]  # fmt: skip


async def test_every_event_meets_its_schema(emit: Emitter, outbox: RecordingOutbox) -> None:
    await a_turn(emit)
    await emit.interrupted()
    await emit.finish()
    for event in outbox.events:
        ((kind, body),) = event["event"].items()
        assert flaw("output", kind, body) is None


async def test_stages_and_stop_reasons_tell_what_a_text_is(emit: Emitter, outbox: RecordingOutbox) -> None:
    await a_turn(emit)
    starts = [b for b in bodies(outbox, "contentStart") if b["type"] == "TEXT"]
    stages = [(b["role"], json.loads(b["additionalModelFields"])["generationStage"]) for b in starts]
    assert stages == [("USER", "FINAL"), ("ASSISTANT", "SPECULATIVE"), ("ASSISTANT", "FINAL")]
    ends = [(b["type"], b["stopReason"]) for b in bodies(outbox, "contentEnd")]
    assert ends == [
        ("TEXT", "PARTIAL_TURN"), ("TOOL", "TOOL_USE"), ("TEXT", "PARTIAL_TURN"),
        ("AUDIO", "END_TURN"), ("TEXT", "END_TURN"),
    ]  # fmt: skip


async def test_one_completion_holds_all_turns(emit: Emitter, outbox: RecordingOutbox) -> None:
    await a_turn(emit)
    await a_turn(emit)
    await emit.finish()
    await emit.finish()
    assert (outbox.kinds().count("completionStart"), outbox.kinds().count("completionEnd")) == (1, 1)
    assert {body["completionId"] for event in outbox.events for body in event["event"].values()} == {"id-1"}


@pytest.mark.parametrize("piece", [2, 1000, 1920, 10_000, 48_000])
async def test_audio_comes_whole_in_chunks_of_40_ms(emit: Emitter, outbox: RecordingOutbox, piece: int) -> None:
    speech = bytes(range(250)) * 192
    await emit.speculative("hm")
    for start in range(0, len(speech), piece):
        await emit.audio(speech[start : start + piece])
    await emit.end_audio()
    chunks = [base64.b64decode(body["content"]) for body in bodies(outbox, "audioOutput")]
    assert b"".join(chunks) == speech
    assert {len(chunk) for chunk in chunks} == {1920}


async def test_a_flush_sends_the_rest_at_once(emit: Emitter, outbox: RecordingOutbox) -> None:
    await emit.speculative("hm")
    await emit.audio(bytes(100), flush=True)
    assert len(bodies(outbox, "audioOutput")) == 1


async def test_an_interruption_closes_the_audio_and_tells(emit: Emitter, outbox: RecordingOutbox) -> None:
    await emit.speculative("a long story")
    await emit.audio(bytes(2000))
    await emit.interrupted()
    assert json.loads(bodies(outbox, "textOutput")[-1]["content"]) == {"interrupted": True}
    ends = [(b["type"], b["stopReason"]) for b in bodies(outbox, "contentEnd")]
    assert ends[-2:] == [("AUDIO", "INTERRUPTED"), ("TEXT", "INTERRUPTED")]
    await emit.end_audio()
    assert outbox.kinds()[-3:] == TEXT


async def test_audio_that_waits_for_room_stops_at_an_interruption() -> None:
    class Full(RecordingOutbox):
        async def drain(self) -> None:
            if self.kinds()[-1] == "audioOutput":
                await emitter.interrupted()

    outbox = Full()
    emitter = Emitter(outbox)
    await emitter.speculative("a long story")
    await emitter.audio(bytes(192_000))
    assert outbox.kinds().count("audioOutput") == 1


async def test_usage_tells_the_difference_and_the_total(emit: Emitter, outbox: RecordingOutbox) -> None:
    await emit.usage(speech_in=5, text_out=1)
    await emit.usage(speech_in=2, speech_out=4)
    last = bodies(outbox, "usageEvent")[-1]
    assert last["details"]["delta"]["input"] == {"speechTokens": 2, "textTokens": 0}
    assert last["details"]["total"]["input"] == {"speechTokens": 7, "textTokens": 0}
    assert (last["totalInputTokens"], last["totalOutputTokens"], last["totalTokens"]) == (7, 5, 12)


async def test_finish_closes_what_was_left_open(emit: Emitter, outbox: RecordingOutbox) -> None:
    await emit.speculative("hm")
    await emit.audio(bytes(10))
    await emit.finish()
    assert outbox.kinds()[-3:] == ["audioOutput", "contentEnd", "completionEnd"]


async def test_finish_of_a_silent_session_says_nothing(emit: Emitter, outbox: RecordingOutbox) -> None:
    await emit.finish()
    assert outbox.events == []


async def speaking(emit: Emitter) -> None:
    await emit.speculative("hm")
    await emit.audio(bytes(10))


async def ended(emit: Emitter) -> None:
    await emit.user_text("hi")
    await emit.end_completion()


async def nothing(emit: Emitter) -> None:
    return None


MISUSES: dict[str, tuple[Callable[[Emitter], Awaitable[None]], Callable[[Emitter], Awaitable[Any]]]] = {
    "audio without text": (nothing, lambda e: e.audio(b"\0\0")),
    "final without speculative": (nothing, lambda e: e.final("hi")),
    "interrupted in silence": (nothing, lambda e: e.interrupted()),
    "end of nothing": (nothing, lambda e: e.end_completion()),
    "negative usage": (nothing, lambda e: e.usage(text_in=-1)),
    "final while speaking": (speaking, lambda e: e.final("hm")),
    "user while speaking": (speaking, lambda e: e.user_text("hi")),
    "tool while speaking": (speaking, lambda e: e.tool_use("t", {})),
    "next sentence while speaking": (speaking, lambda e: e.speculative("next")),
    "end while speaking": (speaking, lambda e: e.end_completion()),
    "audio ended by an interruption": (speaking, lambda e: e.end_audio("INTERRUPTED")),
    "text after the end": (ended, lambda e: e.user_text("hi")),
}


@pytest.mark.parametrize("case", MISUSES)
async def test_misuse_is_refused(emit: Emitter, case: str) -> None:
    before, act = MISUSES[case]
    await before(emit)
    with pytest.raises(EmitterMisuseError):
        await act(emit)
