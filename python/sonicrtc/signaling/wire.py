"""Signaling messages as they travel.

Source: Kinesis Video Streams with WebRTC developer guide, pages ``SendSdpOffer``, ``SendSdpAnswer``,
``SendIceCandidate`` and ``async-message-reception-api``. The payloads are what browsers make of
``RTCSessionDescriptionInit`` and ``RTCIceCandidateInit``.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

#: Longest ``messagePayload`` that the service takes, in characters of base64.
MAX_PAYLOAD_CHARS = 10_000
#: Longest message that is read, in bytes: a payload and a generous envelope.
MAX_MESSAGE_BYTES = 32 * 1024

Action = Literal["SDP_OFFER", "SDP_ANSWER", "ICE_CANDIDATE"]


class StatusPayload(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What went wrong with a message that carried a correlation id."""

    correlation_id: str | None = None
    error_type: str | None = None
    #: Documented as text; numbers are taken as well.
    status_code: str | int | None = None
    description: str | None = None


class Incoming(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Any message from the service. Everything but the type may be absent, empty or null."""

    message_type: str
    message_payload: str | None = None
    sender_client_id: str | None = None
    status_response: StatusPayload | None = None


class Outgoing(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Any message to the service. A viewer names no recipient: its messages go to the master."""

    action: Action
    message_payload: str
    recipient_client_id: str | None = None
    correlation_id: str | None = None


class SdpPayload(msgspec.Struct, frozen=True, omit_defaults=True):
    """``RTCSessionDescriptionInit``; our own page's offer may carry the settings that it wishes."""

    type: str
    sdp: str
    settings: Any = None


class CandidatePayload(msgspec.Struct, frozen=True, kw_only=True):
    """``RTCIceCandidateInit``; an empty or missing candidate says that there are no more."""

    candidate: str | None = None
    sdp_mid: str | None = msgspec.field(default=None, name="sdpMid")
    sdp_m_line_index: int | None = msgspec.field(default=None, name="sdpMLineIndex")
    username_fragment: str | None = msgspec.field(default=None, name="usernameFragment")
