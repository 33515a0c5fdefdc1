"""The signaling WebSocket of the local service, by hand-written messages."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import pytest

from sonicrtc.credentials import AwsKeys
from sonicrtc.local.kvs import Limits

Start = Callable[..., Awaitable[Any]]
OFFER = {"type": "offer", "sdp": "v=0\r\n"}
ANSWER = {"type": "answer", "sdp": "v=0\r\n"}
CANDIDATE = {"candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host", "sdpMid": "0", "sdpMLineIndex": 0}


async def test_offer_answer_and_candidates_reach_the_other_side(client: Any) -> None:
    arn = await client.channel()
    master, viewer = await client.connect(arn), await client.connect(arn, "viewer-1")
    await client.send(viewer, "SDP_OFFER", OFFER, recipientClientId="ignored")
    await client.send(viewer, "ICE_CANDIDATE", CANDIDATE)
    assert await client.receive(master) == {
        "messageType": "SDP_OFFER",
        "messagePayload": OFFER,
        "senderClientId": "viewer-1",
    }
    assert (await client.receive(master))["messagePayload"] == CANDIDATE
    await client.send(master, "SDP_ANSWER", ANSWER, recipientClientId="viewer-1")
    assert await client.receive(viewer) == {"messageType": "SDP_ANSWER", "messagePayload": ANSWER}


async def test_an_answer_reaches_only_the_viewer_it_names(client: Any) -> None:
    arn = await client.channel()
    master = await client.connect(arn)
    one, two = await client.connect(arn, "one"), await client.connect(arn, "two")
    for name, socket in (("two", two), ("one", one)):
        await client.send(master, "SDP_ANSWER", {"type": "answer", "sdp": name}, recipientClientId=name)
        assert (await client.receive(socket))["messagePayload"]["sdp"] == name


async def test_the_newest_master_wins(client: Any) -> None:
    arn = await client.channel()
    old = await client.connect(arn)
    new = await client.connect(arn, "MASTER")  # some masters name themselves
    assert (await old.receive(timeout=5)).type.name in {"CLOSE", "CLOSED"}
    viewer = await client.connect(arn, "v")
    await client.send(viewer, "SDP_OFFER", OFFER)
    assert (await client.receive(new))["senderClientId"] == "v"


async def test_an_offer_waits_for_the_master_and_a_newer_one_replaces_it(client: Any) -> None:
    arn = await client.channel()
    viewer = await client.connect(arn, "v")
    for sdp in ("old", "new"):
        await client.send(viewer, "SDP_OFFER", {"type": "offer", "sdp": sdp})
    await client.send(viewer, "ICE_CANDIDATE", {"candidate": "c"}, correlationId="")
    assert (await client.receive(viewer))["messageType"] == "STATUS_RESPONSE"  # so both offers have arrived
    master = await client.connect(arn)
    assert (await client.receive(master))["messagePayload"]["sdp"] == "new"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ({"action": "SDP_HELLO", "messagePayload": "e30="}, "InvalidArgumentException"),
        ({"action": "SDP_OFFER"}, "InvalidArgumentException"),
        ({"action": "SDP_OFFER", "messagePayload": "not base64!"}, "InvalidArgumentException"),
        ({"action": "SDP_OFFER", "messagePayload": "A" * 10_001}, "InvalidArgumentException"),
    ],
)
async def test_a_wrong_message_is_answered_by_its_correlation_id(client: Any, text: dict[str, str], error: str) -> None:
    viewer = await client.connect(await client.channel(), "v")
    await viewer.send_str(json.dumps(text))  # without a correlation id there is no reply
    await viewer.send_str(json.dumps(text | {"correlationId": "c-1"}))
    status = (await client.receive(viewer))["statusResponse"]
    assert (status["correlationId"], status["errorType"], status["statusCode"]) == ("c-1", error, "400")


async def test_a_master_must_name_the_recipient(client: Any) -> None:
    master = await client.connect(await client.channel())
    await client.send(master, "SDP_ANSWER", ANSWER, correlationId="c")
    assert (await client.receive(master))["statusResponse"]["errorType"] == "InvalidArgumentException"


@pytest.mark.parametrize("garbage", ["", "   ", "{", "[]", "null", '"x"', "[" * 2000, '{"action": 1}'])
async def test_garbage_ends_nothing(client: Any, garbage: str) -> None:
    arn = await client.channel()
    master, viewer = await client.connect(arn), await client.connect(arn, "v")
    await viewer.send_str(garbage)
    await client.send(viewer, "SDP_OFFER", OFFER)
    assert (await client.receive(master))["messageType"] == "SDP_OFFER"


async def test_more_offers_per_second_than_documented_are_refused(client: Any) -> None:
    viewer = await client.connect(await client.channel(), "v")
    for number in range(6):
        await client.send(viewer, "SDP_OFFER", OFFER, correlationId=f"c{number}")
    status = (await client.receive(viewer))["statusResponse"]
    assert (status["correlationId"], status["errorType"]) == ("c5", "LimitExceededException")


async def test_the_eleventh_viewer_is_refused_and_a_returning_one_is_not(serve: Start) -> None:
    client = await serve(limits=Limits(connects_per_s=100))
    arn = await client.channel()
    viewers = [await client.connect(arn, f"v{number}") for number in range(10)]
    assert await client.refusal(client.url(arn, "v10")) == (400, "ClientLimitExceededException")
    await client.connect(arn, "v0")
    assert (await viewers[0].receive(timeout=5)).type.name in {"CLOSE", "CLOSED"}


async def test_masters_that_come_too_fast_are_refused(client: Any) -> None:
    arn = await client.channel()
    for _ in range(3):
        await client.connect(arn)
    assert await client.refusal(client.url(arn)) == (400, "ClientLimitExceededException")


async def test_an_idle_connection_ends(serve: Start) -> None:
    client = await serve(limits=Limits(idle_s=0.05))
    viewer = await client.connect(await client.channel(), "v")
    assert (await viewer.receive(timeout=5)).type.name in {"CLOSE", "CLOSED"}


async def test_who_does_not_go_away_is_ended(serve: Start) -> None:
    client = await serve(limits=Limits(go_away_s=0.05))
    viewer = await client.connect(await client.channel(), "v")
    await client.kvs.go_away()
    assert await client.receive(viewer) == {"messageType": "GO_AWAY"}
    assert (await viewer.receive(timeout=5)).type.name in {"CLOSE", "CLOSED"}


async def test_an_expired_url_is_refused(client: Any, clock: Any) -> None:
    url = client.url(await client.channel(), "v")
    clock.offset_s = 270
    await client.open(url)
    clock.offset_s = 301
    assert await client.refusal(url) == (403, "InvalidSignatureException")


@pytest.mark.parametrize(
    "change", [("viewer-1", "viewer-2"), ("X-Amz-Expires=299", "X-Amz-Expires=900"), ("%2Froom%2F", "%2Froot%2F")]
)
async def test_a_tampered_url_is_refused(client: Any, change: tuple[str, str]) -> None:
    url = client.url(await client.channel(), "viewer-1")
    assert change[0] in url
    assert (await client.refusal(url.replace(*change)))[0] == 403


async def test_an_unsigned_url_and_a_wrong_secret_are_refused(client: Any) -> None:
    arn = await client.channel()
    bare = client.kvs.endpoint.replace("http", "ws") + "/?X-Amz-ChannelARN=" + quote(arn, safe="")
    assert await client.refusal(bare) == (403, "MissingAuthenticationTokenException")
    wrong = AwsKeys(access_key_id="AKIDLOCAL", secret_access_key="wrong")
    assert await client.refusal(client.url(arn, keys=wrong)) == (403, "InvalidSignatureException")


async def test_an_unknown_channel_and_a_reserved_viewer_id_are_refused(client: Any) -> None:
    arn = await client.channel()
    assert await client.refusal(client.url(arn + "9")) == (404, "ResourceNotFoundException")
    assert await client.refusal(client.url(arn, "AWS_me")) == (400, "InvalidArgumentException")


@pytest.mark.parametrize(("origin", "refused"), [("http://evil.example", True), ("http://localhost:8080", False)])
async def test_only_pages_of_this_machine_may_connect(client: Any, origin: str, refused: bool) -> None:
    url = client.url(await client.channel(), "v")
    if refused:
        assert (await client.refusal(url, headers={"Origin": origin}))[0] == 403
    else:
        await client.open(url, headers={"Origin": origin})
