"""One call: the straight line from the caller's microphone to the model and back.

::

    Peer -> _heard -> Uplink.push -> session.send_audio      20 ms as they come, never waits for the network
    session -> _told -> Floor.push -> Playout.push           faster than real time, as it comes
    Playout.pull -> Floor.pull -> Peer                       every 20 ms, paced by the peer

All tasks of a call live in one task group and end with it.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Buffer, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Unpack, assert_never

from sonicrtc.audio import Uplink
from sonicrtc.errors import PeerError, SonicClosedError, SonicRtcError
from sonicrtc.events import AppEvent, EndedEvent, HangUpMessage, SettingsMessage, TextMessage, encode
from sonicrtc.feed import CallClock, Feed, error_event, usage_event
from sonicrtc.floor import Floor
from sonicrtc.loopback import Loopback
from sonicrtc.metrics import CallStats
from sonicrtc.rtc.media import media_path
from sonicrtc.rtc.peer import Description, IceServer, Peer
from sonicrtc.sonic import protocol as sonic
from sonicrtc.tuning import ModelSettings, Tuning, tool_specs

if TYPE_CHECKING:
    from sonicrtc.config import Config, SonicConfig
    from sonicrtc.events import Event, ServerEvent
    from sonicrtc.sonic.session import SonicSession
    from sonicrtc.tools.runtime import ToolRunner

    OpenSession = Callable[[SonicConfig, Callable[[sonic.SonicEvent], None]], SonicSession]
    IceServers = Sequence[str | IceServer]

Reason = Literal["hangup", "peer_left", "drained", "error"]

_log = logging.getLogger(__name__)
_LAST_WORDS_S = 5.0  # how long the words of an early failure wait for a connection to carry them


class _Over(Exception):
    """Ends the task group of a call that has said goodbye."""


class Call:
    """One person's call with the agent; :meth:`sonicrtc.Agent.answer` makes it.

    Its `id` is unique; its `answer` is the ``{"sdp", "type"}`` for the page. Without `open_session`
    it is a loopback: the caller's audio comes back through Uplink and Playout.
    """

    def __init__(
        self, config: Config, *, open_session: OpenSession | None, open_tools: Callable[..., ToolRunner],
        ice_servers: IceServers = (), settings: object = None,
    ) -> None:  # fmt: skip
        self.id = uuid.uuid4().hex
        self.answer: dict[str, str] = {}
        vad, rate_hz = (config.vad, 24_000) if open_session else (None, 16_000)
        audio = (media := media_path(config.media)).format
        self._uplink = Uplink(input_rate_hz=audio.heard_hz, channels=audio.heard_channels, downmix="mean", vad=vad)
        self._block = self._uplink.block(audio.longest_frames)
        self._tuning = Tuning(config.sonic if open_session else None, config.server.allow_settings, settings)
        self._session: SonicSession | Loopback = (
            open_session(self._tuning.next, self._told) if open_session
            else Loopback(self._told, lambda: self._floor.waiting_ms)
        )  # fmt: skip
        self._clock, self._over, self._group = CallClock(), asyncio.Event(), asyncio.TaskGroup()
        self._reason: Reason | None = None
        self._error: SonicRtcError | None = None
        self._peer = Peer(
            ice_servers=ice_servers, media=media, pull_audio=lambda frames: self._floor.pull(frames),
            on_audio=self._heard, on_message=self._page_said, on_state=self._peer_became,
        )  # fmt: skip
        self._feed = Feed(send=self._peer.send, clock=self._clock.now_ms, introduced=False)
        assist = config if open_session else None
        self._floor = Floor(rate_hz=rate_hz, audio=audio, tell=self._feed.tell, clock=self._clock.now_ms, config=assist)
        self._tools = open_tools(
            tell=self._feed.tell, announce=self._session.announce, floor=self._floor, end=self._end
        )

    # -- for the application ------------------------------------------------------------------------

    def events(self) -> AsyncIterator[Event]:
        """Iterate over what happens; the last one is an ``EndedEvent``."""
        return self._feed.subscribe()

    async def send(self, kind: str, data: Any = None) -> AppEvent:
        """Send a message of the application's own to the page; MessageError when JSON cannot hold it in 16 KiB."""
        event = AppEvent(kind=kind, data=data, at_ms=self._clock.now_ms())
        self._peer.send(encode(event))
        return event

    def tell(self, event: ServerEvent) -> None:
        """Tell the page, and the readers of :meth:`events`, that something happened."""
        self._feed.tell(event)

    async def send_text(self, text: str) -> None:
        """Say `text` to the model as the user, as if it was typed on the page."""
        self._type(text)

    async def configure(self, *, tools: Sequence[str] | None = None, **settings: Unpack[ModelSettings]) -> None:
        """Change the model's settings, and which of the agent's tools it may call, in the next pause of the talk.

        A ``ModelEvent`` tells when they hold. ConfigError, and nothing changes, when they are not possible.
        """
        offered = self._tools.choose(tools)
        self._tuning.change(settings, lambda config: self._session.change(config, tool_specs(offered)))
        self._tools.offer(offered)

    async def hang_up(self, reason: Reason = "hangup") -> None:
        """End the call. Returns at once; the events tell when it is over."""
        self._end(reason)

    async def add_candidate(self, candidate: Mapping[str, object]) -> None:
        """Add a trickled ICE candidate (``RTCIceCandidateInit``) of the page."""
        await self._peer.add_candidate(candidate)

    @property
    def stats(self) -> CallStats:
        """What this call carried and lost so far."""
        return self._floor.stats(self._peer.stats, self._feed.dropped)

    # -- its life, lived in Calls -------------------------------------------------------------------

    async def accept(self, offer: Description) -> None:
        """Answer `offer`; SdpError when it is not usable."""
        answer = await self._peer.answer(offer)
        self.answer = {"sdp": answer.sdp, "type": answer.type}

    async def close(self) -> None:
        """Give back what a call that is never run holds."""
        await self._peer.close()

    async def run(self) -> None:
        """Live through the whole call. Raises nothing but cancellation."""
        try:
            async with self._group as group:
                group.create_task(self._attend_peer())
                group.create_task(self._attend_session())
                await self._over.wait()
                self._tools.cancel()
                await self._session.close()
                await self._say_goodbye()
                raise _Over
        except* _Over:
            pass
        except* Exception as failures:  # the boundary: what goes wrong in here ends this call and no other
            _log.error("call failed", exc_info=failures, extra={"call": self.id})
            self._fail(SonicRtcError("something went wrong in the server; the call has ended"))
        finally:
            await self._say_goodbye()
            _log.info("call ended", extra={"call": self.id, "reason": self._reason})

    async def _attend_peer(self) -> None:
        try:
            await self._peer.run()
            self._end("peer_left")
        except PeerError as exc:
            self._fail(exc)

    async def _attend_session(self) -> None:
        try:
            await self._session.run()
            if not self._over.is_set():
                raise SonicClosedError("the model ended the session")
        except SonicRtcError as exc:
            self._fail(exc)

    def _end(self, reason: Reason) -> None:
        self._reason = self._reason or reason
        self._over.set()

    def _fail(self, error: SonicRtcError) -> None:
        self._error = error if self._reason is None else self._error
        self._end("error")

    async def _say_goodbye(self) -> None:
        """Say why on the data channel, then close the peer; once."""
        if not self._feed.closed:
            if self._error is not None:
                await self._peer.settle(_LAST_WORDS_S)
                self._feed.tell(error_event(self._error))
            self._feed.tell(*self._floor.finish(), EndedEvent(reason=self._reason or "drained"))
            self._feed.close()
        await self._peer.close()

    def _peer_became(self, state: str) -> None:
        if state == "connected" and self._clock.start():
            self._feed.introduce(*self._tuning.introduce(self.id))

    # -- the straight line --------------------------------------------------------------------------

    def _heard(self, buffer: Buffer, frames: int) -> None:
        """Take a piece from the caller: 20 ms as a rule, and after a stall many of them one after the other."""
        block = self._uplink.push(buffer, frames=frames, out=self._block)
        self._floor.heard(buffer, frames, block)  # takes out the agent's own voice
        self._session.send_audio(block, captured_at_s=time.monotonic())

    def _told(self, event: sonic.SonicEvent) -> None:
        """Take one event from the model."""
        match event:
            case sonic.AudioChunk():
                self._floor.push(event)
            case sonic.AudioEnded(content_id=content_id):
                self._floor.end(content_id)
            case sonic.Interrupted():
                self._session.flushed(self._floor.interrupt())
            case sonic.UserText(again=True) | sonic.AssistantText():
                self._floor.say(event)
            case sonic.UserText(text=text):
                self._floor.say(event)
                self._tools.user_said(text)
            case sonic.ToolRequest():
                self._group.create_task(self._run_tool(event))
            case sonic.UsageReported():
                self._feed.tell(usage_event(event))
            case sonic.Recovering() | sonic.StreamChanged():
                self._feed.tell(self._tuning.follow(event))
            case sonic.SessionOpened() | sonic.TurnEnded() | sonic.UnknownReceived():
                pass
            case _:
                assert_never(event)

    async def _run_tool(self, request: sonic.ToolRequest) -> None:
        result = await self._tools.run(request.tool_use_id, request.name, request.arguments)
        self._session.send_tool_result(request.tool_use_id, result)

    def _type(self, text: str) -> None:
        with self._feed.telling_errors():
            self._session.send_text(text)
            self._floor.typed()
            self._tools.user_typed(text)

    def _page_said(self, message: str | bytes) -> None:
        """Take one message from the page."""
        event = self._feed.receive(message)
        if isinstance(event, TextMessage):
            self._type(event.text)
        elif isinstance(event, SettingsMessage):
            with self._feed.telling_errors():
                self._tuning.wish(event, self._session.change)
        elif isinstance(event, HangUpMessage):
            self._end("hangup")
