"""``sonicrtc bench capacity`` by real, short runs: what it writes, never how fast it was."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from sonicrtc.cli import main


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Two calls for 3 s, and four sentences without losses, to ``serve --loopback``."""
    folder = tmp_path_factory.mktemp("capacity")
    arguments = ["--quick", "--calls", "2", "--loss", "0", "--json", folder / "run.json", "--plot", folder / "run.svg"]
    command = [sys.executable, "-P", "-m", "sonicrtc", "bench", "capacity", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads((folder / "run.json").read_text("utf-8"))
    return found | {"table": done.stdout, "progress": done.stderr, "plot": (folder / "run.svg").read_text("utf-8")}


@pytest.mark.speech
def test_calls_to_the_loopback_come_back_and_take_processor_time(run: dict[str, Any]) -> None:
    (load,) = run["media"]["capacity"]["loads"]
    assert (load["server"], load["calls"], load["connected"], load["failures"]) == ("sonicrtc", 2, 2, [])
    assert load["cpu_percent"] > 0
    assert load["first_mb"] > 20
    assert load["missing"] < 1  # on a busy machine many are, and late


@pytest.mark.speech
def test_words_come_back_and_are_counted(run: dict[str, Any]) -> None:
    (heard,) = run["media"]["loss"]["heard"]
    assert len(heard["texts"]) == 4
    assert heard["words"]["words"] == run["media"]["loss"]["codec"]["words"]
    assert any(heard["texts"])


@pytest.mark.speech
def test_a_run_is_a_table_on_one_side_and_progress_on_the_other(run: dict[str, Any]) -> None:
    assert "calls on one core" in run["table"]
    assert "· capacity: sonicrtc, 2 of 2 calls" in run["progress"]
    assert run["plot"].startswith("<?xml")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--calls", "many"], "calls: expected numbers"),
        (["--calls", "0"], "calls: expected numbers"),
        (["--calls", "1", "--server", "x"], "NAME=COMMAND"),
        (["--calls", "1", "--server", "sonicrtc=x"], "each name once"),
        (["--calls", "none", "--loss", "5%"], "expected percents"),
        (["--against", "main"], "--against times the core"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "capacity", "--quick", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_an_address_where_nobody_answers_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "capacity", "--quick", "--calls", "1", "--url", "http://127.0.0.1:9"]) == 0
    assert "only 0 connected: http://127.0.0.1:9/offer does not answer" in capsys.readouterr().out
