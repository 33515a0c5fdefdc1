"""The dashboard: it shows an application's devices and their switches, and is not there where there are none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.browser.conftest import Browse, Site, serving

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def home() -> Iterator[Site]:
    """The smart home's demo, without the speech models."""
    arguments = ("--app", "examples/smart_home", "--no-browser", "--port", "0", "--brain", "echo")
    with serving("demo", *arguments) as site:
        yield site


def test_devices_stand_by_room_and_obey_a_hand_on_their_switches(home: Site, browse: Browse) -> None:
    found = browse("devices", home)
    assert not found["before"]
    assert found["rooms"] == ["Living room", "Kitchen", "Bedroom"]
    assert found["first"] == "locked"
    assert found["complaints"] == []


def test_without_devices_there_is_no_dashboard(loopback: Site, browse: Browse) -> None:
    assert browse("connect", loopback)["devices"] == 0
