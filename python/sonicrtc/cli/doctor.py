"""``sonicrtc doctor``: say what is installed, reachable and configured."""

from __future__ import annotations

import argparse
import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def add_to(commands: Commands) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "doctor", help="what is installed, reachable and configured",
        description="One line each, with the fix. Exit status 1 when something is broken.",
    )  # fmt: skip
    parser.set_defaults(run=run)
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings in TOML")


def run(options: argparse.Namespace) -> int:
    """Print the findings."""
    from sonicrtc.doctor import examine
    from sonicrtc.local.models import MODELS

    findings = asyncio.run(examine(os.environ, options.config, MODELS))
    for finding in findings:
        print(finding)
    return 1 if any(finding.mark == "fail" for finding in findings) else 0
