"""The MCP server of the house: it publishes commands to the devices and tells what they report.

    python -m examples.smart_home.server                                   standard input and output
    python -m examples.smart_home.server --http 8931 --config aws.toml     streamable HTTP, on this machine only

Topics and payloads are checked against topics.md; nothing else gets to the broker.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types import ToolAnnotations
from pydantic import Field

from .broker import Broker
from .document import Refused, Topics
from .home import Home, Unreachable

Topic = Annotated[str, Field(description="A control topic of the document, e.g. home/kitchen/light/set.")]
Payload = Annotated[dict[str, Any], Field(description='What the topic takes, e.g. {"brightness_percent": 50}.')]
Device = Annotated[str | None, Field(description="Room and device, e.g. kitchen/oven; all devices without it.")]


def mcp_server(home: Home) -> MCPServer[Any]:
    """Return the server of a house whose :meth:`Home.run` runs beside it."""
    server: MCPServer[Any] = MCPServer("smart-home", log_level="WARNING")

    @server.tool(annotations=ToolAnnotations(destructive_hint=False, idempotent_hint=True))
    async def publish(topic: Topic, payload: Payload) -> dict[str, Any]:
        """Send a command to a device of the house, and return the state that it reports then.

        What needs the user's confirmation (locks, oven, good night) is refused here: it goes to publish_confirmed.
        """
        with _telling():
            return await home.publish(topic, payload)

    @server.tool(annotations=ToolAnnotations(destructive_hint=True, idempotent_hint=True))
    async def publish_confirmed(topic: Topic, payload: Payload) -> dict[str, Any]:
        """Send a command that the user has confirmed (locks, oven, good night), and return the state reported then."""
        with _telling():
            return await home.publish(topic, payload, confirmed=True)

    @server.tool(annotations=ToolAnnotations(read_only_hint=True))
    async def get_state(device: Device = None) -> dict[str, Any]:
        """Tell what the devices of the house last reported: one device, or all of them."""
        with _telling():
            return await home.states(device)

    return server


@contextmanager
def _telling() -> Iterator[None]:
    """Let the model read why not; the SDK hides the text of any other error."""
    try:
        yield
    except (Refused, Unreachable) as exc:
        raise ToolError(str(exc)) from exc


async def serve(home: Home, broker: Broker, http_port: int | None) -> None:
    """Serve on standard input and output, or on a port of 127.0.0.1; return when the client or a signal ends it."""
    server = mcp_server(home)
    async with asyncio.TaskGroup() as tasks:
        connection = tasks.create_task(home.run(broker))
        if http_port is None:
            await server.run_stdio_async()
        else:
            await _serve_http(server, http_port)
        connection.cancel()


async def _serve_http(server: MCPServer[Any], port: int) -> None:
    # No page may talk to it, not even one of this machine: there is no origin that is let through.
    security = TransportSecuritySettings(allowed_hosts=["127.0.0.1:*", "localhost:*"], allowed_origins=[])
    app = server.streamable_http_app(transport_security=security)
    with socket.create_server(("127.0.0.1", port)) as listening:
        # asyncio sets this on sockets that it makes itself; without it an answer waits 40 ms for an acknowledgement.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        print(f"http://127.0.0.1:{listening.getsockname()[1]}/mcp", flush=True)
        await uvicorn.Server(uvicorn.Config(app, log_level="warning")).serve(sockets=[listening])


def main() -> int:
    """Run until the client leaves or interrupts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, metavar="FILE", help="TOML with a table [broker]")
    parser.add_argument("--http", type=int, metavar="PORT", help="streamable HTTP on 127.0.0.1; 0 for any free port")
    parser.add_argument("--wait", type=float, metavar="SECONDS", default=5.0,
                        help="how long a device may take to report (default 5)")  # fmt: skip
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")

    try:
        broker = Broker.load(os.environ, options.config)
    except (ValueError, OSError) as exc:
        print(exc, file=sys.stderr)
        return 1

    with suppress(KeyboardInterrupt):
        asyncio.run(serve(Home(Topics.read(), wait_s=options.wait), broker, options.http))
    return 0


if __name__ == "__main__":
    sys.exit(main())
