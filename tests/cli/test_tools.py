"""``sonicrtc tools``: what the model may call, from the shell."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.tools.mcp_stage import STDIO, mcp_file

from sonicrtc.cli import main

APP = """
from contextlib import asynccontextmanager
from sonicrtc import Agent
{before}
agent = Agent()
doors = {{}}

@agent.lifespan
@asynccontextmanager
async def connected():
    doors["front"] = "open"
    yield

@agent.tool(confirm="Unlock the {{door}} door?")
def unlock(door: str) -> str:
    "Unlock a door."
    return f"the {{door}} door is {{doors[door]}}"
"""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def tools(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run ``sonicrtc tools ...`` in a folder with an app and an MCP file; give status, output and errors."""
    (tmp_path / "house_app.py").write_text(APP.format(before=""))
    (tmp_path / "broken_app.py").write_text(APP.format(before="import no_such_module"))
    mcp_file(tmp_path, {"house": STDIO | {"allow": ["add", "whisper"]}})
    monkeypatch.chdir(tmp_path)

    def run(*argv: str, typed: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        status = main(["tools", *argv])
        return status, *capsys.readouterr()

    return run


def test_all_tools_are_listed_with_their_schemas(tools: Run) -> None:
    status, out, _ = tools("list", "--app", "house_app.py", "--mcp", "mcp.json")
    assert status == 0
    assert "unlock  (asks first)\n  Unlock a door.\n" in out
    listed = out.splitlines()
    assert json.loads(listed[listed.index("add") + 2])["properties"]["a"]["type"] == "integer"


def test_the_result_is_printed_as_json(tools: Run) -> None:
    status, out, _ = tools("call", "add", '{"a": 1, "b": 2}', "--mcp", "mcp.json")
    assert (status, json.loads(out)) == (0, {"result": 3})


def test_an_error_goes_to_standard_error_with_status_1(tools: Run) -> None:
    status, out, err = tools("call", "add", '{"a": 1}', "--mcp", "mcp.json")
    assert (status, out) == (1, "")
    assert '"error": "arguments of add: missing b"' in err
    assert "unknown tool" in tools("call", "sing")[2]


@pytest.mark.parametrize(("typed", "more", "done"), [("y\n", (), True), ("", ("--yes",), True), ("\n", (), False)])
def test_a_tool_that_asks_first_asks_on_the_terminal(tools: Run, typed: str, more: tuple[str, ...], done: bool) -> None:
    status, out, err = tools("call", "unlock", '{"door": "front"}', "--app", "house_app.py", *more, typed=typed)
    assert (status, "the front door is open" in out) == ((0, True) if done else (1, False))
    assert ("Unlock the front door? [y/N]" in err) == (not more)
    assert ("nothing was done" in err) == (not done)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("call", "add", "{"), "arguments: expected a JSON object"),
        (("call", "add", "[1]"), "arguments: expected a JSON object, got [1]"),
        (("list", "--app", "no_such_app.py"), "or a folder with an app.py, got no_such_app.py"),
        (("list", "--app", "broken_app.py"), "needs no_such_module, which is not installed"),
        (("list", "--mcp", "none.json"), "cannot read the file of MCP servers none.json"),
    ],
)
def test_a_mistake_on_the_command_line_is_told_with_status_2(tools: Run, argv: tuple[str, ...], words: str) -> None:
    status, _, err = tools(*argv)
    assert (status, words in err) == (2, True)


def test_the_agent_of_the_guide_is_called_as_the_guide_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tools", "call", "set_heating", '{"room": "bath", "celsius": 21}', "--app", "examples/tools.py"]) == 0
    assert json.loads(capsys.readouterr().out) == {"room": "bath", "celsius": 21.0}
