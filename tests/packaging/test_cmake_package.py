"""The C++ library as its users get it: installed, moved, found by CMake or pkg-config, and run on real speech."""

from __future__ import annotations

import subprocess
import sys
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.speech import LIBRIVOX

from sonicrtc.audio import Resampler, Uplink

ROOT = Path(__file__).parents[2]
CMAKE = Path(sys.executable).parent / "cmake"
CLIP = LIBRIVOX / "sense_and_sensibility_01_austen_64kb-0880.wav"
pytestmark = pytest.mark.checkout


@dataclass(frozen=True)
class Machine:
    """What the library is built for, and how a program for it is run here."""

    toolchain: str = ""
    emulator: tuple[str, ...] = ()

    @property
    def cmake_arguments(self) -> list[str]:
        return [f"-DCMAKE_TOOLCHAIN_FILE={ROOT / 'cmake' / self.toolchain}"] if self.toolchain else []


MACHINES = [
    pytest.param(Machine(), id="native"),
    pytest.param(
        Machine("aarch64-linux-gnu.cmake", ("qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu")),
        id="aarch64",
        marks=pytest.mark.cross,
    ),
    pytest.param(
        Machine("arm-linux-gnueabihf.cmake", ("qemu-arm-static", "-L", "/usr/arm-linux-gnueabihf")),
        id="armv7",
        marks=pytest.mark.cross,
    ),
]


def run(*command: str | Path) -> str:
    """Run a command that must succeed without a warning; return what it printed."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "warning" not in done.stdout.lower(), done.stdout
    return done.stdout


def build(source: Path, folder: Path, machine: Machine, *arguments: str) -> Path:
    run(CMAKE, "-S", source, "-B", folder, "-DCMAKE_BUILD_TYPE=Release", *machine.cmake_arguments, *arguments)
    run(CMAKE, "--build", folder, "--parallel", "2")
    return folder


@dataclass(frozen=True)
class Package:
    machine: Machine
    prefix: Path


@pytest.fixture(scope="module", params=MACHINES)
def package(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Package:
    """Install the library, then move it: nothing in it may know where it was made."""
    folder = tmp_path_factory.mktemp("package")
    built = build(ROOT, folder / "build", request.param, "-DSONICRTC_PYTHON=OFF")
    run(CMAKE, "--install", built, "--prefix", folder / "first")
    built.rename(folder / "gone")
    return Package(request.param, (folder / "first").rename(folder / "moved"))


def speech() -> NDArray[np.int16]:
    """Return a second of silence, a spoken sentence and two seconds of silence, 48 kHz stereo."""
    with wave.open(str(CLIP)) as file:
        assert file.getframerate() == 16000
        sentence = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    mono = np.concatenate(
        [np.zeros(48000, np.int16), Resampler(16000, 48000).push(sentence), np.zeros(96001, np.int16)]
    )
    return np.repeat(mono[:, np.newaxis], 2, axis=1)


def test_the_example_hears_a_sentence(package: Package, tmp_path: Path) -> None:
    example = build(ROOT / "examples/embedded", tmp_path, package.machine, f"-DCMAKE_PREFIX_PATH={package.prefix}")
    microphone = speech()
    done = subprocess.run(
        [*package.machine.emulator, example / "listen"], input=microphone.tobytes(), capture_output=True, check=True
    )
    heard = np.frombuffer(done.stdout, np.int16)
    assert len(heard) == -(-len(microphone) // 3)
    starts, *_, ends = done.stderr.decode().splitlines()
    assert "speech starts" in starts
    assert 1.0 < float(starts.split()[0]) < 1.6
    assert "speech ends" in ends
    assert not heard[:16000].any()
    assert not heard[-8000:].any()
    # Where the gate was open, the audio is the same as on this machine, give or take one step.
    reference = Uplink(48000, 2).push(microphone).s16.astype(np.int32)
    open_ = heard != 0
    assert open_.mean() > 0.3
    assert np.abs(heard[open_] - reference[open_]).max() <= 1


def test_pkg_config_finds_the_library(package: Package, tmp_path: Path) -> None:
    folder = package.prefix / "lib/pkgconfig"
    flags = run("pkg-config", f"--with-path={folder}", "--cflags", "--libs", "sonicrtc").split()
    assert package.prefix / "include" in {Path(flag[2:]).resolve() for flag in flags if flag.startswith("-I")}
    if package.machine == Machine():
        run("c++", "-std=c++20", ROOT / "examples/embedded/listen.cpp", "-o", tmp_path / "listen", *flags)


@pytest.mark.parametrize(("asked", "found"), [("0.1", True), ("0.0.1", False), ("9", False)])
def test_a_version_that_may_not_fit_is_not_found(package: Package, tmp_path: Path, asked: str, found: bool) -> None:
    (tmp_path / "CMakeLists.txt").write_text(
        f"cmake_minimum_required(VERSION 3.16)\nproject(user LANGUAGES CXX)\n"
        f"find_package(sonicrtc {asked} CONFIG)\nmessage(STATUS found=${{sonicrtc_FOUND}})\n"
    )
    prefix = f"-DCMAKE_PREFIX_PATH={package.prefix}"
    command: list[str | Path] = [CMAKE, "-S", tmp_path, "-B", tmp_path, prefix, *package.machine.cmake_arguments]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"found={int(found)}" in printed


def test_the_package_knows_no_path_of_the_machine_that_built_it(package: Package) -> None:
    texts = [p for p in package.prefix.rglob("*") if p.suffix in {".cmake", ".pc", ".hpp"}]
    assert {p.suffix for p in texts} == {".cmake", ".pc", ".hpp"}
    for path in texts:
        assert str(ROOT) not in path.read_text("utf-8")
        assert str(package.prefix.parent) not in path.read_text("utf-8")
