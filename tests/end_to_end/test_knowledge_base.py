"""A knowledge base in a whole call: the model asks, boto3 retrieves from the local service, model and page are told."""

from __future__ import annotations

import json

import pytest
from tests.call.pages import calling

from sonicrtc import Agent
from sonicrtc.events import ToolEvent, TranscriptEvent
from sonicrtc.local.knowledge_base import LocalKnowledgeBase
from sonicrtc.local.sonic import LocalSonic

QUESTION = {"question": "How hot can I bake?"}


@pytest.mark.sonicrtc(
    knowledge_base="manual",
    scenario=[
        {"wait_audio_ms": 200},
        {"user": "How hot can I bake?"},
        {"call_tool": "search_knowledge_base", "arguments": QUESTION},
        {"wait_tool_result": True, "contains": "250 degrees"},
        {"say": "Up to 250 degrees."},
    ],
)
async def test_what_the_model_asks_for_is_found_and_the_page_is_told_from_where(
    sonicrtc_agent: Agent, sonic_service: LocalSonic, local_knowledge_base: LocalKnowledgeBase
) -> None:
    async with sonicrtc_agent as agent, calling(agent) as page:
        await page.until(TranscriptEvent, 2)
        started, succeeded = page.told(ToolEvent)
    assert (started.arguments, succeeded.status) == (QUESTION, "succeeded")
    best = succeeded.result["passages"][0]
    assert best["text"] == "# The oven\n## Temperature\n\nThe oven takes 50 to 250 degrees."
    assert best["source"] == "s3://local/oven.md"
    assert json.loads(sonic_service.records[0].results[0].content) == succeeded.result
    assert "search_knowledge_base" in sonic_service.records[0].tools
