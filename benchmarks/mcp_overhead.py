"""What we add to a call of an MCP tool, over the SDK alone: ``python -m benchmarks.mcp_overhead``.

Two connections to servers of the same program, one of the SDK's client and one of ours, take turns, and who begins
takes turns, too. Ours is what the model's request goes through: arguments checked, timeout, filler, events, the call,
the result as JSON within its limit.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

from mcp.client import Client
from mcp.client.stdio import StdioServerParameters
from tests.tools.mcp_stage import SERVER, STDIO, http_server, serving

_WARM_UP = 50


async def took_ms(call: Callable[[], Awaitable[object]]) -> float:
    begun = time.perf_counter()
    await call()
    return (time.perf_counter() - begun) * 1000


async def measure(transport: str, calls: int) -> tuple[list[float], list[float]]:
    """Return the times of the SDK's calls and of ours, in ms, in pairs."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        url = await stack.enter_async_context(http_server()) if transport == "http" else ""
        bare_server = url or StdioServerParameters(command=sys.executable, args=[str(SERVER), "stdio"])
        client = await stack.enter_async_context(Client(bare_server))
        stage = await stack.enter_async_context(serving(Path(folder), {"house": {"url": url} if url else STDIO}))

        async def bare() -> None:
            assert (await client.call_tool("add", {"a": 1, "b": 2})).structured_content == {"result": 3}

        async def ours() -> None:
            assert await stage.call("add", a=1, b=2) == {"result": 3}

        pairs: list[tuple[float, float]] = []
        order = random.Random(1)
        for _ in range(_WARM_UP + calls):
            if order.random() < 0.5:
                bare_ms = await took_ms(bare)
                pairs.append((bare_ms, await took_ms(ours)))
            else:
                ours_ms = await took_ms(ours)
                pairs.append((await took_ms(bare), ours_ms))
    return [pair[0] for pair in pairs[_WARM_UP:]], [pair[1] for pair in pairs[_WARM_UP:]]


def quantiles(times_ms: list[float]) -> str:
    return f"median {statistics.median(times_ms):6.2f} ms, p95 {statistics.quantiles(times_ms, n=20)[-1]:6.2f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1000, help="calls of each, per transport")
    options = parser.parse_args()
    for transport in ("stdio", "http"):
        bare_ms, ours_ms = asyncio.run(measure(transport, options.calls))
        added_ms = [ours - bare for bare, ours in zip(bare_ms, ours_ms, strict=True)]
        print(f"{transport:5}  SDK alone: {quantiles(bare_ms)}")
        print(f"{transport:5}  SonicRTC:  {quantiles(ours_ms)}")
        print(f"{transport:5}  added:     median {statistics.median(added_ms):6.2f} ms (of the differences in pairs)")


if __name__ == "__main__":
    main()
