"""``sonicrtc bench`` by real, short runs: what it writes and its exit status, never how fast it was."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sonicrtc.bench import call_case
from sonicrtc.bench.call_case import ConversationReport
from sonicrtc.cli import main

#: Budgets that any machine keeps, so that only what a test changes can fail.
EASY = """
[counts]
"native calls, Uplink.push(block, out=)" = { at_most = 1, reason = "no clock" }
[drift]
"compare" = { at_most = 1000, reason = "short runs on a busy machine" }
"against" = { at_most = 1000, reason = "short runs on a busy machine" }
"""


@pytest.fixture
def easy(tmp_path: Path) -> list[str]:
    (tmp_path / "easy.toml").write_text(EASY, "utf-8")
    return ["--rounds", "1", "--budgets", str(tmp_path / "easy.toml")]


@pytest.fixture
def earlier(tmp_path: Path, easy: list[str]) -> Path:
    path = tmp_path / "earlier.json"
    assert main(["bench", "core", *easy, "--json", str(path)]) == 0
    return path


def bench(*arguments: object) -> int:
    return main(["bench", *[str(argument) for argument in arguments]])


def test_a_run_is_written_and_passes_beside_itself(
    earlier: Path, easy: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert json.loads(earlier.read_text("utf-8"))["core"]["rows"][0]["key"] == "uplink"
    assert bench("core", *easy, "--gate", "--compare", earlier) == 0
    output = capsys.readouterr()
    assert "compare: uplink" in output.out
    assert "· core: 1 rounds of" in output.err


def test_a_run_that_got_slower_fails_the_gate_and_only_the_gate(earlier: Path, easy: list[str]) -> None:
    run = json.loads(earlier.read_text("utf-8"))
    for end in ("median", "low", "high"):
        run["core"]["rows"][0]["number"][end] /= 1e6
    earlier.write_text(json.dumps(run), "utf-8")
    assert bench("core", *easy, "--gate", "--compare", earlier) == 1
    assert bench("core", *easy, "--compare", earlier) == 0


def test_another_build_is_gated_too(monkeypatch: pytest.MonkeyPatch, easy: list[str], tmp_path: Path) -> None:
    tight = EASY.replace("at_most = 1000", "at_most = 0.001")
    (tmp_path / "easy.toml").write_text(tight, "utf-8")
    monkeypatch.setattr("sonicrtc.bench.against.other_build", lambda ref, say: _no_build())
    assert bench("core", *easy, "--gate", "--against", "itself") == 1


class _no_build:
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def test_a_missing_peer_is_named_and_its_gate_skipped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    (tmp_path / "b.toml").write_text("[ratios]\n'soxr / uplink' = { at_least = 6.5, reason = 'x' }\n", "utf-8")
    assert bench("core", "--rounds", 1, "--gate", "--budgets", tmp_path / "b.toml") == 0
    output = capsys.readouterr().out
    assert "skipped: soxr, soxr HQ: not installed (pip install soxr)" in output
    assert "not measured  skipped" in output


def test_a_wrong_answer_of_the_core_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], easy: list[str]
) -> None:
    monkeypatch.setattr("sonicrtc.bench.candidates.LEAST_CORRELATION", 2.0)
    assert bench("core", *easy) == 1
    assert (
        "sonicrtc: error: Uplink.push(block, out=): expected a correlation of at least 2.0" in capsys.readouterr().err
    )


def test_a_picture_is_drawn(tmp_path: Path, easy: list[str]) -> None:
    assert bench("core", *easy, "--plot", tmp_path / "run.svg") == 0
    assert (tmp_path / "run.svg").read_text("utf-8").endswith("</svg>\n")


def test_the_core_is_measured_where_no_extra_is_installed() -> None:
    absent = [
        "aiohttp",
        "aiortc",
        "av",
        "boto3",
        "cryptography",
        "matplotlib",
        "msgspec",
        "onnxruntime",
        "scipy",
        "soxr",
    ]
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({absent}))\n"
        "from sonicrtc.cli import main; sys.exit(main(['bench', 'core', '--rounds', '1', '--gate']))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)
    assert "skipped: uplink_frame, " in done.stdout, done.stderr
    assert re.search(r"soxr / uplink .* skipped", done.stdout)


@pytest.mark.parametrize(("problems", "status"), [((), 0), (("What time is it?  nothing was heard",), 1)])
def test_a_wrong_answer_in_a_call_fails_without_a_gate(
    monkeypatch: pytest.MonkeyPatch, problems: tuple[str, ...], status: int
) -> None:
    async def run(*_: Any, **__: Any) -> ConversationReport:
        return ConversationReport(answered=(), problems=problems, hops=())

    monkeypatch.setattr(call_case, "run", run)
    assert bench("call") == status
    assert bench("response") == status


def test_the_old_name_of_the_core_is_accepted(easy: list[str]) -> None:
    assert bench("audio", *easy) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("call --against HEAD", r"--against times the core; use it with 'core' or 'all'"),
        ("core --json /nowhere/run.json", r"cannot write /nowhere/run\.json: its directory is not there"),
        ("core --plot /nowhere/run.svg", r"cannot write /nowhere/run\.svg: its directory is not there"),
        ("core --compare /nowhere/run.json", r"cannot read /nowhere/run\.json: "),
        ("core --budgets /nowhere/b.toml", r"cannot read budgets /nowhere/b\.toml: "),
    ],
)
def test_a_wrong_argument_is_told_before_anything_is_measured(
    capsys: pytest.CaptureFixture[str], arguments: str, message: str
) -> None:
    assert bench(*arguments.split()) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(message, line)


@pytest.mark.parametrize("rounds", ["0", "-1", "many"])
def test_rounds_that_are_none_are_told(capsys: pytest.CaptureFixture[str], rounds: str) -> None:
    with pytest.raises(SystemExit):
        bench("core", "--rounds", rounds)
    assert f"expected a whole number from 1, got '{rounds}'" in capsys.readouterr().err
