"""Stand-ins for the layers below the server: no WebRTC, no signaling."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from sonicrtc.config import Config, ServerConfig
from sonicrtc.credentials import AwsKeys, StaticCredentials
from sonicrtc.errors import SdpError
from sonicrtc.server import Server

if TYPE_CHECKING:
    from sonicrtc.calls import Calls

KEYS = StaticCredentials(AwsKeys(access_key_id="AKIDTEST", secret_access_key="secret"))
JSON = {"Content-Type": "application/json"}


class FakeCall:
    """A call that is answered at once."""

    def __init__(self, sdp: str, settings: object = None) -> None:
        self.settings = settings
        self.answer = {"sdp": f"answer to {sdp}", "type": "answer"}
        self.candidates: list[Mapping[str, object]] = []
        self.candidate_came = asyncio.Event()

    async def add_candidate(self, candidate: Mapping[str, object]) -> None:
        self.candidates.append(candidate)
        self.candidate_came.set()


class FakeCalls:
    """Answers every offer whose SDP begins as SDP does."""

    def __init__(self) -> None:
        self.active = 0
        self.calls: list[FakeCall] = []
        self.drained_s: float | None = None

    async def answer(
        self, offer: Mapping[str, Any], client_id: str | None = None, *, ice_servers: object = None
    ) -> FakeCall:
        if not offer["sdp"].startswith("v=0"):
            raise SdpError("SDP: expected it to begin with v=0")
        self.calls.append(FakeCall(offer["sdp"], offer["settings"]))
        return self.calls[-1]

    async def drain(self, deadline_s: float) -> None:
        self.drained_s = deadline_s


def make_server(calls: FakeCalls | None = None, config: Config | None = None, **server: Any) -> Server:
    """Return a server on a free port over `calls`."""
    settings = ServerConfig(**({"port": 0} | server))
    config = config or Config(server=settings)
    return Server(config, cast("Calls", calls or FakeCalls()), credentials=KEYS)


def set_event() -> asyncio.Event:
    """Return an event that is set."""
    event = asyncio.Event()
    event.set()
    return event
