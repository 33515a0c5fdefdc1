"""From slots to messages: which device, which payload, or what is missing or not possible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sonicrtc.local.sonic.speech.home.frames import Frame
from sonicrtc.local.sonic.speech.home.house import (
    ALL_LIGHTS,
    BEDROOM,
    BRIGHTNESS,
    DEVICES,
    DOORS,
    HEAT,
    KITCHEN,
    LIGHTS,
    LIVING,
    LOCKS,
    OVEN,
    RANGES,
    SCENES,
    WHITE,
    Command,
)
from sonicrtc.local.sonic.speech.home.meaning import NOTHING, Meaning, Memory

WHICH_ROOM, WHICH_DOOR, WHICH_DEVICE = "In which room?", "The front door or the back door?", "Which device?"
HOW_HOT, HOW_BRIGHT, HOW_WHITE = "To what temperature?", "To how many percent?", "How warm or cold: how many kelvin?"
WHICH_MODE = "Top and bottom heat, fan or grill?"
NO_COLORS = "There are no colors here, only white from warm to cold."
NOTHING_THERE = {"lock": "The bedroom has no door lock.", "oven": "The oven is in the kitchen; there is no other."}
NOT_ALL_ON = "I can switch everything off, but not everything on."
_WEAK = ("up", "down", "more", "less", "raise", "lower")


@dataclass(frozen=True, slots=True)
class _Missing(Exception):
    """What has to be asked."""

    question: str
    frame: Frame


class _Impossible(Exception):
    """Why it cannot be done."""


def resolve(wishes: Sequence[Frame], memory: Memory) -> Meaning:
    """Return what `wishes` come to."""
    commands: list[Command] = []
    question, refusal = "", ""
    pending: Frame | None = None
    last = memory.last
    for wish in wishes:
        try:
            wish = _pointed(wish, last)
            if not (wish.has_target or wish.scene) and _says_little(wish):
                continue
            commands += _commands(wish)
            last = wish if not wish.scene else last
        except _Missing as missing:
            question, pending, last = question or missing.question, pending or missing.frame, missing.frame
        except _Impossible as exc:
            refusal = refusal or str(exc)
    joined = _joined(commands)
    text = question or refusal
    if joined:
        return Meaning(kind="act", commands=joined, text=text, frame=last, pending=pending)
    if question:
        return Meaning(kind="ask", text=question, frame=last, pending=pending)
    return Meaning(kind="refuse", text=refusal, frame=last) if refusal else NOTHING


def asked_about(subject: Frame, memory: Memory) -> Meaning:
    """Return the devices that a question is about."""
    if subject.absent or (subject.wants == "heat" and subject.kind != "oven" and not _was_oven(subject, memory)):
        where = "has no thermometer" if not subject.absent else "does not have that"
        return Meaning(kind="refuse", text=f"The house {where}.")
    frame = subject
    if subject.it and not (subject.kind or subject.rooms or subject.doors):
        if memory.last is None:
            return Meaning(kind="ask", text=WHICH_DEVICE)
        frame = memory.last
    devices = _devices_asked(frame)
    return Meaning(kind="state", devices=devices, frame=replace(frame, act="", change="")) if devices else NOTHING


def _was_oven(subject: Frame, memory: Memory) -> bool:
    return not subject.rooms and memory.last is not None and memory.last.kind == "oven"


def _devices_asked(frame: Frame) -> tuple[str, ...]:
    kinds = {"light": LIGHTS, "lock": LOCKS, "oven": (OVEN,)}
    if frame.doors:
        named = tuple(DOORS[door] for door in frame.doors)
        return named + tuple(f"{room}/light" for room in frame.rooms)
    if frame.kind == "oven" or (frame.wants == "heat" and not frame.rooms):
        return (OVEN,)
    devices = kinds.get(frame.kind, DEVICES)
    if frame.kind == "" and frame.act in ("lock", "unlock"):
        devices = LOCKS
    elif frame.kind == "" and (frame.wants == "brightness" or frame.brightness is not None):
        devices = LIGHTS
    return tuple(device for device in devices if not frame.rooms or device.partition("/")[0] in frame.rooms)


def _says_little(wish: Frame) -> bool:
    """ "Stop", "off", "more" and numbers alone are no commands, unless it is known of what."""
    if not wish.urged:
        return True
    values = wish.brightness is not None or wish.white is not None or wish.heat is not None
    strong = wish.act in ("lock", "unlock") or wish.wants or wish.mode or wish.color or values
    return not (strong or (wish.change and wish.change not in _WEAK))


def _pointed(wish: Frame, last: Frame | None) -> Frame:
    """Put the device that was talked about where none is named, or only pointed at."""
    if wish.kind or wish.doors or wish.absent or wish.scene:
        if wish.kind == "light" and not (wish.rooms or wish.every) and last is not None and last.kind in ("light", ""):
            return replace(wish, rooms=last.rooms, every=last.every)
        if wish.kind == "lock" and not (wish.doors or wish.every) and last is not None:
            return replace(wish, doors=last.doors, every=last.every and last.kind == "lock")
        return wish
    if wish.rooms:
        return wish
    if last is None or wish.every or _other_kind(wish, last):
        return wish
    return replace(wish, kind=last.kind, rooms=last.rooms, doors=last.doors, every=last.every, it=False)


def _other_kind(wish: Frame, last: Frame) -> bool:
    if wish.act in ("lock", "unlock"):
        return last.kind != "lock"
    if wish.brightness is not None or wish.white is not None or wish.change in ("brighter", "dimmer", "warmer"):
        return last.kind in ("lock", "oven")
    return (wish.heat is not None or bool(wish.mode)) and last.kind != "oven"


def _commands(wish: Frame) -> list[Command]:
    if wish.scene and not (wish.rooms or wish.doors or wish.kind):
        return [Command(device=SCENES, payload={"scene": wish.scene})]
    if wish.absent:
        raise _Impossible("The house does not have that, so I do nothing.")
    if wish.mode == "fan" and not wish.kind and wish.heat is None and wish.act:
        raise _Impossible("The house has no fan; only the oven has one.")
    kind = wish.kind or _implied(wish)
    if wish.it and kind == "light" and wish.act and not wish.rooms:
        raise _Missing(WHICH_DEVICE, replace(wish, it=False))
    if kind == "everything":
        return _everything(wish)
    if kind == "lock" or wish.act in ("lock", "unlock"):
        return _locks(wish)
    if kind == "oven":
        return _oven(wish)
    return _lights(wish)


def _implied(wish: Frame) -> str:
    if wish.act in ("lock", "unlock"):
        return "lock"
    if wish.heat is not None or wish.mode or wish.wants in ("heat", "mode") or wish.change == "hotter":
        if wish.rooms and wish.rooms != (KITCHEN,):
            raise _Impossible("The house has no heating.")
        return "oven"
    if wish.every and not wish.rooms and wish.act:
        return "everything"
    return "light"


def _everything(wish: Frame) -> list[Command]:
    if wish.act in ("lock", "unlock"):
        return _locks(replace(wish, kind="lock", every=True))
    if wish.act == "on":
        raise _Impossible(NOT_ALL_ON)
    if wish.act == "off" and not wish.rooms:
        return [Command(device=SCENES, payload={"scene": "everything_off"})]
    if wish.act != "off":
        return _lights(replace(wish, kind="light", every=True))
    oven = [Command(device=OVEN, payload={"on": False})] if KITCHEN in wish.rooms else []
    return [*(Command(device=f"{room}/light", payload={"on": False}) for room in wish.rooms), *oven]


def _locks(wish: Frame) -> list[Command]:
    by_room = {LIVING: "front", KITCHEN: "back"}
    if wish.rooms == (BEDROOM,) and not wish.doors:
        raise _Impossible(NOTHING_THERE["lock"])
    doors = wish.doors or tuple(by_room[room] for room in wish.rooms if room in by_room)
    doors = doors or (tuple(DOORS) if wish.every else ())
    if not doors:
        raise _Missing(WHICH_DOOR, replace(wish, kind="lock", it=False))
    act = {"off": "unlock", "on": "lock"}.get(wish.act, wish.act)
    if not act:
        raise _Missing("Shall I lock or unlock it?", replace(wish, kind="lock"))
    return [Command(device=DOORS[door], payload={"locked": act == "lock"}) for door in doors]


def _oven(wish: Frame) -> list[Command]:
    if any(room != KITCHEN for room in wish.rooms):
        raise _Impossible(NOTHING_THERE["oven"])
    if wish.act == "off":
        return [Command(device=OVEN, payload={"on": False})]
    heat = wish.heat if wish.heat is not None else wish.number
    if heat is None and wish.brightness in (1, 100):
        heat = RANGES[HEAT].least if wish.brightness == 1 else RANGES[HEAT].most
    mode = {"mode": wish.mode} if wish.mode else {}
    if heat is not None:
        value = _within(HEAT, heat)
        on = {} if wish.changing or (wish.wants == "heat" and wish.act != "on") else {"on": True}
        return [Command(device=OVEN, payload={**on, HEAT: value, **mode})]
    if wish.change:
        down = wish.change in ("down", "lower", "less", "colder", "dimmer", "dimverb")
        step = round(wish.by) if wish.by is not None else RANGES[HEAT].step
        return [Command(device=OVEN, member=HEAT, by=-step if down else step)]
    if wish.mode and wish.act != "on":
        return [Command(device=OVEN, payload={"mode": wish.mode})]
    if wish.wants == "mode":
        raise _Missing(WHICH_MODE, replace(wish, kind="oven", wants=""))
    raise _Missing(HOW_HOT, replace(wish, kind="oven", it=False))


def _lights(wish: Frame) -> list[Command]:
    if wish.color:
        raise _Impossible(NO_COLORS)
    if wish.heat is not None:
        raise _Impossible("A light has no degrees; its white goes from 2200 to 6500 kelvin.")
    made = _light(wish)
    if wish.every and not wish.rooms:
        return [replace(made, device=ALL_LIGHTS)]
    if not wish.rooms:
        raise _Missing(WHICH_ROOM, replace(wish, kind="light", it=False))
    return [replace(made, device=f"{room}/light") for room in wish.rooms]


def _light(wish: Frame) -> Command:
    """Return the message to a light that is still to be named."""
    if wish.act == "off":
        return Command(device="", payload={"on": False})
    payload: dict[str, object] = {"on": True} if wish.act == "on" else {}
    number = wish.number
    brightness, white = wish.brightness, wish.white
    if number is not None and (wish.wants == "white" or number >= 1000):
        white = number
    elif number is not None:
        brightness = number
    if brightness is not None:
        payload[BRIGHTNESS] = _within(BRIGHTNESS, brightness)
        if not payload[BRIGHTNESS]:
            payload.pop("on", None)
    if white is not None:
        payload[WHITE] = _within(WHITE, white)
    if payload:
        return Command(device="", payload=payload)
    if wish.change:
        return _changed(wish)
    if wish.wants == "white":
        raise _Missing(HOW_WHITE, replace(wish, kind="light", it=False))
    if not (wish.rooms or wish.every) and wish.wants != "brightness":
        raise _Missing(WHICH_ROOM, replace(wish, kind="light", it=False))
    raise _Missing(HOW_BRIGHT, replace(wish, kind="light", it=False))


def _changed(wish: Frame) -> Command:
    white = wish.change in ("warmer", "colder", "hotter") or wish.wants == "white"
    less = wish.change in ("down", "lower", "less", "dimmer", "dimverb", "warmer", "hotter")
    member = WHITE if white else BRIGHTNESS
    step = round(wish.by) if wish.by is not None else RANGES[member].step
    return Command(device="", member=member, by=-step if less else step)


def _within(member: str, value: float) -> int:
    limits = RANGES[member]
    if not limits.least <= round(value) <= limits.most:
        raise _Impossible(f"{limits.name} goes from {limits.least} to {limits.most} {limits.unit}.")
    return round(value)


def _joined(commands: Sequence[Command]) -> tuple[Command, ...]:
    """Send together what is for one device; of two that disagree the later one holds."""
    joined: dict[tuple[str, str], Command] = {}
    for command in commands:
        key = (command.device, command.member)
        before = joined.get(key)
        if before is None or command.member or command.device == SCENES:
            joined[key] = command
            continue
        payload = {**before.payload, **command.payload}
        joined[key] = command if command.payload.get("on") is False else replace(command, payload=payload)
    scenes = [command for command in joined.values() if command.payload.get("scene") == "good_night"]
    return tuple(scenes or joined.values())
