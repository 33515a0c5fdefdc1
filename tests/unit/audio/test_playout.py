"""Playout: order, silence, flush and the clock."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from sonicrtc.audio import Playout, Resampler

RATES = (8000, 16000, 24000, 44100, 48000)
RNG = np.random.default_rng(3)
CHUNK = RNG.integers(-20000, 20000, 2401, dtype=np.int16)  # an odd length


def test_an_empty_queue_gives_silence_of_the_length_asked_for() -> None:
    out = Playout().pull(960)
    assert out.shape == (960,)
    assert out.dtype == np.int16
    assert not out.any()


def test_audio_comes_out_as_a_resampler_would_give_it() -> None:
    playout = Playout()
    playout.push(CHUNK)
    playout.push(CHUNK.tobytes())
    expected = Resampler(24000, 48000).push(np.concatenate([CHUNK, CHUNK]))
    assert np.array_equal(playout.pull(9604), expected)


@pytest.mark.parametrize(("into", "out"), list(itertools.product(RATES, RATES)))
def test_every_pair_of_rates_plays_a_sentence_exactly(into: int, out: int) -> None:
    playout = Playout(into, out)
    for part in np.array_split(CHUNK, 7):
        playout.push(part)
    expected = Resampler(into, out).push(CHUNK)
    assert np.array_equal(np.concatenate([playout.pull(n) for n in (1, 0, expected.size - 1)]), expected)


@pytest.mark.parametrize("rates", [(11025, 48000), (24000, 22050), (0, 48000), (24000, -48000), (96000, 96000)])
def test_another_rate_is_refused_in_words(rates: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"put_rate_hz: expected 8000, 16000, 24000, 44100 or 48000, got"):
        Playout(*rates)


def test_the_clock_counts_what_was_heard() -> None:
    playout = Playout()
    playout.push(CHUNK[:2400])
    assert (playout.buffered_ms, playout.played_ms) == (100.0, 0.0)
    playout.pull(960)
    assert (playout.buffered_ms, playout.played_ms) == (80.0, 20.0)
    playout.pull(9600)
    assert (playout.buffered_ms, playout.played_ms) == (0.0, 100.0)


def test_the_clock_is_exact_in_frames_after_every_pull() -> None:
    playout = Playout()
    playout.push(CHUNK)
    pulled = 0
    for frames in (1, 1, 1, 480, 7, 960, 481):
        playout.pull(frames)
        pulled += frames
        assert playout.played_frames == (pulled - 1) // 2 + 1
        assert playout.buffered_frames == CHUNK.size - playout.played_frames


def test_overflow_drops_the_newest_and_counts_it() -> None:
    playout = Playout(8000, 8000, capacity_ms=200)
    assert playout.push(CHUNK) == 1600
    assert playout.dropped_frames == 801
    assert np.array_equal(playout.pull(1600), CHUNK[:1600])


def test_sixty_seconds_fit_by_default() -> None:
    playout = Playout()
    second = np.zeros(24000, np.int16)
    assert [playout.push(second) for _ in range(61)] == [24000] * 60 + [0]
    assert playout.buffered_ms == 60000.0


def test_flush_is_silent_after_five_ms_and_says_what_was_thrown_away() -> None:
    playout = Playout()
    playout.push(np.full(24000, 12000, np.int16))
    playout.pull(960)
    assert playout.flush() == pytest.approx(980.0)
    assert playout.buffered_ms == 0.0
    after = playout.pull(960)
    assert after[:60].max() > 9000  # no click: it goes on from where it was
    assert np.abs(np.diff(after.astype(int))).max() < 200
    assert np.abs(after[240:]).max() <= 12  # -60 dB; the filter's ringing
    assert not after[400:].any()
    assert playout.played_ms == 20.0


def test_running_empty_is_counted_once_and_does_not_click() -> None:
    playout = Playout()
    playout.push(np.full(2400, 12000, np.int16))
    out = np.concatenate([playout.pull(960) for _ in range(10)])
    assert playout.underruns == 1
    assert np.abs(np.diff(out[480:].astype(int))).max() < 200
    assert np.abs(out[4800 + 240 :]).max() <= 12


def voice(frames: int) -> NDArray[np.int16]:
    """A vowel at 24 kHz: harmonics of 120 Hz up to 3.9 kHz, so that nothing of it is above 8 kHz."""
    phase = 2 * np.pi * 120 / 24000 * np.arange(frames)
    return np.rint(sum(6000 / k * np.sin(k * phase + k * k) for k in range(1, 33))).astype(np.int16)


def click(signal: NDArray[np.int16], at: int) -> float:
    """Energy above 8 kHz within 20 ms of a place in audio at 48 kHz."""
    around = signal[at - 960 : at + 960] * np.hanning(1920)
    return float(np.sum(np.abs(np.fft.rfft(around)[320:]) ** 2))


def test_an_underrun_clicks_on_neither_side() -> None:
    silence = np.zeros(3000, np.int16)
    clicks = []
    for cut in range(3000, 3200, 7):  # one period of the voice
        before, after = voice(6000)[:cut], voice(6000)[cut : cut + 2000]
        playout = Playout()
        playout.push(before)
        bridged = [playout.pull(2 * (cut + 3000))]
        playout.push(after)
        bridged.append(playout.pull(4000))
        hard = Resampler().push(np.concatenate([before, silence, after]))
        places = 2 * cut, 2 * (cut + 3000)
        clicks.append([(click(np.concatenate(bridged), at), click(hard, at)) for at in places])
    stop_db, start_db = 10 * np.log10(np.divide(*np.moveaxis(np.sum(clicks, axis=0), -1, 0)))
    assert stop_db < -20
    assert start_db < -40


def test_a_reply_that_ended_is_no_underrun() -> None:
    playout = Playout()
    playout.push(CHUNK)
    playout.end()
    playout.pull(9600)
    assert playout.underruns == 0


def test_pull_fills_a_buffer_that_is_given() -> None:
    playout, reference = Playout(), Playout()
    playout.push(CHUNK)
    reference.push(CHUNK)
    out = np.zeros(960, np.int16)
    assert playout.pull(960, out=out) is out
    assert np.array_equal(out, reference.pull(960))


def test_reset_forgets_audio_and_counters() -> None:
    playout = Playout(capacity_ms=100)
    playout.push(CHUNK)
    playout.pull(48000)
    playout.reset()
    state = playout.buffered_ms, playout.played_ms, playout.dropped_frames, playout.underruns
    assert state == (0.0, 0.0, 0, 0)
    assert not playout.pull(960).any()


def test_ducking_is_eighteen_db_after_twenty_ms_and_ends_the_same_way() -> None:
    playout, reference = Playout(), Playout()
    for one in (playout, reference):
        one.push(np.tile(CHUNK, 10))
    playout.duck()
    assert playout.ducked
    plain, ducked = reference.pull(1920).astype(float), playout.pull(1920)
    assert np.abs(ducked[960:] - plain[960:] * 10 ** (-18 / 20)).max() <= 0.51
    playout.unduck()
    assert not playout.ducked
    assert np.abs(playout.pull(960)).max() < np.abs(reference.pull(960)).max()
    assert np.array_equal(playout.pull(1920), reference.pull(1920))


@pytest.mark.parametrize("gain_db", [0.5, -60.5, float("nan"), float("inf")])
def test_a_gain_that_is_no_attenuation_is_refused_in_words(gain_db: float) -> None:
    with pytest.raises(ValueError, match=r"gain_db: expected -60 to 0, got"):
        Playout().duck(gain_db)


def test_zero_db_is_not_ducked() -> None:
    playout = Playout()
    playout.duck(gain_db=-60)
    playout.duck(gain_db=0)
    assert not playout.ducked
