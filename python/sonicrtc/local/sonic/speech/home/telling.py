"""What is said of the house: questions before it acts, and what the devices reported."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sonicrtc.local.sonic.speech.home.house import (
    ALL_LIGHTS,
    BRIGHTNESS,
    DEVICES,
    HEAT,
    LIGHTS,
    LOCKS,
    NAMES,
    OVEN,
    SCENES,
    WHITE,
    Command,
)

NOT_KNOWN = "I do not know what became of it: ask me for the state."
_MODES = {"fan": "hot air", "top_bottom": "top and bottom heat", "grill": "the grill"}
_MAX_TEXT = 240


def question(commands: Sequence[Command]) -> str:
    """Return what the user is asked before `commands` are sent."""
    return f"Shall I {_listed([_deed(command) for command in commands])}?"


def _deed(command: Command) -> str:
    payload = command.payload
    if command.device == SCENES:
        return "switch everything off and lock both doors"
    if "locked" in payload:
        return f"{'lock' if payload['locked'] else 'unlock'} {NAMES[command.device]}"
    mode = _MODES.get(str(payload.get("mode")), "")
    if HEAT in payload:
        verb = "heat the oven" if payload.get("on") else "set the oven"
        return f"{verb} to {payload[HEAT]} degrees{f' with {mode}' if mode else ''}"
    return f"switch the oven to {mode}"


def outcome(command: Command, result: Any) -> str:
    """Put the result of a command into words: what the devices report, never what they were asked for."""
    result = unwrapped(result)
    if not isinstance(result, Mapping):
        return NOT_KNOWN
    if "error" in result:
        return f"That did not work: {_plain(str(result['error']))}."
    reported = result.get("reported")
    states = reported if isinstance(reported, Mapping) else {}
    told = [described(states, command.payload)] if states else []
    refused = result.get("refused")
    if isinstance(refused, Mapping):
        told += [
            f"{_capital(NAMES.get(str(dev), str(dev)))} refused: {_plain(str(why))}." for dev, why in refused.items()
        ]
    silent = result.get("silent")
    if isinstance(silent, Sequence) and not isinstance(silent, str):
        told += [f"{_capital(NAMES.get(str(device), str(device)))} has not answered." for device in silent]
    return " ".join(told) or NOT_KNOWN


def expected(command: Command) -> str | None:
    """Return what `outcome` will be when the devices obey, where it can be foreseen."""
    devices = {ALL_LIGHTS: LIGHTS, SCENES: (*LIGHTS, OVEN)}.get(command.device, (command.device,))
    state = {"on": False} if command.device == SCENES else {"on": True, **command.payload}
    return described(dict.fromkeys(devices, state), command.payload)


def described(states: Mapping[str, Any], payload: Mapping[str, object] | None = None) -> str:
    """Return the states in words, devices in the same state together.

    Parameters
    ----------
    states : mapping
        As the devices report them, by device.
    payload : mapping, optional
        What was asked for: only this is told. Without it everything is.
    """
    groups: dict[str, list[str]] = {}
    for device in (*DEVICES, *(name for name in states if name not in DEVICES)):
        if device in states:
            groups.setdefault(_state(device, states[device], payload), []).append(device)
    return " ".join(f"{_capital(_together(devices))} {_verb(devices)} {state}." for state, devices in groups.items())


def _verb(devices: Sequence[str]) -> str:
    return "is" if len(devices) == 1 else "are"


def _state(device: str, state: Any, payload: Mapping[str, object] | None) -> str:
    if not isinstance(state, Mapping):
        return "in a state that I do not understand"
    if state.get("online") is False:
        return "not reachable"
    if device in LOCKS:
        return {True: "locked", False: "unlocked"}.get(state.get("locked", None), "in a state that I do not know")
    if state.get("on") is not True:
        return "off" if state.get("on") is False else "in a state that I do not know"
    parts = [_value(name, state[name]) for name in (BRIGHTNESS, WHITE, HEAT, "mode") if _told(name, state, payload)]
    return f"on{' at ' if parts else ''}{' and '.join(parts)}".replace("at with", "with").replace("and with", "with")


def _told(name: str, state: Mapping[str, Any], payload: Mapping[str, object] | None) -> bool:
    return name in state and (name != WHITE if payload is None else name in payload)


def _value(name: str, value: object) -> str:
    unit = {BRIGHTNESS: "percent", WHITE: "kelvin", HEAT: "degrees"}.get(name)
    return f"{value} {unit}" if unit else f"with {_MODES.get(str(value), str(value))}"


def _together(devices: Sequence[str]) -> str:
    names = []
    rest = list(devices)
    for group, name in ((LIGHTS, "all lights"), (LOCKS, "both doors")):
        if set(group) <= set(rest):
            names.append(name)
            rest = [device for device in rest if device not in group]
    return _listed([*names, *(NAMES.get(device, device) for device in rest)])


def _listed(parts: Iterable[str]) -> str:
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _plain(text: str) -> str:
    """Leave out of an error what is for programs."""
    text = re.sub(r"\s*\([^)]*\)| at \S+:\d+", "", text)
    for device, name in NAMES.items():
        text = text.replace(device, name)
    return text[:_MAX_TEXT].strip(" .")


def unwrapped(result: Any) -> Any:
    """Return what a tool returned, without what an MCP client may put around it."""
    if isinstance(result, Mapping) and len(result) == 1:
        inner = result.get("result", result.get("structuredContent"))
        return inner if isinstance(inner, Mapping) else result
    return result
