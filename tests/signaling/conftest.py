"""The local signaling service, and a master of the product that is connected to it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from sonicrtc.config import SignalingConfig
from sonicrtc.credentials import AwsKeys, StaticCredentials
from sonicrtc.local.kvs import LocalKvs
from sonicrtc.signaling import connection
from sonicrtc.signaling import kvs as kvs_module
from sonicrtc.signaling.kvs import SignalingMaster, SignalingViewer
from sonicrtc.signaling.protocol import Offer

KEYS = AwsKeys(access_key_id="AKIDTEST", secret_access_key="secret/of+this test", session_token="tok/en+==")


Running = Callable[[SignalingMaster], contextlib.AbstractAsyncContextManager[SignalingMaster]]


@dataclass
class Desk:
    """Answers offers as a server would, and keeps what it was given."""

    candidates: asyncio.Queue[tuple[str, dict[str, Any]]] = field(default_factory=asyncio.Queue)
    offers: asyncio.Queue[tuple[str, str]] = field(default_factory=asyncio.Queue)
    settings: list[object] = field(default_factory=list)
    hold: dict[str, asyncio.Event] = field(default_factory=dict)

    async def on_offer(self, client_id: str, offer: Offer) -> str:
        sdp = offer.sdp
        await self.offers.put((client_id, sdp))
        self.settings.append(offer.settings)
        if client_id in self.hold:
            await self.hold[client_id].wait()
        if sdp == "bad":
            raise ValueError("a bug in the application")
        return f"answer to {sdp}"

    async def on_candidate(self, client_id: str, candidate: dict[str, Any]) -> None:
        await self.candidates.put((client_id, candidate))


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def kvs() -> AsyncIterator[LocalKvs]:
    async with LocalKvs(keys=KEYS) as service:
        yield service
    assert service.opened == service.closed


@pytest.fixture
def make_master(desk: Desk) -> Callable[..., SignalingMaster]:
    def make(endpoint: str | None, keys: AwsKeys = KEYS, channel: str = "room") -> SignalingMaster:
        return SignalingMaster(
            SignalingConfig(channel=channel, endpoint=endpoint),
            credentials=StaticCredentials(keys),
            on_offer=desk.on_offer,
            on_candidate=desk.on_candidate,
        )

    return make


@contextlib.asynccontextmanager
async def run(master: SignalingMaster) -> AsyncIterator[SignalingMaster]:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(master.run())
        try:
            async with asyncio.timeout(10):
                await master.connected.wait()
            yield master
        finally:
            task.cancel()


@pytest.fixture
def running() -> Running:
    """Run a master beside the test: ``async with running(master)``; it is cancelled at the end."""
    return run


@pytest.fixture
def talk(kvs: LocalKvs, make_master: Callable[..., SignalingMaster]) -> Callable[..., Any]:
    """A connected master and viewers: ``async with talk("a", "b") as (master, a, b)``."""

    @contextlib.asynccontextmanager
    async def start(*names: str) -> AsyncIterator[tuple[Any, ...]]:
        async with run(make_master(kvs.endpoint)) as master, contextlib.AsyncExitStack() as stack:
            sessions = [await master.viewer_session(name) for name in names]
            viewers = [await stack.enter_async_context(SignalingViewer(s.signaling_url)) for s in sessions]
            yield master, *viewers

    return start


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> asyncio.Queue[str]:
    """The presigned URLs with which masters have connected."""
    urls: asyncio.Queue[str] = asyncio.Queue()

    async def record(http: Any, url: str, **options: Any) -> Any:
        opened = await connection.open_socket(http, url, **options)
        await urls.put(url)
        return opened

    monkeypatch.setattr(kvs_module, "open_socket", record)
    return urls
