"""Opening signaling WebSockets, and relaying them."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import aiohttp
import aiohttp.web
from yarl import URL

from sonicrtc.errors import ConfigError, SignalingDeniedError, SignalingError
from sonicrtc.signaling import wire

_HANDSHAKE_DEADLINE_S = 4.0
# How long a peer that is left may take to say goodbye.
_CLOSE_DEADLINE_S = 1.0
# Well inside the service's idle limit of 10 minutes, and finds a dead connection in half a minute.
HEARTBEAT_S = 20.0


async def relay(browser_ws: aiohttp.web.WebSocketResponse, upstream_url: str, session: aiohttp.ClientSession) -> None:
    """Carry a page's signaling messages to the presigned `upstream_url` and back until one side ends.

    Give `browser_ws` ``max_msg_size=wire.MAX_MESSAGE_BYTES``; larger or binary messages end the relay.

    Raises
    ------
    SignalingError
        The upstream address cannot be reached or refuses the URL; the page's WebSocket is closed.
    """
    try:
        upstream = await open_socket(session, upstream_url)
    except SignalingError:
        await browser_ws.close(code=aiohttp.WSCloseCode.TRY_AGAIN_LATER, message=b"signaling is not available")
        raise
    async with asyncio.TaskGroup() as group:
        group.create_task(_pump(browser_ws, upstream))
        group.create_task(_pump(upstream, browser_ws))


_Socket = aiohttp.web.WebSocketResponse | aiohttp.ClientWebSocketResponse


async def _pump(source: _Socket, sink: _Socket) -> None:
    code = aiohttp.WSCloseCode.OK
    try:
        async for message in source:
            if message.type is not aiohttp.WSMsgType.TEXT:
                code = aiohttp.WSCloseCode.UNSUPPORTED_DATA
                break
            if len(message.data.encode()) > wire.MAX_MESSAGE_BYTES:
                code = aiohttp.WSCloseCode.MESSAGE_TOO_BIG
                break
            await sink.send_str(message.data)
    except (aiohttp.ClientError, ConnectionError):
        code = aiohttp.WSCloseCode.GOING_AWAY
    finally:
        # The offender hears the reason first; closing the other ends the other direction as well.
        await source.close(code=code)
        await sink.close(code=code)


def client_session(ca_file: Path | None) -> aiohttp.ClientSession:
    """Return a session that trusts the system's authorities, or only the one in `ca_file`.

    Raises
    ------
    ConfigError
        The file cannot be used.
    """
    context: ssl.SSLContext | bool = True
    if ca_file is not None:
        try:
            context = ssl.create_default_context(cafile=ca_file)
        except OSError as exc:
            raise ConfigError(f"cannot use the CA file {ca_file}: {exc.strerror or exc}") from exc
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context, limit=0))


async def open_socket(
    http: aiohttp.ClientSession, url: str, *, heartbeat_s: float | None = HEARTBEAT_S
) -> aiohttp.ClientWebSocketResponse:
    """Connect to a presigned URL, and keep the URL out of every error: it is a credential.

    Parameters
    ----------
    http : ClientSession
        Who connects.
    url : str
        Presigned URL; used as it is, because another spelling may be another signature.
    heartbeat_s : float, optional
        Ping this often and end a connection that does not answer; only for one that is always read.

    Raises
    ------
    SignalingError
        It cannot be reached (retryable) or refuses the URL (:class:`SignalingDeniedError`).
    """
    try:
        address = URL(url, encoded=True)
    except ValueError:
        address = URL()
    if address.scheme not in ("ws", "wss") or not address.host:
        raise SignalingError("expected a ws:// or wss:// signaling URL")
    where = URL.build(scheme=address.scheme, host=address.host, port=address.explicit_port)
    try:
        async with asyncio.timeout(_HANDSHAKE_DEADLINE_S):
            return await http.ws_connect(
                address,
                heartbeat=heartbeat_s,
                max_msg_size=wire.MAX_MESSAGE_BYTES,
                timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_DEADLINE_S),
            )
    except aiohttp.WSServerHandshakeError as exc:
        exc.request_info = exc.request_info._replace(url=where, real_url=where)
        raise _refused(exc, where) from exc
    except (aiohttp.ClientError, OSError) as exc:  # TimeoutError is an OSError
        raise SignalingError(f"cannot reach signaling at {where} ({type(exc).__name__})", retryable=True) from exc


def _refused(exc: aiohttp.WSServerHandshakeError, where: URL) -> SignalingError:
    named = exc.headers.get("x-amzn-ErrorType", "") if exc.headers is not None else ""
    reason = str(named).partition(":")[0][:64]
    said = f"HTTP {exc.status} {reason}".rstrip()
    if exc.status in (401, 403):
        return SignalingDeniedError(
            f"{where} refuses the presigned URL ({said}): it has expired, or the keys or the clock are wrong"
        )
    temporary = exc.status >= 500 or reason == "ClientLimitExceededException"
    return SignalingError(f"{where} refuses the connection ({said})", retryable=temporary)
