"""One request of a client: its events in, a brain between, Nova's events out."""

from __future__ import annotations

import asyncio
import base64
import binascii
import datetime as dt
import json
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from sonicrtc.local.sigv4 import EventChain, SignatureError
from sonicrtc.local.sonic.brain import (
    Brain,
    BrainInput,
    Fault,
    ServiceError,
    StreamFault,
    ToolResult,
    UserAudio,
    UserText,
)
from sonicrtc.local.sonic.emitter import Emitter, Event
from sonicrtc.local.sonic.eventstream import (
    Decoder,
    FrameError,
    Message,
    decode,
    encode,
    encode_event,
    encode_exception,
    encode_headers,
)
from sonicrtc.local.sonic.h2server import Stream
from sonicrtc.local.sonic.referee import AudioOpened, Failed, InputEnded, PromptEnded, Referee, SessionEnded

__all__ = ["Exchange", "Sessions"]

_log = logging.getLogger(__name__)
#: How long a brain may go on after the end of the prompt, and a client take to end its side after sessionEnd.
_GRACE_S = 1.0
_DATE_PREFIX = b"\x05:date\x08"


@dataclass(slots=True)
class Sessions:
    """How many sessions were opened and closed; `failed` counts those that ended with an exception."""

    opened: int = 0
    closed: int = 0
    failed: int = 0

    @property
    def active(self) -> int:
        """Sessions that are open now."""
        return self.opened - self.closed


class _Inputs:
    """What the brain reads: ends once and stays ended."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[BrainInput | None] = asyncio.Queue()
        self._ended = False

    def put(self, item: BrainInput) -> None:
        if not self._ended:
            self._queue.put_nowait(item)

    def end(self) -> None:
        if not self._ended:
            self._ended = True
            self._queue.put_nowait(None)

    def __aiter__(self) -> AsyncIterator[BrainInput]:
        return self

    async def __anext__(self) -> BrainInput:
        item = await self._queue.get()
        if item is None:
            self._queue.put_nowait(None)
            raise StopAsyncIteration
        return item


class _StreamOutbox:
    """The emitter's way to the client."""

    def __init__(self, stream: Stream, on_tool_use: Callable[[str], None]) -> None:
        self._stream = stream
        self._on_tool_use = on_tool_use

    def put(self, event: Event) -> None:
        body = event["event"].get("toolUse")
        if body is not None:
            self._on_tool_use(body["toolUseId"])
        self._stream.write(encode_event(event))

    async def drain(self) -> None:
        await self._stream.drain()


class Exchange:
    """Serves one accepted stream.

    Parameters
    ----------
    stream : Stream
        Its response headers have been sent.
    chain : EventChain
        Verifies the signature of every event.
    referee : Referee
        Judges every event.
    brain : callable
        Makes the brain of this session.
    sessions : Sessions
        Counters to keep.
    session_id : str
    clock : callable
        Monotonic time in seconds; the referee's clock.
    """

    def __init__(
        self,
        stream: Stream,
        *,
        chain: EventChain,
        referee: Referee,
        brain: Callable[[], Brain],
        sessions: Sessions,
        session_id: str,
        clock: Callable[[], float],
    ) -> None:
        self._stream = stream
        self._chain = chain
        self._referee = referee
        self._brain = brain
        self._sessions = sessions
        self._session_id = session_id
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._decoder = Decoder(max_message_bytes=1 << 20)
        self._inputs = _Inputs()
        self._emitter: Emitter | None = None
        self._audio_opened: asyncio.Future[AudioOpened] = self._loop.create_future()
        self._prompt_ended: asyncio.Future[None] = self._loop.create_future()
        # None: an orderly end; a callable: how to end the stream otherwise.
        self._ended: asyncio.Future[Callable[[], None] | None] = self._loop.create_future()
        self._client_ended: asyncio.Future[None] = self._loop.create_future()
        self._timer: asyncio.TimerHandle | None = None

    # -- from the connection ----------------------------------------------------------------------

    def on_data(self, data: bytes) -> None:
        if self._ended.done():
            return
        try:
            for message in self._decoder.feed(data):
                self._on_message(message)
                if self._ended.done():
                    return
        except FrameError as exc:
            self._fail("validationException", f"Unable to parse input chunk: {exc}")
        except SignatureError as exc:
            self._fail(exc.code, exc.message, modelled=False)

    def on_end(self) -> None:
        if self._decoder.pending_bytes:
            self._fail("validationException", "Unable to parse input chunk: the stream ended inside a message")
        self._gone()
        self._end(None)

    def on_lost(self) -> None:
        self._gone()
        self._end(lambda: None)

    def cancel(self) -> None:
        """End at once, because the service stops."""
        self._gone()
        self._end(self._stream.reset)

    # -- the session ------------------------------------------------------------------------------

    async def run(self) -> None:
        """Serve until the stream has ended."""
        self._sessions.opened += 1
        self._arm_timer()
        try:
            await _first(self._audio_opened, self._ended)
            if self._audio_opened.done():
                await self._converse(self._audio_opened.result())
            ending = await self._ended
            if ending is None:
                # CRT clients cannot close their side in peace once the service has ended its own.
                await asyncio.wait({self._client_ended}, timeout=_GRACE_S)
            else:
                ending()
            await self._stream.end()
        finally:
            if self._timer is not None:
                self._timer.cancel()
            self._sessions.closed += 1

    async def _converse(self, opened: AudioOpened) -> None:
        outbox = _StreamOutbox(self._stream, self._referee.tool_used)
        emitter = Emitter(
            outbox,
            session_id=self._session_id,
            prompt_name=opened.prompt_name,
            output_rate_hz=opened.setup.output_rate_hz,
        )
        async with asyncio.TaskGroup() as tasks:
            brain = tasks.create_task(self._think(opened, emitter))
            await _first(self._prompt_ended, self._ended)
            self._inputs.end()
            if self._orderly:
                await asyncio.wait({brain}, timeout=_GRACE_S)
            brain.cancel()
        if self._orderly:
            await emitter.finish()

    @property
    def _orderly(self) -> bool:
        return not self._ended.done() or self._ended.result() is None

    async def _think(self, opened: AudioOpened, emitter: Emitter) -> None:
        try:
            await self._brain().run(opened.setup, self._inputs, emitter)
        except ServiceError as exc:
            self._fail(exc.kind, exc.message, modelled=exc.modelled)
        except StreamFault as exc:
            self._break(exc.how)
        except Exception as exc:
            # The boundary of one session: a fault in one brain must not end the others.
            _log.exception("a brain failed", extra={"session_id": self._session_id, "error": type(exc).__name__})
            self._fail("internalServerException", "The system encountered an unexpected error during processing.")

    # -- input ------------------------------------------------------------------------------------

    def _on_message(self, message: Message) -> None:
        date = message.headers.get(":date")
        signature = message.headers.get(":chunk-signature")
        if not isinstance(date, dt.datetime) or not isinstance(signature, bytes):
            raise SignatureError(
                "InvalidSignatureException", "an event needs the headers ':date' and ':chunk-signature'"
            )
        self._chain.verify(
            date=date, encoded_date_header=_date_header(message), payload=message.payload, signature=signature
        )
        if message.payload:  # an empty one is the signed end of the request
            self._on_event(_chunk(decode(message.payload)))

    def _on_event(self, payload: bytes) -> None:
        outcome = self._referee.receive(payload, self._clock())
        match outcome:
            case None:
                pass
            case UserAudio() | UserText() | ToolResult():
                self._inputs.put(outcome)
            case AudioOpened():
                self._audio_opened.set_result(outcome)
            case InputEnded():
                self._inputs.end()
            case PromptEnded():
                self._prompt_ended.set_result(None)
            case SessionEnded():
                self._end(None)
            case Failed():
                self._fail(outcome.kind, outcome.message)

    # -- ends -------------------------------------------------------------------------------------

    def _arm_timer(self) -> None:
        if self._ended.done():
            return
        failed = self._referee.tick(self._clock())
        if failed is not None:
            self._fail(failed.kind, failed.message)
            return
        delay_s = max(0.0, self._referee.deadline_s - self._clock())
        self._timer = self._loop.call_later(delay_s, self._arm_timer)

    def _gone(self) -> None:
        if not self._client_ended.done():
            self._client_ended.set_result(None)

    def _end(self, ending: Callable[[], None] | None) -> None:
        if not self._ended.done():
            self._ended.set_result(ending)

    def _fail(self, kind: str, message: str, *, modelled: bool = True) -> None:
        if self._ended.done():
            return
        self._sessions.failed += 1
        _log.info("session refused", extra={"session_id": self._session_id, "kind": kind})
        fields: dict[str, object] = {"message": message}
        if kind == "modelStreamErrorException":
            fields |= {"originalStatusCode": 424, "originalMessage": message}
        if modelled:
            frame = encode_exception(kind, fields)
        else:
            frame = encode({":message-type": "error", ":error-code": kind, ":error-message": message})
        self._end(lambda: self._stream.write(frame))

    def _break(self, how: Fault) -> None:
        match how:
            case "close":
                self._end(lambda: None)
            case "reset":
                self._end(self._stream.reset)
            case "drop":
                self._end(self._stream.abort_connection)
            case "goaway":
                self._stream.go_away()
            case "corrupt":
                frame = encode_event({"event": {}})
                self._end(lambda: self._stream.write(frame[:-1] + bytes((frame[-1] ^ 1,))))
            case "truncate":
                frame = encode_event({"event": {}})
                self._end(lambda: self._stream.write(frame[: len(frame) // 2]))


def _date_header(message: Message) -> bytes:
    """Return the ``:date`` header as it was on the wire, where every known client puts it first."""
    if message.raw_headers.startswith(_DATE_PREFIX):
        return message.raw_headers[: len(_DATE_PREFIX) + 8]
    return encode_headers({":date": message.headers[":date"]})


def _chunk(message: Message) -> bytes:
    """Take the event's JSON out of a ``chunk`` message."""
    kind = message.headers.get(":event-type")
    if message.headers.get(":message-type") != "event" or kind != "chunk":
        raise FrameError("expected a message of type 'event' and event type 'chunk'")
    try:
        document: Any = json.loads(message.payload)
        return base64.b64decode(document["bytes"], validate=True)
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
        raise FrameError('expected the payload {"bytes": "<base64>"}') from None


async def _first(*futures: asyncio.Future[Any]) -> None:
    await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
