"""EchoDetector from Python: what it is given, and what it says of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sonicrtc.audio import EchoDetector

PLAYED = np.random.default_rng(5).integers(-8000, 8000, 48_000, dtype=np.int16)
LATE = np.concatenate([np.zeros(1600, np.int16), PLAYED[:-1600] // 10])  # by 100 ms, at 16 kHz


def verdicts(detector: EchoDetector, heard: np.ndarray[Any, np.dtype[np.int16]]) -> list[bool]:
    found = []
    for at in range(0, len(heard), 320):
        detector.played(PLAYED[at : at + 320])
        found.append(detector.heard(heard[at : at + 320]))
    return found


def test_our_own_playout_is_known_by_its_first_blocks_and_its_lag() -> None:
    detector = EchoDetector(16_000, 16_000)
    assert verdicts(detector, LATE)[6:] == [True] * 144
    assert detector.echo
    assert detector.lag_ms == pytest.approx(100, abs=1)
    assert detector.coherence > 0.8


def test_another_sound_is_no_echo() -> None:
    detector = EchoDetector(16_000, 16_000)
    other = np.random.default_rng(6).integers(-8000, 8000, 48_000, dtype=np.int16)
    assert not any(verdicts(detector, other)[5:])
    assert detector.lag_ms == -1


def test_reset_forgets() -> None:
    detector = EchoDetector(16_000, 16_000)
    verdicts(detector, LATE)
    detector.reset()
    assert (detector.echo, detector.coherence, detector.lag_ms) == (False, 0, -1)


def test_blocks_may_be_bytes_or_the_front_of_a_longer_buffer() -> None:
    whole, front = EchoDetector(16_000, 16_000), EchoDetector(16_000, 16_000)
    for at in range(0, 16_000, 320):
        whole.played(PLAYED[at : at + 320].tobytes())
        front.played(PLAYED[at : at + 999], frames=320)
        assert whole.heard(LATE[at : at + 320]) == front.heard(LATE[at : at + 700], 320)
        assert whole.coherence == front.coherence


@pytest.mark.parametrize("method", ["played", "heard"])
def test_what_is_no_audio_is_refused_in_words(method: str) -> None:
    with pytest.raises(TypeError, match="block: expected a C-contiguous int16 buffer, got list"):
        getattr(EchoDetector(), method)([1, 2])
    with pytest.raises(ValueError, match=r"expected at least 3 frames of 1 channel\(s\), got 4 bytes"):
        getattr(EchoDetector(), method)(b"abcd", frames=3)


def test_an_unknown_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 8000, 16000, 24000, 44100 or 48000, got 11025"):
        EchoDetector(11_025)
