"""``sonicrtc local``: services on this machine that speak the cloud's own protocols."""

from __future__ import annotations

import argparse
import asyncio
import errno
import shlex
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sonicrtc.errors import ConfigError
from sonicrtc.tasks import beside, stop_event

if TYPE_CHECKING:
    from sonicrtc.local.sonic.brain import Brain
    from sonicrtc.local.sonic.exchange import Sessions
    from sonicrtc.local.sonic.scenario import Scenario
    from sonicrtc.local.state import LocalState

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

_EPILOG = """examples:
  sonicrtc local sonic --port 8443 --state ~/.sonicrtc      a Nova 2 Sonic that listens and speaks, offline
  sonicrtc local sonic --scenario throttled                 ... that refuses twice and then answers
  sonicrtc local kvs --port 8444 --state ~/.sonicrtc        Kinesis Video Streams signaling
  sonicrtc local kb manuals --port 8445 --state ~/.sonicrtc  a Bedrock knowledge base of a folder's files
  sonicrtc local iot --port 8883 --mtls                     an MQTT broker, as AWS IoT Core is one

Each prints lines to paste into a shell; any AWS client, and `sonicrtc serve`, then uses this service.
All take the same --state, which holds ca.pem and a credentials file with one throw-away key pair.
"""

_REGION = "us-east-1"


def add_to(commands: Commands) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "local", help="run a stand-in for an AWS service on this machine", description=__doc__, epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    services = parser.add_subparsers(metavar="sonic|kvs|kb|iot", required=True)
    sonic = services.add_parser("sonic", help="Amazon Nova 2 Sonic's bidirectional stream")
    sonic.add_argument("--brain", choices=("speech", "echo", "scripted"),
                       help="speech (default) listens and speaks; echo returns the audio;"
                       " scripted plays a file")  # fmt: skip
    sonic.add_argument("--scenario", metavar="NAME|FILE",
                       help="plays a scenario (a JSON or TOML file, or one of the package: docs/testing.md);"
                       " with --brain speech or echo only what goes wrong in it")  # fmt: skip
    sonic.set_defaults(run=lambda options: asyncio.run(_run(options, _sonic)))
    kvs = services.add_parser("kvs", help="Kinesis Video Streams: control plane and signaling WebSocket")
    kvs.set_defaults(run=lambda options: asyncio.run(_run(options, _kvs)))
    kb = services.add_parser("kb", help="a Bedrock knowledge base: Retrieve over a folder of Markdown, text and PDF")
    kb.add_argument("folder", type=Path, metavar="FOLDER", help="its files are read, again whenever one has changed")
    kb.add_argument("--id", metavar="ID", help="what it is called: 10 letters and digits (default LOCALKB001)")
    kb.set_defaults(run=lambda options: asyncio.run(_run(options, _kb)))
    iot = services.add_parser("iot", help="an MQTT broker: mosquitto where it is installed, else amqtt")
    iot.add_argument("--mtls", action="store_true", help="TLS, and only for clients with the certificate made here")
    iot.add_argument("--broker", choices=("mosquitto", "amqtt"), help="which one (default: mosquitto if installed)")
    iot.set_defaults(run=lambda options: asyncio.run(_run(options, _iot)))
    for service in (sonic, kvs, kb, iot):
        service.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: any free one)")
        service.add_argument("--state", type=Path, metavar="DIR", help="keep keys and certificates here")
        service.add_argument("--exit-with-stdin", action="store_true", help=argparse.SUPPRESS)


Service = Callable[[argparse.Namespace, "LocalState"], AsyncIterator[Mapping[str, str]]]


async def _run(options: argparse.Namespace, service: Service) -> int:
    from sonicrtc.local.state import LocalState

    if not 0 <= options.port <= 65_535:
        raise ConfigError(f"port: expected 0 to 65535, got {options.port}")
    async with stop_event(with_stdin=options.exit_with_stdin) as stop:
        with _opened(LocalState, options.state) as state:
            try:
                # Beside, so that a start that takes long can be stopped, too.
                async with beside(_serve(options, state, service)):
                    await stop.wait()
            except OSError as exc:
                if exc.errno != errno.EADDRINUSE:
                    raise
                raise ConfigError(f"port {options.port} on 127.0.0.1 is in use; choose another with --port") from exc
    return 0


async def _serve(options: argparse.Namespace, state: LocalState, service: Service) -> None:
    """Run `service` until this is cancelled."""
    async with asynccontextmanager(service)(options, state) as variables:
        shared = state.environment()
        _print_exports(shared)
        _print_exports({name: value for name, value in variables.items() if name not in shared})
        print("ready", flush=True)
        await asyncio.Event().wait()


def _opened(kind: type[LocalState], directory: Path | None) -> LocalState:
    try:
        return kind.open(directory)
    except OSError as exc:
        raise ConfigError(f"cannot use {directory} as state directory: {exc.strerror or exc}") from exc


async def _sonic(options: argparse.Namespace, state: LocalState) -> AsyncIterator[Mapping[str, str]]:
    from sonicrtc.local.sonic import LocalSonic

    scenario = _scenario(options)
    brain = None if scenario is not None and scenario.complete else _brain(options)
    sonic = LocalSonic(state=state, brain=brain, scenario=scenario, port=options.port, region=_REGION)
    try:
        async with sonic:
            yield sonic.environment()
    except asyncio.CancelledError:
        _tell(sonic.sessions)
        raise


def _tell(sessions: Sessions) -> None:
    """Say how the sessions went: whoever writes a client wants to know what was refused."""
    print(f"sessions: {sessions.opened} opened, {sessions.closed} closed, {sessions.failed} failed", file=sys.stderr)
    for reason in sessions.reasons:
        print(f"failed: {reason}", file=sys.stderr)


async def _kvs(options: argparse.Namespace, state: LocalState) -> AsyncIterator[Mapping[str, str]]:
    from sonicrtc.local.kvs import LocalKvs

    async with LocalKvs(keys=state.keys, region=_REGION, port=options.port) as kvs:
        yield {
            "AWS_ENDPOINT_URL_KINESIS_VIDEO": kvs.endpoint,
            "SONICRTC_SIGNALING_ENDPOINT": kvs.endpoint,
            "AWS_REGION": _REGION,
        }


async def _kb(options: argparse.Namespace, state: LocalState) -> AsyncIterator[Mapping[str, str]]:
    from sonicrtc.local.knowledge_base import DEFAULT_ID, LocalKnowledgeBase

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    async with LocalKnowledgeBase(
        options.folder, keys=state.keys, id=options.id or DEFAULT_ID, region=_REGION, port=options.port, say=say
    ) as knowledge_base:
        yield knowledge_base.environment()


async def _iot(options: argparse.Namespace, state: LocalState) -> AsyncIterator[Mapping[str, str]]:
    from sonicrtc.local.iot import local_iot

    async with local_iot(state, port=options.port, mtls=options.mtls, broker=options.broker) as variables:
        yield variables


def _scenario(options: argparse.Namespace) -> Scenario | None:
    if options.scenario is None:
        if options.brain == "scripted":
            raise ConfigError("the scripted brain needs --scenario NAME or FILE")
        return None
    from sonicrtc.local.sonic.scenario import Scenario

    scenario = Scenario.named(options.scenario)
    if options.brain in ("speech", "echo"):
        return scenario.without_steps()
    if options.brain == "scripted" and not scenario.complete:
        raise ConfigError(f"scenario {options.scenario} has sessions without steps; choose --brain speech or echo")
    return scenario


def _brain(options: argparse.Namespace) -> Callable[[], Brain]:
    if options.brain == "echo":
        from sonicrtc.local.sonic.echo import EchoBrain

        return EchoBrain
    from sonicrtc.local.sonic.speech import SpeechBrain

    print("loading the speech models", file=sys.stderr, flush=True)
    SpeechBrain.preload()
    return SpeechBrain


def _print_exports(variables: Mapping[str, str]) -> None:
    print("export " + " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items()), flush=True)
