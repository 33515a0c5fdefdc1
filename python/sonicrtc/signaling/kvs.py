"""The server as master of a signaling channel, and what a page needs to be its viewer.

The same code talks to AWS and to the local service; only the addresses differ.
"""

from __future__ import annotations

import asyncio
import logging
import random
import re
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from sonicrtc.config import SignalingConfig
from sonicrtc.credentials import CredentialsProvider
from sonicrtc.errors import (
    ConfigError,
    CredentialsError,
    SignalingClosedError,
    SignalingError,
    SonicRtcError,
)
from sonicrtc.signaling import protocol
from sonicrtc.signaling.connection import client_session, open_socket, relay
from sonicrtc.signaling.control import PRESIGNED_S, ControlPlane, Endpoints
from sonicrtc.signaling.protocol import (
    Answer,
    Candidate,
    GoAway,
    Offer,
    ReconnectIce,
    SignalingEvent,
    StatusResponse,
    Unknown,
)
from sonicrtc.signaling.viewer import SignalingViewer

__all__ = ["MasterStats", "SignalingMaster", "SignalingViewer", "ViewerSession", "relay"]

log = logging.getLogger(__name__)

OnOffer = Callable[[str, Offer], Awaitable[str]]
OnCandidate = Callable[[str, dict[str, Any]], Awaitable[None]]

_SEND_DEADLINE_S = 15.0
_ANSWER_DEADLINE_S = 20.0
# A connection that lived this long was a good one: the next failure starts a new series.
_STABLE_S = 30.0
_FIRST_DELAY_S = 0.25
_LONGEST_DELAY_S = 20.0
# How long the service lets a connection live that it has asked to go.
_GRACE_S = 60.0
_INBOX_LIMIT = 64

_CLIENT_ID = re.compile(r"(?!(?i:AWS_))[a-zA-Z0-9_.-]{1,256}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewerSession:
    """All that a page needs to reach this server through the channel; `signaling_url` is a secret.

    Parameters
    ----------
    signaling_url : str
        Presigned WebSocket URL.
    channel_arn, client_id : str
        The channel, and who the viewer is on it.
    ice_servers : list of dict
        ``RTCIceServer`` dictionaries.
    expires_at : float
        When the URL can no longer be used to connect, in seconds since the epoch.
    """

    signaling_url: str = field(repr=False)
    channel_arn: str
    client_id: str
    ice_servers: list[dict[str, Any]] = field(repr=False)
    expires_at: float


@dataclass(slots=True)
class MasterStats:
    """Counts of a master's life so far."""

    connections: int = 0
    failed_connections: int = 0
    offers: int = 0
    answers: int = 0
    failed_offers: int = 0
    dropped_messages: int = 0
    unknown_messages: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Channel:
    arn: str
    master: Endpoints
    viewer: Endpoints


class SignalingMaster:
    """Keeps this server reachable as master of a signaling channel.

    Every viewer has its own task: offers are answered side by side, one viewer's messages in their
    order, and whatever goes wrong with one viewer ends nothing else.

    Parameters
    ----------
    config : SignalingConfig
        The channel and where it is.
    credentials : CredentialsProvider
        Asked anew for every connection and call.
    on_offer : async (client_id, offer) -> sdp
        Answers a viewer's `Offer`.
    on_candidate : async (client_id, candidate) -> None
        Takes a viewer's ICE candidate (``RTCIceCandidateInit``), never before `on_offer` has returned.
    """

    def __init__(
        self,
        config: SignalingConfig,
        *,
        credentials: CredentialsProvider,
        on_offer: OnOffer,
        on_candidate: OnCandidate,
    ) -> None:
        if config.channel is None:
            raise ConfigError("signaling.channel: expected a channel name, got none")
        self._name = config.channel
        self._config = config
        self._control = ControlPlane(config, credentials)
        self._on_offer = on_offer
        self._on_candidate = on_candidate
        self._channel: _Channel | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._inboxes: dict[str, deque[Offer | Candidate]] = {}
        self._sent = 0
        self.connected = asyncio.Event()
        self.stats = MasterStats()

    async def run(self) -> None:
        """Connect and stay connected until cancelled.

        Raises
        ------
        SignalingError, CredentialsError
            The first connection could not be made. Once there was one, lost connections are made
            again for ever, each with a fresh presigned URL.
        """
        try:
            async with client_session(self._config.ca_file) as http:
                socket = await self._connect(http)
                async with asyncio.TaskGroup() as group:
                    failures = 0
                    while True:
                        began = time.monotonic()
                        asked = asyncio.get_running_loop().create_future()
                        group.create_task(self._read(socket, group, asked), name="signaling reader")
                        leaving = await asked
                        failures = 0 if time.monotonic() - began > _STABLE_S else failures + 1
                        # Asked to go and not in a loop of that: at once.
                        socket = await self._reconnect(http, max(0, failures - leaving))
        finally:
            self._control.close()

    async def viewer_session(self, client_id: str | None = None) -> ViewerSession:
        """Return a presigned way to this channel for one viewer.

        Parameters
        ----------
        client_id : str, optional
            1 to 256 characters of ``a-z A-Z 0-9 _ . -``, not beginning with ``AWS_``; random when None.

        Raises
        ------
        SignalingError, CredentialsError
            The service cannot be asked.
        """
        client_id = f"viewer-{secrets.token_hex(8)}" if client_id is None else client_id
        if _CLIENT_ID.fullmatch(client_id) is None:
            raise SignalingError("client id: expected 1 to 256 characters of a-z A-Z 0-9 _ . -, not beginning AWS_")
        channel = await self._resolve()
        try:
            ice_servers = await self._control.ice_servers(channel.arn, channel.viewer.https, client_id)
        except SignalingError:
            self._channel = None  # it may have been deleted or moved: look it up again next time
            raise
        expires_at = time.time() + PRESIGNED_S
        return ViewerSession(
            signaling_url=await self._control.presign(channel.viewer.wss, channel.arn, client_id),
            channel_arn=channel.arn,
            client_id=client_id,
            ice_servers=ice_servers,
            expires_at=expires_at,
        )

    async def ice_servers(self) -> list[dict[str, Any]]:
        """Return the master's own STUN and TURN servers, which last 300 s, as ``RTCIceServer`` dictionaries."""
        channel = await self._resolve()
        return await self._control.ice_servers(channel.arn, channel.master.https)

    async def send_candidate(self, client_id: str, candidate: dict[str, Any]) -> None:
        """Send an ICE candidate of this side to a viewer.

        Raises
        ------
        SignalingError
            The candidate is too large, or there was no connection for 15 s.
        """
        await self._send(protocol.write_candidate(candidate, client_id=client_id))

    async def _resolve(self) -> _Channel:
        if self._channel is None:
            arn = await self._control.channel_arn(self._name)
            self._channel = _Channel(
                arn=arn,
                master=await self._control.endpoints(arn, "MASTER"),
                viewer=await self._control.endpoints(arn, "VIEWER"),
            )
        return self._channel

    async def _connect(self, http: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
        channel = await self._resolve()
        try:
            socket = await open_socket(http, await self._control.presign(channel.master.wss, channel.arn))
        except SignalingError:
            self._channel = None  # as above
            raise
        self.stats.connections += 1
        return socket

    async def _reconnect(self, http: aiohttp.ClientSession, failures: int) -> aiohttp.ClientWebSocketResponse:
        while True:
            if failures:
                # The service allows 3 connections per second; jitter keeps servers from coming back in step.
                longest = min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2 ** min(failures, 16))
                await asyncio.sleep(longest * (0.5 + random.random() / 2))
            try:
                return await self._connect(http)
            except (SignalingError, CredentialsError) as exc:
                failures += 1
                self.stats.failed_connections += 1
                log.warning("signaling: no connection", extra={"error": exc.code, "failures": failures})

    async def _read(
        self, socket: aiohttp.ClientWebSocketResponse, group: asyncio.TaskGroup, asked: asyncio.Future[bool]
    ) -> None:
        """Read one connection to its end.

        `asked` becomes True when the service asks to leave and False when the connection is lost.
        What was asked is left only once the service closes it, which it does when the next one is
        there: what it sends until then would be lost otherwise.
        """
        self._socket = socket
        self.connected.set()
        log.info("signaling: connected as master", extra={"channel": self._name})
        try:
            async with asyncio.timeout(None) as lifetime:
                async for message in socket:
                    if message.type is not aiohttp.WSMsgType.TEXT:
                        self.stats.unknown_messages += 1
                    elif isinstance(event := protocol.read(message.data), GoAway):
                        lifetime.reschedule(asyncio.get_running_loop().time() + _GRACE_S)
                        _tell(asked, True)
                    elif event is not None:
                        self._take(event, group)
        except TimeoutError:
            log.info("signaling: left a connection after its grace time")
        finally:
            if self._socket is socket:
                self._socket = None
                self.connected.clear()
            _tell(asked, False)
            await socket.close()

    def _take(self, event: SignalingEvent, group: asyncio.TaskGroup) -> None:
        match event:
            case Offer(client_id=str() as client_id) | Candidate(client_id=str() as client_id):
                self._deliver(client_id, event, group)
            case StatusResponse():
                fields = {"error": event.error_type, "status": event.status_code, "message_id": event.correlation_id}
                log.warning("signaling: the service could not deliver a message", extra=fields)
            case ReconnectIce():
                # Nothing to do for later calls: ICE servers are fetched anew for each.
                log.info("signaling: the TURN servers change")
            case Unknown():
                self.stats.unknown_messages += 1
                fields = {"kind": event.message_type, "problem": event.problem}
                log.warning("signaling: message not understood", extra=fields)
            case Offer() | Answer() | Candidate() | GoAway():
                self.stats.unknown_messages += 1
                log.warning("signaling: message that no viewer may send", extra={"kind": type(event).__name__})

    def _deliver(self, client_id: str, event: Offer | Candidate, group: asyncio.TaskGroup) -> None:
        inbox = self._inboxes.get(client_id)
        if inbox is None:
            self._inboxes[client_id] = deque([event])
            group.create_task(self._attend(client_id), name=f"signaling viewer {client_id}")
        elif isinstance(event, Offer):
            inbox.clear()  # what belonged to an earlier offer is void
            inbox.append(event)
        elif len(inbox) < _INBOX_LIMIT:
            inbox.append(event)
        else:
            self.stats.dropped_messages += 1

    async def _attend(self, client_id: str) -> None:
        """Work off one viewer's messages in order; ends when there are no more."""
        inbox = self._inboxes[client_id]
        try:
            while inbox:
                event = inbox.popleft()
                try:
                    async with asyncio.timeout(_ANSWER_DEADLINE_S):
                        await self._handle(client_id, event, inbox)
                except Exception as exc:  # the boundary of a call: the master and the other viewers live on
                    self.stats.failed_offers += isinstance(event, Offer)
                    known = isinstance(exc, SonicRtcError)
                    error = exc.code if isinstance(exc, SonicRtcError) else type(exc).__name__
                    log.warning(
                        "signaling: a viewer's message failed",
                        extra={"client_id": client_id, "error": error},
                        exc_info=not known,
                    )
        finally:
            del self._inboxes[client_id]

    async def _handle(self, client_id: str, event: Offer | Candidate, inbox: deque[Offer | Candidate]) -> None:
        if isinstance(event, Candidate):
            await self._on_candidate(client_id, event.candidate)
            return
        self.stats.offers += 1
        sdp = await self._on_offer(client_id, event)
        if any(isinstance(later, Offer) for later in inbox):
            return  # the viewer has offered again; an answer to the old offer would confuse it
        self._sent += 1
        await self._send(protocol.write_answer(sdp, client_id=client_id, correlation_id=f"answer-{self._sent}"))
        self.stats.answers += 1

    async def _send(self, text: str) -> None:
        """Send over the present connection, or over the next one when it is being replaced."""
        try:
            async with asyncio.timeout(_SEND_DEADLINE_S):
                while True:
                    await self.connected.wait()
                    socket = self._socket
                    try:
                        if socket is not None:
                            return await socket.send_str(text)
                    except (aiohttp.ClientError, ConnectionError):
                        if self._socket is socket:
                            self.connected.clear()  # the reader will find out too, and connect again
        except TimeoutError as exc:
            raise SignalingClosedError(f"no signaling connection for {_SEND_DEADLINE_S:g} s") from exc


def _tell(asked: asyncio.Future[bool], answer: bool) -> None:
    if not asked.done():
        asked.set_result(answer)
