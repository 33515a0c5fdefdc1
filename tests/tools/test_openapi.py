"""Tools from OpenAPI files, against a real service on this machine."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tests.tools.mcp_stage import McpStage, Registry

from sonicrtc.config import ToolsConfig
from sonicrtc.errors import ConfigError
from sonicrtc.tools.openapi import Api, api_at_work

FILE = """
openapi: 3.1.0
servers: [{url: "http://127.0.0.1:{port}/v1", variables: {port: {default: "1"}}}]
paths:
  /echo/{name}:
    parameters:
      - {name: name, in: path, required: true, schema: {type: string, example: Ann}}
    get:
      operationId: echo.get
      summary: Say what came.
      parameters:
        - {name: tags, in: query, description: Which., schema: {type: array, items: {type: string}}}
        - {name: ids, in: query, explode: false, schema: {type: array, items: {type: integer}}}
        - {name: filter, in: query, style: deepObject, schema: {type: object}}
        - {name: deep, in: query, schema: {type: boolean}}
        - {name: X-Mood, in: header, schema: {type: string}}
        - {name: Authorization, in: header, schema: {type: string}}
        - {name: session, in: cookie, schema: {type: string}}
    put:
      operationId: echo_put
      requestBody:
        required: true
        content:
          application/json:
            schema: {$ref: "#/components/schemas/Thing"}
  /echo:
    post:
      requestBody:
        content: {application/json: {schema: {type: array, items: {type: integer}}}}
    delete: {operationId: clear}
    patch:
      operationId: upload
      requestBody: {content: {image/png: {}}}
  /answer/{kind}:
    get:
      operationId: answer
      parameters: [{$ref: "#/components/parameters/Kind"}]
  /lost:
    get: {operationId: lost, parameters: [{$ref: "#/components/none"}]}
components:
  parameters:
    Kind: {name: kind, in: path, required: true, schema: {type: string}}
  schemas:
    Thing:
      type: object
      required: [size, name]
      properties:
        id: {type: integer, readOnly: true}
        name: {type: string}
        size: {type: integer, default: 1}
        born: {type: string, example: 2026-12-24}
        part: {$ref: "#/components/schemas/Thing"}
"""


async def echo(request: web.Request) -> web.Response:
    named = {"X-Mood", "Authorization"} & request.headers.keys()
    return web.json_response({
        "method": request.method, "path": request.raw_path, "headers": {name: request.headers[name] for name in named},
        "body": json.loads(await request.text() or "null"),
    })  # fmt: skip


async def answer(request: web.Request) -> web.Response:
    match request.match_info["kind"]:
        case "nothing":
            return web.Response(status=204)
        case "words":
            return web.Response(text="It rains.")
        case "elsewhere":
            raise web.HTTPFound("http://127.0.0.1:1/")
        case "echo":
            return web.Response(status=403, text=f"no: {request.headers['Authorization']}")
        case "much":
            return web.Response(body=b"x" * 20_000_000, content_type="application/json")
    raise web.HTTPNotFound(text="no such kind")


@asynccontextmanager
async def serving(folder: Path, text: str = FILE, **options: Any) -> AsyncIterator[McpStage]:
    """Run the service, and the tools of `text` with it."""
    app = web.Application()
    app.router.add_route("*", "/v1/answer/{kind}", answer)
    app.router.add_route("*", "/v1/echo{rest:.*}", echo)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        file, registry = folder / "api.yaml", Registry()
        file.write_text(text, "utf-8")
        base = f"http://127.0.0.1:{runner.addresses[0][1]}/v1/"
        given: dict[str, Any] = {"file": file, "base_url": base} | options
        async with api_at_work(Api(**given), registry, {"TOKEN": "swordfish"}):
            yield McpStage(registry, ToolsConfig())
        assert len(registry) == 0
    finally:
        await runner.cleanup()


async def test_only_what_reads_is_offered_until_more_is_asked_for(tmp_path: Path) -> None:
    async with serving(tmp_path) as stage:
        assert stage.names == ["echo_get", "answer"]
    async with serving(tmp_path, write=["echo_*", "post_*"], prefix="x") as stage:
        assert stage.names == ["x_echo_get", "x_answer"]
    async with serving(tmp_path, write=["*"]) as stage:
        assert stage.names == ["echo_get", "echo_put", "post_echo", "clear", "answer"]


async def test_all_parameters_are_one_flat_schema(tmp_path: Path) -> None:
    async with serving(tmp_path, write=["echo_put"]) as stage:
        get, put = stage.tools.find("echo_get"), stage.tools.find("echo_put")
    assert get.description == "Say what came."
    assert list(get.input_schema["properties"]) == ["name", "tags", "ids", "filter", "deep", "X-Mood"]
    assert get.input_schema["properties"]["tags"]["description"] == "Which."
    assert get.input_schema["properties"]["name"] == {"type": "string"}
    assert list(put.input_schema["properties"]) == ["name", "body_name", "size", "born", "part", "confirmation"]
    assert put.input_schema["required"] == ["name", "body_name", "size"]


async def test_each_argument_goes_to_its_place(tmp_path: Path) -> None:
    async with serving(tmp_path) as stage:
        came = await stage.call(
            "echo_get",
            name="a b/c",
            tags=["x", "y&z"],
            ids=[1, 2],
            filter={"on": True},
            deep="true",
            **{"X-Mood": "ok"},
        )
    assert came["path"] == "/v1/echo/a%20b%2Fc?tags=x&tags=y%26z&ids=1,2&filter%5Bon%5D=true&deep=true"
    assert (came["method"], came["headers"], came["body"]) == ("GET", {"X-Mood": "ok"}, None)


async def test_what_writes_asks_first_with_a_question_of_ones_own(tmp_path: Path) -> None:
    async with serving(tmp_path, write={"echo_put": "Make {body_name} {size} metres?"}) as stage:
        arguments: dict[str, Any] = {"name": "a", "body_name": "the tree", "size": "5"}
        asked = await stage.call("echo_put", **arguments)
        assert asked["confirm"] == "Make the tree 5 metres?"
        came = await stage.call("echo_put", **arguments, confirmation=asked["confirmation"])
        assert (came["method"], came["body"]) == ("PUT", {"name": "the tree", "size": 5})


async def test_a_body_that_is_no_object_is_one_argument(tmp_path: Path) -> None:
    async with serving(tmp_path, write={"post_echo": ""}) as stage:
        asked = await stage.call("post_echo", body=[1, 2])
        assert asked["confirm"] == "Shall I go ahead: post echo (body: [1, 2])?"
        assert (await stage.call("post_echo", body=[1, 2], confirmation=asked["confirmation"]))["body"] == [1, 2]


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("nothing", {"status": 204}),
        ("words", {"result": "It rains."}),
        ("none", {"error": "answer: HTTP status 404: no such kind"}),
        ("elsewhere", {"error": "answer: HTTP status 302: 302: Found"}),
        ("echo", {"error": "answer: HTTP status 403: no: ***"}),
        ("..", {"error": "kind: expected a value, got '..'"}),
    ],
)
async def test_every_answer_becomes_a_result_or_an_error(tmp_path: Path, kind: str, told: dict[str, Any]) -> None:
    async with serving(tmp_path, headers={"Authorization": "Bearer ${TOKEN}"}) as stage:
        assert await stage.call("answer", kind=kind) == told


async def test_a_long_answer_is_cut(tmp_path: Path) -> None:
    async with serving(tmp_path) as stage:
        result = await stage.call("answer", kind="much")
    assert result["truncated"]
    assert result["size_bytes"] < 10_000_000


async def test_a_service_that_is_away_is_an_error(tmp_path: Path) -> None:
    async with serving(tmp_path, base_url=None) as stage:
        told = await stage.call("answer", kind="words")
    assert told == {"error": "answer: the service does not answer (ClientConnectorError)"}


async def test_what_cannot_be_described_is_left_out_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(tmp_path, write=["upload"]):
        pass
    assert "upload is left out: expected a body of JSON, got image/png" in caplog.text
    assert "lost is left out: #/components/none leads nowhere" in caplog.text


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("swagger: '2.0'", {}, "expected openapi: 3.x, got None"),
        ("a: [", {}, "api.yaml: not YAML"),
        ("openapi: 3.0.0", {"base_url": None}, "expected the address of a server in it, or a base_url"),
        (FILE, {"file": Path("/none.yaml")}, "cannot read the OpenAPI file /none.yaml"),
        (FILE, {"headers": {"Authorization": "${NONE}"}}, "the environment variable NONE is not set"),
    ],
)
async def test_a_mistake_in_the_file_is_told(tmp_path: Path, text: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        async with serving(tmp_path, text, **options):
            pass
    assert words in str(caught.value)


async def test_a_file_in_json_needs_nothing_more_and_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    (tmp_path / "api.json").write_text('{"openapi": "3.0.0", "paths": {"/a": {"get": {}}}}')
    registry = Registry()
    api = Api(file=tmp_path / "api.json", base_url="http://127.0.0.1:1")
    async with api_at_work(api, registry, {}):
        assert [tool.name for tool in registry] == ["get_a"]
        with pytest.raises(ConfigError, match="registered already: get_a; a prefix helps"):
            async with api_at_work(api, registry, {}):
                pass


async def test_secrets_are_in_no_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with serving(tmp_path, headers={"Authorization": "Bearer ${TOKEN}"}) as stage:
        assert (await stage.call("echo_get", name="a"))["headers"] == {"Authorization": "Bearer swordfish"}
    assert "swordfish" not in caplog.text
