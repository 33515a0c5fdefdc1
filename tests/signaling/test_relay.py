"""A page's signaling WebSocket, carried by the server to the presigned URL and back."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from sonicrtc.errors import SignalingError
from sonicrtc.local.state import LocalState
from sonicrtc.signaling import protocol, wire
from sonicrtc.signaling.kvs import SignalingViewer, relay

Start = Callable[..., Any]
WS = {"CLOSE", "CLOSED", "CLOSING"}


@pytest.fixture
def outcome() -> asyncio.Queue[BaseException | None]:
    """How each relay ended."""
    return asyncio.Queue()


@pytest.fixture
async def relaying(outcome: asyncio.Queue[BaseException | None]) -> AsyncIterator[Start]:
    """Serve a page's WebSocket that is relayed to a URL; returns the page's URL."""
    runners: list[web.AppRunner] = []

    async def start(upstream_url: str, tls: ssl.SSLContext | None = None) -> str:
        async def handler(request: web.Request) -> web.WebSocketResponse:
            page = web.WebSocketResponse(max_msg_size=wire.MAX_MESSAGE_BYTES, timeout=1)
            await page.prepare(request)
            async with aiohttp.ClientSession() as session:
                try:
                    await relay(page, upstream_url, session)
                except SignalingError as exc:
                    await outcome.put(exc)
                else:
                    await outcome.put(None)
            return page

        app = web.Application()
        app.router.add_get("/signaling", handler)
        runner = web.AppRunner(app, shutdown_timeout=1)
        await runner.setup()
        runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        return f"{'wss' if tls else 'ws'}://127.0.0.1:{runner.addresses[0][1]}/signaling"

    yield start
    for runner in runners:
        await runner.cleanup()


async def test_a_relayed_viewer_gets_its_answer(talk: Any, relaying: Start, outcome: Any) -> None:
    async with talk() as (master,):
        url = await relaying((await master.viewer_session("v")).signaling_url)
        async with SignalingViewer(url) as viewer:
            await viewer.send_offer("x")
            assert await viewer.answer() == "answer to x"
        assert await outcome.get() is None


async def test_over_tls_the_authority_must_be_the_one_that_was_named(
    talk: Any, relaying: Start, outcome: Any, tmp_path: Path
) -> None:
    state = LocalState.open(tmp_path)
    async with talk() as (master,):
        session = await master.viewer_session("v")
        url = await relaying(session.signaling_url, state.server_context())
        async with SignalingViewer(url, ca_file=state.ca_file) as viewer:
            await viewer.send_offer("x")
            assert await viewer.answer() == "answer to x"
        assert await outcome.get() is None
        with pytest.raises(SignalingError, match="Certificate"):
            async with SignalingViewer(url):
                pass


async def test_the_page_is_closed_when_the_service_ends_the_connection(
    talk: Any, relaying: Start, kvs: Any, outcome: Any
) -> None:
    async with talk() as (master,):
        url = await relaying((await master.viewer_session("v")).signaling_url)
        async with aiohttp.ClientSession() as http, http.ws_connect(url) as page:
            await page.send_str(protocol.write_offer("x"))
            assert "SDP_ANSWER" in await page.receive_str(timeout=5)
            kvs.channels["room"].viewers["v"].abort()
            assert (await page.receive(timeout=5)).type.name in WS
        assert await outcome.get() is None


@pytest.mark.parametrize("message", ["x" * (wire.MAX_MESSAGE_BYTES + 1), "é" * (wire.MAX_MESSAGE_BYTES // 2 + 1), b"x"])
async def test_messages_that_are_too_large_or_binary_end_the_relay(
    talk: Any, relaying: Start, message: str | bytes, outcome: Any
) -> None:
    async with talk() as (master,):
        url = await relaying((await master.viewer_session("v")).signaling_url)
        async with aiohttp.ClientSession() as http, http.ws_connect(url) as page:
            await (page.send_str(message) if isinstance(message, str) else page.send_bytes(message))
            assert (await page.receive(timeout=5)).type.name in WS
            assert page.close_code in {aiohttp.WSCloseCode.MESSAGE_TOO_BIG, aiohttp.WSCloseCode.UNSUPPORTED_DATA}
        assert await outcome.get() is None


async def test_a_refused_url_closes_the_page_and_is_told(talk: Any, relaying: Start, outcome: Any) -> None:
    async with talk() as (master,):
        url = await relaying((await master.viewer_session("v")).signaling_url + "0")
        async with aiohttp.ClientSession() as http, http.ws_connect(url) as page:
            assert (await page.receive(timeout=5)).type.name in WS
            assert page.close_code == aiohttp.WSCloseCode.TRY_AGAIN_LATER
        assert isinstance(await outcome.get(), SignalingError)
