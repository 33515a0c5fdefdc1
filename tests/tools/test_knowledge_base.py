"""A knowledge base as a tool: boto3 as it is, against the local service and against services that fail."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tests.tools.stage import Stage

from sonicrtc import Agent
from sonicrtc.credentials import AwsKeys, StaticCredentials
from sonicrtc.errors import ConfigError, CredentialsError
from sonicrtc.local.knowledge_base import LocalKnowledgeBase
from sonicrtc.tools.knowledge_base import knowledge_base_tool

KEYS = AwsKeys(access_key_id="AKIDLOCAL", secret_access_key="secret of this test")


def stage(endpoint: str | None, id: str = "LOCALKB001", **options: Any) -> Stage:
    """Everything around the tool but the call."""
    options.setdefault("credentials", StaticCredentials(KEYS))
    tool = knowledge_base_tool(id, endpoint_url=endpoint, region="us-east-1", **options)
    return Stage(tool.fn, name=tool.name)


@pytest.fixture
async def kb(tmp_path: Path) -> AsyncIterator[LocalKnowledgeBase]:
    (tmp_path / "oven.md").write_text("# Oven\n\nThe oven takes 50 to 250 degrees.")
    (tmp_path / "lights.md").write_text("# Lights\n\nA light takes 0 to 100 percent.")
    (tmp_path / "lights.md.metadata.json").write_text('{"metadataAttributes": {"kind": "light"}}')
    async with LocalKnowledgeBase(tmp_path, keys=KEYS) as service:
        yield service


async def test_the_model_gets_passages_with_their_sources_best_first(kb: LocalKnowledgeBase) -> None:
    result = await stage(kb.endpoint).call(question="How hot can I bake?")
    assert [passage["source"] for passage in result["passages"]] == ["s3://local/oven.md", "s3://local/lights.md"]
    assert result["passages"][0]["text"] == "# Oven\n\nThe oven takes 50 to 250 degrees."
    assert 0 < result["passages"][0]["score"] <= 1


async def test_the_page_gets_what_the_model_gets(kb: LocalKnowledgeBase) -> None:
    tool = stage(kb.endpoint)
    result = await tool.call(question="How hot can I bake?")
    assert tool.statuses == ["started", "succeeded"]
    assert tool.told[1].result == result


async def test_the_number_of_results_the_score_and_the_filter_are_kept_to(kb: LocalKnowledgeBase) -> None:
    assert len((await stage(kb.endpoint, number_of_results=1).call(question="oven"))["passages"]) == 1
    light = {"equals": {"key": "kind", "value": "light"}}
    (passage,) = (await stage(kb.endpoint, filter=light).call(question="oven"))["passages"]
    assert passage["source"] == "s3://local/lights.md"
    nothing = await stage(kb.endpoint, min_score=0.99).call(question="Who won the match?")
    assert nothing["passages"] == []
    assert "do not guess" in nothing["note"]


async def test_long_passages_are_cut_and_the_whole_fits_into_a_result() -> None:
    texts = ["ä" * 5000] * 8
    reply = {"retrievalResults": [{"content": {"text": text}, "score": 0.5} for text in texts]}
    async with answering(lambda: web.json_response(reply)) as endpoint:
        passages = (await stage(endpoint).call(question="x"))["passages"]
    assert [len(passage["text"].encode()) for passage in passages] == [2000] * 4


@pytest.mark.parametrize(
    ("location", "source"),
    [
        ({"type": "WEB", "webLocation": {"url": "https://example.com/a"}}, "https://example.com/a"),
        ({"type": "CUSTOM", "customDocumentLocation": {"id": "doc 1"}}, "doc 1"),
        ({"type": "SOMETHING"}, ""),
    ],
)
async def test_every_kind_of_source_is_named(location: dict[str, Any], source: str) -> None:
    metadata = {"x-amz-bedrock-kb-document-page-number": 3.0}
    result = {"content": {"text": "words"}, "location": location, "metadata": metadata}
    async with answering(lambda: web.json_response({"retrievalResults": [result]})) as endpoint:
        (passage,) = (await stage(endpoint).call(question="x"))["passages"]
    assert passage == {"text": "words", "source": source, "score": 0.0, "page": 3}


@asynccontextmanager
async def answering(reply: Any) -> AsyncIterator[str]:
    """A service that answers whatever is asked with what `reply` returns."""

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        response: web.Response = reply()
        return response

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("code", "status", "says"),
    [
        ("ThrottlingException", 429, "is busy (ThrottlingException); try again in a moment"),
        ("AccessDeniedException", 403, "their role needs the permission bedrock:Retrieve"),
        ("InternalServerException", 500, "failed (InternalServerException: why)"),
    ],
)
async def test_an_error_of_the_service_says_what_to_do(code: str, status: int, says: str) -> None:
    def error() -> web.Response:
        return web.json_response({"message": "why"}, status=status, headers={"x-amzn-ErrorType": code})

    async with answering(error) as endpoint:
        tool = stage(endpoint)
        assert says in (await tool.call(question="x"))["error"]
    assert tool.statuses == ["started", "failed"]


async def test_an_unknown_id_and_wrong_keys_are_said(kb: LocalKnowledgeBase) -> None:
    error = (await stage(kb.endpoint, "NOBODY0000").call(question="x"))["error"]
    assert error == "there is no knowledge base NOBODY0000 in us-east-1; check knowledge_base.id and the region"
    wrong = StaticCredentials(AwsKeys(access_key_id="AKIDLOCAL", secret_access_key="wrong"))
    assert "refuses these credentials" in (await stage(kb.endpoint, credentials=wrong).call(question="x"))["error"]


async def test_a_filter_that_the_service_does_not_take_is_said(kb: LocalKnowledgeBase) -> None:
    result = await stage(kb.endpoint, filter={"andAll": [{"equals": {"key": "a", "value": 1}}]}).call(question="x")
    assert "in a way that it does not take" in result["error"]


async def test_a_service_that_is_not_there_is_said(unused_tcp_port: int) -> None:
    error = (await stage(f"http://127.0.0.1:{unused_tcp_port}").call(question="x"))["error"]
    assert "cannot be reached (EndpointConnectionError" in error


async def test_keys_that_cannot_be_had_are_said() -> None:
    class Nobody:
        async def frozen(self) -> AwsKeys:
            raise CredentialsError("there are none")

    error = (await stage("http://127.0.0.1:1", credentials=Nobody()).call(question="x"))["error"]
    assert error == "the knowledge base cannot be asked: there are none"


async def test_the_variable_of_the_aws_sdks_points_at_the_service(
    kb: LocalKnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_AGENT_RUNTIME", kb.endpoint)
    assert (await stage(None).call(question="oven"))["passages"]


async def test_new_keys_are_used_from_the_next_question_on(kb: LocalKnowledgeBase) -> None:
    keys = [AwsKeys(access_key_id="AKIDLOCAL", secret_access_key="old"), KEYS]

    class Renewed:
        async def frozen(self) -> AwsKeys:
            return keys.pop(0)

    tool = stage(kb.endpoint, credentials=Renewed())
    assert "error" in await tool.call(question="oven")
    assert "passages" in await tool.call(question="oven")


async def test_an_agent_that_is_told_no_id_says_so() -> None:
    agent = Agent(credentials=StaticCredentials(KEYS))
    agent.use_knowledge_base()
    with pytest.raises(ConfigError, match="expected an id"):
        await agent.serve()


async def test_a_knowledge_base_is_among_the_tools_while_they_are_at_work() -> None:
    agent = Agent(credentials=StaticCredentials(KEYS))
    agent.use_knowledge_base("LOCALKB001")
    for _ in range(2):
        async with agent.tools_at_work() as tools:
            with pytest.raises(ConfigError, match="'search_knowledge_base' is registered already"):
                agent.tool(name="search_knowledge_base")(lambda: 1)
        assert "search_knowledge_base" not in tools
