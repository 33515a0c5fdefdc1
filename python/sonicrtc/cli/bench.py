"""``sonicrtc bench``: the suite that ships."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def add_to(commands: Commands) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("bench", help="measure the audio core and the response time")
    parser.add_argument("case", nargs="?", choices=("all", "audio", "response"), default="all")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the cases."""
    raise NotImplementedError
