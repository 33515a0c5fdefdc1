from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from sonicrtc.bench.media import speech
from sonicrtc.bench.media.speech import Sentence, Words
from sonicrtc.caller.wav import write_wav
from sonicrtc.errors import ConfigError

NOTHING = np.zeros(480, np.int16)
SPEAK = """
from hashlib import sha256
from sonicrtc.bench.media.speech import SENTENCES, synthesized
print(sha256(synthesized(SENTENCES[:1])[0].samples.tobytes()).hexdigest())
"""


class Reads:
    """A recogniser that says what it was given to say."""

    def __init__(self, *texts: str) -> None:
        self._texts = iter(texts)

    async def recognize(self, samples: npt.NDArray[np.int16]) -> str:
        return next(self._texts)


async def test_errors_are_counted_over_all_sentences() -> None:
    said = [Sentence(text=text, samples=NOTHING) for text in ("One, two three!", "Four five.")]
    words, texts = await speech.understood(Reads("one two tree", "four five six"), said, [NOTHING, NOTHING])
    assert words == Words(errors=2, words=5)
    assert words.percent == 40
    assert texts == ("one two tree", "four five six")


def test_recordings_are_read_with_their_words(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", NOTHING)
    (tmp_path / "transcription").write_text("<s> hello there </s> (a)\n\n", "utf-8")
    (found,) = speech.recorded(tmp_path)
    assert (found.text, len(found.samples)) == ("hello there", 480)


def test_a_directory_without_the_words_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="transcription"):
        speech.recorded(tmp_path)


@pytest.mark.speech
def test_what_is_said_sounds_the_same_in_every_run() -> None:
    runs = [subprocess.run([sys.executable, "-c", SPEAK], capture_output=True, text=True, check=True) for _ in "ab"]
    assert runs[0].stdout == runs[1].stdout != ""
