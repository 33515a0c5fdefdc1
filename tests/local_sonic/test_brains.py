"""The echo and the scripted brain, without a wire."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sonicrtc.errors import ConfigError
from sonicrtc.local.sonic.brain import (
    Brain,
    BrainInput,
    ServiceError,
    SessionSetup,
    StreamFault,
    ToolResult,
    UserAudio,
    UserText,
)
from sonicrtc.local.sonic.echo import EchoBrain, LinearResampler
from sonicrtc.local.sonic.emitter import Emitter, RecordingOutbox
from sonicrtc.local.sonic.scripted import Scenario, ScriptedBrain

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


async def heard(brain: Brain, *inputs: BrainInput, setup: SessionSetup | None = None) -> RecordingOutbox:
    """Let a brain hear all of this, and return what it said."""
    outbox = RecordingOutbox()
    setup = setup or SessionSetup()

    async def items() -> AsyncIterator[BrainInput]:
        for item in inputs:
            yield item

    await brain.run(setup, items(), Emitter(outbox, output_rate_hz=setup.output_rate_hz))
    return outbox


def script(*steps: dict[str, Any]) -> ScriptedBrain:
    return ScriptedBrain(Scenario.parse(list(steps)))


def texts(outbox: RecordingOutbox) -> list[str]:
    return [event["event"]["textOutput"]["content"] for event in outbox.events if "textOutput" in event["event"]]


def speech(outbox: RecordingOutbox) -> np.ndarray[Any, np.dtype[np.int16]]:
    chunks = [
        base64.b64decode(e["event"]["audioOutput"]["content"]) for e in outbox.events if "audioOutput" in e["event"]
    ]
    return np.frombuffer(b"".join(chunks), "<i2")


# -- echo -----------------------------------------------------------------------------------------


async def test_the_echo_brain_sends_each_piece_at_once() -> None:
    outbox = await heard(EchoBrain(), *[UserAudio(bytes(1024))] * 3)
    assert outbox.kinds().count("audioOutput") == 3
    assert outbox.kinds()[-4:] == ["contentEnd", "contentStart", "textOutput", "contentEnd"]


async def test_the_echo_has_the_pitch_of_the_user() -> None:
    tone = (10_000 * np.sin(2 * np.pi * 500 * np.arange(16_000) / 16_000)).astype("<i2")
    pieces = [UserAudio(piece.tobytes()) for piece in np.array_split(tone, 31)]
    echo = speech(await heard(EchoBrain(), *pieces))
    assert abs(len(echo) - 24_000) <= 2
    assert np.argmax(np.abs(np.fft.rfft(echo[:24_000], 24_000))) == 500


async def test_the_echo_brain_repeats_text() -> None:
    said = texts(await heard(EchoBrain(), UserAudio(b"\0\0"), UserText("hello")))
    assert said == ["echo", "echo", "hello", "hello", "hello"]


@pytest.mark.parametrize(("rate_in", "rate_out"), [(16000, 24000), (24000, 8000), (8000, 24000), (24000, 16000)])
@patient
@given(cuts=st.lists(st.integers(0, 300), max_size=6))
def test_any_cut_of_the_input_gives_the_same_echo(rate_in: int, rate_out: int, cuts: list[int]) -> None:
    block = (np.arange(300, dtype=np.int32) * 2711 % 65536 - 32768).astype("<i2")
    whole = LinearResampler(rate_in, rate_out).push(block.tobytes())
    resampler = LinearResampler(rate_in, rate_out)
    parts = [resampler.push(part.tobytes()) for part in np.split(block, sorted(cuts))]
    assert b"".join(parts) == whole


# -- scripted -------------------------------------------------------------------------------------


async def test_a_scenario_waits_for_audio_text_and_tool_results() -> None:
    brain = script(
        {"wait_audio_ms": 64}, {"user": "one"}, {"wait_text": True, "contains": "go"}, {"user": "two"},
        {"wait_tool_result": True}, {"user": "three"}, {"wait_end": True}, {"user": "never"},
    )  # fmt: skip
    piece = UserAudio(bytes(1024))
    assert texts(await heard(brain, piece)) == []
    assert texts(await heard(brain, piece, piece, UserText("stop"))) == ["one"]
    everything = (UserText("go on"), piece, ToolResult("id", "{}"), piece)
    assert texts(await heard(brain, *everything)) == ["one", "two", "three"]


async def test_a_scenario_says_text_with_a_tone() -> None:
    outbox = await heard(script({"say": "Noon.", "audio_ms": 500, "tone_hz": 1000, "level_dbfs": -6}))
    assert texts(outbox) == ["Noon.", "Noon."]
    tone = speech(outbox)
    assert len(tone) == 12_000
    assert np.argmax(np.abs(np.fft.rfft(tone))) == 500
    assert abs(20 * np.log10(np.max(np.abs(tone)) / 32768) + 6) < 0.1


async def test_a_scenario_interrupts_what_it_says() -> None:
    outbox = await heard(script({"say": "Once upon a time", "leave_open": True}, {"interrupt": True}))
    assert json.loads(texts(outbox)[-1]) == {"interrupted": True}


async def test_a_scenario_repeats_steps() -> None:
    brain = script({"repeat": 0, "steps": [{"wait_text": True}, {"user": "read"}]})
    assert texts(await heard(brain, UserText("a"), UserText("b"), UserText("c"))) == ["read"] * 3
    assert texts(await heard(script({"repeat": 2, "steps": [{"user": "twice"}]}))) == ["twice"] * 2


async def test_a_scenario_reports_usage_and_waits() -> None:
    outbox = await heard(script({"delay_ms": 1}, {"usage": {"speech_in": 4}}))
    assert outbox.events[-1]["event"]["usageEvent"]["totalTokens"] == 4


async def test_a_scenario_paces_its_audio(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    await heard(script({"say": "slow", "audio_ms": 400, "pace": 1}))
    assert sum(slept) == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("step", "error", "what"),
    [
        ({"exception": "throttlingException", "message": "slow down"}, ServiceError, "slow down"),
        ({"error": "Odd", "message": "very"}, ServiceError, "very"),
        ({"fault": "drop"}, StreamFault, "drop"),
    ],
)
async def test_a_scenario_injects_faults(step: dict[str, Any], error: type[Exception], what: str) -> None:
    with pytest.raises(error, match=what):
        await heard(script(step))


@pytest.mark.parametrize(
    ("step", "says"),
    [
        ("say", "step 1: expected one action"),
        ({"shout": "hi"}, "it has none"),
        ({"say": "hi", "user": "ho"}, "it has say and user"),
        ({"say": 3}, "'say' must be a text"),
        ({"say": "hi", "volume": 3}, "'say' has no option 'volume'"),
        ({"say": "hi", "audio_ms": -1}, "'audio_ms' must be a number, 0 or more"),
        ({"wait_audio_ms": True}, "'wait_audio_ms' must be a number"),
        ({"wait_text": False}, "'wait_text' must be true"),
        ({"fault": "explode"}, "one of close, reset, drop"),
        ({"usage": {"tokens": 1}}, "a table of token counts"),
        ({"repeat": 2, "steps": [{"user": "x"}, {"delay_ms": "1"}]}, "step 1, step 2: 'delay_ms' must be"),
        ({"repeat": 0, "steps": [{"user": "x"}]}, "needs a step that waits"),
    ],
)
def test_a_wrong_step_is_named(step: object, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Scenario.parse({"steps": [step]})
    assert says in str(caught.value)


def test_scenarios_are_json_or_toml(tmp_path: Path) -> None:
    as_json, as_toml = tmp_path / "a.json", tmp_path / "a.toml"
    as_json.write_text('{"steps": [{"say": "hi", "audio_ms": 10}]}')
    as_toml.write_text('[[steps]]\nsay = "hi"\naudio_ms = 10\n')
    assert Scenario.load(as_json) == Scenario.load(as_toml)


@pytest.mark.parametrize("text", ["", "[", '{"steps": 3}'])
def test_a_file_that_is_no_scenario_is_a_clear_error(tmp_path: Path, text: str) -> None:
    file = tmp_path / "s.json"
    file.write_text(text)
    with pytest.raises(ConfigError, match="scenario"):
        Scenario.load(file)
    with pytest.raises(ConfigError, match=r"no\.json"):
        Scenario.load(tmp_path / "no.json")
