"""``sonicrtc local iot``: who gets in, over what, and what happens when it cannot run."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
from pathlib import Path

import pytest

from sonicrtc.cli import main
from sonicrtc.demo.children import local_service
from sonicrtc.errors import ConfigError, SonicRtcError
from sonicrtc.local import iot
from sonicrtc.local.iot import BrokerName, local_iot
from sonicrtc.local.state import LocalState

BROKERS: list[BrokerName] = ["mosquitto", "amqtt"]
#: CONNECT of MQTT 3.1.1: clean session, 60 s, client "t".
CONNECT = bytes.fromhex("100d 0004 4d515454 04 02 003c 0001 74")
UPGRADE = (
    b"GET /mqtt HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n"
)


async def answer(port: str, said: bytes, context: ssl.SSLContext | None = None) -> bytes:
    """Return the first bytes that the broker says to `said`, or nothing when it closes."""
    async with asyncio.timeout(30):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(port), ssl=context)
        try:
            writer.write(said)
            if context is None and said is not CONNECT:
                writer.write_eof()  # amqtt would wait for the rest of what it takes for a packet
            return await reader.read(4)
        except OSError:  # TLS says so after the handshake
            return b""
        finally:
            writer.transport.abort()


def tls(state: LocalState, *certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=state.ca_file)
    if certificate:
        context.load_cert_chain(certificate[0], certificate[1])
    return context


@pytest.mark.parametrize("name", BROKERS)
async def test_a_client_is_let_in(name: BrokerName, tmp_path: Path) -> None:
    with LocalState.open(tmp_path) as state:
        async with local_iot(state, broker=name) as variables:
            assert await answer(variables["MQTT_PORT"], CONNECT) == bytes.fromhex("20020000")


@pytest.mark.parametrize("name", BROKERS)
async def test_nobody_gets_in_by_websocket(name: BrokerName, tmp_path: Path) -> None:
    with LocalState.open(tmp_path) as state:
        async with local_iot(state, broker=name) as variables:
            assert not (await answer(variables["MQTT_PORT"], UPGRADE)).startswith(b"HTTP")


@pytest.mark.parametrize("name", BROKERS)
async def test_with_mtls_a_client_shows_the_certificate_that_was_made_for_it(name: BrokerName, tmp_path: Path) -> None:
    with LocalState.open(tmp_path) as state:
        async with local_iot(state, broker=name, mtls=True) as variables:
            own = Path(variables["MQTT_CERT_FILE"]), Path(variables["MQTT_KEY_FILE"])
            assert variables["MQTT_CA_FILE"] == str(state.ca_file)
            assert await answer(variables["MQTT_PORT"], CONNECT, tls(state, *own)) == bytes.fromhex("20020000")


@pytest.mark.parametrize("name", BROKERS)
async def test_with_mtls_nobody_gets_in_without_a_certificate(name: BrokerName, tmp_path: Path) -> None:
    with LocalState.open(tmp_path) as state:
        async with local_iot(state, broker=name, mtls=True) as variables:
            assert await answer(variables["MQTT_PORT"], CONNECT, tls(state)) == b""
            assert await answer(variables["MQTT_PORT"], CONNECT) == b""


@pytest.mark.parametrize("name", BROKERS)
async def test_with_mtls_a_certificate_of_another_authority_does_not_do(name: BrokerName, tmp_path: Path) -> None:
    with LocalState.open(tmp_path / "ours") as state, LocalState.open(tmp_path / "theirs") as other:
        async with local_iot(state, broker=name, mtls=True) as variables:
            stranger = tls(state, *other.issue_client("x"))
            assert await answer(variables["MQTT_PORT"], CONNECT, stranger) == b""


@pytest.mark.parametrize("name", BROKERS)
async def test_a_port_that_is_taken_is_an_error(name: BrokerName, tmp_path: Path) -> None:
    with LocalState.open(tmp_path) as state:
        async with local_iot(state, broker=name) as variables:
            with pytest.raises(OSError, match="in use"):
                async with local_iot(state, broker=name, port=int(variables["MQTT_PORT"])):
                    pass


async def test_a_mosquitto_that_ends_by_itself_ends_the_service(tmp_path: Path) -> None:
    with LocalState.open(tmp_path) as state, pytest.raises(SonicRtcError, match="mosquitto ended with status"):
        await kill_the_broker(state)


async def kill_the_broker(state: LocalState) -> None:
    async with local_iot(state, broker="mosquitto"):
        os.kill(child(), signal.SIGKILL)  # one that has only just started forgets a SIGTERM
        await asyncio.Event().wait()


def child() -> int:
    """Return this process's only child, the broker."""
    (number,) = Path("/proc/thread-self/children").read_text("ascii").split()
    return int(number)


async def test_a_mosquitto_that_does_not_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(iot, "_SETTINGS", "no_such_setting {port} {host} {user}\n")
    with LocalState.open(tmp_path) as state:  # noqa: SIM117
        with pytest.raises(SonicRtcError, match=r"did not start; it said: .*no_such_setting"):
            async with local_iot(state, broker="mosquitto"):
                pass


async def test_without_mosquitto_amqtt_runs_and_says_which_protocol_it_speaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(iot, "find_mosquitto", lambda: None)
    with LocalState.open(tmp_path) as state:
        async with local_iot(state) as variables:
            assert variables["MQTT_PROTOCOL"] == "3.1.1"
        with pytest.raises(ConfigError, match="apt-get install mosquitto"):
            async with local_iot(state, broker="mosquitto"):
                pass


@pytest.mark.parametrize("name", BROKERS)
async def test_the_command_prints_what_to_export_and_ends_with_its_parent(name: BrokerName, tmp_path: Path) -> None:
    arguments = ("--mtls", "--broker", name, "--state", str(tmp_path))
    async with local_service("iot", *arguments, environment=os.environ) as service:
        variables = await service.ready()
    assert {"MQTT_HOST", "MQTT_PORT", "MQTT_PROTOCOL", "MQTT_CA_FILE", "MQTT_CERT_FILE", "MQTT_KEY_FILE"} <= set(
        variables
    )
    with pytest.raises(ConnectionRefusedError):
        await answer(variables["MQTT_PORT"], CONNECT)


def test_a_port_that_cannot_be_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["local", "iot", "--port", "70000"]) != 0
    assert "port: expected 0 to 65535, got 70000" in capsys.readouterr().err
