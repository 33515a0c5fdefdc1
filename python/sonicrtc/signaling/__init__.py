"""Kinesis Video Streams signaling: how a viewer's offer finds this server.

``wire`` and ``protocol`` do no I/O; ``control`` is the control plane (boto3), ``connection`` opens
and relays WebSockets, ``viewer`` is the headless client's side and ``kvs`` the server's. What the
rest of the package needs is in :mod:`sonicrtc.signaling.kvs`.
"""

from __future__ import annotations

try:
    import aiohttp as _aiohttp  # noqa: F401
    import msgspec as _msgspec  # noqa: F401
except ModuleNotFoundError as exc:  # pragma: no cover - seen by the base-install test
    from sonicrtc.errors import MissingExtraError

    raise MissingExtraError("signaling needs the extra: pip install 'sonicrtc[server]'") from exc
