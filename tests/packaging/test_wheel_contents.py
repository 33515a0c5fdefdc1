"""What is in the archives that ``make wheel`` built."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.wheel


@pytest.fixture(scope="module")
def archives() -> tuple[list[str], list[str]]:
    """Names in the (sdist, wheel) that stand in ``dist/``."""
    (source,), (wheel,) = (sorted((ROOT / "dist").glob(pattern)) for pattern in ("*.tar.gz", "*.whl"))
    with tarfile.open(source) as sdist, zipfile.ZipFile(wheel) as zipped:
        return [name.partition("/")[2] for name in sdist.getnames()], zipped.namelist()


@pytest.mark.parametrize(
    "name",
    [
        "sonicrtc/page/index.html",
        "sonicrtc/_core.pyi",
        "sonicrtc/bench/budgets.toml",
        "sonicrtc/py.typed",
        "sonicrtc/local/sonic/schemas/input/sessionStart.json",
        "sonicrtc/local/sonic/scenarios/throttled.toml",
    ],
)
def test_the_wheel_holds(archives: tuple[list[str], list[str]], name: str) -> None:
    assert name in archives[1]


def test_the_wheel_holds_the_licence_and_the_native_core(archives: tuple[list[str], list[str]]) -> None:
    wheel = archives[1]
    assert any(name.endswith("licenses/LICENSE") for name in wheel)
    assert any(name.endswith("licenses/THIRD_PARTY.md") for name in wheel)
    assert any(name.startswith("sonicrtc/_core.") and name.endswith(".so") for name in wheel)


@pytest.mark.parametrize("part", ["csrc", "tests", "node_modules", "web", "benchmarks"])
def test_the_wheel_leaves_out(archives: tuple[list[str], list[str]], part: str) -> None:
    assert not [name for name in archives[1] if part in name.split("/")]


def test_the_wheel_holds_no_library_for_cpp(archives: tuple[list[str], list[str]]) -> None:
    assert not [name for name in archives[1] if Path(name).suffix in {".a", ".hpp", ".cmake", ".pc"}]


@pytest.mark.parametrize("name", ["python/sonicrtc/page/index.html", "CMakeLists.txt", "LICENSE"])
def test_the_source_archive_holds(archives: tuple[list[str], list[str]], name: str) -> None:
    assert name in archives[0]


def test_the_source_archive_leaves_out_what_is_installed(archives: tuple[list[str], list[str]]) -> None:
    assert not [name for name in archives[0] if "node_modules" in name or name.startswith(".venv")]
