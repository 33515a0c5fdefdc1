"""Recordings and models that tests share."""

from __future__ import annotations

import pytest
from tests.local_speech.sounds import LIBRIVOX, Clip, read_wav

from sonicrtc.local.sonic.speech.parts import SpeechParts, start_loading


@pytest.fixture(scope="session")
def librivox() -> list[Clip]:
    """The five LibriVox sentences of Debian's pocketsphinx-testdata."""
    listing = LIBRIVOX / "transcription"
    if not listing.exists():
        pytest.skip("human speech is missing: apt install pocketsphinx-testdata")
    clips = []
    for line in listing.read_text("utf-8").splitlines():
        text, _, name = line.rpartition(" (")
        name = name.rstrip(")")
        clips.append(Clip(name, read_wav(LIBRIVOX / f"{name}.wav"), text.removeprefix("<s> ").removesuffix(" </s>")))
    return clips


@pytest.fixture(scope="session")
def parts() -> SpeechParts:
    """The real models, loaded once."""
    return start_loading().result()
