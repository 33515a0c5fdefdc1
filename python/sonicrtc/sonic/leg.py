"""One stream to the model, from its opening to its end: the leg of a conversation that has as many as it takes.

Every step has a deadline, so that a service that is not there, refuses, falls silent while connecting, or stops
reading ends in an error and never in a hang.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from sonicrtc.config import SonicConfig
from sonicrtc.credentials import AwsKeys, CredentialsProvider
from sonicrtc.errors import CredentialsError, SonicClosedError, SonicError, SonicRtcError
from sonicrtc.sonic import stream as streams
from sonicrtc.sonic.history import Message
from sonicrtc.sonic.protocol import Failed, Phase, SonicEvent, SonicProtocol
from sonicrtc.sonic.stream import AudioItem, Duplex, Outbox
from sonicrtc.sonic.wire import ToolSpec

_log = logging.getLogger(__name__)

#: Opens a stream with fixed keys: the one interface that an engine beside the AWS SDK would have to offer.
OpenStream = Callable[[SonicConfig, AwsKeys], Awaitable[Duplex]]

# Giving back sockets and native objects; nothing of the conversation depends on it any more.
_RELEASE_TIMEOUT_S = 2.0
# How long a failed sender waits for the reader, which hears the service's own reason.
_REASON_TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """How long the steps of a stream's life may take.

    Parameters
    ----------
    open_s : float
        From :meth:`Leg.run` until the service accepted the session.
    close_s : float
        For the orderly end; after it the connection is cut.
    send_s : float
        For one event; a service that takes longer to read it has stopped reading.
    """

    open_s: float = 4.5
    close_s: float = 3.0
    send_s: float = 5.0


class Leg:
    """One stream.

    Parameters
    ----------
    config : SonicConfig
        Model, voice, instructions, endpoint.
    tools : sequence of ToolSpec
        What the model may call.
    on_event : callable
        Called with the leg and each `SonicEvent`; must not block.
    on_sent : callable
        Called with each chunk of audio that went to the network.
    on_opened : callable
        Called when there is a stream that will have to be given back.
    on_change : callable
        Called when the service accepted the session, and when it is over.
    open_stream : callable
        Opens the stream.
    deadlines : Deadlines
        For each step.

    Attributes
    ----------
    number : int
        Which one of its conversation, from 1; 0 until it carries it.
    keys_expire_at : datetime or None
        When the keys of this stream expire; known once it is open.
    session_id : str
        The service's name for the session.
    ready, over : bool
        The service accepted the session and it goes on; it is over, or was never accepted.
    opened : bool
        There was a stream; it was given back when the leg is over.
    closed : bool
        :meth:`close` was called.
    error : SonicRtcError or None
        Why it is over.
    """

    def __init__(
        self,
        config: SonicConfig,
        *,
        tools: Sequence[ToolSpec],
        on_event: Callable[[Leg, SonicEvent], None],
        on_sent: Callable[[AudioItem], None],
        on_opened: Callable[[], None],
        on_change: Callable[[], None],
        open_stream: OpenStream,
        deadlines: Deadlines,
    ) -> None:
        self.number = 0
        self.config = config
        self.tools = tuple(tools)
        self.keys_expire_at: datetime | None = None
        self.session_id = ""
        self.ready = self.over = self.opened = self.closed = False
        self.error: SonicRtcError | None = None
        self.outbox = Outbox()
        self._on_event = on_event
        self._on_sent = on_sent
        self._on_opened = on_opened
        self._on_change = on_change
        self._open_stream = open_stream
        self._deadlines = deadlines
        self._machine = SonicProtocol(config, new_name=lambda: str(uuid4()), tools=tools)
        self._early: list[SonicEvent] = []
        self._stream: Duplex | None = None
        self._reader_done = asyncio.Event()
        self._done = asyncio.Event()
        self._machine.start()
        self._post()

    # --- what goes in; none of it waits -----------------------------------------------------------

    @property
    def open(self) -> bool:
        """Whether the model listens."""
        return self._machine.state is Phase.OPEN

    def begin(self, history: Sequence[Message]) -> None:
        """Repeat what was said before, and let the model listen."""
        self._machine.begin(history)
        self._post()
        early, self._early = self._early, []
        self._deliver(early)

    def put_audio(self, item: AudioItem) -> None:
        """Send a chunk of the user's audio; nothing happens when the model does not listen."""
        if self.open:
            self.outbox.put_audio(item)

    def send_text(self, text: str) -> None:
        """Send text as the user's; nothing happens when the model does not listen."""
        if self.open:
            self._machine.send_text(text)
            self._post()

    def send_tool_result(self, tool_use_id: str, result: object) -> None:
        """Answer a `ToolRequest` of this leg; nothing happens when the model does not listen."""
        if self.open:
            self._machine.send_tool_result(tool_use_id, result)
            self._post()

    def _post(self) -> None:
        for events in self._machine.take_outgoing():
            self.outbox.put_events(events)

    # --- its life ---------------------------------------------------------------------------------

    async def run(self, credentials: CredentialsProvider) -> None:
        """Open the stream and keep it going until :meth:`close`; why it ended otherwise is in `error`.

        Parameters
        ----------
        credentials : CredentialsProvider
            Asked once; the keys stay for the whole stream.
        """
        try:
            if not self.closed:
                await self._run(credentials)
        except SonicRtcError as exc:
            self.error = exc
            self._machine.fail(exc if isinstance(exc, SonicError) else SonicClosedError(str(exc)))
            if self.closed:
                _log.warning("a stream was closed, but not in order", extra={"code": exc.code})
        finally:
            self.ready, self.over = False, True
            self._done.set()
            self._on_change()

    async def _run(self, credentials: CredentialsProvider) -> None:
        open_s = self._deadlines.open_s
        deadline_s = asyncio.get_running_loop().time() + open_s
        try:
            async with asyncio.timeout_at(deadline_s):
                keys = await credentials.frozen()
        except TimeoutError as exc:
            raise CredentialsError(f"no AWS credentials within {open_s:g} s", retryable=True) from exc
        self.keys_expire_at = keys.expires_at
        self._stream = stream = await self._open_stream(self.config, keys)
        self.opened = True
        self._on_opened()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._read(stream, deadline_s))
                tasks.create_task(self._send(stream))
        except BaseExceptionGroup as group:
            error = _first(group)
            raise error from error.__cause__
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_RELEASE_TIMEOUT_S):
                    await stream.close()

    async def _read(self, stream: Duplex, deadline_s: float) -> None:
        try:
            await self._await_acceptance(stream, deadline_s)
            await streams.read_all(stream, self._take)
            self._machine.ended()
            if isinstance(self._machine.state, Failed):
                raise self._machine.state.error
        except SonicRtcError as exc:
            self.error = exc
            raise
        finally:
            self._reader_done.set()

    async def _await_acceptance(self, stream: Duplex, deadline_s: float) -> None:
        try:
            async with asyncio.timeout_at(deadline_s):
                session_id = await stream.accepted()
        except TimeoutError as exc:
            raise SonicClosedError(
                f"the service did not accept a session within {self._deadlines.open_s:g} s; check the endpoint and,"
                " when its certificate is from a private authority, ca_file",
                remedy="back_off",
            ) from exc
        self._machine.accepted(session_id)
        self.session_id, self.ready = session_id, True
        self._on_change()

    async def _send(self, stream: Duplex) -> None:
        try:
            await streams.send_all(
                stream,
                self.outbox,
                encode_audio=self._machine.encode_audio,
                on_audio_sent=self._on_sent,
                send_timeout_s=self._deadlines.send_s,
            )
        except SonicError:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_REASON_TIMEOUT_S):
                    await self._reader_done.wait()
            if self.error is None:
                raise

    def _take(self, data: bytes) -> SonicError | None:
        events = self._machine.receive(data)
        self._post()
        self._deliver(events)
        return self._machine.state.error if isinstance(self._machine.state, Failed) else None

    def _deliver(self, events: Sequence[SonicEvent]) -> None:
        if self._machine.state is Phase.PREPARED:
            self._early += events  # nobody is there yet to take them
            return
        for event in events:
            self._on_event(self, event)

    async def close(self) -> None:
        """End the session in order, or cut the connection when that takes too long; returns when it is over."""
        if not self.closed:
            self.closed = True
            if self._machine.state in (Phase.PREPARED, Phase.OPEN):
                self._machine.close()
                self._post()
            self.outbox.end()
        try:
            async with asyncio.timeout(self._deadlines.close_s):
                await self._done.wait()
        except TimeoutError:
            _log.warning("the service did not end a session in time; the connection is cut")
            if self._stream is not None:
                await self._stream.close()
            await self._done.wait()


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first error that is not a group."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
