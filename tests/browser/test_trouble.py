"""Where no call can come about, the page says why, in words."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.browser.conftest import Browse, Site, serving

pytestmark = pytest.mark.browser

#: How to enter a network of one's own; as root without a user namespace, which containers often forbid.
APART = ("unshare", "--net") if os.geteuid() == 0 else ("unshare", "--map-root-user", "--net")
ENTER = ("--net",) if os.geteuid() == 0 else ("--user", "--preserve-credentials", "--net")


def can_go_apart() -> bool:
    return subprocess.run([*APART, "true"], check=False, capture_output=True).returncode == 0


@pytest.fixture(scope="module")
def without_network() -> Iterator[Site]:
    """A server in a network namespace that has only the loopback interface."""
    if not can_go_apart():
        pytest.skip("needs the right to make a network namespace (root)")
    within = (*APART, "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
    with serving("serve", "--loopback", "--port", "0", "--drain", "0", within=within) as site:
        yield replace(site, enter=("nsenter", f"--target={site.pid}", *ENTER))


def test_without_a_network_the_page_says_so_within_3_seconds(without_network: Site, browse: Browse) -> None:
    found = browse("trouble", without_network)

    assert found["problem"]["code"] == "no-candidates"
    assert "--allow-loopback-in-peer-connection" in found["problem"]["advice"]
    assert found["seconds"] <= 3


def test_without_a_network_chromium_connects_when_started_as_the_page_says(
    without_network: Site, browse: Browse
) -> None:
    found = browse("connect", without_network, flags=["--allow-loopback-in-peer-connection"])

    assert found["status"].startswith("Loopback")


def test_a_denied_microphone_is_told_in_words(loopback: Site, browse: Browse) -> None:
    found = browse("trouble", loopback, allow=False)

    assert found["problem"]["title"] == "The microphone was not allowed"
    assert "Allow it in the address bar" in found["problem"]["advice"]


def test_an_insecure_origin_says_why_there_is_no_microphone(loopback: Site, browse: Browse) -> None:
    elsewhere = replace(loopback, url=loopback.url.replace("127.0.0.1", "agent.example"))

    found = browse("trouble", elsewhere, press=False, flags=["--host-resolver-rules=MAP agent.example 127.0.0.1"])

    assert found["problem"]["title"] == "There is no microphone on this address"
    assert "https" in found["problem"]["advice"]
    assert not found["canTalk"]


def test_a_server_that_has_gone_is_told_in_words(loopback: Site, browse: Browse) -> None:
    found = browse("trouble", loopback, offline=True)

    assert found["problem"]["title"] == "The server does not answer"
