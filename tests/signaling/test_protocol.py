"""The signaling protocol without I/O: bytes and events."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sonicrtc.errors import SignalingError
from sonicrtc.signaling import protocol, wire
from sonicrtc.signaling.protocol import Answer, Candidate, GoAway, Offer, ReconnectIce, StatusResponse, Unknown


def event(kind: str, payload: object = None, **members: object) -> str:
    """A message of the service, written by hand."""
    encoded = {} if payload is None else {"messagePayload": base64.b64encode(json.dumps(payload).encode()).decode()}
    return json.dumps({"messageType": kind} | encoded | members)


def decoded(text: str) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(text)
    message["messagePayload"] = json.loads(base64.b64decode(message["messagePayload"]))
    return message


CANDIDATE = {"candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host", "sdpMid": "0", "sdpMLineIndex": 0}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (event("SDP_OFFER", {"type": "offer", "sdp": "x"}, senderClientId="v"), Offer(client_id="v", sdp="x")),
        (
            event("SDP_OFFER", {"type": "offer", "sdp": "x", "settings": [1]}, senderClientId="v"),
            Offer(client_id="v", sdp="x", settings=[1]),
        ),
        (event("SDP_ANSWER", {"type": "answer", "sdp": "x"}), Answer(client_id=None, sdp="x")),
        (event("SDP_ANSWER", {"type": "answer", "sdp": "x"}, senderClientId=""), Answer(client_id=None, sdp="x")),
        (event("ICE_CANDIDATE", CANDIDATE, senderClientId="v"), Candidate(client_id="v", candidate=CANDIDATE)),
        (event("ICE_CANDIDATE", {"candidate": None}), Candidate(client_id=None, candidate={"candidate": ""})),
        (event("GO_AWAY"), GoAway()),
        (event("RECONNECT_ICE_SERVER", messagePayload=None, statusResponse=None), ReconnectIce()),
        ("", None),
        (" \n", None),
    ],
)
def test_each_documented_message_becomes_its_event(text: str, expected: object) -> None:
    assert protocol.read(text) == expected


@pytest.mark.parametrize("code", ["404", 404])
def test_a_status_response_tells_which_message_failed_and_why(code: object) -> None:
    status = {"correlationId": "c", "errorType": "E", "statusCode": code, "description": "d", "success": False}
    expected = StatusResponse(correlation_id="c", error_type="E", status_code="404", description="d")
    assert protocol.read(event("STATUS_RESPONSE", statusResponse=status)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "null",
        '{"messageType":7}',
        "[" * 5000,
        '{"x":' * 5000,
        event("HELLO"),
        event("SDP_OFFER"),
        event("SDP_OFFER", messagePayload="%%%"),
        event("SDP_OFFER", messagePayload="é"),
        event("SDP_OFFER", {"type": "answer", "sdp": "x"}),
        event("SDP_OFFER", {"type": "offer", "sdp": 1}),
        event("ICE_CANDIDATE", {"sdpMLineIndex": "zero"}),
        event("SDP_OFFER", {"type": "offer", "sdp": "x" * wire.MAX_MESSAGE_BYTES}),
        "\ud800",
    ],
)
def test_what_is_not_a_signaling_message_is_unknown_and_never_raises(text: str) -> None:
    assert isinstance(protocol.read(text), Unknown)


def test_an_unknown_message_is_described_without_being_quoted() -> None:
    unknown = protocol.read(event("SDP_OFFER", {"type": "secret word", "sdp": 1}))
    assert isinstance(unknown, Unknown)
    assert "secret" not in repr(unknown)


def test_a_master_names_the_recipient_and_a_viewer_does_not() -> None:
    assert decoded(protocol.write_answer("x", client_id="v", correlation_id="c")) == {
        "action": "SDP_ANSWER",
        "messagePayload": {"type": "answer", "sdp": "x"},
        "recipientClientId": "v",
        "correlationId": "c",
    }
    assert decoded(protocol.write_offer("x")) == {
        "action": "SDP_OFFER",
        "messagePayload": {"type": "offer", "sdp": "x"},
    }
    assert decoded(protocol.write_candidate(CANDIDATE)) == {"action": "ICE_CANDIDATE", "messagePayload": CANDIDATE}


def test_a_description_that_the_service_would_refuse_is_refused_before() -> None:
    with pytest.raises(SignalingError, match="expected at most 10000 characters"):
        protocol.write_offer("x" * 8000)


# A busy machine is no reason to fail.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
EVENTS = Offer | Answer | Candidate | GoAway | ReconnectIce | StatusResponse | Unknown
KINDS = ["SDP_OFFER", "SDP_ANSWER", "ICE_CANDIDATE", "GO_AWAY", "RECONNECT_ICE_SERVER", "STATUS_RESPONSE"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
PAYLOADS = st.dictionaries(
    st.sampled_from(["type", "sdp", "candidate", "sdpMid", "sdpMLineIndex"]), JSON | st.just("offer")
)
ENCODED = PAYLOADS.map(lambda value: base64.b64encode(json.dumps(value).encode()).decode())
MESSAGES = st.fixed_dictionaries(
    {"messageType": st.sampled_from(KINDS) | JSON},
    optional={"messagePayload": ENCODED | JSON, "senderClientId": JSON, "statusResponse": JSON, "more": JSON},
)


@patient
@given(st.text() | JSON.map(json.dumps) | MESSAGES.map(json.dumps))
def test_any_text_is_an_event_or_unknown(text: str) -> None:
    assert protocol.read(text) is None or isinstance(protocol.read(text), EVENTS)


@patient
@given(st.text(max_size=1000))
def test_what_a_viewer_writes_is_read_back(sdp: str) -> None:
    written = json.loads(protocol.write_offer(sdp))
    text = json.dumps({"messageType": written["action"], "messagePayload": written["messagePayload"]})
    assert protocol.read(text) == Offer(client_id=None, sdp=sdp)
