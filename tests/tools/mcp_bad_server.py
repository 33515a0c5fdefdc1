"""Programs that speak MCP of 2025 badly, written by hand: ``python mcp_bad_server.py HOW``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

LOG = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "x" * 200}}


def send(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def flood() -> None:
    while True:
        send(LOG)


def chatter() -> None:
    for _ in range(700):
        send(LOG)
        sys.stderr.write("x" * 1000 + "\n")
        sys.stdout.write("this is no JSON, and the key is in it: swordfish\n")
    send({"jsonrpc": "2.0", "id": "nobody asked", "result": {}})


def endless() -> None:
    while True:
        sys.stdout.write("x" * 65_536)


WAYS: dict[str, Callable[[], None]] = {"flood": flood, "chatter": chatter, "endless": endless}


def main() -> None:
    how = sys.argv[1]
    if how == "mute":
        sys.stdin.read()
    told: dict[str, Any]
    for line in sys.stdin:
        request = json.loads(line)
        match request:
            case {"method": "initialize", "id": number}:
                told = {
                    "protocolVersion": "2025-06-18",
                    "capabilities": {"tools": {"listChanged": True}},
                    "serverInfo": {"name": "bad", "version": "1"},
                }
            case {"method": "tools/list", "id": number}:
                told = {"tools": [{"name": "ask", "inputSchema": {"type": "object"}}]}
            case {"method": "tools/call", "id": number}:
                WAYS[how]()
                told = {"content": [{"type": "text", "text": '{"still": "there"}'}]}
            case {"id": number}:
                send({"jsonrpc": "2.0", "id": number, "error": {"code": -32601, "message": "no such method"}})
                continue
            case _:
                continue
        send({"jsonrpc": "2.0", "id": number, "result": told})


if __name__ == "__main__":
    main()
