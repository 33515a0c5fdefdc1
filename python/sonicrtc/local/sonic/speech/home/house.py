"""The house that the brain knows: rooms, devices, ranges, and which commands the user is asked about first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

LIVING, KITCHEN, BEDROOM = "living_room", "kitchen", "bedroom"
ROOMS = (LIVING, KITCHEN, BEDROOM)
ALL_LIGHTS, SCENES = "all/light", "all/scene"
#: The door that opens into each room.
DOORS: Mapping[str, str] = {"front": f"{LIVING}/lock", "back": f"{KITCHEN}/lock"}
OVEN = f"{KITCHEN}/oven"
LIGHTS = tuple(f"{room}/light" for room in ROOMS)
LOCKS = tuple(DOORS.values())
DEVICES = (*LIGHTS, *LOCKS, OVEN)
NAMES: Mapping[str, str] = {
    **{f"{room}/light": f"the {room.replace('_', ' ')} light" for room in ROOMS},
    **{device: f"the {door} door" for door, device in DOORS.items()},
    OVEN: "the oven",
    ALL_LIGHTS: "all lights",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What a device takes: the least, the most, how far one word moves it, and the unit as it is said."""

    least: int
    most: int
    step: int
    unit: str
    name: str


BRIGHTNESS, WHITE, HEAT = "brightness_percent", "color_temperature_kelvin", "temperature_celsius"
RANGES: Mapping[str, Range] = {
    BRIGHTNESS: Range(least=0, most=100, step=20, unit="percent", name="The brightness"),
    WHITE: Range(least=2200, most=6500, step=1000, unit="kelvin", name="The white"),
    HEAT: Range(least=50, most=250, step=10, unit="degrees", name="The oven"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One message to the house.

    Parameters
    ----------
    device : str
        Room and device, e.g. ``"kitchen/light"``, or ``"all/light"``, ``"all/scene"``.
    payload : mapping
        What is to be so; empty for a change.
    member, by : str, int
        A change relative to what is: of which member, and how far.
    """

    device: str
    payload: Mapping[str, object] = field(default_factory=dict)
    member: str = ""
    by: int = 0

    @property
    def topic(self) -> str:
        """Where it is published."""
        return f"home/{self.device}/set"

    @property
    def asks_first(self) -> bool:
        """Whether the user has to say yes to it first."""
        if self.device == OVEN:
            return self.payload.get("on") is not False
        return self.device in LOCKS or self.payload.get("scene") == "good_night"

    def absolute(self, state: Mapping[str, object]) -> Command:
        """Return the command that makes this change, given the device's `state`.

        Darker than 1 percent is off; everything else stays within its range.
        """
        limits = RANGES[self.member]
        now = state.get(self.member)
        start = now if isinstance(now, int) else limits.least
        if self.member == BRIGHTNESS and state.get("on") is False and self.by > 0:
            start = 0  # what is off is dark, however bright it will be
        value = max(limits.least, min(limits.most, start + self.by))
        if self.member == BRIGHTNESS and value < 1:
            return Command(device=self.device, payload={"on": False})
        return Command(device=self.device, payload={self.member: value})
