"""Chromium sends FEC when the answer asks for it and the reports tell of loss: both are ours to get right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.browser.conftest import Browse, serving, write_wav
from tests.speech import LIBRIVOX

from sonicrtc.caller.wav import read_wav

pytestmark = pytest.mark.browser


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eleven seconds of a person who reads."""
    path = tmp_path_factory.mktemp("speech") / "speech.wav"
    write_wav(path, read_wav(LIBRIVOX / "sense_and_sensibility_01_austen_64kb-0890.wav"), 48_000)
    return path


@pytest.mark.parametrize(("loss", "least", "most"), [(0.0, 0.0, 0.0), (0.02, 0.4, 1.0), (0.1, 0.5, 1.0)])
def test_chromium_sends_each_packet_twice_and_fec_where_packets_are_lost(
    browse: Browse, speech: Path, tmp_path: Path, loss: float, least: float, most: float
) -> None:
    file = tmp_path / "found.json"
    command = ("serve", "--loopback", "--port", "0", "--drain", "0")
    with serving(*command, module=("tests.browser.lossy", str(loss), str(file))) as site:
        browse("speak", site, mouth=True, question=str(speech), times=2)
    found = json.loads(file.read_text("utf-8"))
    second_half = found["has_fec"][len(found["has_fec"]) // 2 :]
    assert least <= sum(second_half) / len(second_half) <= most
    assert found["lost"] == pytest.approx(loss / (1 - loss) * len(found["has_fec"]), rel=0.3, abs=3)
    assert found["copies"].count(1) >= len(found["copies"]) - 1  # before the first there is nothing
    assert found["restored_ms"] >= 0.8 * 20 * found["lost"]
