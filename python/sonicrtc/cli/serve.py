"""``sonicrtc serve``: answer calls, with AWS or with the services that the flags point at."""

from __future__ import annotations

import argparse
import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from sonicrtc.config import ENDPOINT_PAUSE_MS, SONIC_MODEL_IDS, Config, MediaPathName, load

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

_EPILOG = """examples:
  sonicrtc serve --channel my-agent --region us-east-1
  sonicrtc serve --config agent.toml --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem
  sonicrtc serve --app examples/hello.py     an agent of your own, with its tools
  sonicrtc serve --loopback                  hear yourself: no model, for measuring

settings: defaults < --config (TOML: [server] [sonic] [signaling] [vad]) < SONICRTC_<TABLE>_<NAME> < flags.
Credentials come from the AWS SDK's own chain (AWS_PROFILE, environment, roles, ...).
"""

#: Used when an address of a signaling service is given but no channel.
_DEFAULT_CHANNEL = "sonicrtc"


def add_to(commands: Commands) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "serve", help="answer calls (AWS, or the given addresses)", description=__doc__, epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.set_defaults(run=run)
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings in TOML")
    add_app(parser)
    _add_server(parser.add_argument_group("server"))
    _add_model(parser.add_argument_group("model"))
    group = parser.add_argument_group("knowledge base")
    group.add_argument("--knowledge-base", metavar="ID", help="Bedrock knowledge base that the model may search")
    group.add_argument("--knowledge-base-endpoint", metavar="URL",
                       help="Bedrock Agent Runtime address instead of AWS's")  # fmt: skip
    group = parser.add_argument_group("signaling")
    group.add_argument("--channel", metavar="NAME", help="signaling channel to be master of; created when missing")
    group.add_argument("--kvs-endpoint", metavar="URL", help="Kinesis Video Streams control plane instead of AWS's")
    group.add_argument("--relay-signaling", action="store_true", default=None,
                       help="relay the page's signaling socket, so that all share one origin and port")  # fmt: skip
    group.add_argument("--ice-server", action="append", metavar="URL", help="stun: or turn: address; may be repeated")


def _add_server(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    group.add_argument("--port", type=int, help="port to listen on, 0 for any free one (default 8080)")
    group.add_argument("--tls-cert", type=Path, metavar="FILE", help="serve HTTPS with this certificate")
    group.add_argument("--tls-key", type=Path, metavar="FILE", help="key of --tls-cert")
    group.add_argument("--allowed-host", action="append", metavar="NAME", help="accept this Host; may be repeated")
    group.add_argument("--allowed-origin", action="append", metavar="ORIGIN", help="accept this Origin, likewise")
    group.add_argument("--max-calls", type=int, metavar="N", help="calls at the same time (default 10)")
    group.add_argument("--drain", type=float, metavar="SECONDS", help="time for calls to finish at the end (default 5)")
    group.add_argument("--loopback", action="store_true", default=None, help="return the caller's audio, no model")
    add_media_path(group)
    add_mcp(group)


def add_media_path(group: argparse._ActionsContainer) -> None:
    """Add the flag that ``call`` and ``demo`` have, too."""
    group.add_argument("--media-path", choices=get_args(MediaPathName),
                       help="packets: native jitter buffer and Opus codec (default); frames: aiortc's")  # fmt: skip


def add_mcp(group: argparse._ActionsContainer) -> None:
    """Add the flag that ``demo`` and ``tools`` have, too."""
    group.add_argument("--mcp", type=Path, metavar="FILE", help="MCP servers whose tools the model may call, in JSON")


def add_app(parser: argparse.ArgumentParser) -> None:
    """Add the flag that ``demo`` and ``tools`` have, too."""
    parser.add_argument("--app", type=Path, metavar="FILE|FOLDER",
                        help="an application of your own: a Python file with an Agent called agent,"
                        " or a folder with such an app.py")  # fmt: skip


def _add_model(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--model", metavar="ID", help=" or ".join(SONIC_MODEL_IDS))
    group.add_argument("--voice", metavar="NAME", help="voice of the answers, e.g. matthew or tiffany")
    group.add_argument("--language", metavar="CODE", help="what the voice shall speak, e.g. fr-FR")
    group.add_argument("--greeting", metavar="TEXT", help="what the agent says first, before anybody has spoken")
    group.add_argument("--instructions", metavar="TEXT", help="system prompt")
    group.add_argument("--endpointing", metavar="SENSITIVITY", choices=sorted(ENDPOINT_PAUSE_MS),
                       help="HIGH, MEDIUM or LOW: how soon a pause ends the user's turn")  # fmt: skip
    group.add_argument("--region", help="AWS region (default us-east-1)")
    group.add_argument("--profile", metavar="NAME", help="profile of the AWS configuration")
    group.add_argument("--sonic-endpoint", metavar="URL", help="Bedrock runtime address instead of AWS's")
    group.add_argument("--ca", type=Path, metavar="FILE", help="authority that signed those addresses' certificates")


def config_of(options: argparse.Namespace, environment: dict[str, str]) -> Config:
    """Build the settings from the command line over `environment` over the file."""
    server: dict[str, Any] = {
        "host": options.host, "port": options.port, "tls_cert": options.tls_cert, "tls_key": options.tls_key,
        "allowed_hosts": options.allowed_host, "allowed_origins": options.allowed_origin,
        "max_calls": options.max_calls, "loopback": options.loopback, "drain_s": options.drain,
        "relay_signaling": options.relay_signaling, "ice_servers": options.ice_server,
    }  # fmt: skip
    sonic = {
        "model_id": options.model, "voice": options.voice, "instructions": options.instructions,
        "endpointing": options.endpointing, "region": options.region, "endpoint": options.sonic_endpoint,
        "ca_file": options.ca, "language": options.language, "greeting": options.greeting,
    }  # fmt: skip
    channel = options.channel or (_DEFAULT_CHANNEL if options.kvs_endpoint is not None else None)
    signaling = {
        "channel": channel, "endpoint": options.kvs_endpoint, "region": options.region, "ca_file": options.ca,
    }  # fmt: skip
    knowledge_base = {
        "id": options.knowledge_base, "endpoint": options.knowledge_base_endpoint, "region": options.region,
    }  # fmt: skip
    overrides = {
        "server": server, "sonic": sonic, "signaling": signaling, "knowledge_base": knowledge_base,
        "media": {"path": options.media_path}, "tools": {"mcp": options.mcp},
    }  # fmt: skip
    return load(options.config, environment, overrides)


def run(options: argparse.Namespace) -> int:
    """Serve until interrupted."""
    from sonicrtc.agent import Agent
    from sonicrtc.app import load_app
    from sonicrtc.credentials import BotocoreCredentials

    config = config_of(options, dict(os.environ))
    agent = Agent() if options.app is None else load_app(options.app).agent
    credentials = None if options.app is not None and options.profile is None else BotocoreCredentials(options.profile)
    asyncio.run(agent.serve(config, credentials=credentials, on_ready=_announce))
    return 0


def _announce(url: str) -> None:
    print(f"{url}\nready", flush=True)
