"""The whole product in processes, as a user starts it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.speech import clear_afternoon

from sonicrtc.local.sonic.speech.recognizer import MoonshineRecognizer

SONICRTC = (sys.executable, "-P", "-m", "sonicrtc")
READY_S = 120
#: Short, because every caller of the demo listens to it before it speaks.
GREETING = "Hello! How can I help you?"


@contextmanager
def running(*arguments: str, prefix: tuple[str, ...] = (), env: dict[str, str] | None = None) -> Iterator[Running]:
    """Start ``sonicrtc arguments``, wait for its line "ready", and interrupt it at the end."""
    process = subprocess.Popen(
        [*prefix, *SONICRTC, *arguments], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, env=env
    )
    watchdog = threading.Timer(READY_S, process.kill)
    watchdog.start()
    try:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if lines[-1] == "ready":
                break
        else:
            pytest.fail(f"sonicrtc {' '.join(arguments)} ended with {process.wait()} before it was ready: {lines}")
        watchdog.cancel()
        yield Running(process, lines)
    finally:
        watchdog.cancel()
        watchdog.join()
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        with process:
            process.wait(timeout=30)


class Running:
    """A command that is ready."""

    def __init__(self, process: subprocess.Popen[str], lines: list[str]) -> None:
        self.process = process
        #: What it printed, the last being "ready".
        self.lines = lines

    @property
    def url(self) -> str:
        return self.lines[0]


def descendants(pid: int) -> dict[int, str]:
    """Return the commands of all processes below `pid`, by id."""
    listed = subprocess.run(["ps", "-wweo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(maxsplit=2) for line in listed.splitlines()]
    found: dict[int, str] = {}
    parents = {pid}
    while parents:
        level = {int(row[0]): row[2] for row in rows if int(row[1]) in parents}
        found |= level
        parents = set(level)
    return found


def alive(pid: int) -> bool:
    """Return whether a process lives and is more than a zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.fixture(scope="session")
def speech_demo() -> Iterator[str]:
    """The address of one demo with the speech brain, for all tests."""
    with running(
        "demo", "--no-browser", "--port", "0", "--greeting", GREETING, env={**os.environ, **clear_afternoon()}
    ) as demo:
        yield demo.url


@pytest.fixture(scope="session")
def recogniser() -> MoonshineRecognizer:
    """The offline recogniser; its worker thread lives as long as the session."""
    return MoonshineRecognizer()
