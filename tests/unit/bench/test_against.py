"""Another build beside this one, in processes that take turns."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sonicrtc
import sonicrtc._core
from sonicrtc.bench import against
from sonicrtc.bench.against import Worker, drift, other_build
from sonicrtc.errors import ConfigError, SonicRtcError


def installed_copy(folder: Path) -> Path:
    """Return a directory that holds a build of its own: the top modules and the core, without a suite."""
    package = folder / "sonicrtc"
    package.mkdir()
    for module in Path(sonicrtc.__file__).parent.glob("*.py"):
        shutil.copy(module, package)
    shutil.copy(sonicrtc._core.__file__, package)
    return folder


@pytest.fixture
def build(tmp_path: Path) -> Path:
    return installed_copy(tmp_path)


def test_a_worker_times_the_build_that_it_is_given_with_this_suite(build: Path) -> None:
    with Worker(build) as worker:
        assert Path(worker.hello["file"]).parent == build / "sonicrtc"
        assert worker.hello["version"] == sonicrtc.__version__
        assert worker.sample("uplink", worker.hello["ready"]["uplink"]) > 0


def test_a_worker_without_a_build_times_the_installed_one() -> None:
    with Worker() as worker:
        assert worker.hello["file"] == sonicrtc._core.__file__


def test_builds_take_turns_and_every_row_has_a_ratio(build: Path) -> None:
    said: list[str] = []
    found = drift(build, rounds=2, say=said.append)
    assert said == ["against: 2 pairs of processes, 1 rounds each"]
    assert {"uplink", "uplink_hq", "resampler", "playout"} <= found.ratios.keys()
    assert all(ratio.low <= ratio.median <= ratio.high for ratio in found.ratios.values())
    assert found.version == sonicrtc.__version__


def test_what_an_older_build_cannot_do_is_named(build: Path) -> None:
    (build / "sonicrtc" / "audio.py").write_text(
        "from sonicrtc._core import Block, Playout, Uplink as Newer\n"
        "from sonicrtc.config import VadConfig\n"
        "def Uplink(*, quality='default', vad=None):\n"
        "    if quality != 'default': raise ValueError('no such quality')\n"
        "    return Newer(vad=vad)\n"
        "class Resampler:\n"
        "    def __init__(self, a, b): raise TypeError('not yet')\n"
    )
    found = drift(build, rounds=1)
    assert "uplink_hq, which the other build cannot do: no such quality" in found.skipped
    assert "resampler, which the other build cannot do: not yet" in found.skipped
    assert "playout" in found.ratios


def test_a_build_that_can_do_nothing_is_told(build: Path) -> None:
    text = "def no(*a, **k): raise TypeError('broken')\nUplink = Resampler = Playout = VadConfig = no\n"
    (build / "sonicrtc" / "audio.py").write_text(text)
    with pytest.raises(SonicRtcError, match=r"the other build \(.*\) can do nothing that is timed: uplink: broken"):
        drift(build, rounds=1)


def test_a_worker_that_dies_is_told(build: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (build / "sonicrtc" / "audio.py").write_text("raise RuntimeError('not a build')\n")
    with pytest.raises(SonicRtcError, match="worker ended with status 1; its error stands above"):
        Worker(build).__enter__()
    assert "RuntimeError: not a build" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        (
            "no-such-revision",
            r"expected a directory, a wheel file or a git revision of the checkout in .*, got 'no-such",
        ),
        ("nowhere.whl", r"no wheel nowhere\.whl"),
        (".", r"expected a directory that holds the package 'sonicrtc', got \."),
    ],
)
def test_a_reference_that_is_none_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ref: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=message), other_build(ref):
        pass


def test_a_directory_is_used_as_it_is(build: Path) -> None:
    with other_build(str(build)) as found:
        assert found == build


def test_a_wheel_is_installed_for_the_run_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    commands: list[tuple[str, ...]] = []
    monkeypatch.setattr(against, "_run", lambda command, failure: commands.append(command))
    wheel = tmp_path / "sonicrtc-0.0.1.whl"
    wheel.touch()
    with other_build(str(wheel)) as found:
        assert found.is_dir()
    assert not found.exists()
    assert commands == [(*against._PIP, str(found), str(wheel))]


def test_a_revision_is_built_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(tmp_path))
    (tmp_path / "file").touch()
    for arguments in (("init", "-q"), ("add", "."), ("commit", "-qm", "first")):
        subprocess.run([*git, *arguments], check=True)
    monkeypatch.chdir(tmp_path)
    built: list[tuple[str, ...]] = []
    real = against._run

    def run(command: tuple[str, ...], failure: str) -> bytes:
        if command[0] == "git":
            return real(command, failure)
        built.append(command)
        Path(command[command.index("--target") + 1]).mkdir()
        return b""

    monkeypatch.setattr(against, "_run", run)
    for _ in range(2):
        with other_build("HEAD") as found:
            assert found.parent == tmp_path / ".cache" / "against"
    assert len(built) == 1
    assert built[0][-2] == "--no-build-isolation"


def test_a_build_that_fails_is_told_with_its_last_words() -> None:
    with pytest.raises(SonicRtcError, match="cannot build it: no compiler"):
        against._run((sys.executable, "-c", "raise SystemExit('no compiler')"), "cannot build it")
