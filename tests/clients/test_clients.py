"""Clients that we did not write hold a turn with a tool; what is refused is what docs/clients.md tells."""

from __future__ import annotations

import configparser
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest
from tests.clients.turn import SCENARIO

pytestmark = [pytest.mark.clients, pytest.mark.checkout]

ROOT = Path(__file__).parents[2]
#: Each client, and why its session failed: those of Pipecat and Strands do so after the talk.
CLIENTS: dict[str, list[str]] = {
    "livekit": [],
    "pipecat": [
        "validationException: Invalid input request, please fix your input and try again."
        " (promptEnd: content is still open; send its contentEnd first)"
    ],
    "strands": [
        "validationException: Unable to parse input chunk. Please check input format contains correct format."
        " (this event name is not known)"
    ],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """A client's report and the service's."""

    status: int
    turn: dict[str, Any]
    client_log: str
    sessions: str
    failed: list[str]


def until_ready(lines: IO[str]) -> Iterator[str]:
    for line in lines:
        if line == "ready\n":
            return
        yield line
    pytest.fail("the service ended before it was ready")


def environment(exports: list[str], clean: dict[str, str]) -> dict[str, str]:
    """Return `clean` with what the service's `export` lines say, and its keys as variables."""
    words = [word for line in exports for word in shlex.split(line)[1:]]
    variables = dict(word.split("=", 1) for word in words)
    keys = configparser.ConfigParser()
    keys.read(variables["AWS_SHARED_CREDENTIALS_FILE"])
    return clean | variables | {name.upper(): value for name, value in keys["default"].items()}


def hold_turn(client: str, folder: Path) -> Talk:
    """Let a client's driver talk to `sonicrtc local sonic` and stop both."""
    scenario = folder / "scenario.json"
    scenario.write_text(json.dumps(SCENARIO))
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SONICRTC_"))}
    command = [sys.executable, "-P", "-m", "sonicrtc", "local", "sonic", "--exit-with-stdin"]
    command += ["--brain", "scripted", "--scenario", str(scenario)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, text=True, env=clean, stdin=pipe, stdout=pipe, stderr=pipe) as service:
        assert service.stdout is not None
        exports = list(until_ready(service.stdout))
        driver = subprocess.run(
            [ROOT / ".cache" / f"{client}-env" / "bin" / "python", "-m", f"tests.clients.{client}_turn"],
            cwd=ROOT, env=environment(exports, clean), capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        _, told = service.communicate(timeout=30)
    begin = told.index("sessions: ")
    sessions, *failed = told[begin:].splitlines()
    return Talk(
        status=driver.returncode,
        turn=json.loads(driver.stdout or "{}"),
        client_log=driver.stderr,
        sessions=sessions,
        failed=[line.removeprefix("failed: ") for line in failed],
    )


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_that_we_did_not_write_holds_a_turn_with_a_tool(client: str, tmp_path: Path) -> None:
    talk = hold_turn(client, tmp_path)
    assert talk.status == 0, talk.client_log
    assert talk.turn == {
        "user": ["how warm is it in the kitchen"],
        "calls": [{"room": "kitchen"}],
        "assistant": ["It is 21.5 degrees in the kitchen."],
        "audio_ms": 1200,
        "errors": [],
    }
    assert talk.failed == CLIENTS[client]
    assert talk.sessions == f"sessions: 1 opened, 1 closed, {len(CLIENTS[client])} failed"
