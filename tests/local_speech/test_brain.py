"""The speech brain's turns, with pretended ears and mouth and in media time."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime

import numpy as np
import pytest
from tests.local_speech.sounds import RATE_HZ, Samples, silence, voice
from tests.local_speech.stage import FakeRecognizer, FakeSynthesizer, Stage

from sonicrtc.local.sonic.brain import SessionSetup, ToolDefinition, UserText
from sonicrtc.local.sonic.speech.brain import LEAD_S
from sonicrtc.local.sonic.speech.parts import SpeechParts

NO_ARGUMENTS: dict[str, object] = {"type": "object", "properties": {}}
CLOCK = {"get_date_and_time": ToolDefinition(description="Date and time.", schema=NO_ARGUMENTS)}
CHUNK_S = 0.032


def clock_at(moment: datetime) -> dict[str, str]:
    return {"time": f"{moment:%I:%M %p}".lstrip("0"), "date": f"{moment:%Y-%m-%d}", "weekday": f"{moment:%A}"}


def staged(
    *heard: str, tools: dict[str, ToolDefinition] | None = None, pause_ms: int = 1500, rate_hz: int = RATE_HZ
) -> tuple[Stage, FakeRecognizer, FakeSynthesizer]:
    ears, mouth = FakeRecognizer(*heard), FakeSynthesizer()
    setup = SessionSetup(tools=tools or {}, pause_ms=pause_ms, input_rate_hz=rate_hz)
    stage = Stage(SpeechParts(ears, mouth), setup, tool=lambda name: clock_at(datetime(2026, 11, 22, 15, 45)))
    return stage, ears, mouth


async def test_a_question_is_answered_in_novas_order() -> None:
    stage, _, _ = staged("Hello.")
    await stage.run(silence(0.5), voice(1), silence(4))
    text = ["contentStart", "textOutput", "contentEnd"]
    audio = ["contentStart", "audioOutput", "contentEnd"]
    assert stage.kinds == ["completionStart", *text, *(text + audio + text) * 3]
    assert stage.texts("USER") == ["Hello."]
    assert stage.texts("ASSISTANT", "SPECULATIVE") == ["Hello!", "I am Sonic.", "How can I help you?"]
    assert stage.texts("ASSISTANT") == stage.texts("ASSISTANT", "SPECULATIVE")


async def test_only_the_last_sentence_ends_the_turn() -> None:
    stage, _, _ = staged("Hello.")
    await stage.run(voice(1), silence(4))
    reasons = [event.body["stopReason"] for event in stage.events if event.kind == "contentEnd"]
    # USER text; then SPECULATIVE, AUDIO and FINAL of three sentences.
    assert reasons == ["PARTIAL_TURN"] * 8 + ["END_TURN"] * 2


@pytest.mark.parametrize("pause_ms", [1500, 1750, 2000])
async def test_the_first_audio_leaves_within_30_ms_and_a_chunk_of_the_endpoint(pause_ms: int) -> None:
    stage, _, _ = staged("Hello.", pause_ms=pause_ms)
    await stage.run(silence(0.5), voice(1), silence(4))
    late_s = stage.first("audioOutput").at_s - (1.5 + pause_ms / 1000)
    assert abs(late_s) <= 0.03 + CHUNK_S


async def test_the_answer_is_ready_before_the_endpoint_and_made_once() -> None:
    stage, ears, mouth = staged("Thank you.")
    await stage.run(voice(1), silence(1))
    assert len(ears.heard) == 1
    assert mouth.spoken == ["You are welcome."]
    assert stage.events == []


async def test_speech_that_resumes_in_the_pause_drops_the_prepared_answer() -> None:
    stage, ears, mouth = staged("Thank you", "Thank you. What is your name?")
    await stage.run(voice(1), silence(1), voice(1), silence(3))
    assert stage.texts("USER") == ["Thank you. What is your name?"]
    assert "You are welcome." in mouth.spoken
    assert "You are welcome." not in stage.texts("ASSISTANT")
    assert ears.heard[1].size > 2.9 * RATE_HZ


async def test_the_time_is_told_by_calling_the_tool() -> None:
    stage, _, _ = staged("What time is it?", tools=CLOCK)
    await stage.run(voice(1), silence(3))
    call = stage.first("toolUse")
    assert (call.body["toolName"], json.loads(call.body["content"])) == ("get_date_and_time", {})
    assert stage.texts("ASSISTANT") == ["It is 3:45 PM."]
    assert stage.kinds.index("toolUse") < stage.kinds.index("audioOutput")


async def test_a_right_guess_is_not_synthesised_again_and_a_wrong_one_is_not_spoken() -> None:
    for guess, spoken in ((datetime(2026, 11, 22, 15, 45), 1), (datetime(2026, 11, 22, 15, 44), 2)):
        stage, _, mouth = staged("What time is it?", tools=CLOCK)
        stage.brain._now = lambda moment=guess: moment  # type: ignore[misc]
        await stage.run(voice(1), silence(3))
        assert len(mouth.spoken) == spoken
        assert stage.texts("ASSISTANT") == ["It is 3:45 PM."]


async def test_a_tool_that_never_answers_is_given_up() -> None:
    stage, _, _ = staged("What time is it?", tools=CLOCK)
    stage.tool = None
    await stage.run(voice(1), silence(30))
    (said,) = stage.texts("ASSISTANT")
    assert "did not work" in said


async def test_without_a_clock_tool_it_says_that_it_cannot_know() -> None:
    stage, _, _ = staged("What time is it?")
    await stage.run(voice(1), silence(3))
    assert "cannot know" in stage.texts("ASSISTANT")[0]


async def test_typed_text_is_answered_at_once() -> None:
    stage, _, _ = staged("")
    await stage.run(silence(0.2), UserText("What is your name?"), silence(1))
    assert stage.texts("ASSISTANT")[0] == "My name is Sonic."
    assert stage.first("audioOutput").at_s <= 0.25


async def test_speech_over_the_answer_interrupts_it() -> None:
    stage, _, mouth = staged("Count to thirty.", "Stop.")
    await stage.run(voice(1), silence(3.5), voice(0.6), silence(0.1))
    marker = stage.events[-1]
    assert marker.body["stopReason"] == "INTERRUPTED"
    assert json.loads(stage.texts("ASSISTANT")[-1]) == {"interrupted": True}
    # 160 ms of speech and the chunk in which they end.
    assert 4.5 + 0.16 <= marker.at_s <= 4.5 + 0.16 + 0.1
    assert mouth.spoken[-1] != "Twenty-six, twenty-seven, twenty-eight, twenty-nine, thirty."


async def test_speech_after_the_answer_was_heard_interrupts_nothing() -> None:
    stage, _, _ = staged("Thank you.", "Goodbye.")
    await stage.run(voice(1), silence(4), voice(1), silence(3))
    assert "INTERRUPTED" not in [event.body.get("stopReason") for event in stage.events]
    assert stage.texts("USER") == ["Thank you.", "Goodbye."]


async def test_an_answer_whose_audio_was_all_sent_can_still_be_interrupted() -> None:
    stage, _, _ = staged("What can you do?", "Stop.")
    await stage.run(voice(1), silence(2.5), voice(0.6), silence(2))
    reasons = [event.body["stopReason"] for event in stage.events if event.kind == "contentEnd"]
    assert reasons.index("END_TURN") < reasons.index("INTERRUPTED")
    assert stage.texts("USER")[-1] == "Stop."


async def test_typed_text_interrupts_an_answer() -> None:
    stage, _, _ = staged("Count to thirty.")
    await stage.run(voice(1), silence(3), UserText("thanks"), silence(0.5))
    assert stage.texts("ASSISTANT")[-2:] == ['{ "interrupted" : true }', "You are welcome."]


async def test_a_long_answer_is_made_little_ahead_of_its_hearing() -> None:
    stage, _, mouth = staged("Count to thirty.")
    await stage.run(voice(1), silence(1.6))
    assert len(mouth.spoken) * 5 * mouth.seconds_per_word <= LEAD_S + 5 * mouth.seconds_per_word
    assert len(mouth.spoken) < 6


async def test_sound_without_words_is_no_turn() -> None:
    stage, ears, _ = staged("")
    await stage.run(voice(1), silence(3))
    assert len(ears.heard) == 1
    assert stage.events == []


async def test_a_cough_does_not_stop_the_answer() -> None:
    stage, ears, _ = staged("Count to thirty.")
    await stage.run(voice(1), silence(3), voice(0.12), silence(3))
    assert len(ears.heard) == 1
    assert "INTERRUPTED" not in [event.body.get("stopReason") for event in stage.events]


@pytest.mark.parametrize("rate_hz", [8000, 24_000])
async def test_other_input_rates_end_at_the_same_moment(rate_hz: int) -> None:
    from sonicrtc.local.sonic.speech.resampling import resample

    def at_rate(samples: Samples) -> Samples:
        return resample(samples.astype(np.float32), RATE_HZ, rate_hz).round().astype(np.int16)

    stage, _, _ = staged("Hello.", rate_hz=rate_hz)
    await stage.run(at_rate(np.concatenate([voice(1), silence(3)])))
    assert stage.first("audioOutput").at_s == pytest.approx(2.5, abs=0.1)


async def test_usage_is_reported_with_growing_totals() -> None:
    stage, _, _ = staged("Hello.")
    await stage.run(voice(1), silence(3))
    totals = [event.body["totalTokens"] for event in stage.events if event.kind == "usageEvent"]
    assert len(totals) == 4
    assert totals == sorted(totals)
    assert totals[0] > 0


async def test_the_end_of_the_audio_ends_all_work() -> None:
    class Slow(FakeRecognizer):
        async def recognize(self, samples: Samples) -> str:
            await asyncio.Event().wait()
            return ""

    stage, _, mouth = staged("")
    stage.busy.free.set()
    stage.brain._parts = SpeechParts(Slow(), mouth)
    await stage.run(voice(1), silence(2))
    assert stage.events == []
