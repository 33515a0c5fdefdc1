"""MCP servers of tests, and what the model gets of them."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sonicrtc.config import ToolsConfig
from sonicrtc.tools.mcp import McpServers
from sonicrtc.tools.mcp_file import read_mcp_file
from sonicrtc.tools.registry import Tool, ToolRegistry
from sonicrtc.tools.runtime import ToolRunner
from sonicrtc.tools.threads import ThreadPool

SERVER = Path(__file__).with_name("mcp_server.py")
BAD_SERVER = Path(__file__).with_name("mcp_bad_server.py")
STDIO = {"command": "python", "args": [str(SERVER), "stdio"]}


def bad(how: str, **more: Any) -> dict[str, Any]:
    return {"command": "python", "args": [str(BAD_SERVER), how], **more}


def mcp_file(folder: Path, servers: dict[str, Any]) -> Path:
    file = folder / "mcp.json"
    file.write_text(json.dumps({"mcpServers": servers}), "utf-8")
    return file


class Registry(ToolRegistry):
    """Tells when MCP servers' tools came or went."""

    def __init__(self) -> None:
        super().__init__()
        self.published = 0
        self._changed = asyncio.Event()

    def replace(self, old: Iterable[Tool], new: Iterable[Tool]) -> None:
        super().replace(old, new)
        self.published += 1
        self._changed.set()

    async def until(self, published: int) -> None:
        async with asyncio.timeout(30):
            while self.published < published:
                self._changed.clear()
                await self._changed.wait()


class McpStage:
    """The tools of one call without the call."""

    is_free = True
    waiting_ms = 0.0

    def __init__(self, tools: Registry, config: ToolsConfig) -> None:
        self.tools = tools
        self.told: list[Any] = []
        self.runner = ToolRunner(
            tools, config, ThreadPool(1), tell=self.told.append, announce=lambda text: None, floor=self
        )

    async def call(self, name: str, /, **arguments: Any) -> Any:
        self.runner.user_typed("Go on.")
        return await self.runner.run(f"use {len(self.told)}", name, arguments)

    @property
    def names(self) -> list[str]:
        return [tool.name for tool in self.tools]


@asynccontextmanager
async def serving(
    folder: Path, servers: dict[str, Any], *, config: ToolsConfig | None = None, own: Registry | None = None, **env: str
) -> AsyncIterator[McpStage]:
    """Run `servers`, an object like ``mcpServers`` of a file."""
    registry = own or Registry()
    found = read_mcp_file(mcp_file(folder, servers), os.environ | env)
    async with McpServers(found, registry, first_pause_s=0.05):
        yield McpStage(registry, config or ToolsConfig())


@asynccontextmanager
async def http_server(port: int = 0) -> AsyncIterator[str]:
    """Run the server over streamable HTTP and give its address."""
    process = await asyncio.create_subprocess_exec(sys.executable, str(SERVER), "http", str(port), stdout=PIPE)
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
