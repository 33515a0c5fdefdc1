"""What goes wrong between this server and the service is said soon, in our own errors, without secrets."""

from __future__ import annotations

import asyncio
import socket
import time
import traceback
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from sonicrtc.config import SignalingConfig
from sonicrtc.credentials import AwsKeys, StaticCredentials
from sonicrtc.errors import ConfigError, CredentialsError, SignalingDeniedError, SignalingError
from sonicrtc.local.kvs import LocalKvs
from sonicrtc.signaling.control import ControlPlane, _make_client, presign
from sonicrtc.signaling.kvs import SignalingMaster, SignalingViewer

KEYS = AwsKeys(access_key_id="AKIDTEST", secret_access_key="secret/of+this test", session_token="tok/en+==")
Make = Callable[..., SignalingMaster]


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
async def silent_port() -> AsyncIterator[int]:
    """A port that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


async def fails_within_5_s(master: SignalingMaster) -> SignalingError:
    # Importing boto3 is what a busy machine takes longest for, and is no part of what is measured.
    _make_client(SignalingConfig(), "kinesisvideo", None, KEYS).close()
    began = time.monotonic()
    with pytest.raises(SignalingError) as caught:
        await master.run()
    assert time.monotonic() - began < 5
    return caught.value


@pytest.mark.parametrize(
    "keys",
    [
        AwsKeys(access_key_id="AKIDTEST", secret_access_key="wrong", session_token="tok/en+=="),
        AwsKeys(access_key_id="AKIDOTHER", secret_access_key="secret/of+this test"),
    ],
)
async def test_wrong_keys_are_an_error_soon(kvs: LocalKvs, make_master: Make, keys: AwsKeys) -> None:
    error = await fails_within_5_s(make_master(kvs.endpoint, keys))
    assert isinstance(error, SignalingDeniedError)
    assert (error.code, error.retryable) == ("signaling_denied", False)
    assert error.__cause__ is not None


async def test_missing_keys_are_an_error_before_anything_is_asked(kvs: LocalKvs, desk: Any) -> None:
    class Nothing:
        async def frozen(self) -> AwsKeys:
            raise CredentialsError("no AWS credentials found")

    config = SignalingConfig(channel="room", endpoint=kvs.endpoint)
    master = SignalingMaster(config, credentials=Nothing(), on_offer=desk.on_offer, on_candidate=desk.on_candidate)
    with pytest.raises(CredentialsError, match="no AWS credentials"):
        await master.run()


async def test_a_service_that_is_not_there_is_an_error_soon(make_master: Make, free_port: int) -> None:
    error = await fails_within_5_s(make_master(f"http://127.0.0.1:{free_port}"))
    assert error.retryable
    assert f"http://127.0.0.1:{free_port}" in str(error)


async def test_a_service_that_says_nothing_is_an_error_soon(make_master: Make, silent_port: int) -> None:
    assert (await fails_within_5_s(make_master(f"http://127.0.0.1:{silent_port}"))).retryable


async def test_no_error_shows_a_presigned_url(kvs: LocalKvs, make_master: Make) -> None:
    arn = await ControlPlane(SignalingConfig(endpoint=kvs.endpoint), StaticCredentials(KEYS)).channel_arn("room")
    url = presign(KEYS, "us-east-1", kvs.endpoint.replace("http", "ws"), arn, "v")
    with pytest.raises(SignalingDeniedError) as caught:
        async with SignalingViewer(url + "0"):
            pass
    shown = "".join(traceback.format_exception(caught.value))
    assert "X-Amz" not in shown
    assert "HTTP 403" in shown


@pytest.mark.parametrize("url", ["", "http://127.0.0.1/", "ws://", "nonsense", "ws://[::1"])
async def test_a_signaling_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(SignalingError, match="expected a ws:// or wss:// signaling URL"):
        async with SignalingViewer(url):
            pass


async def test_a_viewer_cannot_reach_what_is_not_there(free_port: int) -> None:
    with pytest.raises(SignalingError, match="cannot reach signaling at ws://127"):
        async with SignalingViewer(f"ws://127.0.0.1:{free_port}/?X-Amz-Signature=0"):
            pass


async def test_a_ca_file_that_is_not_there_is_named(tmp_path: Any) -> None:
    with pytest.raises(ConfigError, match=r"missing\.pem"):
        async with SignalingViewer("wss://localhost/", ca_file=tmp_path / "missing.pem"):
            pass


@pytest.fixture
def poisoned(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    (tmp_path / "config").write_text("[default]\nregion = nowhere\nretry_mode = nonsense\nca_bundle = /nowhere\n")
    for name, value in {
        "AWS_PROFILE": "nonexistent",
        "AWS_ACCESS_KEY_ID": "garbage",
        "AWS_SECRET_ACCESS_KEY": "garbage",
        "AWS_SESSION_TOKEN": "garbage",
        "AWS_REGION": "nowhere",
        "AWS_DEFAULT_REGION": "nowhere",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ENDPOINT_URL_KINESIS_VIDEO": "http://127.0.0.1:1",
        "AWS_ENDPOINT_URL_KINESIS_VIDEO_SIGNALING": "http://127.0.0.1:1",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_CA_BUNDLE": "/nowhere",
        "AWS_RETRY_MODE": "nonsense",
        "AWS_MAX_ATTEMPTS": "many",
        "AWS_DEFAULTS_MODE": "nonsense",
        "AWS_DATA_PATH": "/nowhere",
        "AWS_USE_FIPS_ENDPOINT": "true",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1",
        "HTTP_PROXY": "http://127.0.0.1:1",
        "http_proxy": "http://127.0.0.1:1",
        "ALL_PROXY": "http://127.0.0.1:1",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("poisoned")
async def test_the_aws_environment_has_no_say(kvs: LocalKvs, make_master: Make, running: Any) -> None:
    async with running(make_master(kvs.endpoint)) as master:
        session = await master.viewer_session()
        async with SignalingViewer(session.signaling_url) as viewer:
            await viewer.send_offer("x")
            assert await viewer.answer() == "answer to x"
    assert kvs.refused == 0


@pytest.mark.usefixtures("poisoned")
@pytest.mark.parametrize(
    ("service", "host"),
    [("kinesisvideo", "kinesisvideo"), ("kinesis-video-signaling", "kinesisvideo")],
)
def test_without_an_endpoint_of_ones_own_it_is_the_regions(service: str, host: str) -> None:
    client = _make_client(SignalingConfig(region="eu-west-1"), service, None, KEYS)
    assert client.meta.endpoint_url == f"https://{host}.eu-west-1.amazonaws.com"
    client.close()


async def test_a_channel_is_used_only_once_it_is_active() -> None:
    async with LocalKvs(keys=KEYS, activation_s=0.3) as kvs:
        control = ControlPlane(SignalingConfig(endpoint=kvs.endpoint), StaticCredentials(KEYS))
        arn = await control.channel_arn("room")
        assert (await control.endpoints(arn, "MASTER")).wss == kvs.endpoint.replace("http", "ws")
        control.close()


async def test_two_servers_that_create_the_same_channel_at_once_agree(kvs: LocalKvs) -> None:
    controls = [ControlPlane(SignalingConfig(endpoint=kvs.endpoint), StaticCredentials(KEYS)) for _ in range(4)]
    async with asyncio.TaskGroup() as tasks:
        found = [tasks.create_task(control.channel_arn("room")) for control in controls]
    assert len({task.result() for task in found}) == 1
    for control in controls:
        control.close()


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        ("us-west-2", "stun:stun.kinesisvideo.us-west-2.amazonaws.com:443"),
        ("cn-north-1", "stun:stun.kinesisvideo.cn-north-1.amazonaws.com.cn:443"),
    ],
)
def test_stun_is_added_for_aws_only(region: str, expected: str) -> None:
    assert ControlPlane(SignalingConfig(region=region), StaticCredentials(KEYS))._stun() == [{"urls": [expected]}]
    local = SignalingConfig(region=region, endpoint="http://127.0.0.1:1")
    assert ControlPlane(local, StaticCredentials(KEYS))._stun() == []
