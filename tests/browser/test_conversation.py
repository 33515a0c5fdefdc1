"""A person talks to the page in a real Chromium, and hears a spoken answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.browser.conftest import Browse, Samples, Site, read_wav, recognise, recording, write_wav
from tests.speech import LIBRIVOX, clock_words, transcripts, word_error_rate

from sonicrtc.audio import Resampler
from sonicrtc.local.sonic.speech.recognizer import MoonshineRecognizer
from sonicrtc.local.sonic.speech.synthesizer import Engine, load_engine, speak_to_wav

pytestmark = [pytest.mark.browser, pytest.mark.speech]

#: Two clips of the reading, each one breath.
CLIPS = ("0870", "0920")
QUIET_DBFS = -50.0
#: The next answer comes later than this after an interruption.
WATCHED_S = 1


@pytest.fixture(scope="module")
def voice() -> Engine:
    return load_engine()


def level_dbfs(samples: Samples) -> float:
    return float(20 * np.log10(np.abs(samples.astype(np.float64)).max(initial=1e-3) / 32768))


@pytest.mark.parametrize("clip", CLIPS)
def test_human_speech_stands_on_the_page_with_few_word_errors(
    demo: Site, browse: Browse, tmp_path: Path, clip: str
) -> None:
    name = f"sense_and_sensibility_01_austen_64kb-{clip}.wav"
    said = transcripts()[name]
    speech, rate_hz = read_wav(LIBRIVOX / name)
    # The fake microphone starts with the permission, some time before the call is up.
    before, after = np.zeros(3 * rate_hz, np.int16), np.zeros(rate_hz, np.int16)
    resampler = Resampler(input_rate_hz=rate_hz, output_rate_hz=48_000)
    write_wav(tmp_path / "speech.wav", resampler.push(np.concatenate([before, speech, after])), 48_000)

    found = browse("hear", demo, microphone=str(tmp_path / "speech.wav"), words=len(said.split()))

    assert word_error_rate(said, found["user"]) <= 0.2, found["user"]


def test_the_spoken_answer_tells_the_time_that_the_page_shows(
    demo: Site, browse: Browse, tmp_path: Path, voice: Engine, recogniser: MoonshineRecognizer
) -> None:
    speak_to_wav("What time is it?", tmp_path / "question.wav", 48_000, engine=voice)

    found = browse("converse", demo, ears=True, mouth=True, question=str(tmp_path / "question.wav"))

    shown = " ".join(piece["text"] for piece in found["said"][-1]["pieces"])
    spoken = clock_words(recognise(recogniser, recording(found, "received")))
    assert found["said"][-1]["role"] == "assistant"
    assert any(mark in shown for mark in ("AM", "PM"))
    assert clock_words(shown) in spoken
    assert found["tools"]


def test_an_interrupted_answer_falls_silent_and_is_marked(
    demo: Site, browse: Browse, tmp_path: Path, voice: Engine
) -> None:
    speak_to_wav("Count to thirty.", tmp_path / "question.wav", 48_000, engine=voice)
    speak_to_wav("Thank you, that is enough.", tmp_path / "interruption.wav", 48_000, engine=voice)

    found = browse(
        "converse", demo, ears=True, mouth=True,
        question=str(tmp_path / "question.wav"), interruption=str(tmp_path / "interruption.wav"),
    )  # fmt: skip

    rate_hz = found["rate_hz"]
    mark = next(mark for mark in found["marks"] if mark["type"] == "interrupted")["at"]
    for what in ("heard", "received"):
        samples = recording(found, what)
        assert samples.size >= mark + WATCHED_S * rate_hz
        assert level_dbfs(samples[mark - 2 * rate_hz : mark]) > QUIET_DBFS
        assert level_dbfs(samples[mark + rate_hz // 5 : mark + WATCHED_S * rate_hz]) < QUIET_DBFS
    (cut,) = [entry for entry in found["said"] if entry["interrupted"]]
    assert cut["role"] == "assistant"
    assert cut["tag"].startswith("interrupted after ")


def test_typed_words_reach_the_model_and_the_transcript_can_be_saved(demo: Site, browse: Browse) -> None:
    found = browse("type", demo, mouth=True, text="What time is it?")

    assert found["muted"]
    assert len(found["heights"]) == 1, "the button moved away while the call came up"
    assert found["said"][0]["pieces"][0]["text"] == "What time is it?"
    assert "You (typed): What time is it?" in found["saved"]
    assert f"Assistant: {found['said'][-1]['pieces'][0]['text']}" in found["saved"]
    assert found["after"].startswith("Call ended")
