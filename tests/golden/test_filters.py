"""Measured facts of the filters, from the impulse response of the product itself."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from sonicrtc.audio import Resampler, Uplink

Quality = Literal["default", "hq"]
TAPS = {"default": 120, "hq": 240}


def impulse_response(quality: Quality) -> NDArray[np.float64]:
    """All taps of 48 to 16 kHz: an output sees every third, so the impulse comes at three times."""
    taps = np.zeros(3 * 100)
    for shift in range(3):
        signal = np.zeros(300, np.int16)
        signal[shift] = 32767
        response = Uplink(48000, 1, quality=quality).push(signal).f32
        indices = np.arange(response.size) * 3 - shift
        taps[indices[indices >= 0]] = response[indices >= 0] * (32768 / 32767)
    return taps


def gain_db(taps: NDArray[np.float64], low_hz: float, high_hz: float) -> NDArray[np.float64]:
    spectrum = 20 * np.log10(np.abs(np.fft.rfft(taps, 1 << 16)) + 1e-12)
    hz = np.linspace(0, 24000, spectrum.size)
    return spectrum[(hz >= low_hz) & (hz <= high_hz)]


@pytest.mark.parametrize("quality", ["default", "hq"])
def test_the_pass_band_is_flat_to_7_khz(quality: Quality) -> None:
    assert np.abs(gain_db(impulse_response(quality), 0, 7000)).max() <= 0.01


@pytest.mark.parametrize(("quality", "from_hz"), [("default", 9000), ("hq", 8000)])
def test_the_stop_band_is_below_94_db(quality: Quality, from_hz: float) -> None:
    assert gain_db(impulse_response(quality), from_hz, 24000).max() <= -94


@pytest.mark.parametrize("quality", ["default", "hq"])
def test_the_filter_is_symmetric_and_as_long_as_it_should_be(quality: Quality) -> None:
    taps = impulse_response(quality)
    length = TAPS[quality]
    assert not taps[length:].any()
    assert taps[0] != 0
    assert np.allclose(taps[:length], taps[:length][::-1], atol=1e-7)


@pytest.mark.parametrize(("quality", "delay_ms"), [("default", 1.24), ("hq", 2.49)])
def test_the_delay_is_half_the_filter(quality: Quality, delay_ms: float) -> None:
    assert Uplink(quality=quality).delay_frames / 16 == pytest.approx(delay_ms, abs=0.01)


@pytest.mark.parametrize("hz", [9000, 12345, 15963, 20000, 23500])
def test_what_is_above_the_band_does_not_fold_back(hz: int) -> None:
    tone = np.round(16384 * np.sin(2 * np.pi * hz * np.arange(48000) / 48000)).astype(np.int16)
    folded = Uplink(48000, 1).push(tone).f32[100:]
    assert 20 * np.log10(np.sqrt(np.mean(folded**2)) / (16384 / 32768 / np.sqrt(2))) < -80


def test_signal_to_noise_is_that_of_the_input() -> None:
    tone = np.round(23197 * np.sin(2 * np.pi * 997 * np.arange(96000) / 48000)).astype(np.int16)
    block = Uplink(48000, 1).push(tone)
    for output, least in ((block.f32.astype(float), 96.0), (block.s16 / 32768, 92.0)):
        cycles = output[200 : 200 + 16000]
        basis = np.exp(-2j * np.pi * 997 * np.arange(16000) / 16000)
        signal = 2 / 16000 * np.real(np.conj(basis) * np.vdot(basis.conj(), cycles))
        assert 10 * np.log10(np.mean(signal**2) / np.mean((cycles - signal) ** 2)) > least


def test_24_to_48_khz_leaves_no_image_behind() -> None:
    tone = np.round(23197 * np.sin(2 * np.pi * 8997 * np.arange(24000) / 24000)).astype(np.int16)
    out = Resampler(24000, 48000).push(tone)[1000:25000].astype(float)
    spectrum = np.abs(np.fft.rfft(out * np.hanning(out.size)))
    hz = np.linspace(0, 24000, spectrum.size)
    image = spectrum[np.abs(hz - 15003) < 20].max()
    assert 20 * np.log10(image / spectrum.max()) < -95


def test_playout_adds_less_than_a_millisecond() -> None:
    assert Resampler(24000, 48000).delay_frames / 48 < 1.0
