"""The caller's audio comes back, by FastRTC: an AsyncStreamHandler with a queue, 16 kHz both ways, 20 ms blocks.

Runs in FastRTC's own environment.
"""

from __future__ import annotations

import asyncio
import socket
import uuid
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastrtc import AsyncStreamHandler, Stream, wait_for_item
from fastrtc.stream import Body

RATE_HZ = 16_000


class Echo(AsyncStreamHandler):
    """Gives back what it receives."""

    def __init__(self) -> None:
        super().__init__("mono", output_sample_rate=RATE_HZ, input_sample_rate=RATE_HZ)
        self._waiting: asyncio.Queue[Any] = asyncio.Queue()

    async def receive(self, frame: Any) -> None:
        self._waiting.put_nowait(frame)

    async def emit(self) -> Any:
        return await wait_for_item(self._waiting)

    def copy(self) -> Echo:
        return Echo()


class Server(uvicorn.Server):
    """Says when it is ready."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        assert sockets is not None
        print(f"http://127.0.0.1:{sockets[0].getsockname()[1]}\nready", flush=True)


async def main() -> None:
    stream = Stream(Echo(), modality="audio", mode="send-receive", concurrency_limit=1000,
                    server_rtc_configuration={"iceServers": []}, verbose=False)  # fmt: skip
    app = FastAPI()

    @app.post("/offer")
    async def offer(description: dict[str, Any]) -> Any:
        return await stream.offer(Body(sdp=description["sdp"], type=description["type"], webrtc_id=uuid.uuid4().hex))

    with socket.create_server(("127.0.0.1", 0)) as listening:
        await Server(uvicorn.Config(app, log_level="warning")).serve([listening])


asyncio.run(main())
