"""The demo's agent speaks first."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest
from tests.speech import word_error_rate

from sonicrtc.local.sonic.speech.recognizer import MoonshineRecognizer

from .conftest import GREETING
from .test_call import at_16_khz, call

pytestmark = pytest.mark.speech


async def test_a_caller_who_says_nothing_hears_the_greeting(
    speech_demo: str, recogniser: MoonshineRecognizer, tmp_path: Path
) -> None:
    with wave.open(str(tmp_path / "silence.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(2 * 1600))
    report = call(speech_demo, tmp_path / "silence.wav", "--out", tmp_path / "heard.wav")
    assert (report["user_text"], report["assistant_text"]) == ("", GREETING)
    spoken = await recogniser.recognize(at_16_khz(tmp_path / "heard.wav"))
    assert word_error_rate(GREETING, spoken) <= 0.2, spoken
