"""A call in which the model uses a tool of an MCP server: a page, the agent, both SDKs, and the local service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.call.pages import calling
from tests.net.peers import Int16, Tone
from tests.tools.mcp_stage import STDIO, http_server, mcp_file

from sonicrtc import Agent
from sonicrtc.config import Config, SonicConfig, ToolsConfig, VadConfig
from sonicrtc.credentials import StaticCredentials
from sonicrtc.errors import ConfigError
from sonicrtc.events import ToolEvent, TranscriptEvent
from sonicrtc.local.sonic import LocalSonic, Scenario
from sonicrtc.local.state import LocalState


class SaysSomething:
    """A microphone that hears a tone for half a second, and nothing after that."""

    def __init__(self) -> None:
        self._tone, self._left = Tone(440), 24_000

    def __call__(self, frames: int) -> Int16:
        self._left -= frames
        return self._tone(frames) if self._left > 0 else self._tone(frames) * 0


@pytest.fixture(params=["stdio", "http"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[dict[str, Any]]:
    if request.param == "stdio":
        yield STDIO
    else:
        async with http_server() as url:
            yield {"url": url}


async def test_the_model_uses_a_tool_of_an_mcp_server_and_answers(server: dict[str, Any], tmp_path: Path) -> None:
    file = mcp_file(tmp_path, {"weather": server | {"allow": ["get_weather"]}})
    with LocalState.open(None) as state:
        async with LocalSonic(state=state, scenario=Scenario.named("tool"), record=True) as sonic:
            config = Config(
                sonic=SonicConfig(endpoint=sonic.endpoint, ca_file=state.ca_file),
                vad=VadConfig(gate="off"),
                tools=ToolsConfig(mcp=file),
            )
            async with (
                Agent(config=config, credentials=StaticCredentials(state.keys)) as agent,
                calling(agent, SaysSomething()) as page,
            ):
                await page.until(TranscriptEvent, 3)
                used = page.told(ToolEvent)[-1]
            setup = sonic.records[-1].setup
    assert (used.status, used.result) == ("succeeded", {"result": "It is sunny in Rome."})
    assert setup is not None
    assert {"get_date_and_time", "get_weather"} == setup.tools.keys()


async def test_a_mistake_in_the_file_is_told_to_who_wants_a_call_answered(tmp_path: Path) -> None:
    async with Agent() as agent:
        agent.use_mcp(tmp_path / "none.json")
        for _ in range(2):
            with pytest.raises(ConfigError, match="cannot read the file of MCP servers"):
                async with calling(agent):
                    pass


async def test_an_agent_that_is_entered_starts_its_servers_and_leaves_none_behind(tmp_path: Path) -> None:
    agent = Agent(config=Config(tools=ToolsConfig(mcp=mcp_file(tmp_path, {"house": STDIO}))))
    async with agent:
        assert "add" in agent._tools
    assert "add" not in agent._tools
    agent.use_mcp(tmp_path / "none.json")
    with pytest.raises(ConfigError, match="cannot read the file of MCP servers"):
        async with agent:
            pass
