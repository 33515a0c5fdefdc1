"""Real browsers, driven by the scenarios in this folder, against a server of their own."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
import wave
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.speech import clear_afternoon

from sonicrtc.audio import Resampler
from sonicrtc.local.sonic.speech.recognizer import MoonshineRecognizer

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
READY_S = 90.0
STOP_S = 15.0
SCENARIO_S = 180.0

Samples = NDArray[np.int16]
#: Runs a scenario with options and returns what it printed.
Browse = Callable[..., dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Site:
    """A running server; `enter` is the command that gets another process to where it can be reached."""

    url: str
    pid: int
    enter: tuple[str, ...] = ()


@contextlib.contextmanager
def serving(
    *arguments: str,
    within: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    module: Sequence[str] = ("sonicrtc",),
) -> Iterator[Site]:
    """Run ``sonicrtc`` with `arguments` until it says ready; stop it by Ctrl-C and see that it stops well."""
    command = [*within, sys.executable, "-m", *module, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, env={**os.environ, **(env or {})}) as process:
        try:
            printed = _until_ready(process)
            found = re.search(r"https?://\S+", printed)
            assert found, f"no address in {printed!r}"
            yield Site(found[0], process.pid)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                code = process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        assert code in (0, 130, -signal.SIGINT), f"{arguments[0]} ended with {code}"


def _until_ready(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    printed = b""
    deadline_s = time.monotonic() + READY_S
    while b"ready" not in printed:
        readable, _, _ = select.select([process.stdout], [], [], max(0.0, deadline_s - time.monotonic()))
        chunk = os.read(process.stdout.fileno(), 4096) if readable else b""
        if not chunk:
            raise AssertionError(
                f"not ready: {printed.decode()!r} (exit {process.poll()}, after {READY_S:g} s at most)"
            )
        printed += chunk
    return printed.decode()


@pytest.fixture(scope="session")
def browse() -> Browse:
    def run(scenario: str, site: Site, **options: object) -> dict[str, Any]:
        command = [*site.enter, "scripts/node.sh", "node", str(HERE / f"{scenario}.mjs")]
        done = subprocess.run(
            [*command, json.dumps({"url": site.url, **options})],
            cwd=ROOT, capture_output=True, text=True, timeout=SCENARIO_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{scenario}:\n{done.stderr}"
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        assert found["complaints"] == [], "the browser's console complains"
        return found

    return run


@pytest.fixture(scope="session")
def demo() -> Iterator[Site]:
    with serving("demo", "--no-browser", "--port", "0", "--greeting", "", env=clear_afternoon()) as site:
        yield site


@pytest.fixture(scope="session")
def loopback() -> Iterator[Site]:
    with serving("serve", "--loopback", "--port", "0", "--drain", "0", "--allowed-host", "agent.example") as site:
        yield site


@pytest.fixture(scope="session")
def recogniser() -> MoonshineRecognizer:
    """The offline recogniser; its worker thread lives as long as the process."""
    return MoonshineRecognizer()


def recording(found: dict[str, Any], what: str) -> Samples:
    """What the browser ``received``, or what the page let through of it, so that it was ``heard``."""
    return np.frombuffer(base64.b64decode(found[what]), "<i2")


def recognise(recogniser: MoonshineRecognizer, samples: Samples) -> str:
    resampler = Resampler(input_rate_hz=48_000, output_rate_hz=16_000)
    at_16_khz = np.concatenate([resampler.push(np.ascontiguousarray(samples)), resampler.flush()])
    return asyncio.run(recogniser.recognize(at_16_khz))


def write_wav(path: Path, samples: Samples, rate_hz: int) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(samples.astype("<i2").tobytes())


def read_wav(path: Path) -> tuple[Samples, int]:
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2"), file.getframerate()
