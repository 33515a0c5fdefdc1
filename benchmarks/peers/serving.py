"""``POST /offer`` on a free port, for the servers in this folder: prints its address and ``ready``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

Answer = Callable[[str, str], Awaitable[tuple[str, str]]]


async def serve(answer: Answer) -> None:
    """Answer offers by ``answer(sdp, type)`` until the process is ended."""

    async def offered(request: web.Request) -> web.Response:
        offer = await request.json()
        sdp, kind = await answer(offer["sdp"], offer["type"])
        return web.json_response({"sdp": sdp, "type": kind})

    app = web.Application()
    app.router.add_post("/offer", offered)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}\nready", flush=True)
    await asyncio.Event().wait()
