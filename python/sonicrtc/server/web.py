"""The HTTP routes: page, session, offer, health. No call logic; see :mod:`sonicrtc.server.service`."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec
from aiohttp import web
from aiohttp.typedefs import Middleware

from sonicrtc.errors import MessageError, SdpError, SonicRtcError
from sonicrtc.events import LanguageInfo, VoiceInfo
from sonicrtc.server.guard import (
    MAX_BODY_BYTES,
    MAX_SDP_CHARS,
    SECURITY_HEADERS,
    Guard,
    RequestFacts,
    content_security_policy,
)
from sonicrtc.server.page import add_page

if TYPE_CHECKING:
    from pathlib import Path

    from sonicrtc.server.relay import Relay

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """Body of ``POST /offer``."""

    sdp: str
    type: Literal["offer"]
    #: What the page wishes of the model, an `events.Settings`; the call judges it.
    settings: Any = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Reply to ``POST /offer``."""

    sdp: str
    type: str


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """Reply to ``POST /session``: all that a page needs to reach this server through signaling."""

    signaling_url: str
    channel_arn: str
    client_id: str
    ice_servers: list[dict[str, object]]
    #: When the address stops being valid, in seconds since 1970.
    expires_at: float


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """Reply to ``GET /healthz``."""

    status: Literal["ok", "connecting", "draining"]
    calls: int
    max_calls: int
    version: str
    mode: Literal["sonic", "loopback"]
    #: None when the server has no signaling channel.
    signaling: Literal["connected", "connecting"] | None


class Voices(msgspec.Struct, frozen=True, kw_only=True):
    """Reply to ``GET /voices``: what a page may choose from before it calls; empty in loopback."""

    #: What a call has when nothing is chosen.
    voice: str
    language: str
    voices: tuple[VoiceInfo, ...]
    languages: tuple[LanguageInfo, ...]
    #: Members of `events.Settings`.
    may_change: tuple[str, ...]


class Service(Protocol):
    """What the routes ask for; implemented by :class:`sonicrtc.server.Server`."""

    async def open_session(self, own_origin: str) -> Session:
        """Return what a viewer that loaded its page from `own_origin` needs to call."""

    async def answer(self, offer: Offer) -> Answer:
        """Start a call."""

    def health(self) -> Health:
        """Describe the server's state."""

    def voices(self) -> Voices:
        """Describe what a page may choose from before it calls."""

    def signaling_origins(self, own_origin: str) -> tuple[str, ...]:
        """Return the WebSocket origins that a page from `own_origin` may connect to."""


def build_app(service: Service, guard: Guard, *, relay: Relay | None, ca_file: Path | None) -> web.Application:
    """Return the application with all routes, the guard in front of every one of them."""
    app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[_errors, _guarded(guard)])
    app.on_response_prepare.append(_security_headers(service))
    app.router.add_get("/healthz", _health(service))
    app.router.add_get("/voices", _voices(service))
    app.router.add_post("/session", _session(service))
    app.router.add_post("/offer", _offer(service))
    if relay is not None:
        app.router.add_get("/signaling", relay.handle)
    if ca_file is not None:
        app.router.add_get("/ca.pem", _certificate(ca_file))
    add_page(app)
    return app


def error_response(status: int, code: str, message: str) -> web.Response:
    """Return the one form in which this server tells an error."""
    body = {"error": {"code": code, "message": message}}
    return web.Response(status=status, body=msgspec.json.encode(body), content_type="application/json")


def _json(body: msgspec.Struct) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), content_type="application/json",
                        headers={"Cache-Control": "no-store"})  # fmt: skip


def _health(service: Service) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        return _json(service.health())

    return handle


def _voices(service: Service) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        return _json(service.voices())

    return handle


def _session(service: Service) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        await request.read()  # a body is not needed, but a huge one is refused
        return _json(await service.open_session(own_origin(request)))

    return handle


def _offer(service: Service) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            offer = msgspec.json.decode(await request.read(), type=Offer)
        except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
            return error_response(400, "bad_request", f'body: expected {{"sdp": "...", "type": "offer"}}: {exc}')
        if len(offer.sdp) > MAX_SDP_CHARS:
            message = f"sdp: expected at most {MAX_SDP_CHARS} characters, got {len(offer.sdp)}"
            return error_response(413, "too_large", message)
        return _json(await service.answer(offer))

    return handle


def _certificate(ca_file: Path) -> Handler:
    certificate = ca_file.read_bytes()  # the certificate only, never a key

    async def handle(request: web.Request) -> web.StreamResponse:
        headers = {"Content-Disposition": 'attachment; filename="sonicrtc-ca.pem"'}
        # This type makes a phone offer to install it.
        return web.Response(body=certificate, content_type="application/x-x509-ca-cert", headers=headers)

    return handle


def own_origin(request: web.Request) -> str:
    """Return the origin under which the client reached this server, once the guard let it pass."""
    return f"{request.scheme}://{request.host}"


def _guarded(guard: Guard) -> Middleware:
    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        name = request.transport.get_extra_info("sockname") if request.transport else None
        facts = RequestFacts(
            method=request.method,
            scheme=request.scheme,
            host=request.headers.get("Host", ""),
            origin=request.headers.get("Origin"),
            content_type=request.headers.get("Content-Type"),
            local_address=name[0] if isinstance(name, tuple) else None,
        )
        refusal = guard.refuse(facts)
        if refusal is not None:
            return error_response(refusal.status, refusal.code, refusal.message)
        return await handler(request)

    return middleware


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except SonicRtcError as exc:
        status = _status_of(exc)
        log.info("request refused", extra={"path": request.path, "status": status, "code": exc.code})
        return error_response(status, exc.code, str(exc))
    except web.HTTPRequestEntityTooLarge:
        return error_response(413, "too_large", f"body: expected at most {MAX_BODY_BYTES} bytes")
    except web.HTTPException as exc:
        if exc.status < 400:
            raise
        response = error_response(exc.status, _snake(exc.status), f"{request.method} {request.path}: {exc.reason}")
        if "Allow" in exc.headers:
            response.headers["Allow"] = exc.headers["Allow"]
        return response


def _status_of(error: SonicRtcError) -> int:
    if isinstance(error, SdpError | MessageError):
        return 400
    return 503


def _snake(status: int) -> str:
    return HTTPStatus(status).phrase.lower().replace(" ", "_").replace("-", "_")


def _security_headers(service: Service) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    async def prepare(request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(SECURITY_HEADERS)
        origins = service.signaling_origins(own_origin(request))
        response.headers["Content-Security-Policy"] = content_security_policy(origins)

    return prepare
