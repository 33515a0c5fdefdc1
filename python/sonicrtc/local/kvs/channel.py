"""One signaling channel: who is connected, and how messages go between master and viewers.

Written from the developer guide "Kinesis Video Streams with WebRTC", pages ``ConnectAsMaster``,
``ConnectAsViewer``, ``SendSdpOffer``, ``SendSdpAnswer``, ``SendIceCandidate``,
``async-message-reception-api`` and ``kvswebrtc-limits``.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

ACTIONS = ("SDP_OFFER", "SDP_ANSWER", "ICE_CANDIDATE")
_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,256}")
_SEND_DEADLINE_S = 5.0
_KEPT_PER_RECIPIENT = 64
_KEPT_RECIPIENTS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The documented quotas (page ``kvswebrtc-limits``)."""

    viewers: int = 10
    payload_chars: int = 10_000
    connection_s: float = 3600.0
    idle_s: float = 600.0
    #: How long a connection may stay after it was asked to go away.
    go_away_s: float = 60.0
    connects_per_s: float = 3.0
    sdp_per_s: float = 5.0
    candidates_per_s: float = 20.0


class ServiceError(Exception):
    """A modelled error of the service."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class Rate:
    """A token bucket.

    Parameters
    ----------
    per_s : float
        Tokens that come back in a second.
    burst : float
        Most tokens that are kept.
    clock : callable
        Seconds, monotonic.
    """

    def __init__(self, per_s: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_s
        self._burst = burst
        self._clock = clock
        self._tokens = burst
        self._at = clock()

    def take(self) -> bool:
        """Take one token; False when there is none."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._per_s)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Connection:
    """One WebSocket of the channel. `client_id` is None for the master."""

    def __init__(
        self, request: web.Request, socket: web.WebSocketResponse, client_id: str | None, limits: Limits
    ) -> None:
        self._request = request
        self.socket = socket
        self.client_id = client_id
        self.lifetime: asyncio.Timeout | None = None
        sdp = Rate(limits.sdp_per_s, limits.sdp_per_s)
        self._rates = {
            "SDP_OFFER": sdp,
            "SDP_ANSWER": sdp,
            "ICE_CANDIDATE": Rate(limits.candidates_per_s, limits.candidates_per_s),
        }

    def admits(self, action: str) -> bool:
        """Count a message against its quota."""
        return self._rates[action].take()

    def end_by(self, deadline: float) -> None:
        """End not later than `deadline` on the event loop's clock."""
        if self.lifetime is not None and not self.lifetime.expired():
            self.lifetime.reschedule(min(deadline, self.lifetime.when() or deadline))

    def abort(self) -> None:
        """End without a word, as a lost network does."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def send(self, text: str) -> bool:
        """Send; False when the connection is gone or does not read."""
        try:
            async with asyncio.timeout(_SEND_DEADLINE_S):
                await self.socket.send_str(text)
        except (ConnectionError, RuntimeError, TimeoutError):
            return False
        return True


@dataclass(slots=True, kw_only=True)
class _Kept:
    until_s: float
    sender: str | None
    action: str
    text: str


@dataclass(slots=True, kw_only=True)
class Channel:
    """A channel and its connections."""

    name: str
    arn: str
    created_at: float
    limits: Limits
    message_ttl_s: int = 60
    version: int = 1
    tags: dict[str, str] = field(default_factory=dict)
    master: Connection | None = None
    viewers: dict[str, Connection] = field(default_factory=dict)
    _kept: dict[str | None, list[_Kept]] = field(default_factory=dict)
    _master_connects: Rate = field(init=False)
    _viewer_connects: Rate = field(init=False)

    def __post_init__(self) -> None:
        per_s = self.limits.connects_per_s
        self._master_connects = Rate(per_s, per_s)
        # Ten viewers may come at once; the documented rate holds on average.
        self._viewer_connects = Rate(per_s, max(per_s, float(self.limits.viewers)))

    def connections(self) -> list[Connection]:
        """Return everybody who is connected."""
        return [*([self.master] if self.master else []), *self.viewers.values()]

    def check_admission(self, client_id: str | None) -> None:
        """Raise ClientLimitExceededException when this connection is one too many."""
        rate = self._master_connects if client_id is None else self._viewer_connects
        if not rate.take():
            raise ServiceError("ClientLimitExceededException", "Connections are being made at too high a rate.")
        if client_id is not None and client_id not in self.viewers and len(self.viewers) >= self.limits.viewers:
            raise ServiceError("ClientLimitExceededException", f"At most {self.limits.viewers} viewers may connect.")

    async def join(self, connection: Connection) -> None:
        """Make `connection` the master or the viewer of its id; the newest wins."""
        if connection.client_id is None:
            previous, self.master = self.master, connection
        else:
            previous = self.viewers.get(connection.client_id)
            self.viewers[connection.client_id] = connection
        for kept in self._kept.pop(connection.client_id, []):
            if kept.until_s > time.monotonic():
                await connection.send(kept.text)
        if previous is not None:
            await previous.socket.close(message=b"replaced by a newer connection")

    def leave(self, connection: Connection) -> None:
        """Forget a connection, unless a newer one has taken its place."""
        if self.master is connection:
            self.master = None
        elif connection.client_id is not None and self.viewers.get(connection.client_id) is connection:
            del self.viewers[connection.client_id]

    async def receive(self, connection: Connection, text: str) -> None:
        """Relay one message, or tell its sender what was wrong when it gave a correlation id."""
        if not text.strip():
            return
        correlation_id = None
        try:
            message = _parse(text)
            correlation_id = message.get("correlationId")
            if correlation_id is not None:
                check_name(correlation_id, "correlationId")
            await self._relay(connection, message)
        except ServiceError as exc:
            if isinstance(correlation_id, str):
                await connection.send(_status(correlation_id, exc))

    async def _relay(self, sender: Connection, message: dict[str, Any]) -> None:
        action = message.get("action")
        if action not in ACTIONS:
            raise ServiceError("InvalidArgumentException", f"action must be one of {', '.join(ACTIONS)}")
        _check_payload(message.get("messagePayload"), self.limits.payload_chars)
        recipient = None
        if sender.client_id is None:
            recipient = message.get("recipientClientId")
            check_name(recipient, "recipientClientId")
        if not sender.admits(action):
            raise ServiceError("LimitExceededException", f"{action} is sent at too high a rate", 429)
        event = {"messageType": action, "messagePayload": message["messagePayload"]}
        if sender.client_id is not None:
            event["senderClientId"] = sender.client_id
        until_s = time.monotonic() + self.message_ttl_s
        kept = _Kept(until_s=until_s, sender=sender.client_id, action=action, text=json.dumps(event))
        await self._deliver(recipient, kept)

    async def _deliver(self, recipient: str | None, message: _Kept) -> None:
        target = self.master if recipient is None else self.viewers.get(recipient)
        if target is not None and await target.send(message.text):
            return
        # Undelivered messages are kept for the channel's message TTL; a newer description replaces an older one.
        kept = self._kept.setdefault(recipient, [])
        if message.action != "ICE_CANDIDATE":
            kept[:] = [other for other in kept if (other.sender, other.action) != (message.sender, message.action)]
        kept.append(message)
        del kept[:-_KEPT_PER_RECIPIENT]
        while len(self._kept) > _KEPT_RECIPIENTS:
            del self._kept[next(iter(self._kept))]


def check_client_id(client_id: str) -> None:
    """Raise InvalidArgumentException unless `client_id` is as documented."""
    check_name(client_id, "X-Amz-ClientId")
    if client_id.upper().startswith("AWS_"):
        raise ServiceError("InvalidArgumentException", "X-Amz-ClientId must not begin with AWS_")


def check_name(value: object, what: str) -> None:
    """Raise InvalidArgumentException unless `value` is a name as the service defines it."""
    if not isinstance(value, str) or _NAME.fullmatch(value) is None:
        raise ServiceError("InvalidArgumentException", f"{what} must be 1 to 256 characters of [a-zA-Z0-9_.-]")


def _check_payload(payload: object, limit: int) -> None:
    if not isinstance(payload, str) or not 1 <= len(payload) <= limit:
        raise ServiceError("InvalidArgumentException", f"messagePayload must be 1 to {limit} characters")
    try:
        base64.b64decode(payload.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise ServiceError("InvalidArgumentException", "messagePayload must be base64") from None


def _parse(text: str) -> dict[str, Any]:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise ServiceError("InvalidArgumentException", "a message must be JSON") from None
    if not isinstance(message, dict):
        raise ServiceError("InvalidArgumentException", "a message must be a JSON object")
    return message


def _status(correlation_id: str, error: ServiceError) -> str:
    response = {
        "correlationId": correlation_id,
        "errorType": error.code,
        "statusCode": str(error.status),
        "description": error.message,
    }
    return json.dumps({"messageType": "STATUS_RESPONSE", "statusResponse": response})
