"""The numpy resampler of the speech brain."""

from __future__ import annotations

import numpy as np
import pytest

from sonicrtc.local.sonic.speech.resampling import Resampler, resample

RATES = [(22_050, 24_000), (22_050, 16_000), (22_050, 48_000), (8000, 16_000), (24_000, 16_000), (22_050, 8000)]


def tone(rate_hz: int, hz: float, frames: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.sin(2 * np.pi * hz * np.arange(frames) / rate_hz).astype(np.float32)


@pytest.mark.parametrize(("source", "target"), RATES)
def test_a_tone_keeps_its_pitch_level_and_place(source: int, target: int) -> None:
    output = resample(tone(source, 1000, source), source, target)
    expected = tone(target, 1000, output.size)
    assert abs(output.size - target) <= 1
    assert np.abs(output - expected)[300:-300].max() < 10 ** (-80 / 20)


@pytest.mark.parametrize(("source", "target"), RATES)
def test_any_chunking_gives_the_same_samples(source: int, target: int) -> None:
    signal = np.random.default_rng(3).normal(size=4000).astype(np.float32)
    chunked = Resampler(source, target)
    pieces = [chunked.push(piece) for piece in np.split(signal, [0, 1, 7, 520, 521, 3000])]
    joined = np.concatenate([*pieces, chunked.flush()])
    np.testing.assert_allclose(joined, resample(signal, source, target), atol=1e-5)


def test_what_the_target_cannot_hold_is_taken_away() -> None:
    output = resample(tone(24_000, 9500, 24_000), 24_000, 16_000)
    assert np.abs(output[300:-300]).max() < 10 ** (-60 / 20)


def test_equal_rates_pass_through() -> None:
    signal = tone(16_000, 440, 100)
    assert np.array_equal(resample(signal, 16_000, 16_000), signal)
