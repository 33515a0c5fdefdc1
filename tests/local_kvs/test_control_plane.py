"""boto3, unmodified, against the local control plane."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sonicrtc.credentials import AwsKeys

Start = Callable[..., Awaitable[Any]]
TURN = {"Uris": ["turn:192.0.2.1:443?transport=udp"], "Username": "u", "Password": "p", "Ttl": 300}


async def call(client: Any, operation: str, **parameters: Any) -> dict[str, Any]:
    reply: dict[str, Any] = await asyncio.to_thread(getattr(client, operation), **parameters)
    return reply


async def error_code(client: Any, operation: str, **parameters: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        await call(client, operation, **parameters)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def wanted(role: str, *protocols: str) -> dict[str, Any]:
    return {"Role": role, "Protocols": list(protocols)}


async def test_a_created_channel_is_described_by_name_and_by_arn(client: Any) -> None:
    boto = client.boto()
    arn = await client.channel("room")
    by_name = (await call(boto, "describe_signaling_channel", ChannelName="room"))["ChannelInfo"]
    by_arn = (await call(boto, "describe_signaling_channel", ChannelARN=arn))["ChannelInfo"]
    assert by_name == by_arn
    assert (by_name["ChannelARN"], by_name["ChannelStatus"]) == (arn, "ACTIVE")
    assert by_name["SingleMasterConfiguration"] == {"MessageTtlSeconds": 60}


async def test_a_channel_that_does_not_exist_is_the_modelled_exception(client: Any) -> None:
    boto = client.boto()
    with pytest.raises(boto.exceptions.ResourceNotFoundException):
        await call(boto, "describe_signaling_channel", ChannelName="nobody")


async def test_a_second_channel_of_the_same_name_is_refused(client: Any) -> None:
    await client.channel("room")
    assert await error_code(client.boto(), "create_signaling_channel", ChannelName="room") == (
        "ResourceInUseException",
        400,
    )


async def test_a_deleted_channel_is_gone_and_its_connections_with_it(client: Any) -> None:
    arn = await client.channel("room")
    master = await client.connect(arn)
    await call(client.boto(), "delete_signaling_channel", ChannelARN=arn)
    assert (await master.receive(timeout=5)).type.name in {"CLOSED", "CLOSE", "ERROR"}
    assert await error_code(client.boto(), "describe_signaling_channel", ChannelARN=arn) == (
        "ResourceNotFoundException",
        404,
    )


async def test_an_update_needs_the_present_version_and_makes_a_new_one(client: Any) -> None:
    boto = client.boto()
    change = {"ChannelARN": await client.channel(), "SingleMasterConfiguration": {"MessageTtlSeconds": 30}}
    await call(boto, "update_signaling_channel", CurrentVersion="1", **change)
    assert (await error_code(boto, "update_signaling_channel", CurrentVersion="1", **change))[0] == (
        "VersionMismatchException"
    )
    info = (await call(boto, "describe_signaling_channel", ChannelName="room"))["ChannelInfo"]
    assert (info["Version"], info["SingleMasterConfiguration"]["MessageTtlSeconds"]) == ("2", 30)


@pytest.mark.parametrize("role", ["MASTER", "VIEWER"])
async def test_both_roles_get_the_endpoints_they_ask_for(client: Any, role: str) -> None:
    reply = await call(
        client.boto(),
        "get_signaling_channel_endpoint",
        ChannelARN=await client.channel(),
        SingleMasterChannelEndpointConfiguration=wanted(role, "WSS", "HTTPS"),
    )
    found = {item["Protocol"]: item["ResourceEndpoint"] for item in reply["ResourceEndpointList"]}
    assert found == {"HTTPS": client.kvs.endpoint, "WSS": client.kvs.endpoint.replace("http", "ws")}


async def test_ice_servers_are_those_that_were_set(serve: Start) -> None:
    client = await serve(ice_servers=[TURN])
    boto = client.boto("kinesis-video-signaling")
    reply = await call(boto, "get_ice_server_config", ChannelARN=await client.channel(), ClientId="v1", Service="TURN")
    assert reply["IceServerList"] == [TURN]


async def test_a_viewer_id_that_begins_as_aws_reserves_it_is_refused(client: Any) -> None:
    boto = client.boto("kinesis-video-signaling")
    parameters = {"ChannelARN": await client.channel(), "ClientId": "aws_me"}
    assert (await error_code(boto, "get_ice_server_config", **parameters))[0] == "InvalidArgumentException"


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (AwsKeys(access_key_id="AKIDLOCAL", secret_access_key="wrong"), "InvalidSignatureException"),
        (AwsKeys(access_key_id="somebody", secret_access_key="else"), "UnrecognizedClientException"),
    ],
)
async def test_wrong_keys_are_refused(client: Any, keys: AwsKeys, expected: str) -> None:
    assert await error_code(client.boto(keys=keys), "describe_signaling_channel", ChannelName="room") == (expected, 403)


async def test_a_signature_for_another_region_is_refused(client: Any) -> None:
    boto = client.boto(region="eu-west-1")
    assert (await error_code(boto, "describe_signaling_channel", ChannelName="room"))[0] == "InvalidSignatureException"


async def test_a_clock_that_is_ten_minutes_off_is_refused(client: Any, clock: Any) -> None:
    clock.offset_s = 600
    code, status = await error_code(client.boto(), "describe_signaling_channel", ChannelName="room")
    assert (code, status) == ("InvalidSignatureException", 403)


async def test_the_session_token_must_be_the_one_that_was_issued(serve: Start) -> None:
    keys = AwsKeys(access_key_id="AKID", secret_access_key="s", session_token="token/with+signs=")
    client = await serve(keys=keys)
    await client.channel("room")
    stale = AwsKeys(access_key_id="AKID", secret_access_key="s", session_token="old")
    assert (await error_code(client.boto(keys=stale), "describe_signaling_channel", ChannelName="room"))[1] == 403


async def test_an_unsigned_request_is_refused(client: Any, http: Any) -> None:
    async with http.post(f"{client.kvs.endpoint}/describeSignalingChannel", json={"ChannelName": "room"}) as reply:
        assert reply.status == 403
        assert reply.headers["x-amzn-ErrorType"].startswith("MissingAuthenticationTokenException:")
