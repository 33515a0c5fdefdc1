"""A page that calls, and a model that says what the test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

import numpy as np
from tests.net.peers import Heard, Int16, make_peer, silence

from sonicrtc.audio import Block
from sonicrtc.call import Call
from sonicrtc.calls import Calls
from sonicrtc.config import Config, SonicConfig
from sonicrtc.credentials import AwsKeys, StaticCredentials
from sonicrtc.errors import SonicError
from sonicrtc.events import Event, ServerEvent, UnknownEvent, decode_server
from sonicrtc.rtc.peer import Description, Peer
from sonicrtc.sonic.protocol import AudioChunk, SonicEvent
from sonicrtc.sonic.wire import ToolSpec
from sonicrtc.tools.registry import ToolRegistry

NO_KEYS = StaticCredentials(AwsKeys(access_key_id="AKIAEXAMPLE", secret_access_key="none"))


class FakeModel:
    """Stands where SonicSession stands; the test tells it what to say."""

    def __init__(self, config: SonicConfig, on_event: Callable[[SonicEvent], None]) -> None:
        self.config = config
        self.say = on_event
        self.changes: list[tuple[SonicConfig, list[str] | None]] = []
        self.heard_frames = 0
        self.flushed_frames = 0
        self.typed: list[str] = []
        self.results: dict[str, object] = {}
        self.closed = False
        self._end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._changed = asyncio.Event()

    async def run(self) -> None:
        await self._end

    def end(self, error: Exception | None = None) -> None:
        if error is not None:
            self._end.set_exception(error)
        elif not self._end.done():
            self._end.set_result(None)

    def send_audio(self, block: Block, *, captured_at_s: float) -> None:
        self.heard_frames += len(block.s16)

    def send_text(self, text: str) -> None:
        self.typed.append(text)
        self._changed.set()

    def change(self, config: SonicConfig, tools: Sequence[ToolSpec] | None = None) -> None:
        self.changes.append((config, None if tools is None else [tool.name for tool in tools]))
        self._changed.set()

    def announce(self, text: str) -> None:
        self.typed.append(text)
        self._changed.set()

    def flushed(self, frames: int) -> None:
        self.flushed_frames += frames

    def send_tool_result(self, tool_use_id: str, result: object) -> None:
        self.results[tool_use_id] = result
        self._changed.set()

    async def close(self) -> None:
        self.closed = True
        self.end()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def speak(self, seconds: float, content_id: str = "a") -> None:
        """Say a tone of that length at once, as the model does."""
        n = np.arange(int(24_000 * seconds))
        tone = np.rint(16_384 * np.sin(2 * np.pi * 1000 * n / 24_000)).astype("<i2")
        self.say(AudioChunk(pcm=tone.tobytes(), content_id=content_id))


class Answers(Protocol):
    async def answer(self, offer: dict[str, Any], client_id: str | None = None) -> Call: ...


class Page:
    """The caller's side of one call."""

    def __init__(self, peer: Peer, heard: Heard, call: Call, group: asyncio.TaskGroup) -> None:
        self.peer, self.heard, self.call, self.group = peer, heard, call, group

    def told(self, *types: type) -> list[Any]:
        """What the server told so far, of these types (all when none is given)."""
        events: list[ServerEvent | UnknownEvent] = [decode_server(message) for message in self.heard.messages]
        return [event for event in events if not types or isinstance(event, types)]

    async def until(self, event_type: type, count: int = 1) -> Any:
        """Wait for that many events of the type; return the last of them."""
        await self.heard.until(lambda: len(self.told(event_type)) >= count)
        return self.told(event_type)[count - 1]


@asynccontextmanager
async def calling(
    answerer: Answers, pull: Callable[[int], Int16] = silence, client_id: str | None = None, **more: object
) -> AsyncIterator[Page]:
    """Call `answerer` as a page does, and wait until it is connected."""
    heard = Heard()
    peer = make_peer(heard, pull)
    try:
        offer = await peer.offer()
        call = await answerer.answer({"sdp": offer.sdp, "type": "offer", **more}, client_id)
        await peer.accept(Description(call.answer["sdp"], "answer"))
        async with asyncio.TaskGroup() as group:
            group.create_task(peer.run())
            async with asyncio.timeout(15):
                await peer.connected.wait()
            yield Page(peer, heard, call, group)
            await peer.close()
    finally:
        await peer.close()


@asynccontextmanager
async def with_model(
    config: Config | None = None, tools: ToolRegistry | None = None, **more: Any
) -> AsyncIterator[tuple[Calls, list[FakeModel]]]:
    """Open Calls whose model is a fake one; the list gets the model of each call."""
    models: list[FakeModel] = []

    def open_session(config: SonicConfig, on_event: Callable[[SonicEvent], None]) -> Any:
        models.append(FakeModel(config, on_event))
        return models[-1]

    calls = Calls(
        config or Config(), credentials=NO_KEYS, tools=tools or ToolRegistry(), open_session=open_session, **more
    )
    async with calls:
        yield calls, models
    assert calls.opened == calls.closed


async def all_events(call: Call) -> list[Event]:
    async with asyncio.timeout(15):
        return [event async for event in call.events()]


class ModelBroke(SonicError):
    """An error of the model, for tests."""
