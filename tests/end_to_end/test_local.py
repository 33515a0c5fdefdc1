"""``sonicrtc local``: the lines it prints point the server at it, by the same way as at AWS."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import wave
from pathlib import Path

import pytest

from .conftest import SONICRTC, Running, running


def exported(service: Running) -> dict[str, str]:
    """Return the variables of a service's `export` lines, as a shell reads them."""
    lines = [line for line in service.lines if line.startswith("export ")]
    script = "\n".join([*lines, "env -0"])
    printed = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True, env={"PATH": os.defpath})
    return dict(
        entry.split("=", 1) for entry in printed.stdout.split("\0") if entry.startswith(("AWS_", "SONICRTC_", "SSL_"))
    )


def tone(path: Path) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes((b"\x00\x20" * 8 + b"\x00\xe0" * 8) * 1000)
    return path


def test_its_exports_are_all_that_serve_needs(tmp_path: Path) -> None:
    state = ("--state", str(tmp_path / "state"))
    with running("local", "sonic", "--brain", "echo", *state) as sonic, running("local", "kvs", *state) as kvs:
        variables = exported(sonic) | exported(kvs)
        assert {"SSL_CERT_FILE", "AWS_SHARED_CREDENTIALS_FILE", "SONICRTC_SONIC_ENDPOINT"} <= variables.keys()
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SONICRTC_"))}
        with running("serve", "--port", "0", "--channel", "doors", env=clean | variables) as server:
            command = [*SONICRTC, "call", "--url", server.url, "--wav", str(tone(tmp_path / "tone.wav")), "--json", "-"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["assistant_text"] == "echo"


RETRIEVE = """
import boto3
client = boto3.client("bedrock-agent-runtime")
reply = client.retrieve(knowledgeBaseId="MANUALS001", retrievalQuery={"text": "How do I clean it?"})
print(reply["retrievalResults"][0]["content"]["text"])
"""


def test_the_exports_of_a_knowledge_base_are_all_that_boto3_needs(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = str(Path(__file__).parent / "manual")
    with running("local", "kb", folder, "--id", "MANUALS001", "--state", str(tmp_path / "state")) as service:
        variables = exported(service)
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SONICRTC_"))}
        command = [SONICRTC[0], "-c", RETRIEVE]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=clean | variables)
    assert done.stdout.endswith("Wipe it with a damp cloth when it is cold.\n"), done.stderr
    assert {"SONICRTC_KNOWLEDGE_BASE_ID", "SONICRTC_KNOWLEDGE_BASE_ENDPOINT"} <= variables.keys()
    assert "indexed 1 file, 2 passages" in capfd.readouterr().err


def test_a_long_indexing_can_be_stopped(tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text("\n\n".join(f"Paragraph {n}. " + "Word by word. " * 70 for n in range(9000)))
    command = [*SONICRTC, "local", "kb", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("indexing: ")
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=30)
    assert (process.returncode, said) == (0, "")


def test_it_tells_at_the_end_how_the_sessions_went(capfd: pytest.CaptureFixture[str]) -> None:
    with running("local", "sonic", "--brain", "echo"):
        pass
    assert "sessions: 0 opened, 0 closed, 0 failed" in capfd.readouterr().err


@pytest.mark.parametrize("brain", [(), ("--brain", "echo")])
def test_a_scenario_of_the_package_goes_by_its_name(brain: tuple[str, ...]) -> None:
    with running("local", "sonic", "--scenario", "throttled", *brain) as sonic:
        assert {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_ACCESS_KEY_ID"} <= exported(sonic).keys()
