"""A house that holds state, for tests that need no broker."""

from __future__ import annotations

from typing import Any

from examples.smart_home.document import Refused, Topics

from sonicrtc.local.sonic.brain import ToolDefinition

TOPICS = Topics.read()


def tool(*arguments: str) -> ToolDefinition:
    return ToolDefinition(description="", schema={"type": "object", "properties": {name: {} for name in arguments}})


#: As the example declares them to the model.
ASKING = {
    "publish": tool("topic", "payload"),
    "publish_confirmed": tool("topic", "payload", "confirmation"),
    "get_state": tool("device"),
}
#: As its MCP server does: there the model has to ask by itself.
TRUSTING = {**ASKING, "publish_confirmed": tool("topic", "payload")}


class House:
    """Obeys as the document says, and keeps what was sent."""

    def __init__(self) -> None:
        light = {"on": False, "brightness_percent": 60, "color_temperature_kelvin": 2700}
        self.states: dict[str, dict[str, Any]] = {
            **{f"{room}/light": dict(light) for room in ("living_room", "kitchen", "bedroom")},
            "living_room/lock": {"locked": False},
            "kitchen/lock": {"locked": True},
            "kitchen/oven": {"on": False, "temperature_celsius": 180, "mode": "fan"},
        }
        self.sent: list[tuple[str, dict[str, Any]]] = []

    def publish(self, topic: str, payload: dict[str, Any], *, confirmed: bool = False) -> dict[str, Any]:
        control = TOPICS.control(topic)
        if control.asks_first(control.check(payload)) and not confirmed:
            raise Refused("this needs a confirmation")
        self.sent.append((topic, payload))
        for device in control.devices:
            self._obey(device, payload)
        return {"reported": {device: dict(self.states[device]) for device in control.devices}}

    def _obey(self, device: str, payload: dict[str, Any]) -> None:
        change = dict(payload)
        if scene := change.pop("scene", None):
            change = {"on": False} if "lock" not in device else {"locked": True} if scene == "good_night" else {}
        if brightness := change.get("brightness_percent"):
            change |= {"on": True, "brightness_percent": brightness}
        elif brightness == 0:
            change = {"on": False}
        self.states[device] |= change

    def get_state(self, device: str | None = None) -> dict[str, Any]:
        return {name: {**state, "online": True} for name, state in self.states.items() if device in (None, name)}
