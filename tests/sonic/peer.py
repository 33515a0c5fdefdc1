"""A small HTTP/2 server with a fault per test: what a service does when things go wrong.

It knows TLS, HTTP/2 and event stream framing, and nothing about Sonic.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import ssl
import struct
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import h2.config
import h2.connection
import h2.events
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def make_authority(directory: Path) -> tuple[Path, Path]:
    """Write ``ca.pem`` and ``server.pem`` (leaf and key for 127.0.0.1); return both paths."""
    now = datetime.now(UTC)
    ca_key, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])

    def build(subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(ca_name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
        )

    ca = build(ca_name, ca_key).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    leaf = build(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]), leaf_key)
    leaf = leaf.add_extension(names, critical=False)
    ca_file, server_file = directory / "ca.pem", directory / "server.pem"
    pem = serialization.Encoding.PEM
    ca_file.write_bytes(ca.sign(ca_key, hashes.SHA256()).public_bytes(pem))
    server_file.write_bytes(
        leaf.sign(ca_key, hashes.SHA256()).public_bytes(pem)
        + leaf_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return ca_file, server_file


def frame(headers: dict[str, str], payload: bytes) -> bytes:
    """Return one ``application/vnd.amazon.eventstream`` message."""
    packed = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack(">II", 16 + len(packed) + len(payload), len(packed))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + packed + payload
    return message + struct.pack(">I", zlib.crc32(message))


def event_frame(event: dict[str, Any]) -> bytes:
    payload = b'{"bytes":"' + base64.b64encode(json.dumps({"event": event}).encode()) + b'"}'
    headers = {":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"}
    return frame(headers, payload)


def exception_frame(member: str, message: str) -> bytes:
    headers = {":exception-type": member, ":content-type": "application/json", ":message-type": "exception"}
    return frame(headers, json.dumps({"message": message}).encode())


@dataclass
class Connection:
    """One client connection, as a behaviour drives it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    h2: h2.connection.H2Connection
    stream_id: int = 0
    body_bytes: int = 0
    input_ended: bool = False
    request: dict[str, str] = field(default_factory=dict)

    async def flush(self) -> None:
        self.writer.write(self.h2.data_to_send())
        with contextlib.suppress(ConnectionError):
            await self.writer.drain()

    async def respond(self, status: int = 200, error_type: str = "", body: bytes = b"", *, end: bool = False) -> None:
        headers = [(":status", str(status)), ("x-amzn-requestid", "request-1")]
        kind = "application/json" if error_type else "application/vnd.amazon.eventstream"
        headers.append(("content-type", kind))
        if error_type:
            headers.append(("x-amzn-errortype", error_type))
        self.h2.send_headers(self.stream_id, headers, end_stream=end and not body)
        if body:
            self.h2.send_data(self.stream_id, body, end_stream=end)
        await self.flush()

    async def send(self, data: bytes) -> None:
        self.h2.send_data(self.stream_id, data)
        await self.flush()

    async def end(self) -> None:
        self.h2.end_stream(self.stream_id)
        await self.flush()

    async def reset(self) -> None:
        self.h2.reset_stream(self.stream_id, error_code=2)
        await self.flush()

    async def drop(self) -> None:
        self.writer.transport.abort()

    async def until(self, met: Callable[[Connection], bool]) -> None:
        """Read from the client until `met`, or until it is gone."""
        while not met(self) and (data := await self._read()):
            for event in self.h2.receive_data(data):
                self._note(event)
            await self.flush()

    async def _read(self) -> bytes:
        try:
            return await self.reader.read(65536)
        except (ConnectionError, ssl.SSLError):
            return b""

    def _note(self, event: object) -> None:
        if isinstance(event, h2.events.RequestReceived):
            assert event.stream_id is not None
            self.stream_id = event.stream_id
            self.request = {str(name): str(value) for name, value in event.headers or []}
        elif isinstance(event, h2.events.DataReceived):
            self.body_bytes += len(event.data or b"")
            self.h2.acknowledge_received_data(event.flow_controlled_length or 0, self.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            self.input_ended = True


Behaviour = Callable[[Connection], Awaitable[None]]


class Peer:
    """Serves one behaviour on 127.0.0.1; after it, reads on until the client has gone."""

    def __init__(self, server_file: Path, behaviour: Behaviour) -> None:
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(server_file)
        self._tls.set_alpn_protocols(["h2"])
        self._behaviour = behaviour
        self._connections: set[asyncio.StreamWriter] = set()
        self._all_gone = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._serve,
            "127.0.0.1",
            0,
            ssl=self._tls,
            # A client that refuses our certificate keeps its end open for half a minute, on purpose.
            ssl_handshake_timeout=1.0,
        )
        self.endpoint = f"https://localhost:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()
        async with asyncio.timeout(5):
            while self._connections:
                self._all_gone.clear()
                await self._all_gone.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        config = h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        connection = Connection(reader, writer, h2.connection.H2Connection(config))
        try:
            connection.h2.initiate_connection()
            await connection.flush()
            await connection.until(lambda c: c.stream_id > 0)
            await self._behaviour(connection)
            await connection.until(lambda c: False)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()
            self._connections.discard(writer)
            self._all_gone.set()
