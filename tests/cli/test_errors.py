"""Whatever goes wrong is told in one line that begins ``sonicrtc: error:``, with a status."""

from __future__ import annotations

import os
import re
import socket
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest

from sonicrtc import __version__
from sonicrtc.cli import main


@pytest.fixture
def empty_wav(tmp_path: Path) -> Path:
    with wave.open(str(tmp_path / "empty.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
    return tmp_path / "empty.wav"


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(3200))
    return tmp_path / "a.wav"


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


@pytest.fixture(autouse=True)
def _same_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo scrubs its environment, which is this process's here."""
    monkeypatch.setattr(os, "environ", os.environ.copy())


def fails(capsys: pytest.CaptureFixture[str], *argv: object) -> tuple[int, str]:
    """Run the command; return its status and its one line of complaint."""
    status = main([str(argument) for argument in argv])
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("sonicrtc: error: ")]
    assert len(errors) == 1
    return status, errors[0].removeprefix("sonicrtc: error: ")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ("call --url http://127.0.0.1:1", r"nothing to say: give --wav FILE, --mic or --text WORDS"),
        ("call --url http://127.0.0.1:1 --wav a --mic", r"expected --wav or --mic, not both"),
        ("call --url http://127.0.0.1:1 --text hi --timeout 0", r"--timeout: expected more than 0 seconds, got 0"),
        ("call --url 127.0.0.1:1 --text hi", r"url: expected http://host:port"),
        ("call --url https://127.0.0.1:1 --text hi --ca /nowhere/ca.pem", r"cannot use /nowhere/ca\.pem"),
        ("serve --voice nobody", r"voice: expected one of matthew, .*, got 'nobody'"),
        ("serve --model amazon.nova-sonic-v1:0", r"reached its end of life .*; use 'amazon\.nova-2-sonic-v1:0'"),
        ("serve --model gpt", r"model id: expected amazon\.nova-2-sonic-v1:0 or .*, got 'gpt'"),
        ("serve --port 70000", r"port: expected 0 to 65535, got 70000"),
        ("serve --config /nowhere/agent.toml", r"cannot read config file /nowhere/agent\.toml: No such file"),
        ("serve --tls-cert a.pem", r"tls_cert and tls_key: expected both or neither"),
        ("serve --sonic-endpoint http://localhost", r"Sonic endpoint: expected https://"),
        ("serve --kvs-endpoint localhost", r"Kinesis Video Streams endpoint: expected http"),
        ("serve --channel a/b", r"channel: expected 1 to 256 characters"),
        ("serve --max-calls 0", r"max_calls: expected at least 1, got 0"),
        ("demo --port 70000", r"port: expected 0 to 65535, got 70000"),
        ("local kvs --port 70000", r"port: expected 0 to 65535, got 70000"),
        ("local kvs --state /dev/null/state", r"cannot use /dev/null/state as state directory"),
        ("local sonic --brain scripted", r"the scripted brain needs --scenario NAME or FILE"),
        ("local sonic --brain scripted --scenario /nowhere.json", r"scenario /nowhere\.json: "),
        ("local sonic --scenario nothing", r"expected a \.toml or \.json file, or one of confused, "),
    ],
)
def test_a_wrong_setting_is_told_with_status_2(capsys: pytest.CaptureFixture[str], argv: str, message: str) -> None:
    status, line = fails(capsys, *argv.split())
    assert status == 2
    assert re.search(message, line)


def test_an_empty_wav_is_told(capsys: pytest.CaptureFixture[str], empty_wav: Path) -> None:
    status, line = fails(capsys, "call", "--url", "http://127.0.0.1:1", "--wav", empty_wav)
    assert (status, line) == (1, f"{empty_wav}: expected some audio, got an empty file")


def test_a_wav_that_is_none_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    status, line = fails(capsys, "call", "--url", "http://127.0.0.1:1", "--wav", __file__)
    assert status == 1
    assert "is not a PCM WAV file" in line


@pytest.mark.parametrize("direct", [[], ["--direct"]])
def test_a_server_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str], wav: Path, direct: list[str]) -> None:
    status, line = fails(capsys, "call", "--url", "http://127.0.0.1:1", "--wav", wav, *direct)
    assert status == 1
    assert line.startswith("cannot reach http://127.0.0.1:1: ")
    assert "is 'sonicrtc demo' or 'sonicrtc serve' running there?" in line


@pytest.mark.parametrize("argv", ["serve --loopback", "local kvs", "local sonic --brain echo", "demo --no-browser"])
def test_a_port_in_use_is_told(capfd: pytest.CaptureFixture[str], taken_port: int, argv: str) -> None:
    status, line = fails(capfd, *argv.split(), "--port", taken_port)
    assert status == 2
    assert re.search(rf"port {taken_port} on 127\.0\.0\.1 is in use; choose another", line)


def test_version_and_help_need_no_extra(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as version:
        main(["--version"])
    with pytest.raises(SystemExit) as usage:
        main(["--help"])
    assert (version.value.code, usage.value.code) == (0, 0)
    output = capsys.readouterr().out
    assert f"sonicrtc {__version__}" in output
    assert "examples:" in output


@pytest.mark.parametrize("command", ["demo", "serve", "call", "local", "local sonic", "local kvs", "bench", "doctor"])
def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str], command: str) -> None:
    with pytest.raises(SystemExit) as usage:
        main([*command.split(), "--help"])
    assert usage.value.code == 0
    assert "usage: sonicrtc" in capsys.readouterr().out


@pytest.mark.parametrize("known", [{}, {"AWS_PROFILE": "nobody"}])
def test_serving_without_credentials_is_told_at_once(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, known: dict[str, str]
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    nowhere = {name: str(tmp_path / "none") for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")}
    os.environ.update(nowhere | {"AWS_EC2_METADATA_DISABLED": "true"} | known)
    status, line = fails(capsys, "serve", "--port", "0")
    assert status == 1
    assert "AWS" in line
