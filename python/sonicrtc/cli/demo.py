"""``sonicrtc demo``: talk in the browser, on this machine alone."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from sonicrtc.cli.serve import add_app, add_mcp, add_media_path
from sonicrtc.errors import ConfigError

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

_DESCRIPTION = """Start stand-ins for Kinesis Video Streams and Nova 2 Sonic on this machine, and the server
against them. Needs no cloud account and no internet; reads no AWS settings. Ctrl-C stops all of it."""


def add_to(commands: Commands) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("demo", help="talk in the browser, no cloud account needed", description=_DESCRIPTION)
    parser.set_defaults(run=run)
    parser.add_argument("--port", type=int, help="port of the page (default: 8080 or the next free one)")
    parser.add_argument("--greeting", metavar="TEXT", help="what the agent says first; '' lets it wait")
    parser.add_argument("--no-browser", action="store_true", help="do not open the page")
    parser.add_argument("--lan", action="store_true", help="HTTPS for the local network: talk by phone")
    parser.add_argument("--state", type=Path, metavar="DIR", help="keep the certificate authority here for next time")
    add_app(parser)
    add_media_path(parser)
    add_mcp(parser)
    parser.add_argument("--brain", choices=("speech", "echo"), default="speech", help=argparse.SUPPRESS)


def run(options: argparse.Namespace) -> int:
    """Run until interrupted."""
    from sonicrtc.demo import DemoOptions, run_demo

    if options.port is not None and not 0 <= options.port <= 65_535:
        raise ConfigError(f"port: expected 0 to 65535, got {options.port}")
    asyncio.run(
        run_demo(
            DemoOptions(
                port=options.port,
                browser=not options.no_browser,
                lan=options.lan,
                state=options.state,
                app=options.app,
                brain=options.brain,
                greeting=options.greeting,
                media_path=options.media_path or "packets",
                mcp=options.mcp,
            )
        )
    )
    return 0
