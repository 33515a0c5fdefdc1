"""The emitter's way to the client, and the faults that lie on it."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Mapping
from typing import Any

from sonicrtc.local.sonic.emitter import Event
from sonicrtc.local.sonic.eventstream import encode_event
from sonicrtc.local.sonic.faults import Fault
from sonicrtc.local.sonic.h2server import Stream

__all__ = ["Outlet"]


class Outlet:
    """Sends events on a stream; twice, late, in bursts or not at all when a fault says so.

    Parameters
    ----------
    stream : Stream
    on_event : callable
        Gets name and body of each event that was sent, and the length of its audio in ms.
    on_fault : callable
        Gets what a brain spoils.
    fault : Fault
        Its `duplicate`, `reorder`, `pace` and `burst_ms` apply from the start.

    Attributes
    ----------
    silent : bool
        Set to send nothing any more.
    stalled : bool
        Half a message was sent: nothing can follow it.
    mute : bool
        Set to send no audio any more.
    rate_hz : int
        Rate of the audio that is sent.
    """

    def __init__(
        self,
        stream: Stream,
        on_event: Callable[[str, Mapping[str, Any], float], None],
        on_fault: Callable[[str], None],
        fault: Fault,
    ) -> None:
        self.silent = False
        self.stalled = False
        self.mute = False
        self.rate_hz = 24_000
        self._stream = stream
        self._on_event = on_event
        self.spoil = on_fault
        self._loop = asyncio.get_running_loop()
        self._late: Event | None = None
        self._burst: list[Event] = []
        self._burst_ms = 0.0
        self._due_s = 0.0
        self.shape(fault)

    def shape(self, fault: Fault) -> None:
        """Let the lasting parts of `fault` apply from now on, in place of those before."""
        self._fault = fault

    def put(self, event: Event) -> None:
        """Send an event, after those that were put before it; see `Outbox`."""
        (name,) = event["event"]
        if self._late is not None:
            late, self._late = self._late, None
            self._put(event)
            self._put(late)
        elif name in self._fault.reorder:
            self._late = event
        else:
            self._put(event)

    async def drain(self) -> None:
        """Wait for room and, with a `pace`, for the time that the audio takes."""
        if self._due_s > self._loop.time():
            await asyncio.sleep(self._due_s - self._loop.time())
        await self._stream.drain()

    def flush(self) -> None:
        """Send what is held back."""
        if self._late is not None:
            late, self._late = self._late, None
            self._put(late)
        self._flush_burst()

    def seal(self) -> None:
        """Send what is held back, and nothing after it."""
        self.flush()
        self.silent = True

    def stall(self) -> None:
        """Send half a message, and nothing after it."""
        self.flush()
        frame = encode_event({"event": {}})
        self._stream.write(frame[: len(frame) // 2])
        self.silent = self.stalled = True

    def _put(self, event: Event) -> None:
        ((name, body),) = event["event"].items()
        if name == "audioOutput" and self._fault.burst_ms:
            self._burst.append(event)
            self._burst_ms += self._audio_ms(body)
            if self._burst_ms >= self._fault.burst_ms:
                self._flush_burst()
            return
        self._flush_burst()
        self._send(event)

    def _flush_burst(self) -> None:
        burst, self._burst = self._burst, []
        self._burst_ms = 0.0
        for event in burst:
            self._send(event)

    def _send(self, event: Event) -> None:
        ((name, body),) = event["event"].items()
        if self.silent or (self.mute and name == "audioOutput"):
            return
        audio_ms = self._audio_ms(body) if name == "audioOutput" else 0.0
        if audio_ms and self._fault.pace:
            self._due_s = max(self._due_s, self._loop.time()) + audio_ms * self._fault.pace / 1000
        for _ in range(1 + (name in self._fault.duplicate)):
            self._stream.write(encode_event(event))
        self._on_event(name, body, audio_ms)

    def _audio_ms(self, body: Mapping[str, Any]) -> float:
        return len(base64.b64decode(body["content"])) / 2 / self.rate_hz * 1000
