"""The headless client: reaches a server as the page does, speaks, listens and reports."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Buffer, Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from sonicrtc import events
from sonicrtc.caller.conversation import GREETING_S, Conversation, Outcome
from sonicrtc.caller.http import ServerRequests, SessionReply
from sonicrtc.caller.report import CallReport
from sonicrtc.caller.source import Sink, Source
from sonicrtc.caller.timing import Tape, end_of_speech_s, is_loud, response_time
from sonicrtc.caller.wav import CALL_RATE_HZ
from sonicrtc.config import MediaConfig
from sonicrtc.errors import MessageError, PeerError
from sonicrtc.rtc.media import media_path
from sonicrtc.rtc.peer import Description, Peer
from sonicrtc.signaling.kvs import SignalingViewer
from sonicrtc.tasks import beside

_CONNECT_TIMEOUT_S = 15.0
_SESSION_TIMEOUT_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOptions:
    """How to call.

    Parameters
    ----------
    url : str
        Address of the server, e.g. ``http://127.0.0.1:8080``.
    direct : bool
        Use ``POST /offer`` instead of the signaling channel.
    text : str, optional
        Typed to the model once connected.
    settings : Settings, optional
        What to wish of the model.
    waits_for_greeting : bool
        Let an agent that speaks first end before speaking; a person at a microphone decides that alone.
    ca_file : Path, optional
        PEM file of the authority that signed the server's certificate.
    timeout_s : float
        How long to wait for a reply.
    longest_s : float
        Bound of the whole call.
    media : MediaConfig
        How audio goes between the network and the call.
    """

    url: str
    direct: bool = False
    text: str | None = None
    settings: events.Settings | None = None
    waits_for_greeting: bool = True
    ca_file: Path | None = None
    timeout_s: float = 30.0
    longest_s: float = 600.0
    media: MediaConfig = field(default_factory=MediaConfig)


class HeadlessCall:
    """One call to a server.

    Parameters
    ----------
    options : CallOptions
        Where to and how.
    source : Source
        What the caller says.
    sink : Sink, optional
        Where the reply goes, beside the recording.
    on_event : callable, optional
        Called with each event of the server as it comes.
    clock : callable
        Seconds that never go back.
    """

    def __init__(
        self,
        options: CallOptions,
        source: Source,
        sink: Sink | None = None,
        *,
        on_event: Callable[[events.ServerEvent | events.UnknownEvent], None] = lambda event: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._options, self._source, self._sink, self._clock = options, source, sink, clock
        self._on_event = on_event
        self._media = media_path(options.media, heard_hz=CALL_RATE_HZ, spoken_hz=CALL_RATE_HZ, live=sink is not None)
        self._conversation = Conversation(
            timeout_s=options.timeout_s, greeting_s=GREETING_S if options.waits_for_greeting else 0.0
        )
        self._sent, self._received = Tape(), Tape()
        self._changed = asyncio.Event()
        self._spoken_s: float | None = None
        self._begun = self._speaks = False
        self._over: Outcome | None = None

    def hang_up(self) -> None:
        """End the call now; :meth:`run` then returns what came so far."""
        self._over = "hung_up"
        self._changed.set()

    async def run(self) -> CallReport:
        """Call, say what the source has, and return what came back.

        Ends when the reply has finished, when none came in time, or when the server ends the call.

        Raises
        ------
        SignalingError
            The server cannot be reached, refused, or gave no answer.
        PeerError
            No connection came about, or the call is longer than its bound.
        """
        started_s = self._clock()
        try:
            async with asyncio.timeout(self._options.longest_s):
                connected_s, outcome = await self._call()
        except TimeoutError as exc:
            raise PeerError(f"the call was not over after {self._options.longest_s:g} s") from exc
        return self._report(started_s, connected_s, outcome)

    async def _call(self) -> tuple[float, Outcome]:
        async with ServerRequests.open(self._options.url, self._options.ca_file) as requests:
            session = None if self._options.direct else await requests.session()
            peer = Peer(
                ice_servers=[] if session is None else [server.server() for server in session.ice_servers],
                media=self._media,
                pull_audio=self._pull,
                on_audio=self._take_audio,
                on_message=self._take_message,
                connect_timeout_s=_CONNECT_TIMEOUT_S,
                pauses=False,
            )
            try:
                if session is None:
                    await peer.accept(await requests.offer(await peer.offer(), self._options.settings))
                else:
                    await self._exchange(peer, session)
                async with beside(self._run_peer(peer)):
                    await peer.connected.wait()
                    connected_s = self._clock()
                    outcome = await self._until_outcome(peer)
                    peer.send(events.encode(events.HangUpMessage()))
                    await peer.close()
                    return connected_s, outcome
            finally:
                await peer.close()

    async def _exchange(self, peer: Peer, session: SessionReply) -> None:
        """Exchange offer and answer through the signaling channel, as its viewer."""
        url = session.signaling_url
        # The given authority vouches for the server, which may be the relay of this socket or not.
        own = urlsplit(url).netloc == urlsplit(self._options.url).netloc
        async with SignalingViewer(url, ca_file=self._options.ca_file if own else None) as viewer:
            await viewer.send_offer((await peer.offer()).sdp, self._options.settings)
            await peer.accept(Description(await viewer.answer(), "answer"))

    async def _run_peer(self, peer: Peer) -> None:
        await peer.run()
        self._over = self._over or "lost"
        self._changed.set()

    async def _until_outcome(self, peer: Peer) -> Outcome:
        """Wait for the end of the conversation: woken by each thing that happens, and by one deadline."""
        session_deadline_s = self._clock() + _SESSION_TIMEOUT_S
        while True:
            outcome = self._conversation.outcome(self._clock()) or self._over
            if outcome is not None:
                return outcome
            self._begin(peer)
            floor_s = self._conversation.floor_s
            deadline_s = self._conversation.deadline_s() if self._begun else floor_s or session_deadline_s
            self._changed.clear()
            try:
                async with asyncio.timeout(None if deadline_s is None else max(0.0, deadline_s - self._clock())):
                    await self._changed.wait()
            except TimeoutError:
                if self._conversation.session is None:
                    raise PeerError(f"connected, but the server sent nothing for {_SESSION_TIMEOUT_S:g} s") from None

    def _begin(self, peer: Peer) -> None:
        """Speak once the server says that the call is up (the page tells a person then, too) and has greeted."""
        floor_s = self._conversation.floor_s
        if self._begun or floor_s is None or self._clock() < floor_s:
            return
        self._begun = True
        self._source.start()
        if self._options.text is not None:
            self._conversation.speech_began()
            peer.send(events.encode(events.TextMessage(text=self._options.text)))

    def _pull(self, frames: int) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
        block = self._source.pull(frames)
        self._sent.append_sent(block, self._clock())
        if self._begun and not self._speaks and is_loud(block):
            self._speaks = True
            self._conversation.speech_began()
        if self._spoken_s is None and self._begun and self._source.finished:
            self._spoken_s = end_of_speech_s(self._sent) or self._clock()
            self._conversation.speech_ended(self._spoken_s)
            self._changed.set()
        return block

    def _take_audio(self, buffer: Buffer, frames: int) -> None:
        channels = self._media.format.heard_channels
        heard = np.frombuffer(buffer, np.int16, count=channels * frames).reshape(-1, channels)
        mono = (heard.sum(axis=1, dtype=np.int32) // channels).astype(np.int16)
        now_s = self._clock()
        self._received.append_received(mono, now_s)
        if is_loud(mono):
            self._conversation.sound_came(now_s)
        if self._sink is not None:
            self._sink.push(mono)

    def _take_message(self, message: str | bytes) -> None:
        try:
            event = events.decode_server(message)
        except MessageError as exc:
            event = events.UnknownEvent(kind="unreadable", data=str(exc))
        self._conversation.take(event, self._clock())
        self._on_event(event)
        self._changed.set()

    def _report(self, started_s: float, connected_s: float, outcome: Outcome) -> CallReport:
        session = self._conversation.session
        typed = self._options.text is not None and end_of_speech_s(self._sent) is None
        endpoint_ms = 0.0 if session is None or typed else float(session.endpoint_ms)
        spoken_s = self._spoken_s if self._spoken_s is not None else end_of_speech_s(self._sent)
        measured = response_time(spoken_s, self._received, endpoint_ms)
        return CallReport(
            connected_ms=round(1000 * (connected_s - started_s), 1),
            user_text=self._conversation.user_text(),
            assistant_text=self._conversation.assistant_text(),
            endpoint_ms=endpoint_ms,
            first_audio_ms=measured.first_audio_ms,
            response_ms=measured.response_ms,
            total_ms=round(1000 * (self._clock() - started_s), 1),
            events=self._conversation.plain_events(),
            audio=self._received.samples(),
            failure=self._conversation.failure(outcome),
        )
