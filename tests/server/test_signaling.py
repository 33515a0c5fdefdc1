"""The server as master of a channel of the local signaling service, and its relay."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from sonicrtc.config import Config, ServerConfig, SignalingConfig
from sonicrtc.credentials import AwsKeys, StaticCredentials
from sonicrtc.errors import SignalingError
from sonicrtc.local.kvs import LocalKvs
from sonicrtc.server import Server
from sonicrtc.signaling.kvs import SignalingViewer

from .fakes import JSON, KEYS, FakeCalls, make_server


@asynccontextmanager
async def serving(calls: FakeCalls | None = None, *, relay: bool = False) -> AsyncIterator[Server]:
    async with LocalKvs(keys=KEYS.keys) as kvs:
        config = Config(
            server=ServerConfig(port=0, relay_signaling=relay, ice_servers=("stun:stun.example",)),
            signaling=SignalingConfig(channel="test", endpoint=kvs.endpoint),
        )
        async with make_server(calls, config) as server:
            yield server


async def session(server: Server, **headers: str) -> dict[str, object]:
    async with (
        aiohttp.ClientSession() as http,
        http.post(server.url + "session", data="{}", headers=JSON | headers) as response,
    ):
        assert response.status == 200
        found: dict[str, object] = await response.json()
        return found


async def exchange(url: object, settings: object = None) -> str:
    async with SignalingViewer(str(url)) as viewer:
        await viewer.send_offer("v=0", settings)
        return await viewer.answer()


@pytest.mark.parametrize("relay", [False, True])
async def test_a_session_leads_to_an_answer(relay: bool) -> None:
    calls = FakeCalls()
    async with serving(calls, relay=relay) as server:
        found = await session(server)
        assert list(found) == ["signaling_url", "channel_arn", "client_id", "ice_servers", "expires_at"]
        assert found["ice_servers"] == [{"urls": ["stun:stun.example"]}]
        assert await exchange(found["signaling_url"], {"voice": "amy"}) == "answer to v=0"
    assert [call.settings for call in calls.calls] == [{"voice": "amy"}]


async def test_no_secret_leaves_the_server() -> None:
    async with serving() as server:
        assert KEYS.keys.secret_access_key not in str(await session(server))


async def test_candidates_reach_their_call() -> None:
    calls = FakeCalls()
    candidate = {"candidate": "candidate:1 1 udp 1 127.0.0.1 9 typ host", "sdpMid": "0", "sdpMLineIndex": 0}
    async with serving(calls) as server, SignalingViewer(str((await session(server))["signaling_url"])) as viewer:
        await viewer.send_offer("v=0")
        await viewer.answer()
        await viewer.send_candidate(candidate)
        async with asyncio.timeout(10):
            await calls.calls[0].candidate_came.wait()
    assert calls.calls[0].candidates == [candidate]


async def test_the_relay_shares_the_pages_origin() -> None:
    async with serving(relay=True) as server:
        url = urlsplit(str((await session(server))["signaling_url"]))
        assert (url.scheme, url.netloc, url.path) == ("ws", f"127.0.0.1:{server.port}", "/signaling")
        assert "X-Amz-Signature" in parse_qs(url.query)
        # The origin is the one that the page was loaded from.
        named = await session(server, Host=f"localhost:{server.port}")
        assert urlsplit(str(named["signaling_url"])).netloc == f"localhost:{server.port}"


async def test_the_relay_needs_a_session_first() -> None:
    async with serving(relay=True) as server:
        with pytest.raises(SignalingError, match="503"):
            await exchange(server.url.replace("http", "ws") + "signaling")


async def test_the_relay_takes_no_other_query_for_a_signature() -> None:
    async with serving(relay=True) as server:
        url = str((await session(server))["signaling_url"])
        with pytest.raises(SignalingError):
            await exchange(url.replace("X-Amz-Signature=", "X-Amz-Signature=0"))


async def test_the_relay_is_guarded_against_foreign_pages() -> None:
    async with serving(relay=True) as server, aiohttp.ClientSession() as http:
        url = str((await session(server))["signaling_url"])
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect(url, origin="https://evil.example")
        assert refused.value.status == 403


async def test_what_is_no_websocket_is_told_by_the_relay() -> None:
    async with (
        serving(relay=True) as server,
        aiohttp.ClientSession() as http,
        http.get(server.url + "signaling") as response,
    ):
        assert response.status == 400
        assert "WebSocket" in (await response.json())["error"]["message"]


@pytest.mark.parametrize("relay", [False, True])
async def test_the_page_may_connect_to_its_signaling_and_nowhere_else(relay: bool) -> None:
    async with serving(relay=relay) as server, aiohttp.ClientSession() as http:
        origin = urlsplit(str((await session(server))["signaling_url"]))
        async with http.get(server.url) as response:
            policy = response.headers["Content-Security-Policy"]
    assert f"connect-src 'self' {origin.scheme}://{origin.netloc};" in policy


async def test_with_aws_the_page_may_connect_to_the_regions_signaling() -> None:
    config = Config(signaling=SignalingConfig(channel="c", region="eu-west-1"))
    server = make_server(config=config)
    assert server.signaling_origins("http://127.0.0.1") == ("wss://*.kinesisvideo.eu-west-1.amazonaws.com",)


async def test_a_signaling_service_that_is_not_there_is_told() -> None:
    config = Config(server=ServerConfig(port=0), signaling=SignalingConfig(channel="c", endpoint="http://127.0.0.1:1"))
    async with asyncio.timeout(5):
        with pytest.raises(SignalingError, match=r"cannot reach Kinesis Video Streams at http://127\.0\.0\.1:1"):
            await make_server(config=config).__aenter__()


async def test_wrong_keys_are_told() -> None:
    other = StaticCredentials(AwsKeys(access_key_id="AKIDOTHER", secret_access_key="other"))
    async with LocalKvs(keys=other.keys) as kvs:
        config = Config(server=ServerConfig(port=0), signaling=SignalingConfig(channel="c", endpoint=kvs.endpoint))
        async with asyncio.timeout(5):
            with pytest.raises(SignalingError):
                await make_server(config=config).__aenter__()


async def test_health_tells_that_signaling_is_connected() -> None:
    async with serving() as server:
        assert (server.health().status, server.health().signaling) == ("ok", "connected")
