"""One conversation with the model: what a call holds on to.

:meth:`SonicSession.run` owns the stream and its two tasks; everything else only puts things into the outbox
and returns. Every step has a deadline, so that a service that is not there, refuses, falls silent while
connecting, or stops reading ends in an error and never in a hang.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import uuid4

from sonicrtc.config import SonicConfig
from sonicrtc.credentials import AwsKeys, CredentialsProvider
from sonicrtc.errors import CredentialsError, SonicClosedError, SonicError, SonicRtcError
from sonicrtc.sonic import stream as streams
from sonicrtc.sonic.bedrock import BedrockStream
from sonicrtc.sonic.history import History, Message
from sonicrtc.sonic.protocol import AssistantText, Failed, Phase, SonicEvent, SonicProtocol, UserText, announcement
from sonicrtc.sonic.stream import AudioItem, Duplex, Outbox, UplinkBlock, UplinkFramer
from sonicrtc.sonic.wire import INPUT_RATE_HZ, ToolSpec

_log = logging.getLogger(__name__)

OpenStream = Callable[[SonicConfig, AwsKeys], Awaitable[Duplex]]

# Giving back sockets and native objects; nothing of the conversation depends on it any more.
_RELEASE_TIMEOUT_S = 2.0
# How long a failed sender waits for the reader, which hears the service's own reason.
_REASON_TIMEOUT_S = 1.0


@dataclass(slots=True, kw_only=True)
class SonicStats:
    """Counts and delays of one session.

    Attributes
    ----------
    opened, closed : int
        Streams; equal once the session is over.
    sent_chunks : int
        Audio chunks handed to the network.
    dropped_ms : float
        Audio dropped because the network did not keep up.
    outbox_ms : float
        Audio that waits now.
    ahead_ms : float
        How far the sent audio is ahead of real time because of pre-roll.
    sent_delay_ms, sent_delay_max_ms : float
        From a chunk's capture to its sending: the last, and the longest that was not pre-roll.
    """

    opened: int = 0
    closed: int = 0
    sent_chunks: int = 0
    dropped_ms: float = 0.0
    outbox_ms: float = 0.0
    ahead_ms: float = 0.0
    sent_delay_ms: float = 0.0
    sent_delay_max_ms: float = 0.0


class SonicSession:
    """A session with Nova Sonic.

    Parameters
    ----------
    config : SonicConfig
        Model, voice, instructions, endpoint.
    credentials : CredentialsProvider
        Asked once, before the stream opens; the keys stay for the whole stream.
    on_event : callable
        Called with each `SonicEvent` from :meth:`run`; must not block.
    tools : sequence of ToolSpec
        What the model may call.
    history : sequence of Message
        An earlier conversation to go on with.
    clock : callable
        Monotonic seconds, the same clock as `captured_at_s`.
    open_timeout_s : float
        From :meth:`run` until the service accepted the session.
    close_timeout_s : float
        For the orderly end; after it the connection is cut.
    send_timeout_s : float
        For one event; a service that takes longer to read it has stopped reading.
    open_stream : callable
        Opens the stream; the AWS SDK unless told otherwise.
    """

    def __init__(
        self,
        config: SonicConfig,
        *,
        credentials: CredentialsProvider,
        on_event: Callable[[SonicEvent], None],
        tools: Sequence[ToolSpec] = (),
        history: Sequence[Message] = (),
        clock: Callable[[], float] = time.monotonic,
        open_timeout_s: float = 4.5,
        close_timeout_s: float = 3.0,
        send_timeout_s: float = 5.0,
        open_stream: OpenStream = BedrockStream.open,
    ) -> None:
        self._config = config
        self._credentials = credentials
        self._on_event = on_event
        self._clock = clock
        self._open_timeout_s = open_timeout_s
        self._close_timeout_s = close_timeout_s
        self._send_timeout_s = send_timeout_s
        self._open_stream = open_stream
        self._machine = SonicProtocol(config, new_name=lambda: str(uuid4()), tools=tools, history=history)
        self._history = History(history)
        self._framer = UplinkFramer()
        self._outbox = Outbox()
        self._stats = SonicStats()
        self._stream: Duplex | None = None
        self._flushed_frames = 0
        self._started = False
        self._close_asked = False
        self._failure: SonicRtcError | None = None
        self._reader_done = asyncio.Event()
        self._done = asyncio.Event()
        self._machine.start()
        self._post()

    @property
    def stats(self) -> SonicStats:
        """Counts and delays up to now."""
        self._stats.dropped_ms = self._outbox.dropped_ms
        self._stats.outbox_ms = self._outbox.audio_ms
        self._stats.ahead_ms = 1000 * self._framer.ahead_frames / INPUT_RATE_HZ
        return self._stats

    @property
    def history(self) -> History:
        """FINAL texts of the conversation so far."""
        return self._history

    # --- what a call puts in; none of it waits ----------------------------------------------------

    def send_audio(self, block: UplinkBlock, *, captured_at_s: float) -> None:
        """Take one block of the user's audio; nothing happens once the session is over.

        Parameters
        ----------
        block : sonicrtc.audio.Block
            What :meth:`sonicrtc.audio.Uplink.push` returned; it is copied, so it may be used again.
        captured_at_s : float
            When the block's last frame was captured.
        """
        if self._machine.state is Phase.OPEN:
            for item in self._framer.push(block, captured_at_s=captured_at_s):
                self._outbox.put_audio(item)

    def send_text(self, text: str) -> None:
        """Put what the user typed into the conversation; nothing happens once the session is over."""
        if self._machine.state is Phase.OPEN:
            self._machine.send_text(text)
            self._post()

    def announce(self, text: str) -> None:
        """Let the agent say `text`, of its own accord; nothing happens once the session is over."""
        if text.strip() and self._machine.state is Phase.OPEN:
            self._machine.send_text(announcement(text))
            self._post()

    def flushed(self, frames: int) -> None:
        """Take note that the last `frames` frames of the model's audio were thrown away unheard."""
        self._flushed_frames += frames

    def send_tool_result(self, tool_use_id: str, result: object) -> None:
        """Answer a `ToolRequest` with anything JSON can hold; nothing happens once the session is over."""
        if self._machine.state is Phase.OPEN:
            self._machine.send_tool_result(tool_use_id, result)
            self._post()

    def _post(self) -> None:
        for events in self._machine.take_outgoing():
            self._outbox.put_events(events)

    # --- the session's life -----------------------------------------------------------------------

    async def run(self) -> None:
        """Open the stream and keep it going until :meth:`close`.

        Raises
        ------
        CredentialsError
            There are no keys, or the service refused them.
        SonicError
            The service cannot be reached, refused or ended the session, or broke the protocol.
        """
        if self._started:
            raise RuntimeError("expected a new SonicSession, got one that has run; a session runs once")
        self._started = True
        try:
            if not self._close_asked:
                await self._run()
        except SonicRtcError as exc:
            self._machine.fail(exc if isinstance(exc, SonicError) else SonicClosedError(str(exc)))
            if not self._close_asked:
                raise
            _log.warning("the session was closed, but not in order", extra={"code": exc.code})
        finally:
            self._done.set()

    async def _run(self) -> None:
        deadline_s = asyncio.get_running_loop().time() + self._open_timeout_s
        try:
            async with asyncio.timeout_at(deadline_s):
                keys = await self._credentials.frozen()
        except TimeoutError as exc:
            raise CredentialsError(f"no AWS credentials within {self._open_timeout_s:g} s", retryable=True) from exc
        self._stream = stream = await self._open_stream(self._config, keys)
        self._stats.opened += 1
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
            self._stats.closed += 1

    async def _read(self, stream: Duplex, deadline_s: float) -> None:
        try:
            await self._await_acceptance(stream, deadline_s)
            await streams.read_all(stream, self._take)
            self._machine.ended()
            if isinstance(self._machine.state, Failed):
                raise self._machine.state.error
        except SonicRtcError as exc:
            self._failure = exc
            raise
        finally:
            self._reader_done.set()

    async def _await_acceptance(self, stream: Duplex, deadline_s: float) -> None:
        try:
            async with asyncio.timeout_at(deadline_s):
                session_id = await stream.accepted()
        except TimeoutError as exc:
            raise SonicClosedError(
                f"the service did not accept a session within {self._open_timeout_s:g} s; check the endpoint and,"
                " when its certificate is from a private authority, ca_file"
            ) from exc
        self._deliver(self._machine.accepted(session_id))

    async def _send(self, stream: Duplex) -> None:
        try:
            await streams.send_all(
                stream,
                self._outbox,
                encode_audio=self._machine.encode_audio,
                on_audio_sent=self._count_sent,
                send_timeout_s=self._send_timeout_s,
            )
        except SonicError:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_REASON_TIMEOUT_S):
                    await self._reader_done.wait()
            if self._failure is None:
                raise

    def _take(self, data: bytes) -> SonicError | None:
        events = self._machine.receive(data)
        self._post()
        self._deliver(events)
        return self._machine.state.error if isinstance(self._machine.state, Failed) else None

    def _deliver(self, events: Sequence[SonicEvent]) -> None:
        for event in events:
            self._remember(event)
            self._on_event(event)

    def _remember(self, event: SonicEvent) -> None:
        match event:
            case UserText():
                self._history.add("USER", event.text)
            case AssistantText(stage="final"):
                self._history.add("ASSISTANT", event.text)
            case _:
                pass

    def _count_sent(self, item: AudioItem) -> None:
        stats = self._stats
        stats.sent_chunks += 1
        stats.sent_delay_ms = 1000 * (self._clock() - item.captured_at_s)
        if not item.is_preroll:
            stats.sent_delay_max_ms = max(stats.sent_delay_max_ms, stats.sent_delay_ms)

    async def close(self) -> None:
        """End the session in order, or cut the connection when that takes too long; returns when it is over."""
        if not self._close_asked:
            self._close_asked = True
            if self._machine.state is Phase.OPEN:
                for item in self._framer.flush(captured_at_s=self._clock()):
                    self._outbox.put_audio(item)
                self._machine.close()
                self._post()
            self._outbox.end()
        if not self._started:
            return
        try:
            async with asyncio.timeout(self._close_timeout_s):
                await self._done.wait()
        except TimeoutError:
            _log.warning("the service did not end the session in time; the connection is cut")
            if self._stream is not None:
                await self._stream.close()
            await self._done.wait()


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first error that is not a group."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
