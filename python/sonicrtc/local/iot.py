"""An MQTT broker on this machine, where AWS has IoT Core.

mosquitto runs as a process of its own when it is installed; else amqtt runs in this one, which speaks
MQTT 3.1.1 only. Either listens on 127.0.0.1, and neither ever speaks WebSocket: no page can reach it.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import socket
import ssl
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from sonicrtc.errors import ConfigError, MissingExtraError, SonicRtcError
from sonicrtc.local.state import LocalState
from sonicrtc.tasks import beside

BrokerName = Literal["mosquitto", "amqtt"]
_HOST = "127.0.0.1"
_CLIENT = "sonicrtc"
_START_S, _STOP_S = 10.0, 3.0
#: Debian has it in a directory that is not on everybody's path.
_MOSQUITTO_PATH = f"{os.defpath}:/usr/sbin:/usr/local/sbin"
_SETTINGS = """listener {port} {host}
protocol mqtt
socket_domain ipv4
user {user}
allow_anonymous true
persistence false
set_tcp_nodelay true
message_size_limit 65536
log_dest stderr
log_type error
log_type warning
log_type information
"""
_MTLS_SETTINGS = """cafile {ca}
certfile {cert}
keyfile {key}
require_certificate true
use_identity_as_username true
"""


@asynccontextmanager
async def local_iot(
    state: LocalState, *, port: int = 0, mtls: bool = False, broker: BrokerName | None = None
) -> AsyncIterator[Mapping[str, str]]:
    """Run a broker while the body runs; a broker that ends by itself ends the body.

    Parameters
    ----------
    state : LocalState
        Makes the certificates.
    port : int
        Where to listen on 127.0.0.1; 0 picks a free port.
    mtls : bool
        Speak TLS, and only to clients with a certificate of `state`'s authority.
    broker : {"mosquitto", "amqtt"}, optional
        Which one; mosquitto if it is installed.

    Yields
    ------
    mapping
        Environment variables for clients: ``MQTT_HOST``, ``MQTT_PORT``, ``MQTT_PROTOCOL`` ("5" or "3.1.1") and, with
        `mtls`, ``MQTT_CA_FILE``, ``MQTT_CERT_FILE`` and ``MQTT_KEY_FILE``.

    Raises
    ------
    ConfigError
        mosquitto was asked for and is not installed.
    MissingExtraError
        amqtt is not installed.
    OSError
        The port is in use.
    """
    files = {}
    if mtls:
        cert, key = state.issue_client(_CLIENT)
        files = {"MQTT_CA_FILE": str(state.ca_file), "MQTT_CERT_FILE": str(cert), "MQTT_KEY_FILE": str(key)}
    program = None if broker == "amqtt" else find_mosquitto()
    if broker == "mosquitto" and program is None:
        raise ConfigError("mosquitto is not installed (Debian: apt-get install mosquitto); --broker amqtt needs none")
    running: AbstractAsyncContextManager[int]
    running = _amqtt(state, port, mtls) if program is None else _mosquitto(program, state, port, mtls)
    async with running as used_port:
        protocol = "3.1.1" if program is None else "5"
        yield {"MQTT_HOST": _HOST, "MQTT_PORT": str(used_port), "MQTT_PROTOCOL": protocol, **files}


def find_mosquitto() -> str | None:
    """Return the path of mosquitto where it is installed."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path=_MOSQUITTO_PATH)


@asynccontextmanager
async def _mosquitto(program: str, state: LocalState, port: int, mtls: bool) -> AsyncIterator[int]:
    with socket.create_server((_HOST, port)) as probe:  # mosquitto would not say which free port it took
        port = probe.getsockname()[1]
    with TemporaryDirectory(prefix="sonicrtc-mosquitto-") as directory:
        settings = Path(directory) / "mosquitto.conf"
        # As root it would become another user, who may not read the key.
        text = _SETTINGS.format(host=_HOST, port=port, user=pwd.getpwuid(os.geteuid()).pw_name)
        if mtls:
            text += _MTLS_SETTINGS.format(ca=state.ca_file, cert=state.cert_file, key=state.key_file)
        settings.write_text(text, "utf-8")
        # A session of its own: Ctrl-C in the terminal reaches this process only, which then stops it.
        process = await asyncio.create_subprocess_exec(
            program, "-c", str(settings), stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE, start_new_session=True
        )
        try:
            await _running(process)
            async with beside(_watch(process)):
                yield port
        finally:
            await asyncio.shield(_stop(process))


async def _running(process: Process) -> None:
    assert process.stderr is not None
    said = ""
    with suppress(TimeoutError):
        async with asyncio.timeout(_START_S):
            async for line in process.stderr:
                said += line.decode(errors="replace")
                if line.rstrip().endswith(b"running"):
                    return
    raise SonicRtcError(f"mosquitto did not start; it said: {said.strip() or 'nothing'}")


async def _watch(process: Process) -> None:
    assert process.stderr is not None
    last = b""
    async for line in process.stderr:
        last = line
    raise SonicRtcError(f"mosquitto ended with status {await process.wait()}: {last.decode(errors='replace').strip()}")


async def _stop(process: Process) -> None:
    for stop in (process.terminate, process.kill):
        with suppress(ProcessLookupError):
            stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(_STOP_S):
                await process.wait()
                return


@asynccontextmanager
async def _amqtt(state: LocalState, port: int, mtls: bool) -> AsyncIterator[int]:
    try:
        from amqtt.adapters import StreamReaderAdapter, StreamWriterAdapter
        from amqtt.broker import Broker
    except ModuleNotFoundError as exc:
        raise MissingExtraError(
            "without mosquitto the local broker needs the extra: pip install 'sonicrtc[iot]'"
        ) from exc

    broker = Broker(
        {
            # An external listener: amqtt's own would let clients in that show no certificate.
            "listeners": {"default": {"type": "external", "bind": f"{_HOST}:{port}"}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        }
    )

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await broker.external_connected(StreamReaderAdapter(reader), StreamWriterAdapter(writer), "default")
        finally:
            writer.close()  # amqtt leaves a client connected whose first packet it does not understand

    context = None
    if mtls:
        context = state.server_context()
        context.load_verify_locations(state.ca_file)
        context.verify_mode = ssl.CERT_REQUIRED
    await broker.start()
    try:
        async with await asyncio.start_server(connected, _HOST, port, ssl=context) as server:
            yield server.sockets[0].getsockname()[1]
    finally:
        await broker.shutdown()
