"""Start everything, say so, and stop everything."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
import webbrowser
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sonicrtc.config import (
    Config,
    MediaConfig,
    MediaPathName,
    ServerConfig,
    SignalingConfig,
    SonicConfig,
    ToolsConfig,
)
from sonicrtc.credentials import StaticCredentials
from sonicrtc.demo.children import LocalService, local_service
from sonicrtc.demo.environment import scrubbed
from sonicrtc.demo.lan import lan_address, qr_code
from sonicrtc.errors import ConfigError
from sonicrtc.tasks import beside, stop_event

if TYPE_CHECKING:
    from sonicrtc.agent import Agent
    from sonicrtc.app import App
    from sonicrtc.local.state import LocalState

DEFAULT_PORT = 8080
_PORTS_TO_TRY = 20
_CHANNEL = "sonicrtc-demo"
_GREETING = "Hello! Ask me for the time, or let me count."


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """How to run the demo.

    Parameters
    ----------
    port : int, optional
        Port of the page; None takes 8080 or the next free one.
    browser : bool
        Open the page in a browser where there is a display.
    lan : bool
        Serve HTTPS to the local network, so that a phone can talk.
    state : Path, optional
        Keep authority and keys here instead of making them anew, so that a phone trusts them once.
    app : Path, optional
        An application instead of the plain conversation, see :func:`sonicrtc.app.load_app`.
    brain : str
        Brain of the local Nova Sonic service.
    greeting : str, optional
        What the agent says first; None is a friendly sentence where the brain can speak.
    media_path : {"packets", "frames"}
        See :class:`sonicrtc.config.MediaConfig`.
    mcp : Path, optional
        File of MCP servers.
    """

    port: int | None = None
    browser: bool = True
    lan: bool = False
    state: Path | None = None
    app: Path | None = None
    brain: str = "speech"
    greeting: str | None = None
    media_path: MediaPathName = "packets"
    mcp: Path | None = None


class _Progress:
    """Lines with the time since the start, on standard error."""

    def __init__(self) -> None:
        self._started_s = time.monotonic()

    def __call__(self, text: str) -> None:
        print(f"{time.monotonic() - self._started_s:5.1f} s  {text}", file=sys.stderr, flush=True)


async def run_demo(options: DemoOptions) -> None:
    """Run until SIGINT or SIGTERM, then stop everything that was started.

    Raises
    ------
    SonicRtcError
        Something could not be started, or ended by itself.
    """
    environment = scrubbed(os.environ)
    os.environ.clear()  # the AWS SDKs in this process read it, too
    os.environ.update(environment)
    progress = _Progress()
    async with stop_event() as stop, beside(_demo(options, progress)):
        await stop.wait()
        progress("stopping")
    progress("stopped")


async def _demo(options: DemoOptions, progress: _Progress) -> None:
    from sonicrtc.local.state import LocalState

    host = lan_address() if options.lan else "127.0.0.1"
    port = _port(options, "0.0.0.0" if options.lan else host, progress)
    app = _app(options)
    async with AsyncExitStack() as stack:
        state = stack.enter_context(LocalState.open(options.state))
        start = ("--state", str(state.directory))
        kvs = await stack.enter_async_context(local_service("kvs", *start, environment=os.environ))
        sonic = await stack.enter_async_context(
            local_service("sonic", *start, "--brain", options.brain, environment=os.environ)
        )
        progress("starting the local services")
        if app.demo is not None:

            @asynccontextmanager
            async def start_local(kind: str, *arguments: str) -> AsyncIterator[Mapping[str, str]]:
                async with local_service(kind, *start, *arguments, environment=os.environ) as service:
                    variables = await service.ready()
                    async with beside(service.watch()):
                        yield variables

            await stack.enter_async_context(app.demo(start_local))
            progress(f"what {options.app} needs is there")
        await _serve(options, _Local(state, kvs, sonic, app.agent), (host, port), progress)


def _app(options: DemoOptions) -> App:
    """Load the application before anything is started."""
    from sonicrtc.agent import Agent
    from sonicrtc.app import App, load_app

    return App(agent=Agent()) if options.app is None else load_app(options.app)


@dataclass(frozen=True, slots=True)
class _Local:
    state: LocalState
    kvs: LocalService
    sonic: LocalService
    agent: Agent


async def _serve(options: DemoOptions, local: _Local, address: tuple[str, int], progress: _Progress) -> None:
    signaling_endpoint = (await local.kvs.ready())["SONICRTC_SIGNALING_ENDPOINT"]
    progress("signaling is there (Kinesis Video Streams, local)")
    sonic_endpoint = (await local.sonic.ready())["SONICRTC_SONIC_ENDPOINT"]
    progress("the model is there (Nova 2 Sonic, local)")
    config = Config(
        server=_server_config(options, local.state, address),
        sonic=SonicConfig(endpoint=sonic_endpoint, ca_file=local.state.ca_file, greeting=greeting_of(options)),
        signaling=SignalingConfig(channel=_CHANNEL, endpoint=signaling_endpoint),
        media=MediaConfig(path=options.media_path),
        tools=ToolsConfig(mcp=options.mcp),
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(local.kvs.watch())
        tasks.create_task(local.sonic.watch())

        def on_ready(url: str) -> None:
            _announce(options, address[0], url, progress)
            if options.browser and _has_display():
                tasks.create_task(asyncio.to_thread(webbrowser.open, url))

        keys = StaticCredentials(local.state.keys)
        # Ends by being cancelled: the signals are taken above, for the time of starting, too.
        await local.agent.serve(config, credentials=keys, on_ready=on_ready, stop=asyncio.Event())


def greeting_of(options: DemoOptions) -> str:
    """Return what the agent says first."""
    if options.greeting is not None:
        return options.greeting
    return _GREETING if options.brain == "speech" else ""


def _server_config(options: DemoOptions, state: LocalState, address: tuple[str, int]) -> ServerConfig:
    host, port = address
    if not options.lan:
        return ServerConfig(host=host, port=port)
    certificate, key = state.issue([host, "localhost", "127.0.0.1"])
    return ServerConfig(
        host="0.0.0.0",
        port=port,
        tls_cert=certificate,
        tls_key=key,
        allowed_hosts=(host,),
        relay_signaling=True,
        ca_download=state.ca_file,
    )


def _announce(options: DemoOptions, host: str, url: str, progress: _Progress) -> None:
    if options.lan:
        url = url.replace("127.0.0.1", host, 1)
        print(qr_code(url), file=sys.stderr)
        progress("scan this with a phone in the same network; it will warn about the certificate once,")
        progress(f"or install this demo's authority first: {url}ca.pem")
    progress("open this page and talk; Ctrl-C stops everything")
    print(url)
    print("ready", flush=True)


def _port(options: DemoOptions, host: str, progress: _Progress) -> int:
    """Choose the port before anything is started; an explicit one is taken or refused."""
    if options.port is not None:
        if not _is_free(host, options.port):
            raise ConfigError(f"port {options.port} on {host} is in use; choose another with --port")
        return options.port
    for port in range(DEFAULT_PORT, DEFAULT_PORT + _PORTS_TO_TRY):
        if _is_free(host, port):
            if port != DEFAULT_PORT:
                progress(f"port {DEFAULT_PORT} is in use, taking {port}")
            return port
    return 0


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _has_display() -> bool:
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
