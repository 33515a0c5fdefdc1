"""What needs no clock and so never flakes: memory that a block takes, calls into native code; and design times."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sonicrtc.audio import Playout, Uplink, VadConfig
from sonicrtc.bench.candidates import DOWNLINK, UPLINK
from sonicrtc.bench.ours import PULLED

_ATTEMPTS = 5

#: A design is made once in a process, so each is the first of its kind in a fresh one.
_DESIGNS = """
import json, time
from sonicrtc.audio import Resampler, Uplink
designs = {f"48 to 16 kHz, {q}": (Uplink, 48000, q) for q in ("default", "hq", "low_latency")}
for a, b in ((24000, 48000), (44100, 16000)):
    designs[f"{a / 1000:g} to {b / 1000:g} kHz, default"] = (Resampler, a, b)
found = {}
for name, (kind, first, second) in designs.items():
    start = time.perf_counter()
    kind(first, quality=second) if kind is Uplink else kind(first, second)
    found[name] = 1000 * (time.perf_counter() - start)
print(json.dumps(found))
"""


def allocated_bytes(call: Callable[[Any], object], items: Sequence[Any]) -> int:
    """Return the Python memory that a run of `call` over `items` held at its peak, above that of an empty call.

    0 means that no call allocated anything, not even for a moment. The least of five attempts: what a call
    allocates it allocates each time, what the interpreter allocates beside it, it does not.
    """
    return max(0, _peak(call, items) - _peak(lambda _: None, items))


def _peak(call: Callable[[Any], object], items: Sequence[Any]) -> int:
    least = sys.maxsize
    was_tracing = tracemalloc.is_tracing()
    if not was_tracing:
        tracemalloc.start()
    try:
        for _ in range(_ATTEMPTS):
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            for item in items:
                call(item)
            least = min(least, tracemalloc.get_traced_memory()[1] - before)
    finally:
        if not was_tracing:
            tracemalloc.stop()
    return least


def crossings(call: Callable[[Any], object], items: Sequence[Any]) -> float:
    """Return how many calls of Python or native functions one `call` makes.

    `call` itself is not counted, and a native function that calls back into Python counts each time.
    """
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    previous = sys.getprofile()
    sys.setprofile(count)
    try:
        for item in items:
            call(item)
    finally:
        sys.setprofile(previous)
    return (calls - 1) / len(items) - 1  # less the call that takes the profiler off, and `call` itself


def of_this_build() -> dict[str, float]:
    """Return the counts that have a budget.

    Blocks come as memoryviews, as a decoder's frames do: numpy takes and frees a little memory itself
    whenever an array shows its buffer.
    """
    playout, pulled = Playout(DOWNLINK.input_hz, DOWNLINK.output_hz), memoryview(np.zeros(PULLED, np.int16))
    blocks = [memoryview(block) for block in UPLINK.tape()]
    for chunk in DOWNLINK.tape() * 3 * _ATTEMPTS:
        playout.push(chunk)
    alone, judged = _push(None), _push(VadConfig(detector="energy"))
    return {
        "bytes, Uplink.push(block, out=)": allocated_bytes(alone, blocks),
        "bytes, the same with detector energy": allocated_bytes(judged, blocks),
        "bytes, Playout.pull(frames, out=)": allocated_bytes(
            lambda frames: playout.pull(frames, pulled), [PULLED] * 50
        ),
        "native calls, Uplink.push(block, out=)": crossings(alone, blocks),
        "native calls, the same with detector energy": crossings(judged, blocks),
    }


def _push(vad: VadConfig | None) -> Callable[[Any], object]:
    uplink = Uplink(vad=vad)
    push, out = uplink.push, uplink.block(UPLINK.frames)
    return lambda block: push(block, out=out)


def design_ms() -> dict[str, float]:
    """Return how long each filter takes to be designed, in a fresh process; informational."""
    done = subprocess.run([sys.executable, "-P", "-c", _DESIGNS], stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found
