"""Where a call's events go: to the page, and to every part of the application that reads them."""

from __future__ import annotations

import asyncio
import time
import weakref
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager

import msgspec
from msgspec.structs import replace

from sonicrtc.errors import MessageError, SonicRtcError
from sonicrtc.events import (
    ClientMessage,
    ErrorEvent,
    Event,
    HangUpMessage,
    ServerEvent,
    UnknownEvent,
    UsageEvent,
    decode_client,
    encode,
)


def error_event(error: SonicRtcError) -> ErrorEvent:
    """Return `error` as words for a person."""
    return ErrorEvent(code=error.code, message=str(error), retryable=error.retryable)


def usage_event(usage: object) -> UsageEvent:
    """Return the totals that the model reported."""
    return msgspec.convert(usage, UsageEvent, from_attributes=True)


class CallClock:
    """The milliseconds since a call was connected; 0 before."""

    def __init__(self) -> None:
        self._started_at_s: float | None = None

    def start(self) -> bool:
        """Begin to count; return whether this was the first time."""
        first = self._started_at_s is None
        if first:
            self._started_at_s = time.monotonic()
        return first

    def now_ms(self) -> float:
        """Return the time."""
        return 0.0 if self._started_at_s is None else (time.monotonic() - self._started_at_s) * 1000


class Feed:
    """Stamps events with the time and hands each to the page and to every reader; never waits.

    What is told before the first reader comes waits for it. A reader that falls behind loses its
    oldest events; they are counted in ``dropped``. Readers that are gone cost nothing.

    Parameters
    ----------
    send : callable
        ``send(text)`` puts a message on the data channel.
    clock : callable
        Returns the milliseconds since the call was connected.
    capacity : int
        Events kept for one reader.
    introduced : bool
        False lets everything wait for :meth:`introduce`.
    """

    def __init__(
        self, *, send: Callable[[str], None], clock: Callable[[], float], capacity: int = 512, introduced: bool = True
    ) -> None:
        self._send = send
        self._clock = clock
        self._capacity = capacity
        self._readers: weakref.WeakSet[Reader] = weakref.WeakSet()
        self._backlog: deque[Event] | None = deque(maxlen=capacity)
        self._early: list[ServerEvent] | None = None if introduced else []
        self.closed = False
        self.dropped = 0

    def tell(self, *events: ServerEvent) -> None:
        """Tell the page and the readers. What is too large for the page is told to the readers only.

        After :meth:`close` nothing is told.
        """
        if self._early is not None:
            self._early += events
            return
        for event in () if self.closed else events:
            stamped = self.publish(event)
            try:
                self._send(encode(stamped))
            except MessageError as exc:
                self._send(encode(error_event(MessageError(f"an event of the call was left out: {exc}"))))

    @contextmanager
    def telling_errors(self) -> Iterator[None]:
        """Tell an error of ours that is raised inside, instead of letting it out."""
        try:
            yield
        except SonicRtcError as exc:
            self.tell(error_event(exc))

    def introduce(self, *events: ServerEvent) -> None:
        """Tell `events`, then what had to wait for them; nothing waits from here on."""
        early, self._early = self._early or (), None
        self.tell(*events, *early)

    def publish[E: Event](self, event: E) -> E:
        """Tell the readers only; return the stamped event."""
        stamped = replace(event, at_ms=self._clock())
        if self._backlog is not None:
            self.dropped += len(self._backlog) == self._capacity
            self._backlog.append(stamped)
        for reader in self._readers:
            self.dropped += reader.put(stamped)
        return stamped

    def receive(self, message: str | bytes) -> ClientMessage | UnknownEvent | None:
        """Read a message of the page, tell the readers of it, and return it; None when it makes no sense."""
        try:
            event = decode_client(message)
        except MessageError as exc:
            self.tell(error_event(exc))
            return None
        return event if isinstance(event, HangUpMessage) else self.publish(event)

    def close(self) -> None:
        """End every reader's iteration, once it has read what is waiting."""
        self.introduce()
        self.closed = True
        for reader in self._readers:
            reader.close()

    def subscribe(self) -> Reader:
        """Return a new reader; the first one also gets what was told before it."""
        backlog, self._backlog = self._backlog, None
        reader = Reader(backlog or (), self._capacity)
        self._readers.add(reader)
        if self.closed:
            reader.close()
        return reader


class Reader(AsyncIterator[Event]):
    """Iterates over a call's events until the call is over."""

    def __init__(self, backlog: Iterable[Event], capacity: int) -> None:
        self._waiting: deque[Event] = deque(backlog, maxlen=capacity)
        self._closed = False
        self._changed = asyncio.Event()

    async def __anext__(self) -> Event:
        while not self._waiting:
            if self._closed:
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        return self._waiting.popleft()

    def put(self, event: Event) -> bool:
        """Queue `event`; True when the oldest one had to go for it."""
        full = len(self._waiting) == self._waiting.maxlen
        self._waiting.append(event)
        self._changed.set()
        return full

    def close(self) -> None:
        """Stop after what is waiting."""
        self._closed = True
        self._changed.set()
