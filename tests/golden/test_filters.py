"""Measured facts of the filters: every figure that the documentation gives."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.golden.measure import (
    Convert,
    Samples,
    aliases_db,
    gains_db,
    group_delay,
    images_db,
    impulse_response,
    signal_to_noise_db,
)

from sonicrtc.audio import Resampler, Uplink

Quality = Literal["default", "hq", "low_latency"]
QUALITIES: tuple[Quality, ...] = ("default", "hq", "low_latency")
#: Where the stop band begins, when 48 kHz becomes 16 kHz.
STOP_HZ = {"default": 9000, "hq": 8000, "low_latency": 9000}


def uplink(quality: Quality, channels: int = 1) -> Convert:
    def convert(signal: NDArray[np.int16]) -> Samples:
        frames = np.repeat(signal[:, None], channels, axis=1)
        return Uplink(48000, channels, quality=quality).push(frames).f32.astype(float)

    return convert


def resampler(into: int, out: int, quality: Quality = "default") -> Convert:
    return lambda signal: Resampler(into, out, quality).push(signal) / 32768


def taps_of(quality: Quality) -> Samples:
    return impulse_response(lambda: uplink(quality), 3, 100)


@pytest.mark.parametrize("quality", QUALITIES)
def test_the_pass_band_is_flat_to_7_khz(quality: Quality) -> None:
    gains = gains_db(uplink(quality, channels=2), np.arange(137.3, 7000, 100), 48000, 16000)
    assert np.abs(gains).max() <= 0.01


@pytest.mark.parametrize("quality", QUALITIES)
def test_no_tone_of_the_stop_band_folds_back_above_90_db(quality: Quality) -> None:
    hz = np.append(np.arange(STOP_HZ[quality] + 37.3, 23950, 100), STOP_HZ[quality])
    assert aliases_db(uplink(quality, channels=2), hz, 48000, 16000).max() <= -90


@pytest.mark.parametrize("quality", ["default", "low_latency"])
def test_what_folds_back_from_below_9_khz_stays_above_7_khz(quality: Quality) -> None:
    folded_to_hz = 16000 - np.arange(8037.3, 9000, 100)
    assert folded_to_hz.min() > 7000
    assert aliases_db(uplink(quality), np.arange(8037.3, 9000, 100), 48000, 16000).max() > -90


@pytest.mark.parametrize(("quality", "length"), [("default", 120), ("hq", 240)])
def test_the_filter_is_symmetric_and_as_long_as_it_should_be(quality: Quality, length: int) -> None:
    taps = taps_of(quality)
    assert not taps[length:].any()
    assert taps[0] != 0
    assert np.allclose(taps[:length], taps[:length][::-1], atol=1e-7)


@pytest.mark.parametrize(("quality", "most_ms"), [("default", 1.3), ("hq", 2.5), ("low_latency", 0.3)])
def test_the_delay_is_short_and_the_one_that_is_reported(quality: Quality, most_ms: float) -> None:
    hz = np.linspace(0, 7000, 200)
    measured = group_delay(taps_of(quality), hz, 48000).mean() / 3
    reported = Uplink(quality=quality).delay_frames
    assert measured == pytest.approx(reported, abs=0.03)
    assert reported / 16 <= most_ms


def test_low_latency_has_the_magnitude_of_the_default() -> None:
    default, minimum = (np.abs(np.fft.rfft(taps_of(q), 4096)) for q in ("default", "low_latency"))
    assert np.abs(default - minimum).max() < 1e-5


def test_low_latency_holds_its_delay_up_to_6_khz() -> None:
    assert group_delay(taps_of("low_latency"), np.linspace(0, 6000, 100), 48000).max() / 48 < 0.3


@pytest.mark.parametrize(("quality", "most_ms"), [("default", 1.0), ("hq", 1.7), ("low_latency", 0.15)])
def test_24_to_48_khz_is_flat_to_10500_hz_and_short(quality: Quality, most_ms: float) -> None:
    gains = gains_db(resampler(24000, 48000, quality), np.arange(137.3, 10501, 100), 24000, 48000)
    assert np.abs(gains).max() <= 0.01
    assert Resampler(24000, 48000, quality).delay_frames / 48 <= most_ms


@pytest.mark.parametrize("quality", QUALITIES)
def test_24_to_48_khz_leaves_no_image_above_90_db(quality: Quality) -> None:
    images = images_db(resampler(24000, 48000, quality), np.arange(137.3, 10501, 100), 24000, 48000)
    assert images.max() <= -90


@pytest.mark.parametrize(
    ("into", "out"), [(44100, 16000), (44100, 8000), (48000, 8000), (48000, 24000), (24000, 16000)]
)
def test_other_ratios_down_are_flat_to_7_and_stopped_from_9_sixteenths(into: int, out: int) -> None:
    convert = resampler(into, out)
    assert np.abs(gains_db(convert, np.linspace(100, out * 7 / 16, 30), into, out)).max() <= 0.01
    assert aliases_db(convert, np.linspace(out * 9 / 16, into / 2 - 100, 40), into, out).max() <= -90


@pytest.mark.parametrize(("into", "out"), [(8000, 16000), (8000, 24000), (16000, 24000), (16000, 48000), (8000, 48000)])
def test_other_ratios_up_are_flat_to_7_sixteenths_and_leave_no_image(into: int, out: int) -> None:
    hz = np.linspace(100, into * 7 / 16, 30)
    assert np.abs(gains_db(resampler(into, out), hz, into, out)).max() <= 0.01
    assert images_db(resampler(into, out), hz[hz > into - out / 2], into, out).max() <= -90


@pytest.mark.parametrize("quality", QUALITIES)
def test_signal_to_noise_is_that_of_the_input(quality: Quality) -> None:
    sine = np.round(23197 * np.sin(2 * np.pi * 997 * np.arange(96000) / 48000)).astype(np.int16)
    block = Uplink(48000, 2, quality=quality).push(np.repeat(sine[:, None], 2, axis=1))
    assert signal_to_noise_db(block.f32.astype(float), 997, 16000) >= 99
    assert signal_to_noise_db(block.s16 / 32768, 997, 16000) >= 93.5


def test_half_band_upsampling_keeps_every_sample_of_the_input() -> None:
    noise = np.random.default_rng(3).integers(-20000, 20000, 2000, dtype=np.int16)
    out = Resampler(24000, 48000).push(noise)
    assert np.array_equal(out[45::2], noise[: out[45::2].size])
