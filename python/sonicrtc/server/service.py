"""`Server`: one HTTP app and, with a channel, one signaling master, in front of many calls."""

from __future__ import annotations

import asyncio
import errno
import logging
import ssl
import weakref
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from aiohttp import web

from sonicrtc import __version__
from sonicrtc.errors import BusyError, ConfigError, SdpError, SignalingError
from sonicrtc.rtc.peer import IceServer
from sonicrtc.server.guard import MAX_SDP_CHARS, Guard
from sonicrtc.server.relay import Relay
from sonicrtc.server.web import Answer, Health, Offer, Session, Voices, build_app
from sonicrtc.tasks import beside
from sonicrtc.tuning import language_infos, language_of, voice_infos

if TYPE_CHECKING:
    from types import TracebackType

    from sonicrtc.call import Call
    from sonicrtc.calls import Calls
    from sonicrtc.config import Config
    from sonicrtc.credentials import CredentialsProvider
    from sonicrtc.signaling import protocol as signaling
    from sonicrtc.signaling.kvs import SignalingMaster

log = logging.getLogger(__name__)

#: How long a starting server waits for its signaling channel.
SIGNALING_START_S = 15.0
#: How many more signaling sockets than calls a relay holds: viewers come before their call does.
_SOCKETS_PER_CALL = 2


class Server:
    """Serves the page, ``POST /session``, ``POST /offer`` and ``GET /healthz``.

    With ``config.signaling.channel`` it is also the master of that channel: offers that come in
    through Kinesis Video Streams signaling are answered like those of ``POST /offer``.

    Parameters
    ----------
    config : Config
        Addresses, limits, channel.
    calls : Calls
        Answers offers; entered and left by the caller.
    credentials : CredentialsProvider
        Signs the signaling requests.

    Examples
    --------
    ::

        async with Calls(...) as calls, Server(config, calls, credentials=keys) as server:
            print(server.url)
            await server.run_until(stop)
    """

    def __init__(self, config: Config, calls: Calls, *, credentials: CredentialsProvider) -> None:
        self._config = config
        self._calls = calls
        self._credentials = credentials
        self._master: SignalingMaster | None = None
        self._callers: weakref.WeakValueDictionary[str, Call] = weakref.WeakValueDictionary()
        self._draining = False
        self._exit = AsyncExitStack()
        self._port = 0
        self._relay: Relay | None = None
        if config.server.relay_signaling and config.signaling.channel is not None:
            self._relay = Relay(
                ca_file=config.signaling.ca_file, max_connections=_SOCKETS_PER_CALL * config.server.max_calls
            )

    @property
    def url(self) -> str:
        """Address of the page as seen from this machine, e.g. ``http://127.0.0.1:8080/``."""
        host = self._config.server.host
        name = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(host, f"[{host}]" if ":" in host else host)
        return f"{self._scheme}://{name}:{self._port}/"

    @property
    def port(self) -> int:
        """Port that is listened on."""
        return self._port

    @property
    def _scheme(self) -> str:
        return "https" if self._config.server.tls_cert is not None else "http"

    # -- life ---------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Listen, and join the signaling channel.

        Raises
        ------
        ConfigError
            The port is in use, the address is not this machine's, or the certificate is unusable.
        SignalingError, CredentialsError
            The channel cannot be joined.
        """
        async with AsyncExitStack() as stack:
            await self._listen(stack)
            if self._config.signaling.channel is not None:
                await self._join(stack)
            self._exit = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        self._draining = True
        return await self._exit.__aexit__(kind, error, trace)

    async def run_until(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, then refuse new calls and let the others finish.

        Raises
        ------
        SonicRtcError
            Signaling failed for good.
        """
        await stop.wait()
        self._draining = True
        await self._calls.drain(self._config.server.drain_s)

    async def _listen(self, stack: AsyncExitStack) -> None:
        server = self._config.server
        guard = Guard(
            bound_host=server.host, allowed_hosts=server.allowed_hosts, allowed_origins=server.allowed_origins
        )
        app = build_app(self, guard, relay=self._relay, ca_file=server.ca_download)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        try:
            await web.TCPSite(runner, server.host, server.port, ssl_context=_server_tls(self._config)).start()
        except OSError as exc:
            raise ConfigError(_cannot_listen(exc, server.host, server.port)) from exc
        self._port = runner.addresses[0][1]

    async def _join(self, stack: AsyncExitStack) -> None:
        from sonicrtc.signaling.kvs import SignalingMaster

        master = SignalingMaster(
            self._config.signaling, credentials=self._credentials, on_offer=self._on_offer,
            on_candidate=self._on_candidate,
        )  # fmt: skip
        self._master = master
        await stack.enter_async_context(beside(master.run()))
        try:
            await asyncio.wait_for(master.connected.wait(), SIGNALING_START_S)
        except TimeoutError as exc:
            raise SignalingError(
                f"signaling channel {self._config.signaling.channel!r}: not connected after {SIGNALING_START_S:g} s",
                retryable=True,
            ) from exc

    # -- what the routes and the signaling channel ask for --------------------------------------

    def health(self) -> Health:
        """Describe the server's state."""
        connected = None if self._master is None else self._master.connected.is_set()
        return Health(
            status="draining" if self._draining else "connecting" if connected is False else "ok",
            calls=self._calls.active,
            max_calls=self._config.server.max_calls,
            version=__version__,
            mode="loopback" if self._config.server.loopback else "sonic",
            signaling=None if connected is None else "connected" if connected else "connecting",
        )

    def voices(self) -> Voices:
        """Describe what a page may choose from before it calls."""
        if self._config.server.loopback:
            return Voices(voice="", language="", voices=(), languages=(), may_change=())
        model = self._config.sonic
        return Voices(
            voice=model.voice,
            language=language_of(model),
            voices=voice_infos(model),
            languages=language_infos(model),
            may_change=self._config.server.allow_settings,
        )

    def signaling_origins(self, own_origin: str) -> tuple[str, ...]:
        """Return the WebSocket origins that a page from `own_origin` may connect to."""
        signaling = self._config.signaling
        if signaling.channel is None:
            return ()
        if self._relay is not None:
            # 'self' does not cover ws: and wss: in every browser.
            return (own_origin.replace("http", "ws", 1),)
        if signaling.endpoint is not None:
            parts = urlsplit(signaling.endpoint)
            return (f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}",)
        return (f"wss://*.kinesisvideo.{signaling.region}.amazonaws.com",)

    async def open_session(self, own_origin: str) -> Session:
        """Return what a viewer that loaded its page from `own_origin` needs to call."""
        self._admit()
        if self._master is None:
            raise SignalingError("this server has no signaling channel: start it with --channel, or use POST /offer")
        if not self._master.connected.is_set():
            raise SignalingError("the signaling channel is not connected; try again in a few seconds", retryable=True)
        viewer = await self._master.viewer_session()
        url = viewer.signaling_url
        return Session(
            signaling_url=url if self._relay is None else self._relay.rewrite(url, own_origin),
            channel_arn=viewer.channel_arn,
            client_id=viewer.client_id,
            ice_servers=[{"urls": [address]} for address in self._config.server.ice_servers] + viewer.ice_servers,
            expires_at=viewer.expires_at,
        )

    async def answer(self, offer: Offer) -> Answer:
        """Start a call from ``POST /offer``."""
        self._admit()
        call = await self._calls.answer({"sdp": offer.sdp, "type": offer.type, "settings": offer.settings})
        return Answer(sdp=call.answer["sdp"], type=call.answer["type"])

    async def _on_offer(self, client_id: str, offer: signaling.Offer) -> str:
        self._admit()
        if len(offer.sdp) > MAX_SDP_CHARS:
            raise SdpError(f"sdp: expected at most {MAX_SDP_CHARS} characters, got {len(offer.sdp)}")
        description = {"sdp": offer.sdp, "type": "offer", "settings": offer.settings}
        call = await self._calls.answer(description, client_id, ice_servers=await self._ice_servers())
        self._callers[client_id] = call
        return str(call.answer["sdp"])

    async def _ice_servers(self) -> list[str | IceServer]:
        """Return the configured servers and the channel's own, which are valid for minutes only."""
        servers: list[str | IceServer] = list(self._config.server.ice_servers)
        if self._master is not None:
            for found in await self._master.ice_servers():
                urls = found["urls"]
                servers.append(
                    IceServer(
                        urls=(urls,) if isinstance(urls, str) else tuple(urls),
                        username=found.get("username"),
                        credential=found.get("credential"),
                    )
                )
        return servers

    async def _on_candidate(self, client_id: str, candidate: dict[str, object]) -> None:
        call = self._callers.get(client_id)
        if call is not None:  # a candidate of a call that was refused or is over
            await call.add_candidate(candidate)

    def _admit(self) -> None:
        """Say no early, so that a page does not wait for an answer that will not come."""
        limit = self._config.server.max_calls
        if self._draining:
            raise BusyError("this server is stopping; try again later")
        if self._calls.active >= limit:
            raise BusyError(f"all {limit} calls of this server are taken; try again later")


def _cannot_listen(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use; choose another with --port, or --port 0 for any free one"
    if error.errno == errno.EACCES:
        return f"port {port} needs privileges that this process does not have; choose one above 1023 with --port"
    return f"cannot listen on {host}:{port}: {error.strerror or error}"


def _server_tls(config: Config) -> ssl.SSLContext | None:
    certificate, key = config.server.tls_cert, config.server.tls_key
    if certificate is None or key is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as exc:
        raise ConfigError(f"cannot use the certificate {certificate} with the key {key}: {exc}") from exc
    return context
