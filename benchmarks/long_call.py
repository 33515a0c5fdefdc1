"""Calls of half an hour whose senders' clocks drift and whose packets are lost: neither delay nor memory may grow.

Run as ``python -m benchmarks.long_call [MINUTES]``; the exit status says whether it held.
"""

from __future__ import annotations

import asyncio
import sys

from sonicrtc.bench import processes
from sonicrtc.bench.media.calls import Calls
from sonicrtc.bench.media.capacity import Window, round_trips
from sonicrtc.bench.media.figures import Spread
from sonicrtc.bench.media.impairment import Impairment
from sonicrtc.bench.media.session import LightCall
from sonicrtc.bench.media.tapes import marks

#: A crystal is off by 100 millionths at most, so two are by 200.
DRIFTS_PPM = (-200.0, 0.0, 200.0)
LOSS = Impairment(loss=0.05)
PARTS = 6
#: What the last part may have more than the second: delay in the mean, and memory.
MOST_MS, MOST_MB = 10.0, 2.0


async def measure(minutes: float) -> bool:
    """Call, print what each part was like, and return whether nothing grew."""
    tape, server = marks(), processes.ours(most_calls=10)
    calls = [
        LightCall(tape, start=10 * n, up=LOSS, seed=n, keeps_payloads=True, drift_ppm=drift)
        for n, drift in enumerate(DRIFTS_PPM)
    ]
    parts: list[tuple[Window, float]] = []
    async with processes.started(server) as running, Calls(running.url) as on:
        await on.add(calls)
        loop = asyncio.get_running_loop()
        assert running.pid is not None
        for part in range(PARTS):
            begin_s = loop.time()
            await asyncio.sleep(60 * minutes / PARTS)
            parts.append((Window(begin_s=begin_s, end_s=loop.time() - 2), processes.resident_mb(running.pid)))
            print(f"minute {minutes * (part + 1) / PARTS:.0f}: {parts[-1][1]:.1f} MB", flush=True)
    # Not before: the load would be late while it decodes.
    means = []
    for drift, call in zip(DRIFTS_PPM, calls, strict=True):
        trips = [Spread.of(round_trips(call, window)) for window, _ in parts]
        told = ", ".join(f"{trip.mean or 0:.1f} / {trip.p95 or 0:.1f}" for trip in trips)
        print(f"{drift:+.0f} ppm: echo mean / p95 ms {told}")
        means.append([trip.mean or float("inf") for trip in trips])
    megabytes = [mb for _, mb in parts]
    return megabytes[-1] - megabytes[1] <= MOST_MB and all(m[-1] - m[1] <= MOST_MS for m in means)


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(measure(float(sys.argv[1]) if len(sys.argv) > 1 else 30.0)) else 1)
