"""Playout: order, silence, flush and the clock."""

from __future__ import annotations

import numpy as np
import pytest

from sonicrtc.audio import Playout, Resampler

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


def test_the_clock_counts_what_was_heard() -> None:
    playout = Playout()
    playout.push(CHUNK[:2400])
    assert (playout.buffered_ms, playout.played_ms) == (100.0, 0.0)
    playout.pull(960)
    assert (playout.buffered_ms, playout.played_ms) == (80.0, 20.0)
    playout.pull(9600)
    assert (playout.buffered_ms, playout.played_ms) == (0.0, 100.0)


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
    assert not after[240 + 64 :].any()  # 5 ms and the length of the filter
    assert playout.played_ms == 20.0


def test_running_empty_is_counted_once_and_does_not_click() -> None:
    playout = Playout()
    playout.push(np.full(2400, 12000, np.int16))
    out = np.concatenate([playout.pull(960) for _ in range(10)])
    assert playout.underruns == 1
    assert np.abs(np.diff(out[480:].astype(int))).max() < 200
    assert not out[4800 + 240 + 64 :].any()


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
