"""The one place that reaches below aiortc's public surface, checked when it is imported.

aiortc 1.16 on aioice 0.13. Three things are needed from inside: which host addresses are offered,
the rules by which an ICE server's address is read, and the level that goes with each sent packet.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import aioice.ice
import numpy as np
from aiortc import RTCConfiguration, RTCIceServer, rtcicetransport, rtp
from av import AudioFrame

from sonicrtc.errors import ConfigError, MissingExtraError

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class IceServer:
    """A STUN or TURN server; only the addresses show in its repr."""

    urls: tuple[str, ...]
    username: str | None = field(default=None, repr=False)
    credential: str | None = field(default=None, repr=False)


def configuration(servers: Sequence[str | IceServer]) -> RTCConfiguration:
    """Return aiortc's configuration for exactly these ICE servers, never a default one.

    Raises
    ------
    ConfigError
        An address is not ``stun:``, ``stuns:``, ``turn:`` or ``turns:`` with a host.
    """
    known = [IceServer(urls=(server,)) if isinstance(server, str) else server for server in servers]
    ice = [RTCIceServer(urls=list(s.urls), username=s.username, credential=s.credential) for s in known]
    try:
        rtcicetransport.connection_kwargs(ice)
    except ValueError as exc:
        urls = ", ".join(url for server in known for url in server.urls)
        raise ConfigError(f"ICE server: expected stun:host[:port] or turn:host[:port], got {urls!r}") from exc
    return RTCConfiguration(iceServers=ice)


def _with_loopback(gather: Callable[[bool, bool], list[str]]) -> Callable[[bool, bool], list[str]]:
    """Wrap aioice's list of host addresses so that it also holds 127.0.0.1.

    In addition, never instead: Firefox pairs no candidate with loopback, and without any network
    interface loopback is all there is.
    """

    def get_host_addresses(use_ipv4: bool, use_ipv6: bool) -> list[str]:
        addresses = gather(use_ipv4, use_ipv6)
        return [*addresses, LOOPBACK] if use_ipv4 and LOOPBACK not in addresses else addresses

    return get_host_addresses


def audio_level_dbov(frame: AudioFrame) -> int:
    """Return the level of `frame`, -127 to 0 dBov (RFC 6465 appendix A).

    aiortc's own loops over the samples in Python (20 times slower), and over stale ones behind them.
    """
    samples = np.frombuffer(frame.planes[0], np.int16, count=frame.samples * len(frame.layout.channels))
    scaled = samples.astype(np.float32)
    mean_square = float(scaled @ scaled) / max(1, scaled.size)
    if mean_square == 0:
        return -127
    return max(-127, min(0, round(10 * math.log10(mean_square / 32_767**2))))


def _require(owner: Any, name: str, parameters: tuple[str, ...]) -> None:
    found = getattr(owner, name, None)
    if not callable(found) or tuple(inspect.signature(found).parameters) != parameters:
        raise MissingExtraError(
            f"{owner.__name__}.{name}({', '.join(parameters)}) is not there: this version of aiortc or aioice is not"
            " known; install the tested ones with: pip install 'sonicrtc[server]'"
        )


_require(aioice.ice, "get_host_addresses", ("use_ipv4", "use_ipv6"))
_require(rtp, "compute_audio_level_dbov", ("frame",))
_require(rtcicetransport, "connection_kwargs", ("servers",))
setattr(rtp, "compute_audio_level_dbov", audio_level_dbov)  # noqa: B010 - mypy
setattr(aioice.ice, "get_host_addresses", _with_loopback(aioice.ice.get_host_addresses))  # noqa: B010 - mypy
