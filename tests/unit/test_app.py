"""What ``--app`` takes: a file or a folder with an agent in it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sonicrtc.app import load_app
from sonicrtc.errors import ConfigError

AGENT = "from sonicrtc import Agent\nagent = Agent(instructions='hello')\n"


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget what a test imported."""
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def write(file: Path, text: str) -> Path:
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, "utf-8")
    return file


def test_a_file_with_an_agent_is_an_app(tmp_path: Path) -> None:
    app = load_app(write(tmp_path / "hello_app.py", AGENT))
    assert (app.agent.config.sonic.instructions, app.demo) == ("hello", None)


def test_a_folder_is_a_package_whose_module_app_has_the_agent(tmp_path: Path) -> None:
    write(tmp_path / "some_house" / "words.py", "greeting = 'hello'\n")
    text = AGENT + "from .words import greeting\ndef demo(local): ...\n"
    app = load_app(write(tmp_path / "some_house" / "app.py", text).parent)
    assert app.demo is not None


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("empty.py", "", "has no variable agent"),
        ("other.py", "agent = 'Smith'", "has no variable agent that is an Agent"),
        ("lacking.py", "import no_such_package", "needs no_such_package, which is not installed"),
        ("folder/other.py", AGENT, "or a folder with an app.py"),
    ],
)
def test_what_holds_no_agent_is_refused(tmp_path: Path, name: str, text: str, words: str) -> None:
    file = write(tmp_path / name, text)
    with pytest.raises(ConfigError, match=words):
        load_app(file.parent if "/" in name else file)


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected a Python file"):
        load_app(tmp_path / "nothing.py")
