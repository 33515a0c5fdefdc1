"""``sonicrtc tools``: what the model may call, and call it from the shell."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sonicrtc.cli.serve import add_app, add_mcp
from sonicrtc.config import Config, load
from sonicrtc.errors import ConfigError

if TYPE_CHECKING:
    from sonicrtc.tools.registry import ToolRegistry

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

_EPILOG = """examples:
  sonicrtc tools list --mcp mcp.json
  sonicrtc tools call add '{"a": 1, "b": 2}' --mcp mcp.json
  sonicrtc tools call unlock '{"door": "front"}' --app examples/tools.py --yes

A call goes the way of the model's: arguments are checked, time and length of the result limited, and a tool with
`confirm` asks first. The result is printed as JSON; the exit status is 1 when the tool failed or was not to act.
"""


def add_to(commands: Commands) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "tools", help="list and call what the model may call", description=__doc__, epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="names, descriptions and JSON Schemas of the arguments")
    calling = actions.add_parser("call", help="call one and print its result")
    listing.set_defaults(run=run, act=_list)
    calling.set_defaults(run=run, act=_call)
    calling.add_argument("name", metavar="NAME")
    calling.add_argument("arguments", metavar="JSON", nargs="?", default="{}", help="arguments, an object")
    calling.add_argument("--yes", action="store_true", help="answer yes when a tool asks first")
    for action in (listing, calling):
        action.add_argument("--config", type=Path, metavar="FILE", help="settings in TOML")
        add_app(action)
        add_mcp(action)


def run(options: argparse.Namespace) -> int:
    """Do what was asked."""
    return asyncio.run(_act(options))


async def _act(options: argparse.Namespace) -> int:
    from sonicrtc.agent import Agent
    from sonicrtc.app import load_app

    config = load(options.config, os.environ, {"tools": {"mcp": options.mcp}})
    agent = Agent(config=config) if options.app is None else load_app(options.app).agent
    if config == Config():  # the program's own, unless others are given
        config = agent.config
    async with agent.tools_at_work(config, show_errors=True) as tools:
        return int(await options.act(options, config, tools))


async def _list(options: argparse.Namespace, config: Config, tools: ToolRegistry) -> int:
    for tool in tools:
        print(f"{tool.name}{'  (asks first)' if tool.confirm else ''}\n  {tool.description}")
        print(f"  {json.dumps(tool.input_schema)}")
    return 0


async def _call(options: argparse.Namespace, config: Config, tools: ToolRegistry) -> int:
    from sonicrtc.events import HandOverEvent, ToolEvent
    from sonicrtc.tools.registry import CONFIRMATION
    from sonicrtc.tools.runtime import ToolRunner
    from sonicrtc.tools.threads import ThreadPool

    arguments = _arguments(options.arguments)
    status = ""

    def tell(event: ToolEvent | HandOverEvent) -> None:
        nonlocal status
        if isinstance(event, ToolEvent):
            status = event.status
        else:
            _say(f"hand over to a person: {event.reason}")

    runner = ToolRunner(tools, config.tools, ThreadPool(1), tell=tell, announce=_say, floor=_Quiet())
    result = await runner.run("shell", options.name, arguments)
    if status == "confirming":
        if not _agreed(result["confirm"], options.yes):
            print("nothing was done", file=sys.stderr)
            return 1
        runner.user_typed("yes")
        result = await runner.run("shell", options.name, arguments | {CONFIRMATION: result[CONFIRMATION]})
    succeeded = status == "succeeded"
    print(json.dumps(result, indent=2, ensure_ascii=False), file=sys.stdout if succeeded else sys.stderr)
    return 0 if succeeded else 1


def _arguments(text: str) -> dict[str, Any]:
    try:
        arguments = json.loads(text)
    except ValueError as exc:
        raise ConfigError(f"arguments: expected a JSON object: {exc}") from exc
    if not isinstance(arguments, dict):
        raise ConfigError(f"arguments: expected a JSON object, got {text}")
    return arguments


def _agreed(question: str, yes: bool) -> bool:
    if yes:
        return True
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")  # all may wait meanwhile


def _say(text: str) -> None:
    print(text, file=sys.stderr)


class _Quiet:
    """Nobody speaks."""

    is_free = True
    waiting_ms = 0.0
