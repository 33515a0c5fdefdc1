"""Resampler: lengths, flush and reset."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from sonicrtc.audio import Resampler

RATES = (8000, 16000, 24000, 44100, 48000)
NOISE = np.random.default_rng(4).integers(-20000, 20000, 5000, dtype=np.int16)


@pytest.mark.parametrize(("into", "out"), list(itertools.product(RATES, RATES)))
def test_every_frame_comes_out_as_soon_as_its_input_is_there(into: int, out: int) -> None:
    resampler = Resampler(into, out)
    total = 0
    for block in (NOISE[:1], NOISE[:0], NOISE[:159], NOISE[:2000]):
        total += block.size
    produced = sum(resampler.push(b).size for b in (NOISE[:1], NOISE[:0], NOISE[:159], NOISE[:2000]))
    assert produced == -(-total * out // into)


@pytest.mark.parametrize(("into", "out"), list(itertools.permutations(RATES, 2)))
@pytest.mark.parametrize("quality", ["default", "hq", "high"])
def test_a_tone_keeps_its_amplitude_and_is_late_by_the_delay(into: int, out: int, quality: str) -> None:
    resampler = Resampler(into, out, quality)  # type: ignore[arg-type]
    tone = np.round(16000 * np.sin(2 * np.pi * 997 * np.arange(into // 4) / into)).astype(np.int16)
    result = resampler.push(tone)
    late = np.arange(result.size) - resampler.delay_frames
    expected = 16000 * np.sin(2 * np.pi * 997 * late / out)
    settled = slice(int(2 * resampler.delay_frames) + 1, None)
    assert np.abs(result - expected)[settled].max() < 16000 * 0.0006 + 1


def test_flush_gives_the_rest_and_starts_anew() -> None:
    resampler = Resampler(48000, 16000)
    first = [resampler.push(NOISE), resampler.flush()]
    second = [resampler.push(NOISE), resampler.flush()]
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    padded = Resampler(48000, 16000).push(np.concatenate([NOISE, np.zeros(119, np.int16)]))
    assert np.array_equal(np.concatenate(first), padded)


def test_reset_forgets_the_signal() -> None:
    resampler = Resampler(24000, 48000)
    resampler.push(NOISE)
    resampler.reset()
    assert not resampler.push(np.zeros(480, np.int16)).any()


def test_equal_rates_change_nothing() -> None:
    resampler = Resampler(24000, 24000)
    assert np.array_equal(resampler.push(NOISE), NOISE)
    assert resampler.delay_frames == 0.0
    assert resampler.flush().size == 0


@pytest.mark.parametrize(("into", "out"), list(itertools.product(RATES, RATES)))
def test_push_into_writes_what_push_would_return_and_no_more(into: int, out: int) -> None:
    resampler, reference = Resampler(into, out), Resampler(into, out)
    room = np.full(40_000, 99, np.int16)
    for block in np.split(NOISE, [1, 1, 160, 2000]):
        expected = reference.push(block)
        assert resampler.output_frames(block.size) == expected.size
        assert resampler.push_into(block, room) == expected.size
        assert np.array_equal(room[: expected.size], expected)
        assert (room[expected.size :] == 99).all()
        room.fill(99)


def test_push_into_takes_part_of_a_longer_buffer_and_exactly_enough_room() -> None:
    room = bytearray(4 * 480)
    assert Resampler(24000, 48000).push_into(NOISE.tobytes(), out=room, frames=480) == 960
    assert room == Resampler(24000, 48000).push(NOISE[:480]).tobytes()
