"""The audio case: its answers, and that a wrong one is noticed."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from sonicrtc.bench import audio_case


def test_every_installed_candidate_gives_the_same_audio() -> None:
    report = audio_case.run(rounds=1)
    assert report.rows[0].name == audio_case.OURS
    assert all(row.correlation > 0.99 for row in report.rows)
    assert len(report.rows) + len(report.missing) == 6
    assert len(list(report.lines())) == 8


def test_a_missing_peer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "soxr" else real(name))
    report = audio_case.run(rounds=1)
    assert report.missing == ("soxr HQ (pip install soxr)",)
    assert "soxr HQ" not in [row.name for row in report.rows]


@pytest.mark.parametrize("amplitude", [0, 9000])
def test_a_wrong_answer_fails_the_run(monkeypatch: pytest.MonkeyPatch, amplitude: int) -> None:
    noise = np.random.default_rng(6).integers(-amplitude, amplitude + 1, 320).astype(np.int16)
    outputs = noise / np.float32(32768), noise
    monkeypatch.setitem(audio_case._CANDIDATES, "wrong", (None, lambda: lambda block: outputs))
    with pytest.raises(audio_case.BenchError, match=r"wrong: expected a correlation of at least 0\.99"):
        audio_case.run(rounds=1)


def test_outputs_that_differ_from_each_other_fail_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = np.full(320, 0.5, np.float32), np.zeros(320, np.int16)
    monkeypatch.setitem(audio_case._CANDIDATES, "wrong", (None, lambda: lambda block: outputs))
    with pytest.raises(audio_case.BenchError, match="float32 and int16 differ"):
        audio_case.run(rounds=1)
