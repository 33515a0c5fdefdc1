"""Relays a page's signaling WebSocket, so that page, POST and signaling share one origin and port.

A phone that accepted this server's certificate has accepted only this origin; the page therefore
cannot open a socket to the local signaling service. What a client can choose is the query, which
the channel's endpoint checks as a signature; where the relay connects to is never its choice.
"""

from __future__ import annotations

import logging
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from aiohttp import web

from sonicrtc.errors import BusyError, SignalingError
from sonicrtc.signaling import wire
from sonicrtc.signaling.connection import HEARTBEAT_S, client_session, relay

log = logging.getLogger(__name__)

RELAY_PATH = "/signaling"


class Relay:
    """Connects ``/signaling`` with the endpoint that the server itself got for its channel.

    Parameters
    ----------
    ca_file : Path, optional
        PEM file of the authority that signed the endpoint's certificate.
    max_connections : int
        Sockets at the same time; the next one gets HTTP 503.
    """

    def __init__(self, *, ca_file: Path | None, max_connections: int) -> None:
        self._ca_file = ca_file
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
        page = web.WebSocketResponse(max_msg_size=wire.MAX_MESSAGE_BYTES, heartbeat=HEARTBEAT_S)
        if not page.can_prepare(request).ok:
            raise web.HTTPBadRequest(reason="expected a WebSocket handshake")
        if self._endpoint is None:
            raise SignalingError("there is no signaling session yet; begin with POST /session")
        if self._connections >= self._max_connections:
            raise BusyError("too many signaling connections; try again later")
        self._connections += 1
        try:
            await page.prepare(request)
            async with client_session(self._ca_file) as http:
                # The signature covers the query byte for byte.
                await relay(page, f"{self._endpoint}?{request.rel_url.raw_query_string}", http)
        except SignalingError as exc:  # the page's socket is closed by now, with a code that says so
            log.warning("signaling relay ended", extra={"error": exc.code})
        finally:
            self._connections -= 1
        return page
