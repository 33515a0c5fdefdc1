"""The ``application/vnd.amazon.eventstream`` framing, both ways.

Source: the public description of the format in the Amazon Transcribe guide (page
``streaming-setting-up``, "event stream encoding") and the Smithy specification "Amazon Event
Stream". A message is::

    total length (4)  headers length (4)  CRC-32 of these 8 (4)  headers  payload  CRC-32 of all before (4)

No I/O in here.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import struct
import uuid
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

__all__ = [
    "Decoder",
    "FrameError",
    "HeaderValue",
    "Message",
    "encode",
    "encode_event",
    "encode_exception",
    "encode_headers",
]

HeaderValue = bool | int | bytes | str | dt.datetime | uuid.UUID

_PRELUDE = struct.Struct(">II")
_U32 = struct.Struct(">I")
_OVERHEAD = 16
#: Longest message and longest headers of the format.
MAX_MESSAGE_BYTES = 16 * 1024 * 1024
MAX_HEADERS_BYTES = 128 * 1024
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
#: Header types of fixed size: type -> struct.
_INTEGERS = {2: struct.Struct(">b"), 3: struct.Struct(">h"), 4: struct.Struct(">i"), 5: struct.Struct(">q")}
_MILLIS = struct.Struct(">q")


class FrameError(ValueError):
    """Bytes are not an event-stream message; the text says what was expected."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    Attributes
    ----------
    headers : dict
        Header values by name.
    payload : bytes
    raw_headers : bytes
        The headers as they were on the wire.
    """

    headers: Mapping[str, HeaderValue]
    payload: bytes = field(repr=False)
    raw_headers: bytes = field(default=b"", repr=False)


class Decoder:
    """Cuts a byte stream into messages.

    Parameters
    ----------
    max_message_bytes : int
        Longer messages are refused as soon as their length is known.
    """

    def __init__(self, *, max_message_bytes: int = MAX_MESSAGE_BYTES) -> None:
        self._buffer = bytearray()
        self._max_bytes = max_message_bytes

    @property
    def pending_bytes(self) -> int:
        """Bytes of a message that is not complete."""
        return len(self._buffer)

    def feed(self, data: bytes) -> Iterator[Message]:
        """Take the next bytes and yield every message that is complete now.

        Raises
        ------
        FrameError
            On the first byte sequence that no message can have; the decoder is then of no more use.
        """
        self._buffer += data
        while len(self._buffer) >= 12:
            total = self._check_prelude()
            if len(self._buffer) < total:
                return
            frame = bytes(self._buffer[:total])
            del self._buffer[:total]
            yield _decode_sound_prelude(frame)

    def _check_prelude(self) -> int:
        total, headers_length = _PRELUDE.unpack_from(self._buffer)
        (crc,) = _U32.unpack_from(self._buffer, 8)
        computed = zlib.crc32(memoryview(self._buffer)[:8])
        if crc != computed:
            raise FrameError(f"prelude checksum: expected {computed:08x}, got {crc:08x}")
        if headers_length > MAX_HEADERS_BYTES or _OVERHEAD + headers_length > total:
            raise FrameError(f"headers of {headers_length} bytes do not fit into a message of {total} bytes")
        if total > self._max_bytes:
            raise FrameError(f"a message may have {self._max_bytes} bytes, got one of {total}")
        return int(total)


def decode(frame: bytes) -> Message:
    """Decode exactly one message.

    Raises
    ------
    FrameError
        The bytes are not one whole, sound message.
    """
    if len(frame) < _OVERHEAD:
        raise FrameError(f"a message has at least {_OVERHEAD} bytes, got {len(frame)}")
    total, headers_length = _PRELUDE.unpack_from(frame)
    if total != len(frame) or _OVERHEAD + headers_length > total:
        raise FrameError(f"lengths {total} and {headers_length} do not fit a message of {len(frame)} bytes")
    if zlib.crc32(frame[:8]) != _U32.unpack_from(frame, 8)[0]:
        raise FrameError("prelude checksum does not match")
    return _decode_sound_prelude(frame)


def _decode_sound_prelude(frame: bytes) -> Message:
    total, headers_length = _PRELUDE.unpack_from(frame)
    if zlib.crc32(memoryview(frame)[:-4]) != _U32.unpack_from(frame, total - 4)[0]:
        raise FrameError("message checksum does not match")
    raw_headers = frame[12 : 12 + headers_length]
    return Message(_decode_headers(raw_headers), frame[12 + headers_length : -4], raw_headers)


def _decode_headers(raw: bytes) -> dict[str, HeaderValue]:
    headers: dict[str, HeaderValue] = {}
    at = 0
    try:
        while at < len(raw):
            length = raw[at]
            name = raw[at + 1 : at + 1 + length].decode("utf-8")
            at += 1 + length
            if not length or name in headers:
                raise FrameError(f"header name {name!r} is empty or comes twice")
            headers[name], at = _decode_value(raw, at)
    except (IndexError, struct.error, UnicodeDecodeError) as exc:
        raise FrameError(f"headers are cut short or not text: {exc}") from None
    return headers


def _decode_value(raw: bytes, at: int) -> tuple[HeaderValue, int]:
    kind = raw[at]
    at += 1
    if kind in (0, 1):
        return kind == 0, at
    if kind in _INTEGERS:
        packer = _INTEGERS[kind]
        return int(packer.unpack_from(raw, at)[0]), at + packer.size
    if kind in (6, 7):
        length = int.from_bytes(raw[at : at + 2], "big")
        end = at + 2 + length
        if at + 2 > len(raw) or end > len(raw):
            raise FrameError(f"header value of {length} bytes is cut short")
        value = raw[at + 2 : end]
        return (value if kind == 6 else value.decode("utf-8")), end
    if kind == 8:
        try:
            return _EPOCH + dt.timedelta(milliseconds=_MILLIS.unpack_from(raw, at)[0]), at + 8
        except OverflowError:
            raise FrameError("timestamp out of range") from None
    if kind == 9:
        if at + 16 > len(raw):
            raise FrameError("header value of type uuid is cut short")
        return uuid.UUID(bytes=raw[at : at + 16]), at + 16
    raise FrameError(f"header value type must be 0 to 9, got {kind}")


def encode_headers(headers: Mapping[str, HeaderValue]) -> bytes:
    """Encode headers: str, bytes, bool, int (64 bit), aware datetime and UUID."""
    parts = []
    for name, value in headers.items():
        encoded = name.encode()
        parts.append(bytes((len(encoded),)) + encoded + _encode_value(value))
    return b"".join(parts)


def _encode_value(value: HeaderValue) -> bytes:
    match value:
        case bool():
            return b"\x00" if value else b"\x01"
        case int():
            return b"\x05" + _MILLIS.pack(value)
        case bytes():
            return b"\x06" + struct.pack(">H", len(value)) + value
        case str():
            encoded = value.encode()
            return b"\x07" + struct.pack(">H", len(encoded)) + encoded
        case dt.datetime():
            return b"\x08" + _MILLIS.pack((value - _EPOCH) // dt.timedelta(milliseconds=1))
        case uuid.UUID():
            return b"\x09" + value.bytes


def encode(headers: Mapping[str, HeaderValue], payload: bytes = b"") -> bytes:
    """Encode one message."""
    return _frame(encode_headers(headers), payload)


def _frame(raw_headers: bytes, payload: bytes) -> bytes:
    prelude = _PRELUDE.pack(_OVERHEAD + len(raw_headers) + len(payload), len(raw_headers))
    body = b"".join((prelude, _U32.pack(zlib.crc32(prelude)), raw_headers, payload))
    return body + _U32.pack(zlib.crc32(body))


_CHUNK_HEADERS = encode_headers({":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"})


def encode_event(event: Mapping[str, object]) -> bytes:
    """Encode one output event of the service: JSON in base64 in JSON in a ``chunk`` message."""
    inner = json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()
    return _frame(_CHUNK_HEADERS, b'{"bytes":"' + base64.b64encode(inner) + b'"}')


def encode_exception(kind: str, fields: Mapping[str, object]) -> bytes:
    """Encode a modelled exception, e.g. ``validationException``; the stream ends after it."""
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return encode(headers, json.dumps(fields).encode())
