"""Mouth to ear in a real browser: headless Chromium through ``sonicrtc serve --loopback`` and back.

    python -m benchmarks.mouth_to_ear --seconds 60 --json FILE

A tone of 40 ms comes out of the fake microphone every second. Devices and their drivers are not part of the figure,
the browser's own buffers are. The first seconds, in which those settle, are left out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import wave
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from sonicrtc.bench.media.figures import Spread
from sonicrtc.bench.processes import ours, started
from sonicrtc.bench.report import machine

ROOT = Path(__file__).parents[1]
RATE_HZ = 48_000
GOAL_MS = 90.0
_SETTLE_S = 5.0
_WITHIN_S = 0.9


def write_tones(path: Path, seconds: int) -> None:
    """Write a tone of 1 kHz and 40 ms at the end of every second."""
    second = np.zeros(RATE_HZ, np.int16)
    at = np.arange(RATE_HZ // 25)
    second[RATE_HZ // 2 : RATE_HZ // 2 + at.size] = 16_000 * np.sin(2 * np.pi * 1000 * at / RATE_HZ)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(np.tile(second, seconds).tobytes())


def delays_ms(mouth: Sequence[float], ear: Sequence[float], settle_s: float = _SETTLE_S) -> list[float]:
    """Return how long each tone took from mouth to ear; one that did not come within 0.9 s is left out."""
    found = []
    for spoken_s in mouth:
        heard_s = next((at_s for at_s in ear if at_s >= spoken_s), None)
        if spoken_s >= mouth[0] + settle_s and heard_s is not None and heard_s - spoken_s < _WITHIN_S:
            found.append(1000 * (heard_s - spoken_s))
    return found


async def measure(seconds: int, serve: Sequence[str]) -> list[float]:
    with tempfile.TemporaryDirectory() as directory:
        tones = Path(directory, "tones.wav")
        write_tones(tones, seconds + 30)
        async with started(ours(most_calls=2, arguments=serve)) as running:
            options = {"url": running.url + "/", "microphone": str(tones), "seconds": seconds}
            command = ["scripts/node.sh", "node", "benchmarks/mouth_to_ear.mjs", json.dumps(options)]
            done = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    found = json.loads(done.stdout)
    return delays_ms(found["mouth"], found["ear"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--serve", default="", metavar="FLAGS", help="flags for 'sonicrtc serve'")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    delays = asyncio.run(measure(options.seconds, options.serve.split()))
    spread = Spread.of(delays)
    if spread.p50 is None:
        print("no tone came back")
        return 1
    print(f"mouth to ear: median {spread.p50:.0f} ms (goal {GOAL_MS:.0f}), p95 {spread.p95:.0f}, {spread.count} tones")
    if options.json is not None:
        head = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine()}
        options.json.write_text(json.dumps(head | {"delays_ms": delays} | asdict(spread), indent=1) + "\n", "utf-8")
    return int(spread.p50 > GOAL_MS)


if __name__ == "__main__":
    sys.exit(main())
