"""The two requests of a caller, and what can go wrong with them, in words."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from sonicrtc.errors import ConfigError, SignalingError
from sonicrtc.events import Settings
from sonicrtc.rtc.peer import Description, IceServer

_TIMEOUT_S = 15.0
_MAX_REPLY_BYTES = 64 * 1024


class IceServerReply(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of ``ice_servers`` (``RTCIceServer``)."""

    urls: list[str] | str
    username: str | None = None
    credential: str | None = None

    def server(self) -> IceServer:
        """Return the same for a `Peer`."""
        urls = (self.urls,) if isinstance(self.urls, str) else tuple(self.urls)
        return IceServer(urls=urls, username=self.username, credential=self.credential)


class SessionReply(msgspec.Struct, frozen=True, kw_only=True):
    """What ``POST /session`` returns."""

    signaling_url: str
    channel_arn: str
    client_id: str
    ice_servers: list[IceServerReply] = []
    expires_at: float = 0.0


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    sdp: str
    type: str


class _ErrorBody(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    message: str


class _ErrorReply(msgspec.Struct, frozen=True, kw_only=True):
    error: _ErrorBody


class ServerRequests:
    """``POST /session`` and ``POST /offer`` of one server."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http = http
        self._url = url.rstrip("/")

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, ca_file: Path | None = None) -> AsyncIterator[ServerRequests]:
        """Prepare requests to `url`.

        Raises
        ------
        ConfigError
            `url` is not one, or `ca_file` is not a certificate.
        """
        if not url.startswith(("http://", "https://")):
            raise ConfigError(f"url: expected http://host:port or https://host:port, got {url!r}")
        connector = aiohttp.TCPConnector(ssl=_tls(ca_file))
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as http:
            yield cls(http, url)

    async def session(self) -> SessionReply:
        """Ask for a way through the signaling channel."""
        return await self._post("/session", {}, SessionReply)

    async def offer(self, offer: Description, settings: Settings | None = None) -> Description:
        """Exchange `offer` for an answer, without signaling."""
        answer = await self._post("/offer", {"sdp": offer.sdp, "type": offer.type, "settings": settings}, _Answer)
        return Description(answer.sdp, answer.type)

    async def _post[T](self, path: str, body: dict[str, Any], reply: type[T]) -> T:
        address = self._url + path
        headers = {"Content-Type": "application/json"}
        try:
            async with self._http.post(address, data=msgspec.json.encode(body), headers=headers) as response:
                data = await response.content.read(_MAX_REPLY_BYTES)
                if response.status != 200:
                    raise _refused(address, response.status, data)
                return msgspec.json.decode(data, type=reply)
        except aiohttp.ClientConnectorCertificateError as exc:
            raise SignalingError(f"the certificate of {self._url} is not trusted; give its authority: --ca ca.pem"
                                 ) from exc  # fmt: skip
        except aiohttp.ClientConnectorError as exc:
            raise SignalingError(
                f"cannot reach {self._url}: {exc.strerror or exc.os_error or exc}; is 'sonicrtc demo' or"
                " 'sonicrtc serve' running there?"
            ) from exc
        except TimeoutError as exc:
            raise SignalingError(f"{address} did not answer within {_TIMEOUT_S:g} s", retryable=True) from exc
        except (aiohttp.ClientError, ValueError) as exc:
            raise SignalingError(f"{address} does not answer as a SonicRTC server: {exc}") from exc


def _refused(address: str, status: int, data: bytes) -> SignalingError:
    try:
        message = msgspec.json.decode(data, type=_ErrorReply).error.message
    except msgspec.MsgspecError:
        message = "is this a SonicRTC server?"
    return SignalingError(f"{address} answered HTTP {status}: {message}", retryable=status == 503)


def _tls(ca_file: Path | None) -> ssl.SSLContext | bool:
    if ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except OSError as exc:
        raise ConfigError(f"cannot use {ca_file} as a certificate authority: {exc}") from exc
