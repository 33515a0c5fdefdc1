"""The event-stream framing against two other implementations, and against any bytes."""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import json
import struct
import uuid
import zlib

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from smithy_aws_event_stream.events import EventMessage

from sonicrtc.local.sonic.eventstream import (
    Decoder,
    FrameError,
    HeaderValue,
    Message,
    decode,
    encode,
    encode_event,
    encode_exception,
    encode_headers,
)

NOW = dt.datetime(2026, 11, 22, 10, 30, 0, 250_000, tzinfo=dt.UTC)
HEADERS: dict[str, HeaderValue] = {
    "text": "añb",
    "bytes": b"\0\xff",
    "yes": True,
    "no": False,
    "number": -(2**40),
    "time": NOW,
    "id": uuid.UUID(int=7),
}
NAMES = st.text(alphabet="abc:-é", min_size=1, max_size=9)
VALUES = st.one_of(
    st.binary(max_size=20),
    st.text(alphabet="xyz ü", max_size=20),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.uuids(),
)

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
MESSAGES = st.tuples(st.dictionaries(NAMES, VALUES, max_size=4), st.binary(max_size=60))


@patient
@given(st.lists(MESSAGES, max_size=4), st.lists(st.integers(0, 400), max_size=5))
def test_any_chunking_gives_the_same_messages(
    messages: list[tuple[dict[str, HeaderValue], bytes]], cuts: list[int]
) -> None:
    wire = b"".join(encode(headers, payload) for headers, payload in messages)
    edges = [0, *sorted(min(cut, len(wire)) for cut in cuts), len(wire)]
    decoder = Decoder()
    got = [m for a, b in itertools.pairwise(edges) for m in decoder.feed(wire[a:b])]
    assert [(dict(m.headers), m.payload) for m in got] == messages
    assert decoder.pending_bytes == 0


def test_botocore_reads_what_we_write() -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(encode_event({"event": {"textOutput": {"content": "ü"}}}) + encode_exception("x", {"message": "m"}))
    event, exception = (message.to_response_dict() for message in buffer)
    assert event["headers"] == {
        ":event-type": "chunk", ":content-type": "application/json", ":message-type": "event",
    }  # fmt: skip
    assert json.loads(event["body"]).keys() == {"bytes"}
    assert exception["headers"][":exception-type"] == "x"
    assert json.loads(exception["body"]) == {"message": "m"}


def test_smithy_writes_what_we_write() -> None:
    headers = {name: value for name, value in HEADERS.items() if name != "number"}
    assert encode(headers, b"payload") == EventMessage(headers=headers, payload=b"payload").encode()


def test_headers_of_every_type_come_back() -> None:
    message = decode(encode(HEADERS, b"payload"))
    assert (message.headers, message.payload) == (HEADERS, b"payload")
    assert message.raw_headers == encode_headers(HEADERS)


@pytest.mark.parametrize(("kind", "raw", "value"), [(2, b"\xff", -1), (3, b"\x01\0", 256), (4, b"\0\0\0\x05", 5)])
def test_short_integers_are_read(kind: int, raw: bytes, value: int) -> None:
    assert decode(frame(b"\x01n" + bytes((kind,)) + raw)).headers == {"n": value}


def frame(raw_headers: bytes, payload: bytes = b"") -> bytes:
    """A message with sound checksums around any header bytes."""
    prelude = struct.pack(">II", 16 + len(raw_headers) + len(payload), len(raw_headers))
    body = prelude + struct.pack(">I", zlib.crc32(prelude)) + raw_headers + payload
    return body + struct.pack(">I", zlib.crc32(body))


@patient
@given(st.integers(0, 10_000), st.integers(1, 255))
def test_any_flipped_bits_are_noticed(at: int, bits: int) -> None:
    wire = bytearray(encode(HEADERS, b"payload"))
    wire[at % len(wire)] ^= bits
    with pytest.raises(FrameError):
        decode(bytes(wire))


@patient
@given(st.binary(max_size=60))
def test_any_bytes_are_messages_or_a_frame_error(data: bytes) -> None:
    with contextlib.suppress(FrameError):
        assert all(isinstance(m, Message) for m in Decoder().feed(data))


@patient
@given(st.binary(max_size=40), st.binary(max_size=5))
def test_any_header_bytes_are_headers_or_a_frame_error(raw_headers: bytes, payload: bytes) -> None:
    with contextlib.suppress(FrameError):
        assert decode(frame(raw_headers, payload)).payload == payload


@pytest.mark.parametrize(
    ("raw_headers", "says"),
    [
        (b"\x01n\x0a", "type must be 0 to 9, got 10"),
        (b"\x01n\x00\x01n\x00", "comes twice"),
        (b"\x00\x00", "is empty"),
        (b"\x01n\x07\x00\x09ab", "cut short"),
        (b"\x01n\x09ab", "cut short"),
        (b"\x01n\x05ab", "cut short"),
        (b"\x01\xff\x00", "not text"),
        (b"\x01n\x08\x7f" + b"\xff" * 7, "timestamp out of range"),
    ],
)
def test_a_wrong_header_is_named(raw_headers: bytes, says: str) -> None:
    with pytest.raises(FrameError, match=says):
        decode(frame(raw_headers))


def test_a_message_that_is_too_long_is_refused_before_it_arrives() -> None:
    wire = encode({}, bytes(100))
    with pytest.raises(FrameError, match="may have 64 bytes, got one of 116"):
        list(Decoder(max_message_bytes=64).feed(wire[:12]))
