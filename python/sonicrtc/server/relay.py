"""Relays a page's signaling WebSocket, so that page, POST and signaling share one origin and port.

A phone that accepted this server's certificate has accepted only this origin; the page therefore
cannot open a socket to the local signaling service. What a client can choose is the query, which
the channel's endpoint checks as a signature; where the relay connects to is never its choice.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from urllib.parse import urlsplit, urlunsplit

import aiohttp
from aiohttp import WSMsgType, web
from yarl import URL

from sonicrtc.errors import SignalingError
from sonicrtc.server.guard import MAX_BODY_BYTES

log = logging.getLogger(__name__)

RELAY_PATH = "/signaling"
_CONNECT_TIMEOUT_S = 10.0


class Relay:
    """Connects ``/signaling`` with the endpoint that the server itself got for its channel.

    Parameters
    ----------
    tls : ssl.SSLContext, optional
        How to check the endpoint's certificate.
    max_connections : int
        Sockets at the same time; the next one gets HTTP 503.
    """

    def __init__(self, *, tls: ssl.SSLContext | None, max_connections: int) -> None:
        self._tls = tls
        self._max_connections = max_connections
        self._connections = 0
        self._endpoint: str | None = None

    def rewrite(self, signaling_url: str, own_origin: str) -> str:
        """Remember the endpoint of a presigned address; return the address by way of this relay."""
        upstream = urlsplit(signaling_url)
        self._endpoint = urlunsplit((upstream.scheme, upstream.netloc, upstream.path, "", ""))
        own = urlsplit(own_origin)
        scheme = "wss" if own.scheme == "https" else "ws"
        return urlunsplit((scheme, own.netloc, RELAY_PATH, upstream.query, ""))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one page's socket until either side closes."""
        if self._endpoint is None:
            raise SignalingError("there is no signaling session yet; begin with POST /session")
        if self._connections >= self._max_connections:
            raise SignalingError("too many signaling connections; try again later", retryable=True)
        # The signature covers the query byte for byte: it must not be encoded again.
        upstream_url = URL(f"{self._endpoint}?{request.rel_url.raw_query_string}", encoded=True)
        self._connections += 1
        try:
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(connect=_CONNECT_TIMEOUT_S)) as client:
                return await self._connect(request, client, upstream_url)
        finally:
            self._connections -= 1

    async def _connect(self, request: web.Request, client: aiohttp.ClientSession, url: URL) -> web.StreamResponse:
        try:
            upstream = await client.ws_connect(url, ssl=self._tls or True, max_msg_size=MAX_BODY_BYTES, heartbeat=30)
        except aiohttp.WSServerHandshakeError as exc:
            raise SignalingError(f"the signaling endpoint refused the connection: HTTP {exc.status}") from exc
        except (aiohttp.ClientError, TimeoutError) as exc:
            raise SignalingError(f"cannot reach the signaling endpoint: {exc}", retryable=True) from exc
        async with upstream:
            page = web.WebSocketResponse(max_msg_size=MAX_BODY_BYTES, heartbeat=30)
            await page.prepare(request)
            await _both_ways(page, upstream)
            return page


Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


async def _both_ways(page: web.WebSocketResponse, upstream: aiohttp.ClientWebSocketResponse) -> None:
    """Copy messages until one side closes, then close the other."""
    async with asyncio.TaskGroup() as tasks:
        down = tasks.create_task(_copy(upstream, page))
        up = tasks.create_task(_copy(page, upstream))
        await asyncio.wait((down, up), return_when=asyncio.FIRST_COMPLETED)
        await upstream.close(code=_close_code(page))
        await page.close(code=_close_code(upstream))


async def _copy(source: Socket, target: Socket) -> None:
    async for message in source:
        try:
            if message.type == WSMsgType.TEXT:
                await target.send_str(message.data)
            elif message.type == WSMsgType.BINARY:
                await target.send_bytes(message.data)
        except (ConnectionError, aiohttp.ClientError):
            return  # the other side is gone; its own reader ends and closes both


def _close_code(socket: Socket) -> int:
    """Return a code that may be sent on: 1006 and the like only ever stand for "no code came"."""
    code = socket.close_code
    return code if code is not None and (1000 <= code <= 1003 or code >= 3000) else 1000
