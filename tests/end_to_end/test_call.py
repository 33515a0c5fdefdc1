"""``sonicrtc call`` against ``sonicrtc demo``: real speech in, a spoken answer out."""

from __future__ import annotations

import json
import re
import subprocess
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.speech import LIBRIVOX, clock_words, transcripts, word_error_rate

from sonicrtc.audio import Resampler
from sonicrtc.caller import read_wav
from sonicrtc.local.sonic.speech.recognizer import MoonshineRecognizer
from sonicrtc.local.sonic.speech.synthesizer import speak_to_wav

from .conftest import SONICRTC

pytestmark = [
    pytest.mark.speech,
    pytest.mark.skipif(not LIBRIVOX.is_dir(), reason="apt-get install pocketsphinx-testdata"),
]
#: Longer than the model's own pause: every clip is an utterance, and the next one breaks into its answer.
PAUSE_S = 3
WAYS = pytest.mark.parametrize("way", [(), ("--direct",)], ids=["signaling", "direct"])


def call(url: str, wav: Path, *arguments: str | Path) -> dict[str, Any]:
    """Call `url` and return the report."""
    command = [*SONICRTC, "call", "--url", url, "--wav", wav, "--json", "-", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@WAYS
async def test_the_spoken_reply_contains_the_time_that_is_shown(
    speech_demo: str, recogniser: MoonshineRecognizer, tmp_path: Path, way: tuple[str, ...]
) -> None:
    speak_to_wav("What time is it?", tmp_path / "question.wav")
    report = call(speech_demo, tmp_path / "question.wav", "--out", tmp_path / "reply.wav", *way)
    shown = re.search(r"\d{1,2}:\d\d [AP]M", report["assistant_text"])
    assert shown is not None, report
    (tool,) = [e for e in report["events"] if e["type"] == "tool" and e["status"] == "succeeded"]
    assert tool["result"]["time"] == shown[0]
    heard = clock_words(await recogniser.recognize(at_16_khz(tmp_path / "reply.wav")))
    assert clock_words(shown[0]) in heard
    check_timings(report)


def test_human_speech_is_understood(speech_demo: str) -> None:
    said, understood = [], []
    for name, sentence in transcripts().items():
        said.append(sentence)
        understood.append(call(speech_demo, LIBRIVOX / name)["user_text"])
    assert len(said) == 5
    assert word_error_rate(" ".join(said), " ".join(understood)) <= 0.2


def test_human_speech_is_understood_without_signaling_and_while_the_reply_is_spoken(
    speech_demo: str, tmp_path: Path
) -> None:
    clips = transcripts()
    with wave.open(str(tmp_path / "all.wav"), "wb") as joined:
        joined.setparams((1, 2, 16_000, 0, "NONE", ""))
        for name in clips:
            with wave.open(str(LIBRIVOX / name), "rb") as clip:
                joined.writeframes(clip.readframes(clip.getnframes()))
            joined.writeframes(bytes(2 * 16_000 * PAUSE_S))
    report = call(speech_demo, tmp_path / "all.wav", "--direct")
    assert word_error_rate(" ".join(clips.values()), report["user_text"]) <= 0.2
    assert "interrupted" in [event["type"] for event in report["events"]]


def check_timings(report: dict[str, Any]) -> None:
    assert list(report) == [
        "connected_ms", "user_text", "assistant_text", "endpoint_ms", "first_audio_ms", "response_ms", "total_ms",
        "events",
    ]  # fmt: skip
    assert report["endpoint_ms"] == 1750
    assert report["response_ms"] == pytest.approx(report["first_audio_ms"] - 1750)
    assert 0 < report["connected_ms"] < report["total_ms"]
    # The model may not answer before its pause is over; how much later is for `sonicrtc bench`.
    assert report["first_audio_ms"] > 1750


def at_16_khz(wav: Path) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """Return the sounding part of a recording of 48 kHz."""
    samples = read_wav(wav)
    sounding = np.flatnonzero(np.abs(samples.astype(np.int32)) > 104)
    speech = samples[max(0, sounding[0] - 4800) : sounding[-1] + 4800]
    resampler = Resampler(input_rate_hz=48_000, output_rate_hz=16_000)
    return np.concatenate((resampler.push(speech), resampler.flush()))
