"""A bare HTTP/2 client that signs with the SDKs' signers: for what no SDK would ever send."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import h2.config
import h2.connection
import h2.events
from aws_sdk_signers import AsyncEventSigner
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from smithy_aws_core.identity import AWSCredentialsIdentity
from smithy_aws_event_stream.events import EventHeaderEncoder, EventMessage

from sonicrtc.credentials import AwsKeys
from sonicrtc.local.sonic import LocalSonic
from sonicrtc.local.sonic.eventstream import Decoder, Message
from sonicrtc.local.state import LocalState

PATH = "/model/amazon.nova-2-sonic-v1%3A0/invoke-with-bidirectional-stream"
EVENT_STREAM = "application/vnd.amazon.eventstream"


@dataclass
class RawStream:
    """One request on one connection; flow-control windows open only by :meth:`grant`."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    keys: AwsKeys
    conn: h2.connection.H2Connection = field(
        default_factory=lambda: h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
    )
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    ended: bool = False
    reset: bool = False
    going_away: bool = False
    pongs: int = 0
    signer: AsyncEventSigner | None = None

    def request(self, path: str = PATH, *, method: str = "POST", **changes: str) -> None:
        """Send signed request headers; `changes` replace headers after signing (underscores for dashes)."""
        authority = "127.0.0.1"
        signed = AWSRequest(
            method,
            f"https://{authority}{path}",
            headers={"content-type": EVENT_STREAM, "X-Amz-Content-SHA256": "STREAMING-AWS4-HMAC-SHA256-EVENTS"},
        )
        SigV4Auth(Credentials(self.keys.access_key_id, self.keys.secret_access_key), "bedrock", "us-east-1").add_auth(
            signed
        )
        headers = {name.lower(): str(value) for name, value in signed.headers.items()}
        headers |= {name.replace("_", "-"): value for name, value in changes.items()}
        signature = headers["authorization"].rpartition("Signature=")[2]
        self.signer = AsyncEventSigner(initial_signature=signature.encode(), event_encoder_cls=EventHeaderEncoder)
        pseudo = {":method": method, ":scheme": "https", ":authority": authority, ":path": path}
        self.conn.initiate_connection()
        self.conn.send_headers(1, [*pseudo.items(), *headers.items()])
        self.write_out()

    async def sign(self, inner: EventMessage) -> bytes:
        """Wrap and sign an inner message as the SDK does."""
        assert self.signer is not None
        identity = AWSCredentialsIdentity(
            access_key_id=self.keys.access_key_id, secret_access_key=self.keys.secret_access_key
        )
        properties: Any = {"region": "us-east-1", "service": "bedrock"}
        return bytes((await self.signer.sign(event=inner, identity=identity, properties=properties)).encode())

    async def send_event(self, payload: bytes, *, kind: str = "chunk", message_type: str = "event") -> None:
        """Send a signed message with any payload."""
        headers: Any = {":message-type": message_type, ":event-type": kind, ":content-type": "application/json"}
        self.send(await self.sign(EventMessage(headers=headers, payload=payload)))

    async def send_events(self, *events: Mapping[str, object]) -> None:
        """Send ``{name: body}`` events as the SDK does."""
        for event in events:
            inner = base64.b64encode(json.dumps({"event": event}).encode()).decode()
            await self.send_event(json.dumps({"bytes": inner}).encode())

    def send(self, data: bytes, *, end: bool = False) -> None:
        self.conn.send_data(1, data, end_stream=end)
        self.write_out()

    def grant(self, count: int) -> None:
        """Open both windows for `count` more bytes."""
        self.conn.increment_flow_control_window(count)
        self.conn.increment_flow_control_window(count, 1)
        self.write_out()

    async def pump(self) -> bool:
        """Take one read's worth of bytes; False when the connection or the stream is over."""
        try:
            data = await asyncio.wait_for(self.reader.read(65536), 10)
        except OSError:  # the connection was dropped
            return False
        for event in self.conn.receive_data(data):
            match event:
                case h2.events.ConnectionTerminated():
                    self.going_away = True
                    # h2 would not let this stream go on, but a graceful GOAWAY does.
                    self.conn.state_machine.state = h2.connection.ConnectionState.CLIENT_OPEN
                case h2.events.PingAckReceived():
                    self.pongs += 1
                case h2.events.ResponseReceived():
                    self.headers = {str(name): str(value) for name, value in event.headers}
                case h2.events.DataReceived():
                    self.body += event.data
                case h2.events.StreamEnded():
                    self.ended = True
                case h2.events.StreamReset():
                    self.ended = self.reset = True
                case _:
                    pass
        self.write_out()
        return bool(data) and not self.ended

    async def ping(self) -> None:
        """Wait until the service has seen everything that was sent before."""
        pongs = self.pongs
        self.conn.ping(b"are you?")
        self.write_out()
        while self.pongs == pongs and await self.pump():
            pass

    async def closed(self) -> bool:
        """Wait until the service has closed the connection."""
        while await asyncio.wait_for(self.reader.read(65536), 10):
            pass
        return True

    async def finish(self) -> None:
        """Read up to the end of the stream."""
        while await self.pump():
            pass

    def messages(self) -> list[Message]:
        return list(Decoder().feed(bytes(self.body)))

    def error(self) -> tuple[str, str]:
        """Status and error type of a refusal."""
        assert json.loads(self.body)["message"]
        return self.headers[":status"], self.headers["x-amzn-errortype"]

    def write_out(self) -> None:
        """Send what `conn` has to send."""
        self.writer.write(self.conn.data_to_send())


@asynccontextmanager
async def raw_stream(sonic: LocalSonic, state: LocalState) -> AsyncIterator[RawStream]:
    context = ssl.create_default_context(cafile=str(state.ca_file))
    context.set_alpn_protocols(["h2"])
    port = int(sonic.endpoint.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    try:
        yield RawStream(reader, writer, state.keys)
    finally:
        writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()
