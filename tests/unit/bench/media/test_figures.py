from __future__ import annotations

import numpy as np
import pytest

from sonicrtc.bench.media.figures import (
    BURST_HZ,
    CLOCK_HZ,
    PITCHES_HZ,
    Spread,
    late_share,
    lateness_ms,
    next_calls,
    pitch_of,
    round_trips_ms,
    unwrapped,
    word_errors,
)


def tone(hz: int, ms: int, level: float = 0.5) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    n = np.arange(ms * CLOCK_HZ // 1000)
    return np.rint(32767 * level * np.sin(2 * np.pi * hz * n / CLOCK_HZ)).astype(np.int16)


def test_lateness_counts_from_the_earliest_packet_by_its_timestamp() -> None:
    arrivals = [10.000, 10.025, 10.038, 10.110]
    assert lateness_ms(arrivals, [0, 960, 1920, 2880]) == pytest.approx([2, 7, 0, 52], abs=1e-6)


def test_timestamps_may_wrap_and_packets_overtake_each_other() -> None:
    stamps = [2**32 - 960, 960, 0, 1920]
    assert np.diff(unwrapped(stamps)).tolist() == [1920, -960, 1920]
    assert lateness_ms([0.0, 0.04, 0.041, 0.06], stamps) == pytest.approx([0, 0, 21, 0], abs=1e-6)


def test_a_jump_of_the_timestamps_makes_nothing_late() -> None:
    assert lateness_ms([0.0, 0.02, 0.52], [0, 960, 960 + 24_000]) == pytest.approx([0, 0, 0], abs=1e-6)


def test_a_packet_is_late_from_more_than_40_ms_on() -> None:
    assert late_share(np.array([0.0, 40.0, 40.1, 90.0])) == 0.5
    assert late_share(np.zeros(0)) == 1


def test_a_pitch_is_found_where_it_sounds_for_10_ms_only() -> None:
    packet = np.concatenate((np.zeros(480, np.int16), tone(900, 10)))
    assert pitch_of(packet, PITCHES_HZ) == 900
    assert pitch_of(packet[:480], PITCHES_HZ) is None
    assert pitch_of(packet[:100], PITCHES_HZ) is None


@pytest.mark.parametrize("hz", PITCHES_HZ)
def test_each_pitch_is_told_from_the_others(hz: int) -> None:
    assert pitch_of(tone(hz, 20), PITCHES_HZ) == hz


def test_neither_a_quiet_tone_nor_noise_nor_a_chord_is_a_mark() -> None:
    noise = np.random.default_rng(1).integers(-16_000, 16_000, 960).astype(np.int16)
    assert pitch_of(tone(BURST_HZ, 20, level=0.01), [BURST_HZ]) is None
    assert pitch_of(noise, [BURST_HZ]) is None
    assert pitch_of(tone(BURST_HZ, 20, level=0.3) + tone(1700, 20, level=0.3), [BURST_HZ]) is None


def test_a_round_trip_ends_with_the_first_packet_that_holds_the_mark() -> None:
    heard = [(1.00, None), (1.10, 600), (1.12, 600), (1.30, 900)]
    assert list(round_trips_ms([(1.0, 600), (1.2, 900)], heard)) == pytest.approx([100, 100])


def test_a_mark_that_was_lost_or_comes_before_it_was_sent_has_no_round_trip() -> None:
    assert list(round_trips_ms([(1.0, 600)], [(0.9, 600), (1.1, 900), (2.5, 600)])) == []


def test_word_errors_are_the_fewest_changes_of_words() -> None:
    assert word_errors(["a", "b", "c"], ["a", "b", "c"]) == 0
    assert word_errors(["a", "b", "c"], ["b", "x", "c", "d"]) == 3
    assert word_errors(["a", "b"], []) == 2


def test_a_spread_of_nothing_is_nothing() -> None:
    assert Spread.of([]) == Spread(mean=None, p50=None, p95=None, p99=None, count=0)
    assert Spread.of([1.0, 3.0]).mean == 2


@pytest.mark.parametrize("limit", [0, 1, 7, 8, 24, 57, 511, 600])
def test_the_most_calls_are_found_to_5_percent(limit: int) -> None:
    kept: dict[int, bool] = {}
    while (calls := next_calls(kept)) is not None:
        kept[calls] = calls <= limit
    found = max((calls for calls, ok in kept.items() if ok), default=0)
    assert found <= limit
    assert min(limit, 512) - found <= max(1, limit // 20)
    assert len(kept) < 20
