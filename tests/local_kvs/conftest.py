"""The local signaling service, and clients that share no code with it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import boto3
import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from yarl import URL

from sonicrtc.credentials import AwsKeys
from sonicrtc.local.kvs import LocalKvs

KEYS = AwsKeys(access_key_id="AKIDLOCAL", secret_access_key="a secret/of+this test")


class Clock:
    """Time of day that a test can move."""

    def __init__(self) -> None:
        self.offset_s = 0.0

    def __call__(self) -> float:
        return time.time() + self.offset_s


class Client:
    """boto3 as it is, a presigned URL by botocore as it is, and JSON by hand."""

    def __init__(self, kvs: LocalKvs, http: aiohttp.ClientSession, keys: AwsKeys = KEYS) -> None:
        self.kvs = kvs
        self._http = http
        self._keys = keys
        self._clients: list[Any] = []
        self._sockets: list[aiohttp.ClientWebSocketResponse] = []

    def boto(self, service: str = "kinesisvideo", keys: AwsKeys | None = None, region: str = "us-east-1") -> Any:
        keys = keys or self._keys
        client = boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.kvs.endpoint,
            region_name=region,
            aws_access_key_id=keys.access_key_id,
            aws_secret_access_key=keys.secret_access_key,
            aws_session_token=keys.session_token,
            config=Config(retries={"total_max_attempts": 1}),
        )
        self._clients.append(client)
        return client

    async def channel(self, name: str = "room") -> str:
        reply = await asyncio.to_thread(self.boto().create_signaling_channel, ChannelName=name)
        return str(reply["ChannelARN"])

    def url(self, arn: str, client_id: str | None = None, expires: int = 299, keys: AwsKeys | None = None) -> str:
        keys = keys or self._keys
        parameters = {"X-Amz-ChannelARN": arn} | ({"X-Amz-ClientId": client_id} if client_id else {})
        request = AWSRequest("GET", self.kvs.endpoint, params=parameters)
        credentials = Credentials(keys.access_key_id, keys.secret_access_key, keys.session_token)
        SigV4QueryAuth(credentials, "kinesisvideo", "us-east-1", expires).add_auth(request)
        return str(request.prepare().url).replace("http", "ws", 1)

    async def connect(self, arn: str, client_id: str | None = None) -> aiohttp.ClientWebSocketResponse:
        return await self.open(self.url(arn, client_id))

    async def open(self, url: str, **options: Any) -> aiohttp.ClientWebSocketResponse:
        socket: aiohttp.ClientWebSocketResponse = await self._http.ws_connect(URL(url, encoded=True), **options)
        self._sockets.append(socket)
        return socket

    async def refusal(self, url: str, **options: Any) -> tuple[int, str]:
        """HTTP status and error name with which an upgrade is refused."""
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await self.open(url, **options)
        assert caught.value.headers is not None
        return caught.value.status, caught.value.headers["x-amzn-ErrorType"].partition(":")[0]

    async def send(self, socket: aiohttp.ClientWebSocketResponse, action: str, payload: object, **members: str) -> None:
        """Send a message that is written by hand."""
        encoded = base64.b64encode(json.dumps(payload).encode()).decode()
        await socket.send_str(json.dumps({"action": action, "messagePayload": encoded, **members}))

    async def receive(self, socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
        """The next message of the service, its payload decoded."""
        event: dict[str, Any] = json.loads(await socket.receive_str(timeout=5))
        if "messagePayload" in event:
            event["messagePayload"] = json.loads(base64.b64decode(event["messagePayload"]))
        return event

    async def close(self) -> None:
        for socket in self._sockets:
            await socket.close()
        for client in self._clients:
            client.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def kvs(clock: Clock) -> AsyncIterator[LocalKvs]:
    async with LocalKvs(keys=KEYS, clock=clock) as service:
        yield service
    assert service.opened == service.closed


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def client(kvs: LocalKvs, http: aiohttp.ClientSession) -> AsyncIterator[Client]:
    client = Client(kvs, http)
    yield client
    await client.close()


@pytest.fixture
async def serve(http: aiohttp.ClientSession) -> AsyncIterator[Callable[..., Any]]:
    """Start a service of the test's own making; returns its client."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(**options: Any) -> Client:
            service = await stack.enter_async_context(LocalKvs(**{"keys": KEYS} | options))
            client = Client(service, http, options.get("keys", KEYS))
            stack.push_async_callback(client.close)
            return client

        yield start
