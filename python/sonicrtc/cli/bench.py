"""``sonicrtc bench``: the suite that ships."""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

_DESCRIPTION = """Measure this installation. 'audio': time per 20 ms block of the audio core beside other
resamplers. 'response': how soon the demo answers ten spoken questions. Exit status 1 when an answer is wrong."""


def add_to(commands: Commands) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("bench", help="measure the audio core and the response time", description=_DESCRIPTION)
    parser.add_argument("case", nargs="?", choices=("all", "audio", "response"), default="all")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the cases and print what they found."""
    status = 0
    if options.case in ("all", "audio"):
        from sonicrtc.bench import audio_case

        for line in audio_case.run().lines():
            print(line, flush=True)
    if options.case in ("all", "response"):
        from sonicrtc.bench import response_case

        status = asyncio.run(response_case.run(lambda line: print(line, flush=True)))
    return status
