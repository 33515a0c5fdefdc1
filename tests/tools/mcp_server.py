"""An MCP server for tests, of the SDK: ``python mcp_server.py stdio``, or ``http``, which prints its address first."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from typing import TypedDict

import uvicorn
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError

app = MCPServer("tests")
cancelled = asyncio.Event()


@app.tool()
def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"It is sunny in {city}."


class Lamp(TypedDict):
    room: str
    on: bool


@app.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@app.tool()
def switch(lamp: Lamp) -> Lamp:
    """Switch a lamp."""
    return lamp


@app.tool(structured_output=False)
def read(length: int) -> str:
    """Read a long text."""
    return "x" * length


@app.tool()
def whisper() -> str:
    """Fail with what it was started with."""
    raise ToolError(f"the key {os.environ.get('KEY')} does not fit")


@app.tool()
async def hang() -> None:
    """Answer never."""
    try:
        await asyncio.Event().wait()
    finally:
        cancelled.set()


@app.tool()
async def wait_for_cancellation() -> str:
    """Answer once `hang` was cancelled."""
    await cancelled.wait()
    return "cancelled"


@app.tool()
async def block() -> None:
    """Answer never, and let nothing else answer either."""
    time.sleep(3600)  # noqa: ASYNC251 - that is the point


@app.tool()
async def work(steps: int, step_s: float, ctx: Context) -> str:
    """Work in steps and report each of them."""
    for step in range(steps):
        await asyncio.sleep(step_s)
        await ctx.report_progress(step, steps)
    return "worked"


@app.tool()
async def grow(ctx: Context) -> None:
    """Have one more tool from now on."""
    app.add_tool(lambda: "new", name="sprout", description="Be new.")
    await ctx.notify_tools_changed()


@app.tool()
def die() -> None:
    """End the server at once."""
    os._exit(3)


def main() -> None:
    print("started", file=sys.stderr)
    if sys.argv[1] == "stdio":
        app.run("stdio")
        return
    # Not create_server(): asyncio turns Nagle's algorithm off for sockets that name their protocol, only.
    listening = socket.socket(proto=socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", int(sys.argv[2]) if len(sys.argv) > 2 else 0))
    listening.listen()
    print(f"http://127.0.0.1:{listening.getsockname()[1]}/mcp", flush=True)
    server = uvicorn.Server(uvicorn.Config(app.streamable_http_app(), log_level="warning"))
    server.run(sockets=[listening])


if __name__ == "__main__":
    main()
