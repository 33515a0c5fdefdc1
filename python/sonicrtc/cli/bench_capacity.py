"""The options of ``sonicrtc bench capacity``, and what they ask for."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sonicrtc.errors import ConfigError

if TYPE_CHECKING:
    from sonicrtc.bench.media.capacity import CapacityReport, Network
    from sonicrtc.bench.media.impairment import Impairment
    from sonicrtc.bench.media.loss import LossReport
    from sonicrtc.bench.media.speech import Sentence
    from sonicrtc.bench.processes import ServerUnderTest

_MOST_CALLS = 600
_QUICK_S = 3.0


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    group = parser.add_argument_group("capacity")
    group.add_argument(
        "--calls", metavar="N,N,...|raise|none", default="raise",
        help="how many calls; raise: more and more until over 0.5 %% of the packets are late (default); none: no calls,"
        " only --loss",
    )  # fmt: skip
    group.add_argument(
        "--server", action="append", default=[], metavar="NAME=COMMAND|URL",
        help="measure this one too, in turns; the command prints its address and then 'ready'; may be repeated",
    )  # fmt: skip
    group.add_argument("--url", metavar="URL", help="measure the server that runs there, and not this installation's")
    group.add_argument("--pid", type=int, metavar="PID", help="its process: CPU and memory are measured too")
    group.add_argument("--serve", default="", metavar="FLAGS", help="flags for this installation's 'sonicrtc serve'")
    group.add_argument("--seconds", type=float, default=10.0, metavar="S", help="length of a measurement (10)")
    group.add_argument("--repeat", type=int, default=1, metavar="N", help="measure each number and loss so often")
    group.add_argument("--loss", metavar="P,PxB,...", help="word errors and delay with P %% lost, in runs of mean B")
    group.add_argument("--speech", type=Path, metavar="DIR", help="recordings to say too, with a file 'transcription'")
    group.add_argument("--delay", type=float, default=0.0, metavar="MS", help="added by the network, each way")
    group.add_argument("--jitter", type=float, default=0.0, metavar="MS", help="added at random, each way, in order")
    group.add_argument("--reorder", action="store_true", help="let packets overtake each other")
    group.add_argument("--stalls", type=float, default=0.0, metavar="S", help="Wi-Fi-like stalls, every S on average")
    group.add_argument("--up-loss", default="0", metavar="PxB", help="lost on the way to the server, with --calls")
    group.add_argument("--down-loss", default="0", metavar="PxB", help="lost on the way back, with --calls")


def measure(options: argparse.Namespace, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure what was asked for; return the document."""
    from sonicrtc.bench.media import tables
    from sonicrtc.bench.media.impairment import parse_losses

    servers, counts, network = _servers(options), _counts(options.calls), _network(options)
    lossy = () if options.loss is None else parse_losses(options.loss, network.up)
    return tables.document(*asyncio.run(_run(options, servers, counts, network, lossy, say)))


async def _run(
    options: argparse.Namespace, servers: Sequence[ServerUnderTest], counts: Sequence[int] | None, network: Network,
    lossy: Sequence[Impairment], say: Callable[[str], None],
) -> tuple[CapacityReport | None, LossReport | None]:  # fmt: skip
    import numpy as np

    from sonicrtc.bench.media import capacity, loss, tapes

    found, heard, sentences = None, None, _sentences(options)
    if counts is None or counts:
        tape = tapes.talking(np.concatenate([sentence.samples for sentence in sentences]))
        seconds = _QUICK_S if options.quick else options.seconds
        found = await capacity.run(
            servers, tape, counts=counts, seconds=seconds, rounds=options.repeat, network=network, say=say
        )
    if lossy:
        from sonicrtc.local.sonic.speech.recognizer import MoonshineRecognizer

        heard = await loss.run(servers, lossy, sentences, MoonshineRecognizer(), rounds=options.repeat, say=say)
    return found, heard


def _servers(options: argparse.Namespace) -> list[ServerUnderTest]:
    from sonicrtc.bench import processes

    if options.url is not None:
        first = processes.ServerUnderTest(name=options.url, url=options.url, pid=options.pid)
    else:
        first = processes.ours(most_calls=_MOST_CALLS, arguments=options.serve.split())
    servers = [first, *(processes.parse_server(text) for text in options.server)]
    if len({server.name for server in servers}) < len(servers):
        raise ConfigError(f"server: expected each name once, got {', '.join(server.name for server in servers)}")
    return servers


def _counts(text: str) -> tuple[int, ...] | None:
    if text == "raise":
        return None
    if text == "none":
        return ()
    try:
        counts = tuple(int(part) for part in text.split(","))
    except ValueError:
        counts = (0,)
    if min(counts) < 1 or max(counts) > _MOST_CALLS:
        raise ConfigError(f"calls: expected numbers from 1 to {_MOST_CALLS}, 'raise' or 'none', got {text!r}")
    return counts


def _sentences(options: argparse.Namespace) -> tuple[Sentence, ...]:
    from sonicrtc.bench.media import speech

    spoken = speech.synthesized(speech.SENTENCES[: 4 if options.quick else None])
    return spoken if options.speech is None else (*spoken, *speech.recorded(options.speech))


def _network(options: argparse.Namespace) -> Network:
    from sonicrtc.bench.media.capacity import Network
    from sonicrtc.bench.media.impairment import Impairment, parse_losses

    base = Impairment(
        delay_ms=options.delay, jitter_ms=options.jitter, reorder=options.reorder, stall_every_s=options.stalls
    )
    ways = [parse_losses(text, base)[0] for text in (options.up_loss, options.down_loss)]
    return Network(up=ways[0], down=ways[1])
