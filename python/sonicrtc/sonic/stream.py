"""What stands between a call and the model's stream: the framer, the bounded outbox, one sender, one reader.

The framer turns Uplink blocks into 32 ms chunks on an unbroken time line. Nothing here paces: the uplink's
blocks arrive in real time and are the clock. While a peer sends nothing at all, nothing is sent on; the
service tolerates that for about a minute (facts of the service, not of ours).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sonicrtc.errors import SonicClosedError, SonicError
from sonicrtc.metrics import Loudness
from sonicrtc.sonic.wire import INPUT_RATE_HZ

#: Frames in one chunk: 32 ms at 16 kHz, as the service advises.
CHUNK_FRAMES = 512
#: In a process with many sessions: half as many events to sign.
LARGE_CHUNK_FRAMES = 1024
#: How long audio may wait for the network before it is dropped; pre-roll is exempt.
OUTBOX_MS = 200.0
#: What may wait beside it: pre-roll, the longest that an Uplink can be set to, or what came in one burst.
BURST_MS = 1000.0

_FRAMES_PER_MS = INPUT_RATE_HZ / 1000

Samples = NDArray[np.int16]


class UplinkBlock(Protocol):
    """What we read of :class:`sonicrtc.audio.Block`."""

    @property
    def s16(self) -> Samples: ...
    @property
    def level_dbfs(self) -> float: ...
    @property
    def speech(self) -> bool: ...
    @property
    def preroll(self) -> Samples: ...
    @property
    def onset(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def withheld_frames(self) -> int: ...


class Duplex(Protocol):
    """A stream of events both ways, as :class:`sonicrtc.sonic.bedrock.BedrockStream` is."""

    async def accepted(self) -> str: ...
    async def send(self, data: bytes) -> None: ...
    async def receive(self) -> bytes | None: ...
    async def end_input(self) -> None: ...
    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class AudioItem:
    """One chunk that waits to be sent; `voiced` when somebody speaks in it."""

    pcm: bytes
    captured_at_s: float
    is_preroll: bool
    voiced: bool = False

    @property
    def duration_ms(self) -> float:
        return len(self.pcm) / 2 / _FRAMES_PER_MS


class UplinkFramer:
    """Makes chunks of :data:`CHUNK_FRAMES` out of blocks of any length.

    When the gate opens, the pre-roll goes in before the onset, so the stream runs ahead of real time by
    that much. After the next closing the same number of zeros is left out; what the gate withholds counts
    as left out. A pre-roll reaches back to the last closing at most: should the gate open again before
    that is done, it is as long as what was left out. So the stream is never more than one pre-roll ahead,
    and never drifts.

    Attributes
    ----------
    chunk_frames : int
        Length of a chunk; may be changed at any time.
    ahead_frames : int
        How far the stream is ahead of real time now.
    """

    def __init__(self, chunk_frames: int = CHUNK_FRAMES) -> None:
        self.chunk_frames = chunk_frames
        self._waiting = bytearray()
        self._preroll_end = 0  # bytes of `_waiting` up to the end of the pre-roll
        self._voiced = False
        self._loudness = Loudness()
        self._taken_frames = 0
        self.ahead_frames = 0

    def push(self, block: UplinkBlock, *, captured_at_s: float) -> list[AudioItem]:
        """Take one block and return the chunks that became complete; while audio is withheld, all that waits."""
        self._catch_up(block.withheld_frames)
        self._taken_frames += block.s16.size
        loud = self._loudness.is_loud(block.level_dbfs, self._taken_frames / _FRAMES_PER_MS)
        self._voiced = self._voiced or block.preroll.size > 0 or (loud and block.speech)
        samples, start = block.s16, 0
        # The last edge left the gate as it is now, so the order of the two is known.
        order = (block.offset, block.onset) if block.speech else (block.onset, block.offset)
        edges = [edge for edge in order if edge >= 0]
        is_open = block.speech != (len(edges) == 1)
        for edge in edges:
            self._add_gated(samples[start:edge], is_open)
            if not is_open:
                self._add_preroll(block.preroll)
            start, is_open = edge, not is_open
        self._add_gated(samples[start:], is_open)
        items = self._complete(captured_at_s)
        if block.withheld_frames and not block.speech:
            items += self.flush(captured_at_s=captured_at_s)  # what would complete it may be seconds away
        return items

    def flush(self, *, captured_at_s: float) -> list[AudioItem]:
        """Return what does not fill a chunk."""
        if not self._waiting:
            return []
        item = AudioItem(bytes(self._waiting), captured_at_s, self._preroll_end > 0, self._voiced)
        self._waiting.clear()
        self._preroll_end = 0
        self._voiced = False
        return [item]

    def _add(self, samples: Samples) -> None:
        self._waiting += np.ascontiguousarray(samples, dtype="<i2").data.cast("B") if samples.size else b""

    def _add_gated(self, samples: Samples, is_open: bool) -> None:
        """Add what came from the gate, without the zeros that pay for the last pre-roll."""
        if not is_open and self.ahead_frames and samples.size and not samples.any():
            samples = samples[self._catch_up(samples.size) :]
        self._add(samples)

    def _catch_up(self, frames: int) -> int:
        """Let real time come nearer by up to `frames`, and return by how much it did."""
        frames = min(self.ahead_frames, frames)
        self.ahead_frames -= frames
        return frames

    def _add_preroll(self, preroll: Samples) -> None:
        self._add(preroll)
        self.ahead_frames += preroll.size
        if preroll.size:
            self._preroll_end = len(self._waiting)

    def _complete(self, captured_at_s: float) -> list[AudioItem]:
        items: list[AudioItem] = []
        size = 2 * self.chunk_frames
        whole = len(self._waiting) // size * size
        for start in range(0, whole, size):
            pcm = bytes(self._waiting[start : start + size])
            items.append(AudioItem(pcm, captured_at_s, start < self._preroll_end, self._voiced))
        del self._waiting[:whole]
        self._preroll_end = max(0, self._preroll_end - whole)
        self._voiced = self._voiced and not whole
        return items


class Outbox:
    """What waits to be sent, in order: audio that may be dropped, and events that may not.

    More than `limit_ms` of audio may be there only when it came at once: after a stall of the caller's network,
    or of this process, which says nothing about the network to the model.

    Attributes
    ----------
    audio_ms : float
        Audio that waits, pre-roll included.
    dropped_ms : float
        Audio that was dropped because the network did not keep up.
    """

    def __init__(self, *, limit_ms: float = OUTBOX_MS, burst_limit_ms: float = BURST_MS) -> None:
        self._limit_ms = limit_ms
        self._total_limit_ms = limit_ms + burst_limit_ms
        self._items: deque[AudioItem | tuple[bytes, ...]] = deque()
        self._wake: asyncio.Event = asyncio.Event()
        self._exempt_ms = 0.0
        self._ended = False
        self.audio_ms = 0.0
        self.dropped_ms = 0.0

    def put_audio(self, item: AudioItem) -> None:
        """Append one chunk; drop the oldest audio beyond the limits."""
        self._items.append(item)
        self._count(item, +1)
        while self.audio_ms - self._exempt_ms > self._limit_ms:
            oldest = next(i for i in self._items if isinstance(i, AudioItem) and not i.is_preroll)
            if item.captured_at_s - oldest.captured_at_s < self._limit_ms / 1000:
                break
            self._drop(oldest)
        while self.audio_ms > self._total_limit_ms:
            self._drop(next(i for i in self._items if isinstance(i, AudioItem)))
        self._wake.set()

    def put_events(self, events: tuple[bytes, ...]) -> None:
        """Append events that stay together and are never dropped."""
        self._items.append(events)
        self._wake.set()

    def end(self) -> None:
        """Let :meth:`get` return None once everything was taken."""
        self._ended = True
        self._wake.set()

    async def get(self) -> AudioItem | tuple[bytes, ...] | None:
        """Return the oldest item; None after the end."""
        while not self._items:
            if self._ended:
                return None
            self._wake.clear()
            await self._wake.wait()
        item = self._items.popleft()
        if isinstance(item, AudioItem):
            self._count(item, -1)
        return item

    def _count(self, item: AudioItem, sign: int) -> None:
        self.audio_ms += sign * item.duration_ms
        if item.is_preroll:
            self._exempt_ms += sign * item.duration_ms

    def _drop(self, item: AudioItem) -> None:
        self._items.remove(item)
        self._count(item, -1)
        self.dropped_ms += item.duration_ms


async def send_all(
    stream: Duplex,
    outbox: Outbox,
    *,
    encode_audio: Callable[[bytes], bytes],
    on_audio_sent: Callable[[AudioItem], None],
    send_timeout_s: float,
) -> None:
    """Send what the outbox holds until it ends, then end the stream's input.

    Raises
    ------
    SonicClosedError
        The service did not take an event for `send_timeout_s`.
    SonicError
        The stream is gone.
    """
    try:
        while (item := await outbox.get()) is not None:
            async with asyncio.timeout(send_timeout_s):
                if isinstance(item, AudioItem):
                    await stream.send(encode_audio(item.pcm))
                    on_audio_sent(item)
                else:
                    for event in item:
                        await stream.send(event)
        async with asyncio.timeout(send_timeout_s):
            await stream.end_input()
    except TimeoutError as exc:
        raise SonicClosedError(f"the service stopped reading: nothing could be sent for {send_timeout_s:g} s") from exc


async def read_all(stream: Duplex, on_data: Callable[[bytes], SonicError | None]) -> None:
    """Give every chunk of the stream to `on_data` until the stream ends, or until it returns an error.

    Raises
    ------
    SonicError
        The stream failed, or `on_data` said so.
    """
    while (data := await stream.receive()) is not None:
        if (error := on_data(data)) is not None:
            raise error
