"""Recordings and models that tests share."""

from __future__ import annotations

import pytest
from tests.local_speech.sounds import Clip, read_wav
from tests.speech import LIBRIVOX, transcripts

from sonicrtc.local.sonic.speech.parts import SpeechParts, start_loading


@pytest.fixture(scope="session")
def librivox() -> list[Clip]:
    """The five LibriVox sentences of Debian's pocketsphinx-testdata."""
    if not LIBRIVOX.is_dir():
        pytest.skip("human speech is missing: apt install pocketsphinx-testdata")
    return [Clip(name, read_wav(LIBRIVOX / name), sentence) for name, sentence in transcripts().items()]


@pytest.fixture(scope="session")
def parts() -> SpeechParts:
    """The real models, loaded once."""
    return start_loading().result()
