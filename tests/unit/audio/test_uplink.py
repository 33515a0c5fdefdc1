"""Uplink: blocks, views and levels."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from numpy.typing import NDArray

from sonicrtc.audio import Uplink, VadConfig


def tone(hz: float, frames: int, amplitude: float = 16384.0, rate_hz: int = 48000) -> NDArray[np.int16]:
    mono = np.round(amplitude * np.sin(2 * np.pi * hz * np.arange(frames) / rate_hz))
    return np.stack([mono, mono], axis=1).astype(np.int16)


def test_twenty_ms_of_48_khz_become_320_frames() -> None:
    block = Uplink().push(tone(440, 960))
    assert (block.frames, block.s16.shape, block.f32.shape) == (320, (320,), (320,))
    assert block.s16.dtype == np.int16
    assert block.f32.dtype == np.float32


def test_without_a_detector_it_is_always_speech() -> None:
    block = Uplink().push(np.zeros((960, 2), np.int16))
    assert (block.speech, block.onset, block.preroll.size) == (True, -1, 0)


def test_int16_is_the_float_rounded_to_nearest() -> None:
    block = Uplink().push(tone(440, 4800))
    assert np.array_equal(block.s16, np.rint(block.f32 * 32768).astype(np.int16))


@pytest.mark.parametrize(("downmix", "amplitude"), [("left", 8000), ("right", 2000), ("mean", 5000)])
def test_downmix_takes_the_channel_asked_for(downmix: str, amplitude: int) -> None:
    stereo = np.tile(np.array([8000, 2000], np.int16), (4800, 1))
    block = Uplink(downmix=downmix).push(stereo)  # type: ignore[arg-type]
    assert abs(int(block.s16[-1]) - amplitude) <= amplitude * 1e-3


@pytest.mark.parametrize("sign", [1, -1])
def test_full_scale_saturates_and_never_wraps(sign: int) -> None:
    step = np.full((4800, 2), sign * 32767, np.int16)
    step[:2400] = -sign * 32767
    block = Uplink().push(step)  # the filter overshoots at the step
    late = block.s16[860:]
    assert np.all(np.sign(late) == sign)
    assert np.abs(block.s16.astype(int)).max() >= 32767
    assert block.f32.min() >= -1.0
    assert block.f32.max() < 1.0


@pytest.mark.parametrize(("amplitude", "level"), [(32767, -3.01), (16384, -9.03), (328, -43.0)])
def test_level_is_the_rms_of_the_block(amplitude: int, level: float) -> None:
    uplink = Uplink()
    uplink.push(tone(1000, 4800, amplitude))
    assert uplink.push(tone(1000, 4800, amplitude)).level_dbfs == pytest.approx(level, abs=0.02)


def test_silence_has_the_level_floor() -> None:
    assert Uplink().push(np.zeros((960, 2), np.int16)).level_dbfs == -120.0
    assert Uplink().push(b"").level_dbfs == -120.0


def test_out_is_filled_and_returned() -> None:
    uplink, reference = Uplink(), Uplink()
    block = uplink.block(960)
    for hz in (300, 700):
        assert uplink.push(tone(hz, 960), out=block) is block
        assert np.array_equal(block.s16, reference.push(tone(hz, 960)).s16)


def test_views_of_a_reused_block_are_the_same_memory() -> None:
    uplink = Uplink()
    block = uplink.block(960)
    first = uplink.push(tone(300, 960), out=block).s16
    second = uplink.push(tone(700, 960), out=block).s16
    assert first is second


def test_a_reused_block_has_as_many_frames_as_were_pushed() -> None:
    uplink = Uplink()
    block = uplink.block(960)
    assert [uplink.push(tone(300, n), out=block).s16.size for n in (960, 3, 0, 481)] == [320, 1, 0, 161]


def test_a_block_that_is_too_small_is_refused_in_words() -> None:
    uplink = Uplink()
    with pytest.raises(ValueError, match=r"room for 320 frames and 0 of pre-roll, got one with room for 160 and 0"):
        uplink.push(tone(300, 960), out=uplink.block(480))


def test_a_block_without_room_for_the_preroll_is_refused() -> None:
    with pytest.raises(ValueError, match=r"and 4800 of pre-roll, got one with room for 320 and 0"):
        Uplink(vad=VadConfig()).push(tone(300, 960), out=Uplink().block(960))


def test_out_must_be_a_block() -> None:
    with pytest.raises(TypeError, match=r"out: expected a Block from Uplink.block\(\), got numpy.ndarray"):
        Uplink().push(tone(300, 960), out=np.zeros(320))  # type: ignore[arg-type]


def test_views_keep_their_memory_alive() -> None:
    block = Uplink().push(np.full((4800, 2), 1000, np.int16))
    s16, f32, preroll = block.s16, block.f32, block.preroll
    del block
    gc.collect()
    junk = [Uplink().push(tone(300, 4800)) for _ in range(20)]
    assert (int(s16[-1]), round(float(f32[-1]) * 32768), preroll.size, len(junk)) == (1000, 1000, 0, 20)


def test_reset_starts_anew() -> None:
    uplink = Uplink(vad=VadConfig(frame_ms=10, start_k=1, start_n=1))
    first = uplink.push(tone(440, 9600)).s16.copy()
    uplink.reset()
    assert np.array_equal(uplink.push(tone(440, 9600)).s16, first)
