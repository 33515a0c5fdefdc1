"""Tools of real MCP servers, over stdio and streamable HTTP, and what becomes of them when a server misbehaves."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from tests.tools.mcp_stage import STDIO, McpStage, Registry, bad, http_server, serving

from sonicrtc.config import ToolsConfig
from sonicrtc.errors import ConfigError

QUICK = ToolsConfig(timeout_s=1)


@pytest.fixture(params=["stdio", "http"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[dict[str, Any]]:
    """One server in each of the two ways to reach it."""
    if request.param == "stdio":
        yield STDIO
    else:
        async with http_server() as url:
            yield {"url": url}


async def test_the_tools_are_listed_with_their_words_and_schemas(server: dict[str, Any], tmp_path: Path) -> None:
    async with serving(tmp_path, {"house": server}) as stage:
        add, switch = stage.tools.find("add"), stage.tools.find("switch")
    assert (add.description, sorted(add.input_schema["properties"])) == ("Add two numbers.", ["a", "b"])
    assert add.input_schema["required"] == ["a", "b"]
    lamp = switch.input_schema["properties"]["lamp"]
    assert lamp["properties"]["on"]["type"] == "boolean"
    assert "$ref" not in json.dumps(switch.input_schema)
    assert len(stage.tools) == 0


async def test_a_call_is_answered_with_the_structure_and_an_error_with_the_servers_words(
    server: dict[str, Any], tmp_path: Path
) -> None:
    async with serving(tmp_path, {"house": server}) as stage:
        assert await stage.call("add", a=1, b="2") == {"result": 3}
        assert await stage.call("switch", lamp={"room": "bath", "on": True}) == {"room": "bath", "on": True}
        assert await stage.call("add", a=1) == {"error": "arguments of add: missing b"}
        assert "valid integer" in (await stage.call("add", a="one", b=2))["error"]


async def test_only_what_is_allowed_and_not_denied_is_offered(tmp_path: Path) -> None:
    chosen = STDIO | {"allow": ["add", "d*", "read"], "deny": ["die"], "confirm": ["re?d"]}
    async with serving(tmp_path, {"house": chosen}) as stage:
        assert stage.names == ["add", "read"]
        assert "confirmation" not in stage.tools.find("add").input_schema["properties"]
        asked = await stage.call("read", length=1)
        assert asked["confirm"] == "Shall I go ahead: read (length: 1)?"
        assert await stage.call("read", length=1, confirmation=asked["confirmation"]) == {"result": "x"}
        assert "unknown tool 'die'" in (await stage.call("die"))["error"]


async def test_a_name_gets_its_servers_in_front_when_asked_and_when_it_is_taken(tmp_path: Path) -> None:
    own = Registry()
    own.add(lambda: "mine", name="add", description="Mine.")
    only_add = STDIO | {"allow": ["add"]}
    servers = {
        "one": only_add,
        "the two": only_add,
        "three": only_add | {"prefix": True},
        "4": only_add | {"prefix": "x.y"},
    }
    async with serving(tmp_path, servers, own=own) as stage:
        assert stage.names == ["add", "one_add", "the_two_add", "three_add", "x_y_add"]
        assert await stage.call("add") == {"result": "mine"}
        assert await stage.call("the_two_add", a=1, b=2) == {"result": 3}
    assert stage.names == ["add"]


async def test_a_pattern_that_fits_no_tool_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(tmp_path, {"house": STDIO | {"confirm": ["dye"]}}):
        pass
    assert "no tool is called dye" in caplog.text


async def test_a_new_tool_is_offered_when_the_server_tells_of_it(server: dict[str, Any], tmp_path: Path) -> None:
    async with serving(tmp_path, {"house": server}) as stage:
        await stage.call("grow")
        await stage.tools.until(2)
        assert await stage.call("sprout") == {"result": "new"}


# --- servers that go, hang or flood ---------------------------------------------------------------


async def test_a_server_that_dies_in_a_call_is_an_error_and_is_there_again(tmp_path: Path) -> None:
    async with serving(tmp_path, {"house": STDIO}) as stage:
        assert await stage.call("die") == {"error": "the MCP server house went away before it had answered"}
        assert "the MCP server house is not there: it has ended" in (await stage.call("add", a=1, b=2))["error"]
        await stage.tools.until(2)
        assert await stage.call("add", a=1, b=2) == {"result": 3}


async def test_a_server_behind_http_that_goes_is_an_error_and_is_there_again(tmp_path: Path) -> None:
    async with http_server() as url, serving(tmp_path, {"house": {"url": url}}) as stage:
        assert "error" in await stage.call("die")
        assert "error" in await stage.call("add", a=1, b=2)
        async with http_server(urlsplit(url).port or 0):
            await stage.tools.until(2)
            assert await stage.call("add", a=1, b=2) == {"result": 3}


async def test_a_server_that_cannot_be_started_stops_nobody_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    servers = {"none": {"command": "/no/such/program"}, "ends": {"command": "true"}, "house": STDIO,
               "away": {"url": "http://127.0.0.1:1/mcp"}}  # fmt: skip
    async with serving(tmp_path, servers) as stage:
        assert await stage.call("add", a=1, b=2) == {"result": 3}
    assert "MCP server none: its program or directory was not found; next attempt in 0.05 s" in caplog.text
    assert "MCP server ends: it ended before it had answered" in caplog.text
    assert "MCP server away: nothing answers at its address" in caplog.text


async def test_a_call_that_hangs_times_out_while_others_are_answered(server: dict[str, Any], tmp_path: Path) -> None:
    async with serving(tmp_path, {"house": server}, config=QUICK) as stage, asyncio.TaskGroup() as group:
        hanging = group.create_task(stage.call("hang"))
        await asyncio.sleep(0)
        assert await stage.call("add", a=1, b=2) == {"result": 3}
        assert await hanging == {"error": "hang took longer than 1 s"}
        assert await stage.call("wait_for_cancellation") == {"result": "cancelled"}


async def test_who_hangs_up_cancels_the_call_at_the_server(server: dict[str, Any], tmp_path: Path) -> None:
    async with serving(tmp_path, {"house": server}) as stage:
        async with asyncio.TaskGroup() as group:
            hanging = group.create_task(stage.call("hang"))
            assert await stage.call("add", a=1, b=2) == {"result": 3}
            stage.runner.cancel()
        assert hanging.cancelled()
        again = McpStage(stage.tools, ToolsConfig())
        assert await again.call("wait_for_cancellation") == {"result": "cancelled"}


async def test_progress_gives_a_call_its_time_again(server: dict[str, Any], tmp_path: Path) -> None:
    async with serving(tmp_path, {"house": server}, config=ToolsConfig(timeout_s=1)) as stage:
        assert await stage.call("work", steps=4, step_s=0.4) == {"result": "worked"}


async def test_a_server_that_answers_nothing_any_more_is_started_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("sonicrtc.tools.mcp._SIGN_OF_LIFE_S", 0.2)
    async with serving(tmp_path, {"house": STDIO}, config=QUICK) as stage:
        assert await stage.call("block") == {"error": "block took longer than 1 s"}
        await stage.tools.until(2)
        assert "MCP server house: it hangs" in caplog.text
        assert await stage.call("add", a=1, b=2) == {"result": 3}


async def test_a_server_without_end_of_line_is_ended(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(tmp_path, {"bad": bad("endless"), "house": STDIO}) as stage:
        assert await stage.call("ask") == {"error": "the MCP server bad went away before it had answered"}
        assert await stage.call("add", a=1, b=2) == {"result": 3}
        await stage.tools.until(3)
    assert "MCP server bad: it has ended" in caplog.text


async def test_a_server_that_floods_does_not_hold_up_the_loop(tmp_path: Path) -> None:
    async with serving(tmp_path, {"bad": bad("flood"), "house": STDIO}, config=QUICK) as stage:
        async with asyncio.TaskGroup() as group:
            flooding = group.create_task(stage.call("ask"))
            for number in itertools.count():
                assert await stage.call("add", a=1, b=number) == {"result": 1 + number}
                if flooding.done():
                    break
        assert flooding.result() == {"error": "ask took longer than 1 s"}
        assert number > 20


async def test_what_a_server_says_beside_its_answer_is_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with serving(tmp_path, {"bad": bad("chatter")}) as stage:
        assert await stage.call("ask") == {"still": "there"}
    assert "swordfish" not in caplog.text


async def test_a_result_of_5_mb_is_cut_as_any_other(server: dict[str, Any], tmp_path: Path) -> None:
    async with serving(tmp_path, {"house": server}) as stage:
        result = await stage.call("read", length=5_000_000)
    assert (result["truncated"], result["size_bytes"]) == (True, 5_000_002)
    assert len(json.dumps(result)) <= ToolsConfig().max_result_bytes + 10


async def test_a_server_that_says_nothing_at_the_start_holds_up_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("sonicrtc.tools.mcp._CONNECT_S", 0.5)
    async with serving(tmp_path, {"bad": bad("mute")}) as stage:
        assert stage.names == []
    assert "MCP server bad: it did not answer within 0.5 s" in caplog.text


class BadService:
    """An HTTP server that answers everything in one bad way."""

    def __init__(self, how: str) -> None:
        self._how = how
        self.asked: list[str] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        match self._how:
            case "redirects":
                raise web.HTTPTemporaryRedirect(f"http://localhost:{request.url.port}/elsewhere")
            case "compresses":
                return web.Response(body=gzip.compress(b"{}"), headers={"Content-Encoding": "gzip"})
            case "refuses":
                raise web.HTTPUnauthorized
        endless = web.StreamResponse(headers={"Content-Type": "application/json"})
        await endless.prepare(request)
        with suppress(ConnectionError):
            while True:
                await endless.write(b"x" * 65_536)
        return endless


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("redirects", "it redirects to another server, which must not get the headers"),
        ("compresses", "it compresses, which it was not asked to"),
        ("endless", "it sends a message without end"),
        ("refuses", "it answers with HTTP status 401: are its headers right?"),
    ],
)
async def test_a_bad_server_behind_http_is_given_up_with_the_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, how: str, words: str
) -> None:
    monkeypatch.setattr("sonicrtc.tools.mcp._MESSAGE_BYTES", 1_000_000)
    service = BadService(how)
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", service.answer)
    async with TestServer(app) as server, serving(tmp_path, {"bad": {"url": str(server.make_url("/mcp"))}}):
        pass
    assert f"MCP server bad: {words}" in caplog.text
    assert set(service.asked) == {"/mcp"}


# --- secrets --------------------------------------------------------------------------------------


async def test_secrets_are_in_no_log_and_no_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with http_server() as url:
        servers = {
            "house": STDIO | {"env": {"KEY": "${KEY}"}},
            "far": {"url": f"{url}?token=${{TOKEN}}", "headers": {"Authorization": "Bearer ${TOKEN}"}, "prefix": "far"},
            "away": {"url": "http://127.0.0.1:1/${TOKEN}"},
            "none": {"command": "/no/${TOKEN}", "args": ["${KEY}"]},
        }
        async with serving(tmp_path, servers, KEY="swordfish", TOKEN="open sesame") as stage:
            assert await stage.call("whisper") == {"error": "Error executing tool whisper: the key *** does not fit"}
            assert await stage.call("far_add", a=1, b=2) == {"result": 3}
            assert "sesame" not in (await stage.call("far_whisper"))["error"]
    assert "swordfish" not in caplog.text
    assert "sesame" not in caplog.text


async def test_a_servers_process_gets_nothing_of_our_environment_but_what_the_file_gives(tmp_path: Path) -> None:
    async with serving(tmp_path, {"house": STDIO}, KEY="swordfish") as stage:
        assert await stage.call("whisper") == {"error": "Error executing tool whisper: the key None does not fit"}


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({}, "either a command or a url"),
        ({"command": "a", "url": "http://b"}, "either a command or a url"),
        ({"command": "a", "type": "sse"}, "expected the type stdio or http, got 'sse'"),
        ({"url": "ftp://hunter2"}, r"url: expected http\(s\)://host"),
        ({"url": "${NONE}"}, "the environment variable NONE is not set"),
        ({"command": "a", "args": "b"}, r"Expected `array`, got `str` - at `\$.mcpServers"),
        ({"command": "a", "timeout_s": 0}, "expected more than 0 s, got 0"),
    ],
)
async def test_a_mistake_in_the_file_is_told_without_its_values(
    tmp_path: Path, entry: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        async with serving(tmp_path, {"house": entry}):
            pass
    assert "hunter2" not in str(caught.value)


async def test_a_file_that_is_not_there_or_no_json_is_told(tmp_path: Path) -> None:
    from sonicrtc.tools.mcp_file import read_mcp_file

    with pytest.raises(ConfigError, match="cannot read the file of MCP servers"):
        read_mcp_file(tmp_path / "none.json", {})
    (tmp_path / "mcp.json").write_text("{")
    with pytest.raises(ConfigError, match=r"mcp\.json: Input data was truncated"):
        read_mcp_file(tmp_path / "mcp.json", {})


async def test_a_disabled_server_is_left_out_and_a_variable_may_have_a_default(tmp_path: Path) -> None:
    servers = {"off": {"command": "${NONE}", "disabled": True}, "house": STDIO | {"command": "${NONE:-python}"}}
    async with serving(tmp_path, servers) as stage:
        assert await stage.call("add", a=1, b=2) == {"result": 3}
