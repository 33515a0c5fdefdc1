"""One request of a client: its events in, a brain between, Nova's events out."""

from __future__ import annotations

import asyncio
import base64
import binascii
import datetime as dt
import json
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, assert_never, cast

from sonicrtc.local.sigv4 import EventChain, SignatureError
from sonicrtc.local.sonic.brain import (
    Brain,
    BrainInput,
    Break,
    ServiceError,
    SessionSetup,
    StreamFault,
    ToolResult,
    UserAudio,
    UserText,
)
from sonicrtc.local.sonic.emitter import Emitter
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
from sonicrtc.local.sonic.faults import Fault
from sonicrtc.local.sonic.fuse import Fuse
from sonicrtc.local.sonic.h2server import Stream
from sonicrtc.local.sonic.outlet import Outlet
from sonicrtc.local.sonic.records import Recorder
from sonicrtc.local.sonic.referee import (
    UNPARSABLE,
    AudioOpened,
    Failed,
    InputEnded,
    PromptEnded,
    Referee,
    SessionEnded,
)

__all__ = ["Exchange", "Sessions"]

_log = logging.getLogger(__name__)
#: How long a brain may go on after the end of the prompt, and a client take to end its side after sessionEnd.
_GRACE_S = 1.0
_DATE_PREFIX = b"\x05:date\x08"


@dataclass(slots=True)
class Sessions:
    """How many sessions were opened and closed; `failed` counts those that ended with an exception.

    `reasons` says of the last twenty of those which exception, and its text.
    """

    opened: int = 0
    closed: int = 0
    failed: int = 0
    reasons: deque[str] = field(default_factory=lambda: deque(maxlen=20))

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


class Exchange:
    """Serves one accepted stream.

    Parameters
    ----------
    stream : Stream
    headers : mapping
        Response headers of a stream.
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
    fault : Fault
        What goes wrong; its `refuse` and its limits are the service's business.
    recorder : Recorder, optional
        Writes everything down.
    """

    def __init__(
        self,
        stream: Stream,
        *,
        headers: Mapping[str, str],
        chain: EventChain,
        referee: Referee,
        brain: Callable[[], Brain],
        sessions: Sessions,
        session_id: str,
        clock: Callable[[], float],
        fault: Fault,
        recorder: Recorder | None = None,
    ) -> None:
        self._stream = stream
        self._headers = headers
        self._chain = chain
        self._referee = referee
        self._brain = brain
        self._sessions = sessions
        self._session_id = session_id
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._rate_hz = 16_000
        self._decoder = Decoder(max_message_bytes=1 << 20)
        self._inputs = _Inputs()
        self._fault = fault
        self._recorder = recorder
        self._outlet = Outlet(stream, self._on_sent, lambda how: self._break(cast(Break, how)), fault)
        self._fuses: list[Fuse] = []
        self._audio_opened: asyncio.Future[AudioOpened] = self._loop.create_future()
        self._prompt_ended: asyncio.Future[None] = self._loop.create_future()
        # None: an orderly end; a callable: how to end the stream otherwise.
        self._ended: asyncio.Future[Callable[[], None] | None] = self._loop.create_future()
        self._client_ended: asyncio.Future[None] = self._loop.create_future()
        self._timer: asyncio.TimerHandle | None = None
        self._late_headers: asyncio.TimerHandle | None = None

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
            self._fail("validationException", f"{UNPARSABLE} ({exc})")
        except SignatureError as exc:
            self._fail(exc.code, exc.message, modelled=False)

    def on_end(self) -> None:
        if self._decoder.pending_bytes:
            self._fail("validationException", f"{UNPARSABLE} (the stream ended inside a message)")
        self._gone()
        self._end(None, "client")

    def on_lost(self) -> None:
        self._gone()
        self._end(lambda: None, "client")

    # -- from the service -------------------------------------------------------------------------

    def start(self) -> None:
        """Answer with the response headers, unless they shall come late or never."""
        if self._fault.no_headers:
            pass
        elif self._fault.delay_headers_ms:
            self._late_headers = self._loop.call_later(self._fault.delay_headers_ms / 1000, self._respond)
        else:
            self._respond()
        self.suffer(self._fault)

    def suffer(self, fault: Fault) -> None:
        """Let a fault happen when its time has come, and its lasting parts from now on."""
        if fault.shapes:
            self._outlet.shape(fault)
        if fault.happens and not self._ended.done():
            fuse = Fuse(fault, self._happen)
            self._fuses.append(fuse)
            fuse.light()

    def look_at_the_clock(self) -> None:
        """End the session if its time is over."""
        self._arm_timer()

    def cancel(self) -> None:
        """End at once, because the service stops."""
        self._gone()
        self._end(self._stream.reset, "service")

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
            if self._fault.no_headers:
                self._stream.reset()
            await self._stream.end()
        finally:
            for timer in (self._timer, self._late_headers):
                if timer is not None:
                    timer.cancel()
            for fuse in self._fuses:
                fuse.put_out()
            self._sessions.closed += 1

    async def _converse(self, opened: AudioOpened) -> None:
        setup = opened.setup
        if self._fault.pause_ms is not None:
            setup = replace(setup, pause_ms=self._fault.pause_ms)
        self._outlet.rate_hz = setup.output_rate_hz
        emitter = Emitter(
            self._outlet,
            session_id=self._session_id,
            prompt_name=opened.prompt_name,
            output_rate_hz=setup.output_rate_hz,
        )
        async with asyncio.TaskGroup() as tasks:
            brain = tasks.create_task(self._think(setup, emitter))
            await _first(self._prompt_ended, self._ended)
            self._inputs.end()
            if self._orderly:
                await asyncio.wait({brain}, timeout=_GRACE_S)
            brain.cancel()
        if self._orderly:
            await emitter.finish()
            self._outlet.flush()

    @property
    def _orderly(self) -> bool:
        return not self._ended.done() or self._ended.result() is None

    async def _think(self, setup: SessionSetup, emitter: Emitter) -> None:
        try:
            await self._brain().run(setup, self._inputs, emitter)
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
        if self._recorder is not None:
            self._recorder.event(payload)
        match outcome:
            case None:
                pass
            case UserAudio() | UserText() | ToolResult():
                self._hear(outcome)
            case AudioOpened():
                self._rate_hz = outcome.setup.input_rate_hz
                if self._recorder is not None:
                    self._recorder.opened(outcome.setup)
                self._audio_opened.set_result(outcome)
            case InputEnded():
                self._inputs.end()
            case PromptEnded():
                self._prompt_ended.set_result(None)
            case SessionEnded():
                self._end(None, "orderly")
            case Failed():
                self._fail(outcome.kind, outcome.message)

    def _hear(self, item: BrainInput) -> None:
        self._inputs.put(item)
        if self._recorder is not None:
            self._recorder.input(item)
        if isinstance(item, UserAudio):
            for fuse in self._fuses:
                fuse.passed(audio_ms=len(item.pcm) / 2 / self._rate_hz * 1000)

    # -- output -----------------------------------------------------------------------------------

    def _respond(self) -> None:
        self._stream.respond(200, self._headers)

    def _on_sent(self, name: str, body: Mapping[str, Any], audio_ms: float) -> None:
        if name == "toolUse":
            self._referee.tool_used(body["toolUseId"])
        if self._recorder is not None:
            self._recorder.sent(name, body)
        if audio_ms:
            for fuse in self._fuses:
                fuse.passed(said_ms=audio_ms)

    # -- ends -------------------------------------------------------------------------------------

    def _arm_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
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

    def _end(self, ending: Callable[[], None] | None, how: str) -> None:
        if not self._ended.done():
            self._ended.set_result(ending)
            if ending is not None:
                self._outlet.seal()  # the brain may go on for a moment, but nobody shall hear it
            if self._recorder is not None:
                self._recorder.ended(how)

    def _fail(self, kind: str, message: str, *, modelled: bool = True) -> None:
        if self._ended.done():
            return
        self._sessions.failed += 1
        self._sessions.reasons.append(f"{kind}: {message}")
        _log.info("session refused", extra={"session_id": self._session_id, "kind": kind})
        fields: dict[str, object] = {"message": message}
        if kind == "modelStreamErrorException":
            fields |= {"originalStatusCode": 424, "originalMessage": message}
        if modelled:
            frame = encode_exception(kind, fields)
        else:
            frame = encode({":message-type": "error", ":error-code": kind, ":error-message": message})
        self._end_with(frame, kind)

    def _end_with(self, frame: bytes, how: str) -> None:
        def write() -> None:
            if self._outlet.stalled:  # half a message cannot be followed by a whole one
                self._stream.reset()
            self._stream.write(frame)

        self._end(write, how)

    # -- faults -----------------------------------------------------------------------------------

    def _happen(self, fault: Fault) -> None:
        if fault.fault:
            self._break(cast(Break, fault.fault))
        else:
            self._fail(fault.exception or fault.error, fault.message, modelled=bool(fault.exception))

    def _break(self, how: Break) -> None:
        frame = encode_event({"event": {}})
        match how:
            case "close":
                self._end(lambda: None, how)
            case "reset":
                self._end(self._stream.reset, how)
            case "drop":
                self._end(self._stream.abort_connection, how)
            case "goaway":
                self._stream.go_away()
            case "corrupt":
                self._end_with(frame[:-1] + bytes((frame[-1] ^ 1,)), how)
            case "truncate":
                self._end_with(frame[: len(frame) // 2], how)
            case "stall":
                self._outlet.stall()
            case "starve":
                self._stream.starved = True
            case "deaf":
                self._outlet.silent = True
            case "mute":
                self._outlet.mute = True
            case _:
                assert_never(how)


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
