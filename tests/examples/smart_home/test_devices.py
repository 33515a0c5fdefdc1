"""What each kind of device does with a command."""

from __future__ import annotations

from typing import Any

import pytest
from examples.smart_home.devices import Light, Lock, Oven
from examples.smart_home.document import Refused

pytestmark = pytest.mark.checkout


@pytest.mark.parametrize(
    ("command", "on", "brightness"),
    [
        ({"on": True}, True, 80),
        ({"brightness_percent": 50}, True, 50),
        ({"brightness_percent": 0}, False, 80),
        ({"on": False, "brightness_percent": 30}, False, 30),
        ({"color_temperature_kelvin": 4000}, False, 80),
        ({"on": True, "brightness_percent": 1}, True, 1),
    ],
)
def test_a_light_that_is_off_obeys(command: dict[str, Any], on: bool, brightness: int) -> None:
    light = Light()
    light.obey(command)
    assert (light.on, light.brightness_percent) == (on, brightness)


def test_a_light_keeps_its_brightness_while_it_is_off() -> None:
    light = Light(on=True, brightness_percent=35)
    light.obey({"on": False})
    light.obey({"on": True})
    assert (light.on, light.brightness_percent) == (True, 35)


def test_an_oven_keeps_what_a_command_does_not_name() -> None:
    oven = Oven()
    oven.obey({"on": True, "temperature_celsius": 200})
    oven.obey({"mode": "fan"})
    assert oven == Oven(on=True, temperature_celsius=200, mode="fan")


@pytest.mark.parametrize("command", [{"temperature_celsius": 200}, {"mode": "grill"}, {"on": False, "mode": "fan"}])
def test_an_oven_that_is_off_is_not_set(command: dict[str, Any]) -> None:
    oven = Oven()
    with pytest.raises(Refused, match="the oven is off"):
        oven.obey(command)
    assert oven == Oven()


@pytest.mark.parametrize(("scene", "locked"), [("good_night", True), ("everything_off", False)])
def test_good_night_locks_an_open_door_and_everything_off_does_not(scene: str, locked: bool) -> None:
    lock = Lock(locked=False)
    lock.scene(scene)
    assert lock.locked is locked


def test_everything_off_leaves_a_locked_door_locked() -> None:
    lock = Lock(locked=True)
    lock.scene("everything_off")
    assert lock.locked
