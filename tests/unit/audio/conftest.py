"""Signals and detectors for the audio tests."""

from __future__ import annotations

import sys
import types
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

LIBRIVOX = Path("/usr/share/pocketsphinx/test/data/librivox")


@pytest.fixture(scope="session")
def speech_16k() -> NDArray[np.int16]:
    """All LibriVox clips of Debian's pocketsphinx-testdata in a row, 16 kHz mono, 24.7 s."""
    clips = sorted(LIBRIVOX.glob("*.wav"))
    if not clips:
        pytest.skip("no speech clips: apt install pocketsphinx-testdata")
    samples = []
    for clip in clips:
        with wave.open(str(clip)) as wav:
            assert (wav.getframerate(), wav.getnchannels(), wav.getsampwidth()) == (16000, 1, 2)
            samples.append(np.frombuffer(wav.readframes(wav.getnframes()), np.int16))
    return np.concatenate(samples)


@pytest.fixture
def scripted_webrtcvad(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[int], bool]], None]:
    """Replace `_webrtcvad` by a module that judges frame `n` (from 0) as a script says."""

    def install(script: Callable[[int], bool]) -> None:
        def process(handle: list[int], rate: int, frame: memoryview, length: int) -> bool:
            assert (rate, frame.nbytes) == (16000, 2 * length)
            handle[0] += 1
            return script(handle[0] - 1)

        def init(handle: list[int]) -> None:
            handle[0] = 0

        module = types.ModuleType("_webrtcvad")
        module.__dict__.update(create=lambda: [0], init=init, set_mode=lambda handle, mode: None, process=process)
        monkeypatch.setitem(sys.modules, "_webrtcvad", module)

    return install
