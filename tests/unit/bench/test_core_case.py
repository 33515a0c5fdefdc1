"""The core case: its candidates, their answers, and that a wrong one is noticed."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest

from sonicrtc.bench import core_case
from sonicrtc.bench.candidates import DETECTION, DOWNLINK, UPLINK, Candidate, Entry, ready
from sonicrtc.bench.ours import OURS
from sonicrtc.bench.peers import PEERS
from sonicrtc.bench.tape import BenchError

STEP = np.float32(1 / 32768)


def entry(call: Any, work: Any = UPLINK) -> Entry:
    return Entry(key="made", label="made up", work=work, make=lambda: Candidate(call=call))


def every_third(block: Any) -> Any:
    """As good as no filter at all: nothing above 3.4 kHz is in the tape."""
    s16 = block.mean(axis=1)[::3].astype(np.int16)
    return s16 * STEP, s16


@pytest.mark.parametrize("made", [*OURS, *PEERS], ids=lambda made: made.key)
def test_a_candidate_gives_the_same_audio_as_all_others(made: Entry) -> None:
    assert made.missing is None
    timed, answer = ready(made, made.work.tape())
    assert len(timed.items) == 50
    assert (answer is None) == (made.work is DETECTION)
    assert answer is None or answer.correlation > 0.999


@pytest.mark.parametrize(("key", "most_ms"), [("uplink", 1.3), ("uplink_low_latency", 0.3), ("uplink_hq", 2.6)])
def test_the_age_of_our_newest_output_is_the_delay_of_the_filter(key: str, most_ms: float) -> None:
    (made,) = [entry for entry in OURS if entry.key == key]
    _, answer = ready(made, made.work.tape())
    assert answer is not None
    assert answer.age_mean_ms == pytest.approx(answer.age_max_ms)
    assert 0 < answer.age_max_ms < most_ms


def test_what_is_held_back_counts_as_age() -> None:
    held: list[Any] = []

    def late(block: Any) -> Any:
        held.append(every_third(block))
        return held[-2] if len(held) > 1 else (np.zeros(0, np.float32), np.zeros(0, np.int16))

    _, answer = ready(entry(late), UPLINK.tape())
    assert answer is not None
    assert (answer.delay_ms, answer.age_mean_ms) == pytest.approx((0, 20), abs=0.01)


def test_a_delay_of_half_a_sample_is_measured() -> None:
    truth = np.fft.rfft(DOWNLINK.truth())
    moved = np.fft.irfft(truth * np.exp(-1j * np.pi * np.arange(truth.size) / 48_000), 48_000)
    parts = iter(np.tile(moved.reshape(50, 960), (2, 1)))
    _, answer = ready(entry(lambda block: (next(parts),), DOWNLINK), DOWNLINK.tape())
    assert answer is not None
    assert answer.delay_ms == pytest.approx(0.5 / 48, abs=1e-6)


@pytest.mark.parametrize("amplitude", [0, 9000])
def test_another_sound_fails_the_run(amplitude: int) -> None:
    noise = np.random.default_rng(6).integers(-amplitude, amplitude + 1, 320).astype(np.int16)
    with pytest.raises(BenchError, match=r"made up: expected a correlation of at least 0\.99, got "):
        ready(entry(lambda block: (noise * STEP, noise)), UPLINK.tape())


def test_outputs_that_differ_from_each_other_fail_the_run() -> None:
    outputs = np.full(320, 0.5, np.float32), np.zeros(320, np.int16)
    with pytest.raises(BenchError, match="made up: the outputs differ from each other"):
        ready(entry(lambda block: outputs), UPLINK.tape())


def test_too_little_output_fails_the_run() -> None:
    with pytest.raises(BenchError, match="made up: expected nearly 32000 samples of two seconds, got 0"):
        ready(entry(lambda block: (np.zeros(0, np.int16),)), UPLINK.tape())


def test_a_detector_that_hears_nothing_fails_the_run() -> None:
    with pytest.raises(BenchError, match="expected decisions and speech among them"):
        ready(entry(lambda frame: False, DETECTION), DETECTION.tape())


def test_a_run_has_a_row_for_every_candidate_and_names_those_that_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "soxr" else real(name))
    report = core_case.run(rounds=1)
    assert "soxr, soxr HQ: not installed (pip install soxr)" in report.skipped
    assert len(report.rows) + len(report.skipped) == len(OURS) + len(PEERS)
    assert report.rows[0].key == "uplink"
    assert report.rows[0].beside_ours.median == 1
    assert "reference" in report.times
    assert [hop.name for hop in report.hops] == ["Uplink.push", "Playout.push", "Playout.pull"]


def test_works_have_the_same_sound_at_every_rate() -> None:
    spectra = [np.abs(np.fft.rfft(UPLINK._noise(rate, 0)))[100:3400] / rate for rate in (16_000, 48_000)]
    np.testing.assert_allclose(spectra[0], spectra[1], rtol=1e-9)
