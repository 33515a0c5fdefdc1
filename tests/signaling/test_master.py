"""Master and viewers of the product, talking through the local service."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from sonicrtc.config import SignalingConfig
from sonicrtc.credentials import AwsKeys, StaticCredentials
from sonicrtc.errors import ConfigError, SignalingClosedError, SignalingError
from sonicrtc.local.kvs import LocalKvs
from sonicrtc.signaling.kvs import SignalingMaster, SignalingViewer

KEYS = AwsKeys(access_key_id="AKIDTEST", secret_access_key="secret/of+this test", session_token="tok/en+==")
Talk = Callable[..., Any]
CANDIDATE = {"candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host", "sdpMid": "0", "sdpMLineIndex": 0}


async def test_an_offer_is_answered_and_candidates_go_both_ways(talk: Talk, desk: Any) -> None:
    async with talk("v") as (master, viewer):
        await viewer.send_offer("hello")
        await viewer.send_candidate(CANDIDATE)
        await master.send_candidate("v", CANDIDATE)
        assert await viewer.answer() == "answer to hello"
        assert await anext(viewer.candidates()) == CANDIDATE
        assert await desk.candidates.get() == ("v", CANDIDATE)
        assert await desk.offers.get() == ("v", "hello")


async def test_a_slow_answer_holds_up_nobody_else(talk: Talk, desk: Any) -> None:
    desk.hold["slow"] = asyncio.Event()
    async with talk("slow", "quick") as (_, slow, quick):
        await slow.send_offer("1")
        await quick.send_offer("2")
        assert await quick.answer() == "answer to 2"
        desk.hold["slow"].set()
        assert await slow.answer() == "answer to 1"


async def test_candidates_wait_until_their_offer_is_answered(talk: Talk, desk: Any) -> None:
    desk.hold["v"] = asyncio.Event()
    async with talk("v", "other") as (_, viewer, other):
        await viewer.send_offer("1")
        await viewer.send_candidate(CANDIDATE)
        await other.send_candidate({"candidate": "later"})
        assert (await desk.candidates.get())[0] == "other"  # so the first one has been read as well
        assert desk.candidates.empty()
        desk.hold["v"].set()
        assert (await desk.candidates.get())[0] == "v"


async def test_a_newer_offer_of_the_same_viewer_replaces_the_one_being_answered(talk: Talk, desk: Any) -> None:
    desk.hold["v"] = asyncio.Event()
    async with talk("v", "other") as (_, viewer, other):
        await viewer.send_offer("old")
        await viewer.send_offer("new")
        await other.send_offer("x")
        await other.answer()
        desk.hold["v"].set()
        assert await viewer.answer() == "answer to new"


async def test_a_failing_answer_ends_neither_the_master_nor_that_viewer(talk: Talk) -> None:
    async with talk("v") as (master, viewer):
        await viewer.send_offer("bad")
        await viewer.send_offer("good")
        assert await viewer.answer() == "answer to good"
        assert master.stats.answers == 1


@pytest.mark.parametrize(
    "text", ["", "{", '{"messageType":"SDP_OFFER"}', '{"messageType":"NEWS"}', '{"messageType":"RECONNECT_ICE_SERVER"}']
)
async def test_garbage_from_the_service_is_ignored(talk: Talk, kvs: Any, text: str) -> None:
    async with talk("v") as (master, viewer):
        await kvs.inject(text)
        await viewer.send_offer("x")
        assert await viewer.answer() == "answer to x"
        assert master.stats.connections == 1


async def test_an_answer_that_is_too_large_fails_alone(talk: Talk) -> None:
    async with talk("v") as (master, viewer):
        await viewer.send_offer("x" * 7000)  # as JSON in base64 just below the limit; the answer is above
        await viewer.send_offer("y")
        assert await viewer.answer() == "answer to y"
        assert master.stats.connections == 1


async def test_go_away_brings_a_fresh_url_at_once_and_calls_go_on(
    talk: Talk, kvs: Any, connections: asyncio.Queue[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with talk("v") as (master, viewer):
        first = await connections.get()
        # A signature changes once a second only; new keys make a fresh one show.
        fresh = AwsKeys(access_key_id=KEYS.access_key_id, secret_access_key="new secret")
        kvs._keys = fresh
        monkeypatch.setattr(master._control, "_credentials", StaticCredentials(fresh))
        await kvs.go_away()
        await viewer.send_offer("after")
        assert await viewer.answer() == "answer to after"
        assert await connections.get() != first
        assert master.stats.failed_connections == 0


async def test_an_answer_that_is_ready_during_a_reconnect_is_sent_afterwards(
    talk: Talk, kvs: Any, desk: Any, connections: asyncio.Queue[str]
) -> None:
    desk.hold["v"] = asyncio.Event()
    async with talk("v") as (_, viewer):
        await connections.get()
        await viewer.send_offer("x")
        await desk.offers.get()
        await kvs.go_away()
        desk.hold["v"].set()
        assert await viewer.answer() == "answer to x"
        await connections.get()


async def test_a_lost_connection_is_made_again(talk: Talk, kvs: Any, connections: asyncio.Queue[str]) -> None:
    async with talk() as (master,):
        await connections.get()
        kvs.drop_connections()
        await connections.get()
        session = await master.viewer_session()
        async with SignalingViewer(session.signaling_url) as viewer:
            await viewer.send_offer("x")
            assert await viewer.answer() == "answer to x"


async def test_a_service_that_starts_anew_is_found_again(
    make_master: Any, running: Any, connections: asyncio.Queue[str]
) -> None:
    async with LocalKvs(keys=KEYS) as old:
        port = int(old.endpoint.rpartition(":")[2])
        master = make_master(old.endpoint)
        async with running(master):
            await connections.get()
            await old.__aexit__(None, None, None)
            async with LocalKvs(keys=KEYS, port=port) as new:
                await connections.get()
                assert list(new.channels) == ["room"]
                assert (await master.viewer_session()).channel_arn == new.channels["room"].arn


async def test_a_channel_that_was_deleted_is_created_again(
    talk: Talk, kvs: Any, connections: asyncio.Queue[str]
) -> None:
    async with talk() as (master,):
        await connections.get()
        deleted = kvs.channels.pop("room")
        deleted.master.abort()
        await connections.get()
        assert (await master.viewer_session()).channel_arn == kvs.channels["room"].arn != deleted.arn


async def test_two_masters_share_no_channel_but_both_live(kvs: Any, make_master: Any, running: Any) -> None:
    async with (
        running(make_master(kvs.endpoint, channel="a")) as a,
        running(make_master(kvs.endpoint, channel="b")) as b,
    ):
        assert (await a.viewer_session()).channel_arn != (await b.viewer_session()).channel_arn


async def test_a_viewer_session_is_all_that_a_page_needs(talk: Talk, kvs: Any) -> None:
    kvs.control.ice_servers = [{"Uris": ["turn:192.0.2.1:443"], "Username": "u", "Password": "p", "Ttl": 300}]
    async with talk() as (master,):
        one, two = await master.viewer_session(), await master.viewer_session()
        assert one.client_id != two.client_id
        assert one.ice_servers == [{"urls": ["turn:192.0.2.1:443"], "username": "u", "credential": "p"}]
        assert 290 < one.expires_at - time.time() <= 299
        assert one.channel_arn == kvs.channels["room"].arn
        assert "X-Amz-Signature" not in repr(one)
        assert await master.ice_servers() == one.ice_servers
        json.dumps([one.signaling_url, one.ice_servers])


@pytest.mark.parametrize("client_id", ["", "a b", "AWS_x", "x" * 257])
async def test_a_client_id_outside_the_documented_set_is_refused(talk: Talk, client_id: str) -> None:
    async with talk() as (master,):
        with pytest.raises(SignalingError, match="client id"):
            await master.viewer_session(client_id)


async def test_a_master_without_a_channel_is_a_configuration_error(desk: Any) -> None:
    keys = StaticCredentials(AwsKeys(access_key_id="a", secret_access_key="b"))
    with pytest.raises(ConfigError, match=r"signaling\.channel"):
        SignalingMaster(SignalingConfig(), credentials=keys, on_offer=desk.on_offer, on_candidate=desk.on_candidate)


async def test_a_viewer_waits_no_longer_than_told(talk: Talk) -> None:
    async with talk("v") as (_, viewer):
        with pytest.raises(SignalingError, match="no answer within"):
            await viewer.answer(timeout_s=0.05)


async def test_a_viewer_whose_connection_ends_says_so(talk: Talk, kvs: Any) -> None:
    async with talk("v") as (_, viewer):
        kvs.drop_connections()
        with pytest.raises(SignalingClosedError):
            await viewer.answer()


async def test_a_viewer_learns_that_the_service_refuses_its_offer(talk: Talk) -> None:
    async with talk("v") as (_, viewer):
        for _ in range(6):
            await viewer._send('{"action":"SDP_OFFER","messagePayload":"e30=","correlationId":"c"}')
        with pytest.raises(SignalingError, match="LimitExceeded"):
            await viewer.answer()
