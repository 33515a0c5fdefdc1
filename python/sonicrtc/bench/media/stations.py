"""Where the time of a call goes: marks are sent through a call and the local model's echo, and each station notes them.

Run as a module it is the server of such a call: this package's own, whose sessions write down when a mark passes.
All processes read one monotonic clock.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sonicrtc.bench import processes
from sonicrtc.bench.hops import Hop, hop
from sonicrtc.bench.media.calls import Calls as LightCalls
from sonicrtc.bench.media.capacity import Window, round_trips
from sonicrtc.bench.media.figures import PITCHES_HZ, beginnings, pitch_of, round_trips_ms
from sonicrtc.bench.media.impairment import Impairment
from sonicrtc.bench.media.session import LightCall
from sonicrtc.bench.media.tapes import Decoder, marks
from sonicrtc.bench.processes import ServerUnderTest
from sonicrtc.errors import PeerError
from sonicrtc.sonic.protocol import AudioChunk, SonicEvent
from sonicrtc.sonic.session import SonicSession

type Heard = list[tuple[float, int | None]]

_UPLINK_HZ, _ANSWER_HZ = 16_000, 24_000
_QUIET = 330  # -40 dBFS
_SETTLE_S = 3.0
_CONNECTS = 10


# -- the server -------------------------------------------------------------------------------------


class StampedSession(SonicSession):
    """A session that notes which marks go into it and which come out, and when."""

    def __init__(self, *arguments: Any, on_event: Callable[[SonicEvent], None], **options: Any) -> None:
        self.heard: Heard = []
        self.answered: Heard = []
        self.sent_delays_ms: list[float] = []
        self._pass_on = on_event
        super().__init__(*arguments, on_event=self._note, **options)

    def send_audio(self, block: Any, *, captured_at_s: float) -> None:
        """Note the mark in `block`, and how long the newest block that was sent had taken."""
        self.heard.append((time.monotonic(), pitch_of(np.asarray(block.s16), PITCHES_HZ, _UPLINK_HZ)))
        super().send_audio(block, captured_at_s=captured_at_s)
        self.sent_delays_ms.append(self.stats.sent_delay_ms)

    def _note(self, event: SonicEvent) -> None:
        if isinstance(event, AudioChunk):
            samples = np.frombuffer(event.pcm, "<i2").astype(np.int16)
            self.answered.append((time.monotonic(), pitch_of(samples, PITCHES_HZ, _ANSWER_HZ)))
            if samples.max(initial=0) < _QUIET:
                return  # a model says nothing in pauses; an endless answer would only queue up
        self._pass_on(event)


async def serve(endpoint: str, state: Path) -> dict[str, Any]:
    """Answer calls until SIGTERM, then return what the last one noted."""
    from sonicrtc.calls import Calls
    from sonicrtc.config import BargeInConfig, Config, ServerConfig, SonicConfig, VadConfig
    from sonicrtc.credentials import StaticCredentials
    from sonicrtc.local.state import LocalState
    from sonicrtc.server.service import Server
    from sonicrtc.tasks import stop_event
    from sonicrtc.tools.registry import ToolRegistry

    sessions: list[StampedSession] = []
    with LocalState.open(state) as local:
        credentials = StaticCredentials(local.keys)
        # The marks are not speech: nothing may be muted.
        config = Config(
            server=ServerConfig(port=0), sonic=SonicConfig(endpoint=endpoint, ca_file=local.ca_file),
            vad=VadConfig(gate="off"), bargein=BargeInConfig(assist="off", echo="send"),
        )  # fmt: skip

        def open_session(sonic: SonicConfig, told: Callable[[SonicEvent], None]) -> SonicSession:
            sessions.append(StampedSession(sonic, credentials=credentials, on_event=told))
            return sessions[-1]

        calls = Calls(config, credentials=credentials, tools=ToolRegistry(), open_session=open_session)
        async with stop_event() as stop, calls, Server(config, calls, credentials=credentials) as server:
            print(f"{server.url}\nready", flush=True)
            await server.run_until(stop)
    last = sessions[-1]
    return {"heard": last.heard, "answered": last.answered, "sent_delays_ms": last.sent_delays_ms}


# -- the measurement --------------------------------------------------------------------------------


#: The hop that a lossy network changes.
UP = "mic packet to session"


async def run(seconds: float, network: Impairment | None = None) -> tuple[Hop, ...]:
    """Call for `seconds` and return how the times from station to station are spread.

    Parameters
    ----------
    seconds : float
        How long; five marks a second.
    network : Impairment, optional
        Between the caller and the server.

    Raises
    ------
    PeerError
        No call came about, or no mark came back.
    """
    with tempfile.TemporaryDirectory(prefix="sonicrtc-bench-") as directory:
        state, out = Path(directory), Path(directory, "stations.json")
        python = (sys.executable, "-P", "-m")
        model = ServerUnderTest(
            name="local sonic", command=(*python, "sonicrtc", "local", "sonic", "--brain", "echo", "--state", directory)
        )
        async with processes.started(model) as echo:
            arguments = ("--endpoint", _endpoint(echo.lines), "--state", str(state), "--out", str(out))
            server = ServerUnderTest(name="stations", command=(*python, __name__, *arguments))
            async with processes.started(server) as running:
                connects = await _connects(running.url)
                call, window = await _marked(running.url, seconds, network)
        noted = json.loads(await asyncio.to_thread(out.read_text, "utf-8"))
    return tuple(hops(call, window, noted, connects))


def _endpoint(lines: Sequence[str]) -> str:
    words = [word for line in lines for word in shlex.split(line)]
    return next(word.partition("=")[2] for word in words if word.startswith("SONICRTC_SONIC_ENDPOINT="))


async def _connects(url: str) -> list[float]:
    """Return how long connecting took, call after call, in ms."""
    found = []
    for _ in range(_CONNECTS):
        call = LightCall(marks())
        async with LightCalls(url) as calls:
            await calls.add([call])
            found += [] if call.connected_ms is None else [call.connected_ms]
    return found


async def _marked(url: str, seconds: float, network: Impairment | None) -> tuple[LightCall, Window]:
    call = LightCall(marks(), up=network, keeps_payloads=True)
    async with LightCalls(url) as calls:
        await calls.add([call])
        if calls.failures:
            raise PeerError(calls.failures[0])
        begin_s = asyncio.get_running_loop().time() + _SETTLE_S
        await asyncio.sleep(_SETTLE_S + seconds)
        return call, Window(begin_s=begin_s, end_s=begin_s + seconds - 1.5)


def hops(call: LightCall, window: Window, noted: dict[str, Any], connects_ms: Sequence[float]) -> list[Hop]:
    """Return the hops from what the caller and the server noted; those without a single mark are left out."""
    begins, inside = dict(call.tape.marks), window.of(call.track.sent_s)
    sent = [
        (call.track.sent_s[number], begins[place])
        for number in range(inside.start, inside.stop)
        if (place := call.track.place(number)) in begins
    ]
    heard, answered = ([(at_s, hz) for at_s, hz in noted[name]] for name in ("heard", "answered"))
    decoder = Decoder()
    arrivals = zip(call.arrivals.at_s, call.arrivals.payloads or (), strict=True)
    back = [(at_s, pitch_of(decoder.decode(payload), PITCHES_HZ)) for at_s, payload in arrivals]
    times = {
        "connect": list(connects_ms),
        UP: list(round_trips_ms(sent, heard)),
        "session to audioInput": [delay for delay in noted["sent_delays_ms"] if delay > 0],
        "session to audioOutput": list(round_trips_ms(_within(heard, window), answered)),
        "audioOutput to RTP packet": list(round_trips_ms(_within(answered, window), back)),
        "round trip": round_trips(call, window),
    }
    return [hop(name, "ms", values) for name, values in times.items() if values]


def _within(heard: Heard, window: Window) -> list[tuple[float, int]]:
    return [(at_s, hz) for at_s, hz in beginnings(heard) if window.begin_s <= at_s < window.end_s]


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    options.out.write_text(json.dumps(asyncio.run(serve(options.endpoint, options.state))), "utf-8")


if __name__ == "__main__":
    main()
