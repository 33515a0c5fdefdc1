"""Received packets on their way to the call: handed over as they come, without a task, a queue or a thread."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Buffer, Callable
from dataclasses import dataclass
from typing import Protocol

from sonicrtc.audio import opus_frames

#: How many pieces make a second: 20 ms each, whatever came at once.
PIECES_PER_S = 50
#: A source that was silent for so long may be followed by one that was heard before.
_ABANDONED_S = 0.5
#: A receiver that does not know any more what to make of the quiet is followed by zeros, in steps of 100 ms.
_QUIET_S = 0.1
#: A receiver that makes nothing of packets for so long is begun anew: a hole is waited for at most 120 ms.
_FRUITLESS_S = 0.15
#: Sources that are remembered; a peer has one, and another one after it changed its microphone.
_MOST_SOURCES = 8


class Counted(Protocol):
    """What is needed of :class:`sonicrtc.audio.ReceiverStats`."""

    @property
    def lost(self) -> int: ...
    @property
    def fec_frames(self) -> int: ...
    @property
    def plc_frames(self) -> int: ...


class Received(Protocol):
    """What is needed of :class:`sonicrtc.audio.AudioReceiver`."""

    @property
    def stats(self) -> Counted: ...
    @property
    def audio(self) -> Buffer: ...
    @property
    def due_s(self) -> float | None: ...
    def push(self, payload: bytes, sequence_number: int, timestamp: int, at_s: float, marker: bool = False) -> int: ...
    def advance(self, at_s: float) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """What became of what did not come: `packets` were lost, and how much of them was restored or made up.

    Restored is what came from in-band FEC or a copy in a later packet.
    """

    packets: int = 0
    restored_ms: float = 0.0
    made_up_ms: float = 0.0


class InboundPackets:
    """Takes RTP packets and hands their audio on, each as soon as it can be heard in order.

    One stream is heard at a time. A new source (SSRC) takes over at once, which is how a peer changes its
    microphone; one that was heard before only when the other has gone quiet.

    Parameters
    ----------
    open_receiver : callable
        Returns a jitter buffer and decoder for one stream.
    on_audio : callable
        ``on_audio(buffer, frames)`` takes at most 20 ms of int16 mono at `rate_hz`. The buffer may be longer
        than its `frames` and is valid during the call only. After a stall many come one after the other.
    on_failure : callable
        Takes what `on_audio` raised; nothing is handed on after it.
    rate_hz : int
        Rate of the audio.
    """

    def __init__(
        self,
        open_receiver: Callable[[], Received],
        on_audio: Callable[[Buffer, int], None],
        on_failure: Callable[[Exception], None],
        *,
        rate_hz: int,
    ) -> None:
        self._open_receiver, self._on_audio, self._on_failure = open_receiver, on_audio, on_failure
        self._rate_hz, self._piece_frames = rate_hz, rate_hz // PIECES_PER_S
        self._receiver: Received | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._quiet_from_s = 0.0
        self._before = Losses()
        self._copies = self._copied_frames = 0
        self._fruitless_from_s: float | None = None
        self._source = 0
        self._heard_s: dict[int, float] = {}

    @property
    def losses(self) -> Losses:
        """What was lost so far, of all streams."""
        if self._receiver is None:
            return self._before
        counted, before = self._receiver.stats, self._before
        return Losses(
            packets=before.packets + counted.lost + self._copies,
            restored_ms=before.restored_ms + 1000 * (counted.fec_frames + self._copied_frames) / self._rate_hz,
            made_up_ms=before.made_up_ms + 1000 * counted.plc_frames / self._rate_hz,
        )

    async def run(self) -> None:
        """Hand on what comes, until cancelled; what came before is left out."""
        self._loop = asyncio.get_running_loop()
        try:
            await self._loop.create_future()
        finally:
            self._close()

    def _close(self) -> None:
        self._loop = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def take(
        self, source: int, payload: bytes, sequence_number: int, timestamp: int, marker: bool, *, is_copy: bool = False
    ) -> None:
        """Take a packet of Opus, or the copy of one that was lost; while :meth:`run` does not run, it is left out."""
        if self._loop is None:
            return
        now_s = self._loop.time()
        receiver = self._receiver_of(source, now_s)
        if receiver is not None:
            if is_copy:
                self._copies += 1
                self._copied_frames += opus_frames(payload, self._rate_hz)
            frames = receiver.push(payload, sequence_number, timestamp, now_s, marker)
            if not frames and self._is_stuck(now_s):
                receiver = self._open()
                frames = receiver.push(payload, sequence_number, timestamp, now_s, marker)
            if frames:
                self._fruitless_from_s = None
            self._go_on(receiver, receiver.audio, frames, now_s)

    def _is_stuck(self, now_s: float) -> bool:
        """Take note of a packet of which nothing came; return whether that has gone on for too long.

        The receiver follows clocks that stood still and numbers that jump far; a sender whose numbers go back by
        less, which look like packets that are late, would not be heard until they have caught up: up to 4 s.
        """
        if self._fruitless_from_s is None:
            self._fruitless_from_s = now_s
        return now_s - self._fruitless_from_s > _FRUITLESS_S

    def _receiver_of(self, source: int, now_s: float) -> Received | None:
        """Return the receiver when this is the source that is heard, or becomes it."""
        receiver = self._receiver
        if receiver is None or source != self._source:
            is_new = source not in self._heard_s and len(self._heard_s) < _MOST_SOURCES
            if not is_new and now_s - self._heard_s.get(self._source, now_s) < _ABANDONED_S:
                return None
            receiver = self._open()
            self._source = source
        self._heard_s[source] = now_s
        return receiver

    def _open(self) -> Received:
        self._before = self.losses
        self._copies = self._copied_frames = 0
        self._fruitless_from_s = None
        self._receiver = self._open_receiver()
        return self._receiver

    def _go_on(self, receiver: Received, audio: Buffer, frames: int, now_s: float) -> None:
        """Hand on what is ready, and see to it that the timer comes when it is wanted."""
        self._quiet_from_s = now_s
        try:
            self._hand_on(audio, frames)
        except Exception as exc:  # aiortc's task, or the loop, called us: the call's own task is to have it
            self._close()
            self._on_failure(exc)
        else:
            due_s = receiver.due_s
            self._arm(now_s + _QUIET_S if due_s is None else due_s)

    def _hand_on(self, audio: Buffer, frames: int) -> None:
        if frames <= self._piece_frames:
            if frames:
                self._on_audio(audio, frames)
            return
        view = memoryview(audio)
        for at in range(0, frames, self._piece_frames):
            piece = view[at : min(at + self._piece_frames, frames)]
            self._on_audio(piece, len(piece))

    def _arm(self, due_s: float) -> None:
        """Let the one timer come by `due_s`; one that comes earlier is left, and armed again then."""
        if self._loop is None or (self._timer is not None and self._timer.when() <= due_s):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(due_s, self._advance)

    def _advance(self) -> None:
        self._timer = None
        receiver = self._receiver
        if self._loop is None or receiver is None:
            return
        now_s, due_s = self._loop.time(), receiver.due_s
        if due_s is None:
            self._be_quiet(receiver, now_s)
        elif due_s > now_s:
            self._arm(due_s)
        else:
            frames = receiver.advance(now_s)
            self._go_on(receiver, receiver.audio, frames, now_s)

    def _be_quiet(self, receiver: Received, now_s: float) -> None:
        """Hand on zeros for the time that has passed: the receiver has given up, the model's clock goes on."""
        quiet_s = now_s - self._quiet_from_s
        if quiet_s < _QUIET_S:
            self._arm(self._quiet_from_s + _QUIET_S)
            return
        pieces = int(quiet_s * PIECES_PER_S)
        frames = pieces * self._piece_frames
        until_s = self._quiet_from_s + pieces / PIECES_PER_S
        self._go_on(receiver, array("h", bytes(2 * frames)), frames, until_s)
