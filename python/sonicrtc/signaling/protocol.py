"""The signaling protocol without I/O: text in, typed events out; calls in, text out.

A peer's message never raises here: what cannot be read becomes :class:`Unknown`, which says why
without quoting it.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

import msgspec

from sonicrtc.errors import SignalingError
from sonicrtc.signaling import wire


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A viewer wants to talk. Its id is None only where a master's message reaches a viewer.

    `settings` is what our own page wishes, as it came; other viewers send none.
    """

    client_id: str | None
    sdp: str
    settings: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The reply to an offer."""

    client_id: str | None
    sdp: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One more ICE candidate, as an ``RTCIceCandidateInit``."""

    client_id: str | None
    candidate: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class GoAway:
    """Connect anew within a minute; calls go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconnectIce:
    """The TURN servers change: ask for the ICE servers again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusResponse:
    """The service could not do what the message `correlation_id` asked."""

    correlation_id: str
    error_type: str
    status_code: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """A message that is not understood; `problem` says what was expected."""

    message_type: str
    problem: str


SignalingEvent = Offer | Answer | Candidate | GoAway | ReconnectIce | StatusResponse | Unknown

_decode_incoming = msgspec.json.Decoder(wire.Incoming).decode
_decode_sdp = msgspec.json.Decoder(wire.SdpPayload).decode
_decode_candidate = msgspec.json.Decoder(wire.CandidatePayload).decode
_encode = msgspec.json.Encoder().encode


def read(text: str) -> SignalingEvent | None:
    """Understand one text message of the signaling WebSocket.

    Parameters
    ----------
    text : str
        The message as it came.

    Returns
    -------
    SignalingEvent or None
        None for the empty text frames that the service sends now and then.
    """
    if not text.strip():
        return None
    # A lone surrogate cannot come over a real WebSocket, but must not raise here either.
    data = text.encode("utf-8", "replace")
    if len(data) > wire.MAX_MESSAGE_BYTES:
        return Unknown(message_type="", problem=f"expected at most {wire.MAX_MESSAGE_BYTES} bytes, got {len(data)}")
    try:
        message = _decode_incoming(data)
    except (msgspec.DecodeError, RecursionError) as exc:
        return Unknown(message_type="", problem=f"expected a signaling message: {_without_values(exc)}")
    try:
        return _event(message)
    except (msgspec.DecodeError, RecursionError, binascii.Error) as exc:
        return Unknown(message_type=message.message_type[:64], problem=f"unusable payload: {_without_values(exc)}")


def _event(message: wire.Incoming) -> SignalingEvent:
    sender = message.sender_client_id or None
    match message.message_type:
        case "SDP_OFFER" | "SDP_ANSWER" as kind:
            description = _decode_sdp(_payload(message))
            expected = "offer" if kind == "SDP_OFFER" else "answer"
            if description.type != expected:
                return Unknown(message_type=kind, problem=f"expected a description of type {expected!r}")
            if kind == "SDP_OFFER":
                return Offer(client_id=sender, sdp=description.sdp, settings=description.settings)
            return Answer(client_id=sender, sdp=description.sdp)
        case "ICE_CANDIDATE":
            candidate = _decode_candidate(_payload(message))
            return Candidate(client_id=sender, candidate=_candidate_init(candidate))
        case "GO_AWAY":
            return GoAway()
        case "RECONNECT_ICE_SERVER":
            return ReconnectIce()
        case "STATUS_RESPONSE":
            status = message.status_response or wire.StatusPayload()
            return StatusResponse(
                correlation_id=status.correlation_id or "",
                error_type=status.error_type or "",
                status_code=str(status.status_code or ""),
                description=status.description or "",
            )
        case other:
            return Unknown(message_type=other[:64], problem="expected one of the documented message types")


def _payload(message: wire.Incoming) -> bytes:
    text = (message.message_payload or "").encode("ascii", "replace")
    return base64.b64decode(text, validate=True)


def _candidate_init(candidate: wire.CandidatePayload) -> dict[str, Any]:
    members = msgspec.to_builtins(candidate)
    return {name: value for name, value in members.items() if value is not None} | {
        "candidate": candidate.candidate or ""
    }


def _without_values(exc: Exception) -> str:
    """Name the problem and its place; msgspec quotes names and types, never values, of valid JSON."""
    return str(exc)[:200]


def write_offer(sdp: str, *, settings: object = None, correlation_id: str | None = None) -> str:
    """Return the message that sends a viewer's offer to the master, with the settings that it wishes.

    Raises
    ------
    SignalingError
        The description is larger than the service takes.
    """
    return _write("SDP_OFFER", wire.SdpPayload("offer", sdp, settings), None, correlation_id)


def write_answer(sdp: str, *, client_id: str, correlation_id: str | None = None) -> str:
    """Return the message that sends the master's answer to the viewer `client_id`.

    Raises
    ------
    SignalingError
        The description is larger than the service takes.
    """
    return _write("SDP_ANSWER", wire.SdpPayload("answer", sdp), client_id, correlation_id)


def write_candidate(candidate: dict[str, Any], *, client_id: str | None = None) -> str:
    """Return the message that sends an ICE candidate: a master's to `client_id`, a viewer's to None.

    Raises
    ------
    SignalingError
        The candidate is larger than the service takes.
    """
    return _write("ICE_CANDIDATE", candidate, client_id, None)


def _write(action: wire.Action, payload: object, client_id: str | None, correlation_id: str | None) -> str:
    encoded = base64.b64encode(_encode(payload)).decode("ascii")
    if len(encoded) > wire.MAX_PAYLOAD_CHARS:
        raise SignalingError(
            f"{action}: expected at most {wire.MAX_PAYLOAD_CHARS} characters of base64 payload, got {len(encoded)}"
        )
    message = wire.Outgoing(
        action=action, message_payload=encoded, recipient_client_id=client_id, correlation_id=correlation_id
    )
    return _encode(message).decode()
