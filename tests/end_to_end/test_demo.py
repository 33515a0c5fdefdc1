"""``sonicrtc demo``: one command starts everything, and nothing is left of it."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import urllib.request
from pathlib import Path

import pytest
from tests.speech import LIBRIVOX

from .conftest import SONICRTC, alive, descendants, running

CLIP = LIBRIVOX / "sense_and_sensibility_01_austen_64kb-0880.wav"
DEMO = ("demo", "--no-browser", "--port", "0", "--brain", "echo")
needs_clip = pytest.mark.skipif(not CLIP.exists(), reason="apt-get install pocketsphinx-testdata")


def healthz(url: str) -> dict[str, object]:
    with urllib.request.urlopen(url + "healthz", timeout=10) as response:
        found: dict[str, object] = json.load(response)
    return found


def call(url: str, *arguments: str, prefix: tuple[str, ...] = ()) -> dict[str, object]:
    command = [*prefix, *SONICRTC, "call", "--url", url, "--wav", str(CLIP), "--json", "-", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    report: dict[str, object] = json.loads(done.stdout)
    return report


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_one_address_and_ready_and_leaves_nothing(number: signal.Signals) -> None:
    with running(*DEMO) as demo:
        assert demo.lines == [demo.url, "ready"]
        health = healthz(demo.url)
        assert (health["status"], health["signaling"], health["calls"]) == ("ok", "connected", 0)
        below = descendants(demo.process.pid)
        assert sorted(kind for kind in ("local kvs", "local sonic") for c in below.values() if kind in c) == [
            "local kvs",
            "local sonic",
        ]
        demo.process.send_signal(number)
        assert demo.process.wait(timeout=20) == 0
        assert not [pid for pid in below if alive(pid)]


def test_its_services_end_even_when_it_is_killed() -> None:
    with running(*DEMO) as demo:
        watched = [os.pidfd_open(pid) for pid in descendants(demo.process.pid)]
        demo.process.kill()
        demo.process.wait()
    assert len(watched) == 2
    for descriptor in watched:
        # A process descriptor becomes readable when the process has ended.
        assert select.select([descriptor], [], [], 20)[0]
        os.close(descriptor)


@needs_clip
def test_a_poisoned_aws_environment_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[profile broken\nregion ===")
    poison = {
        "AWS_PROFILE": "no-such-profile",
        "AWS_ACCESS_KEY_ID": "AKIAPOISON",
        "AWS_SECRET_ACCESS_KEY": "poison",
        "AWS_SESSION_TOKEN": "poison",
        "AWS_REGION": "mars-north-1",
        "AWS_DEFAULT_REGION": "mars-north-1",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "config"),
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_CA_BUNDLE": "/nowhere/ca.pem",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1",
        "HTTPS_PROXY": "http://127.0.0.1:1",
        "HTTP_PROXY": "http://127.0.0.1:1",
        "https_proxy": "http://127.0.0.1:1",
        "SSL_CERT_FILE": "/nowhere/ca.pem",
        "SONICRTC_SONIC_VOICE": "nobody",
        "SONICRTC_SONIC_ENDPOINT": "https://127.0.0.1:1",
    }
    with running(*DEMO, env=dict(os.environ) | poison) as demo:
        report = call(demo.url)
    assert report["assistant_text"] == "echo"


def test_the_default_port_in_use_makes_it_take_the_next(capfd: pytest.CaptureFixture[str]) -> None:
    command = ("demo", "--no-browser", "--brain", "echo")
    with running(*command) as first, running(*command) as second:
        assert first.url != second.url
        assert healthz(second.url)["status"] == "ok"
    assert "port 8080 is in use, taking " in capfd.readouterr().err


@needs_clip
def test_a_phone_reaches_it_through_one_origin(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with running(*DEMO, "--lan", "--state", str(tmp_path)) as demo:
        assert demo.url.startswith("https://")
        assert "127.0.0.1" not in demo.url
        report = call(demo.url, "--ca", str(tmp_path / "ca.pem"))
    told = capfd.readouterr().err
    assert report["assistant_text"] == "echo"
    assert demo.url + "ca.pem" in told
    assert "█" in told  # the QR code


NO_NETWORK = ("unshare", "--map-root-user", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")


@needs_clip
@pytest.mark.parametrize("way", [(), ("--direct",)], ids=["signaling", "direct"])
def test_it_works_where_there_is_only_loopback(way: tuple[str, ...]) -> None:
    probe = subprocess.run([*NO_NETWORK, "true"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip(f"needs network namespaces: {probe.stderr.decode().strip()}")
    with running(*DEMO, prefix=NO_NETWORK) as demo:
        inside = ("nsenter", "--target", str(demo.process.pid), "--user", "--preserve-credentials", "--net")
        report = call(demo.url, *way, prefix=inside)
    assert report["assistant_text"] == "echo"
