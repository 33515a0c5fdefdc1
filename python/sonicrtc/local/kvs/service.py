"""HTTP and WebSocket side of the local signaling service; every request must be signed (Signature Version 4)."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from aiohttp import WSMsgType, web

from sonicrtc.credentials import AwsKeys
from sonicrtc.local.kvs.channel import Channel, Connection, Limits, ServiceError, check_client_id
from sonicrtc.local.kvs.control import Control, Parameters
from sonicrtc.local.sigv4 import SignatureError, verify_header, verify_query

_SERVICE = "kinesisvideo"
_MAX_BODY_BYTES = 64 * 1024
_MAX_MESSAGE_BYTES = 64 * 1024
_CLOSE_DEADLINE_S = 1.0
_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


class LocalKvs:
    """The service. Use it in ``async with``; unmodified boto3 and any WebSocket client can talk to it.

    Parameters
    ----------
    keys : AwsKeys
        The only keys that are accepted.
    region : str
        Region that signatures must name.
    host, port : str, int
        Where to listen; port 0 picks a free one.
    ice_servers : sequence of mappings
        What ``GetIceServerConfig`` returns: ``{"Uris": [...], "Username", "Password", "Ttl"}``.
    limits : Limits
        The service's quotas.
    activation_s : float
        How long a new channel stays ``CREATING``.
    clock : callable
        Seconds since the epoch; for signatures and creation times.
    """

    def __init__(
        self,
        *,
        keys: AwsKeys,
        region: str = "us-east-1",
        host: str = "127.0.0.1",
        port: int = 0,
        ice_servers: Sequence[Parameters] = (),
        limits: Limits | None = None,
        activation_s: float = 0.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self._region = region
        self._host = host
        self._port = port
        self._limits = limits or Limits()
        self._clock = clock
        self._runner: web.AppRunner | None = None
        self.control = Control(
            region=region, limits=self._limits, ice_servers=ice_servers, activation_s=activation_s, clock=clock
        )
        #: How many WebSockets were opened and have ended, and how many requests were refused for their signature.
        self.opened = 0
        self.closed = 0
        self.refused = 0

    @property
    def endpoint(self) -> str:
        """Address of the control plane, ``http://host:port``."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    @property
    def channels(self) -> dict[str, Channel]:
        """Channels by name."""
        return self.control.channels

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=_MAX_BODY_BYTES)
        app.router.add_get("/", self._websocket)
        app.router.add_post("/{operation:.*}", self._operation)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_CLOSE_DEADLINE_S)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except BaseException:
            await self._runner.cleanup()
            raise
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.drop_connections()
        if self._runner is not None:
            await self._runner.cleanup()

    async def go_away(self) -> None:
        """Ask everybody to connect anew, and end those that have not after the grace time."""
        leaving = self._connections()
        for connection in leaving:
            await connection.send('{"messageType":"GO_AWAY"}')
        deadline = asyncio.get_running_loop().time() + self._limits.go_away_s
        for connection in self._connections():
            if connection in leaving:
                connection.end_by(deadline)

    async def inject(self, text: str) -> None:
        """Send `text` as it is to every master, for tests of what the service says only now and then."""
        for channel in self.channels.values():
            if channel.master is not None:
                await channel.master.send(text)

    def drop_connections(self) -> None:
        """End every WebSocket without a word, as a lost network does."""
        for connection in self._connections():
            connection.abort()

    def _connections(self) -> list[Connection]:
        return [connection for channel in self.channels.values() for connection in channel.connections()]

    async def _operation(self, request: web.Request) -> web.Response:
        body = await request.read()
        path, _, query = request.raw_path.partition("?")
        try:
            verify_header(
                method="POST",
                path=path,
                query=query,
                headers=_headers(request),
                payload_hash=hashlib.sha256(body).hexdigest(),
                keys=self._keys,
                region=self._region,
                service=_SERVICE,
                now=self._now(),
            )
            reply = self.control.call(path, _parameters(body), request.host)
        except SignatureError as exc:
            self.refused += 1
            return _error(ServiceError(exc.code, exc.message, 403))
        except ServiceError as exc:
            return _error(exc)
        return web.json_response(reply)

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        try:
            channel, client_id = self._admit(request)
        except SignatureError as exc:
            self.refused += 1
            return _error(ServiceError(exc.code, exc.message, 403))
        except ServiceError as exc:
            return _error(exc)
        socket = web.WebSocketResponse(max_msg_size=_MAX_MESSAGE_BYTES, timeout=_CLOSE_DEADLINE_S)
        await socket.prepare(request)
        connection = Connection(request, socket, client_id, self._limits)
        self.opened += 1
        try:
            async with asyncio.timeout(self._limits.connection_s) as connection.lifetime:
                await channel.join(connection)
                await self._read(channel, connection)
        except TimeoutError:
            pass  # it has lived as long as a connection may, or was idle for too long
        finally:
            channel.leave(connection)
            self.closed += 1
            await socket.close()
        return socket

    async def _read(self, channel: Channel, connection: Connection) -> None:
        while True:
            message = await connection.socket.receive(timeout=self._limits.idle_s)
            if message.type is WSMsgType.TEXT:
                await channel.receive(connection, message.data)
            elif message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
                return

    def _admit(self, request: web.Request) -> tuple[Channel, str | None]:
        """Check signature, channel and quotas; return the channel and the viewer's id (None: master)."""
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).hostname not in _LOCAL_HOSTS:
            raise ServiceError("AccessDeniedException", "only pages of this machine may connect", 403)
        path, _, query = request.raw_path.partition("?")
        verify_query(
            method="GET",
            path=path,
            query=query,
            headers=_headers(request),
            keys=self._keys,
            region=self._region,
            service=_SERVICE,
            now=self._now(),
        )
        channel = self.control.by_arn(request.query.get("X-Amz-ChannelARN"))
        client_id = request.query.get("X-Amz-ClientId")
        if client_id in (None, "MASTER"):  # some masters name themselves
            client_id = None
        else:
            check_client_id(client_id)
        if request.headers.get("Upgrade", "").lower() != "websocket":
            raise ServiceError("InvalidArgumentException", "expected a WebSocket upgrade")
        channel.check_admission(client_id)
        return channel, client_id

    def _now(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self._clock(), dt.UTC)


def _headers(request: web.Request) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


def _parameters(body: bytes) -> dict[str, Any]:
    try:
        parameters = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        parameters = None
    if not isinstance(parameters, dict):
        raise ServiceError("SerializationException", "expected a JSON object")
    return parameters


def _error(exc: ServiceError) -> web.Response:
    headers = {"x-amzn-ErrorType": f"{exc.code}:http://internal.amazon.com/coral/com.amazon.kinesisvideo/"}
    return web.json_response({"Message": exc.message}, status=exc.status, headers=headers)
