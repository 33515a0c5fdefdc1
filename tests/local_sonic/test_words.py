"""Numbered words, and the steps that say and wait for them."""

from __future__ import annotations

import wave
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.local_sonic.test_brains import heard, script, speech, texts

from sonicrtc.errors import ConfigError
from sonicrtc.local.sonic.brain import UserAudio
from sonicrtc.local.sonic.scenario import Scenario
from sonicrtc.local.sonic.scripted import Listening, ScriptedBrain
from sonicrtc.local.sonic.words import WORD_MS, heard_words, spoken_words

SECOND_MS = 1000
QUIET = bytes(32 * SECOND_MS)
HELLO = {"say": "Hello.", "audio_ms": 0}


@given(st.lists(st.integers(0, 99), max_size=20), st.sampled_from([8000, 16000, 24000, 48000]))
def test_words_are_heard_as_they_were_said(numbers: list[int], rate_hz: int) -> None:
    pcm = spoken_words(numbers, rate_hz)
    assert heard_words(pcm, rate_hz) == numbers
    assert len(pcm) == 2 * rate_hz * WORD_MS // 1000 * len(numbers)


@given(st.integers(0, 99), st.integers(0, 2**32 - 1))
def test_words_are_heard_in_noise(number: int, seed: int) -> None:
    word = np.frombuffer(spoken_words([number], 16_000), "<i2")[: 16 * 120]
    noise = np.random.default_rng(seed).normal(0, 500, len(word))
    assert heard_words((word + noise).astype("<i2").tobytes() + bytes(640), 16_000) == [number]


def test_a_word_that_was_cut_is_known_by_what_is_left_or_not_counted() -> None:
    pcm = spoken_words([7, 42], 16_000)
    assert heard_words(pcm[32 * 60 :], 16_000) == [7, 42]
    assert heard_words(pcm[32 * 100 :], 16_000) == [42]


def test_there_is_no_hundredth_word() -> None:
    with pytest.raises(ValueError, match="from 0 to 99, got 100"):
        spoken_words([100], 16_000)


@pytest.mark.parametrize(("words", "numbers"), [(3, [1, 2, 3]), ([5, 99], [5, 99]), ([], [])])
async def test_a_script_says_words(words: Any, numbers: list[int]) -> None:
    audio = speech(await heard(script({"say": "Words.", "words": words})))
    assert heard_words(audio.tobytes(), 24_000) == numbers


async def test_a_script_says_given_audio() -> None:
    pcm = spoken_words([11], 24_000)
    assert speech(await heard(script({"say": "Eleven.", "pcm": pcm}))).tobytes() == pcm


@pytest.mark.parametrize("rate_hz", [16_000, 22_050, 24_000])
async def test_a_script_says_a_file_beside_it_at_the_rate_of_the_client(tmp_path: Path, rate_hz: int) -> None:
    recorded(tmp_path / "three.wav", rate_hz)
    scenario = Scenario.parse([{"say": "Three.", "wav": "three.wav"}], directory=tmp_path)
    audio = speech(await heard(ScriptedBrain(scenario)))
    assert heard_words(audio.tobytes(), 24_000) == [1, 2, 3]
    assert len(audio) == pytest.approx(24 * 3 * WORD_MS, abs=48)


def recorded(path: Path, rate_hz: int = 16_000, channels: int = 1) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, 2, rate_hz, 0, "NONE", ""))
        file.writeframes(spoken_words([1, 2, 3], rate_hz))


async def test_a_script_waits_for_speech_and_the_pause_behind_it() -> None:
    brain = {"wait_speech": True, "pause_ms": 500}, HELLO
    words = spoken_words([1, 2, 3], 16_000)
    assert texts(await heard(script(*brain), UserAudio(QUIET))) == []
    assert texts(await heard(script(*brain), UserAudio(words + QUIET[: 32 * 400]))) == []
    assert texts(await heard(script(*brain), UserAudio(words), UserAudio(QUIET[: 32 * 430]))) == ["Hello."] * 2


async def test_a_click_is_no_speech() -> None:
    click = np.full(320, 8000, "<i2").tobytes()
    assert texts(await heard(script({"wait_speech": True}, HELLO), UserAudio(click + QUIET))) == []
    assert len(texts(await heard(script({"wait_speech": True, "speech_ms": 20}, HELLO), UserAudio(click + QUIET)))) == 2


@given(st.lists(st.integers(0, 40_000), max_size=8))
def test_any_cut_of_the_audio_ends_the_wait_at_the_same_place(cuts: list[int]) -> None:
    pcm = spoken_words([1, 2], 16_000) + QUIET
    bounds = [0, *sorted(cut // 2 * 2 for cut in cuts), len(pcm)]
    whole, parts = Listening(rate_hz=16_000), Listening(rate_hz=16_000)
    whole.hear(pcm)
    for begin, end in pairwise(bounds):
        parts.hear(pcm[begin:end])
    assert whole.over_after_ms == parts.over_after_ms == 320 + 300  # the last word's sound ends at 320 ms


async def test_a_script_goes_on_after_a_fault_that_leaves_the_stream_open() -> None:
    outbox = await heard(script({"fault": "deaf"}, {"fault": "goaway"}, HELLO))
    assert outbox.spoilt == ["deaf", "goaway"]
    assert texts(outbox) == ["Hello."] * 2


async def test_each_session_plays_its_own_part() -> None:
    scenario = Scenario.parse({"steps": [{"user": "all"}], "sessions": [{"refuse": "ThrottlingException"}, {},
                               {"steps": [{"user": "last"}]}]})  # fmt: skip
    said = [texts(await heard(ScriptedBrain(scenario, session))) for session in (1, 2, 3)]
    assert said == [["all"], ["last"], ["last"]]
    assert [script.fault.refuse for script in scenario.scripts] == ["ThrottlingException", "", ""]


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"sessions": []}, "'sessions' must be a list of one or more"),
        ({"sessions": [3]}, "session 1: expected a table"),
        ({"sessions": [{}, {"fault": "explode"}]}, "session 2: fault: expected one of close"),
        ({"sessions": [{"colour": "red"}]}, "session 1: no key 'colour', only refuse"),
        ({"sessions": [{"steps": [{"shout": "x"}]}]}, "session 1, step 1: expected one action"),
        ({"steps": [], "extra": 1}, "no key 'extra'"),
        ({"steps": [], "service": {"port": 1}}, "service: no key 'port', only session_s"),
        ({"steps": [], "service": {"session_s": "long"}}, "'session_s' must be a number"),
        ({"steps": [], "service": 3}, "'service' must be a table"),
        ([{"say": "x", "wav": "no.wav"}], r"step 1: .*no\.wav"),
        ([{"say": "x", "words": 100}], "'words' must be how many words, up to 99"),
        ([{"say": "x", "pcm": b"\0"}], "'pcm' must be bytes"),
        ([{"say": "x", "words": 1, "pcm": b""}], "expected one of pcm and words"),
    ],
)
def test_a_wrong_scenario_is_told_by_its_place(document: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Scenario.parse(document)


def test_a_stereo_file_is_refused(tmp_path: Path) -> None:
    recorded(tmp_path / "two.wav", channels=2)
    with pytest.raises(ConfigError, match="expected 16-bit mono"):
        Scenario.parse([{"say": "x", "wav": "two.wav"}], directory=tmp_path)
