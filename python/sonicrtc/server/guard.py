"""Who may talk to the server, and how much: rules without I/O.

A page from anywhere on the web can make a browser send requests to a server on this machine.
Two headers that a page cannot forge tell those requests apart: ``Host`` (a name that was rebound
to 127.0.0.1 still shows there) and ``Origin``. ``Content-Type: application/json`` on every POST
makes browsers ask first (CORS preflight, Fetch standard section 3.2), which is then not answered.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

#: Largest request body, in bytes.
MAX_BODY_BYTES = 64 * 1024
#: Largest SDP, in characters; what a browser sends is 2 to 8 kB.
MAX_SDP_CHARS = 32 * 1024

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_WILDCARDS = frozenset({"", "0.0.0.0", "::"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a request is not served."""

    status: int
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFacts:
    """The members of a request that decide whether it is served.

    Parameters
    ----------
    method, scheme, host : str
        Request line and ``Host`` header, e.g. ``POST``, ``http``, ``127.0.0.1:8080``.
    origin, content_type : str, optional
        Headers, None when absent.
    local_address : str, optional
        Address of this machine that the connection came in on.
    """

    method: str
    scheme: str
    host: str
    origin: str | None = None
    content_type: str | None = None
    local_address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Allow-lists of one server.

    Parameters
    ----------
    bound_host : str
        Address or name that the server listens on; a wildcard such as ``0.0.0.0`` also allows the
        address that a connection came in on, which no rebound name can look like.
    allowed_hosts, allowed_origins : tuple of str
        What is accepted beside localhost and the server's own origin.
    """

    bound_host: str
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()

    def refuse(self, request: RequestFacts) -> Refusal | None:
        """Return why `request` must not be served, or None when it may be."""
        if not self._host_is_allowed(request):
            return Refusal(
                status=403,
                code="host_not_allowed",
                message=f"this server does not answer for the host {request.host[:260]!r};"
                " allow it with server.allowed_hosts",
            )
        if request.origin is not None and not self._origin_is_allowed(request):
            return Refusal(
                status=403,
                code="origin_not_allowed",
                message=f"requests from the origin {request.origin[:260]!r} are not accepted;"
                " allow it with server.allowed_origins",
            )
        if request.method == "POST" and _media_type(request.content_type) != "application/json":
            return Refusal(
                status=415,
                code="content_type",
                message=f"Content-Type: expected application/json, got {(request.content_type or 'none')[:80]}",
            )
        return None

    def _host_is_allowed(self, request: RequestFacts) -> bool:
        name = host_name(request.host)
        if name is None:
            return False
        if name in _LOOPBACK_NAMES or name in {allowed.lower() for allowed in self.allowed_hosts}:
            return True
        if self.bound_host in _WILDCARDS:
            return request.local_address is not None and _same_address(name, request.local_address)
        return name == self.bound_host.lower()

    def _origin_is_allowed(self, request: RequestFacts) -> bool:
        own = f"{request.scheme}://{request.host}".lower()
        return request.origin == own or request.origin in self.allowed_origins


def host_name(header: str) -> str | None:
    """Return the lower-case name or address in a ``Host`` header, without port; None if it is none."""
    try:
        parts = urlsplit(f"//{header}")
        _ = parts.port  # a port that is not a number is found when it is read
    except ValueError:
        return None
    if parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        return None
    return parts.hostname


def _media_type(content_type: str | None) -> str:
    return (content_type or "").partition(";")[0].strip().lower()


def _same_address(text: str, other: str) -> bool:
    try:
        return ipaddress.ip_address(text) == ipaddress.ip_address(other.partition("%")[0])
    except ValueError:
        return False


def content_security_policy(signaling_origins: tuple[str, ...]) -> str:
    """Return the page's policy: its own files only, and connections to `signaling_origins` beside itself."""
    connect = " ".join(("'self'", *signaling_origins))
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
        f" media-src 'self' blob: mediastream:; worker-src 'self'; manifest-src 'self'; connect-src {connect};"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


#: Sent with every response, beside the content security policy.
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
