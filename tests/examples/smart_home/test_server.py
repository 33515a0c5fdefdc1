"""The MCP server, used by the SDK's own client: in memory, as a process, and over HTTP."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from examples.smart_home.broker import Broker
from examples.smart_home.server import mcp_server
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp_types import CallToolResult, TextContent
from tests.examples.smart_home.houses import TOPICS, House, connected, inhabited

pytestmark = pytest.mark.checkout
ROOT = Path(__file__).parents[3]
SERVER = ("-m", "examples.smart_home.server")


def environment(broker: Broker) -> dict[str, str]:
    files = {f"MQTT_{name.upper()}": str(value) for name, value in asdict(broker).items() if value is not None}
    return {"PATH": os.environ["PATH"], **files}


def text_of(result: CallToolResult) -> str:
    assert isinstance(result.content[0], TextContent)
    return result.content[0].text


async def refusal(client: Client, tool: str, arguments: Mapping[str, Any]) -> str:
    result = await client.call_tool(tool, dict(arguments))
    assert result.is_error
    return text_of(result)


@asynccontextmanager
async def over_http(*arguments: str, broker: Broker) -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *SERVER,
        "--http",
        "0",
        *arguments,
        cwd=ROOT,
        env=environment(broker),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.terminate()
        await process.wait()


async def test_the_tools_tell_the_model_what_they_take(house: House) -> None:
    async with Client(mcp_server(house.home)) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert set(tools) == {"publish", "publish_confirmed", "get_state"}
    assert set(tools["publish"].input_schema["required"]) == {"topic", "payload"}
    assert tools["publish_confirmed"].annotations is not None
    assert tools["publish_confirmed"].annotations.destructive_hint is True


async def test_publish_returns_the_reported_state(house: House) -> None:
    async with Client(mcp_server(house.home)) as client:
        result = await client.call_tool("publish", {"topic": "home/kitchen/light/set", "payload": {"on": True}})
    assert not result.is_error
    assert result.structured_content == {
        "reported": {"kitchen/light": {"on": True, "brightness_percent": 80, "color_temperature_kelvin": 2700}}
    }
    assert json.loads(text_of(result)) == result.structured_content


async def test_get_state_tells_of_one_device_or_of_all(house: House) -> None:
    async with Client(mcp_server(house.home)) as client:
        one = await client.call_tool("get_state", {"device": "living_room/lock"})
        everything = await client.call_tool("get_state", {})
    assert one.structured_content == {"living_room/lock": {"locked": True, "online": True}}
    assert set(everything.structured_content or ()) == set(TOPICS.states)


@pytest.mark.parametrize(
    ("topic", "payload", "words"),
    [
        ("$SYS/broker/log", {"on": True}, "is not a control topic; allowed are home/living_room/light/set"),
        ("home/+/light/set", {"on": True}, "is not a control topic"),
        ("home/kitchen/light/state", {"on": True}, "status topic"),
        ("home/kitchen/light/set\r\n", {"on": True}, "is not a control topic"),
        ("home/kitchen/light/set", {"brightness_percent": 200}, "greater than the maximum of 100; allowed is"),
        ("home/kitchen/light/set", {"id": "x", "on": True}, "'id' was unexpected"),
        ("home/kitchen/light/set", "on", "valid dictionary"),
    ],
)
async def test_what_the_document_does_not_allow_is_a_tool_error(
    house: House, topic: str, payload: object, words: str
) -> None:
    async with Client(mcp_server(house.home)) as client:
        for tool in ("publish", "publish_confirmed"):
            assert words in await refusal(client, tool, {"topic": topic, "payload": payload})


async def test_the_lock_turns_only_after_a_confirmation(house: House) -> None:
    command = {"topic": "home/living_room/lock/set", "payload": {"locked": False}}
    async with Client(mcp_server(house.home)) as client:
        assert "call publish_confirmed" in await refusal(client, "publish", command)
        assert house.state("living_room/lock") == {"locked": True}
        result = await client.call_tool("publish_confirmed", command)
    assert result.structured_content == {"reported": {"living_room/lock": {"locked": False}}}


async def test_a_broker_that_is_down_is_a_tool_error() -> None:
    nowhere = Broker(port=1)
    async with connected(nowhere) as home, Client(mcp_server(home)) as client:
        command = {"topic": "home/kitchen/light/set", "payload": {"on": True}}
        assert "nothing will be done later" in await refusal(client, "publish", command)
        assert "cannot be reached" in await refusal(client, "get_state", {})


async def test_an_unknown_device_is_a_tool_error(house: House) -> None:
    async with Client(mcp_server(house.home)) as client:
        assert "there are living_room/light" in await refusal(client, "get_state", {"device": "kitchen/fridge"})


async def test_it_serves_over_standard_input_and_output(broker: Broker) -> None:
    parameters = StdioServerParameters(command=sys.executable, args=[*SERVER], cwd=ROOT, env=environment(broker))
    async with inhabited(broker) as house, Client(stdio_client(parameters)) as client:
        result = await client.call_tool("publish", {"topic": "home/all/light/set", "payload": {"on": True}})
        assert len((result.structured_content or {})["reported"]) == 3
        assert house.state("bedroom/light")["on"] is True


async def test_it_serves_over_http(mosquitto: Broker) -> None:
    async with inhabited(mosquitto), over_http(broker=mosquitto) as url, Client(url) as client:
        result = await client.call_tool("publish", {"topic": "home/all/light/set", "payload": {"on": True}})
        assert len((result.structured_content or {})["reported"]) == 3


@pytest.mark.parametrize("headers", [{"Origin": "http://127.0.0.1:8080"}, {"Origin": "null"}, {"Host": "evil.example"}])
async def test_no_page_talks_to_it_over_http(mosquitto: Broker, headers: dict[str, str]) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    accept = {"Accept": "application/json, text/event-stream"}
    async with (
        over_http(broker=mosquitto) as url,
        aiohttp.ClientSession() as http,
        http.post(url, json=body, headers=accept | headers) as response,
    ):
        assert response.status in (403, 421)


@pytest.mark.parametrize("module", ["server", "devices"])
async def test_settings_that_cannot_be_are_said(tmp_path: Path, module: str) -> None:
    file = tmp_path / "aws.toml"
    file.write_text("[broker]\nport = 0\n", "utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"examples.smart_home.{module}",
        "--config",
        file,
        cwd=ROOT,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    assert (process.returncode, said) == (1, b"port: expected 1 to 65535, got 0\n")
