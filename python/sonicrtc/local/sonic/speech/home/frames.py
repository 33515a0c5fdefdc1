"""One clause as slots: what is meant, what shall be so, and in what manner it was said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sonicrtc.local.sonic.speech.home.tokens import Token

_VERBS = {"onverb", "offverb", "lock", "unlock", "set", "raise", "lower", "dimverb", "brighter", "bake", "heat", "keep",
          "warmer", "colder", "off"}  # fmt: skip
_CHANGES = {
    "up": 1, "raise": 1, "more": 1, "brighter": 1, "hotter": 1, "down": -1, "lower": -1, "less": -1, "dimmer": -1,
    "dimverb": -1,
}  # fmt: skip
_HINTS = {"toobright": "dimmer", "toodark": "brighter", "toowarm": "colder", "toocold": "warmer", "toohot": "lower"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The slots of one clause; what was not said is empty.

    Parameters
    ----------
    rooms, doors : tuple of str
        As :mod:`house` names them.
    kind : str
        ``"light"``, ``"lock"``, ``"oven"`` or ``"everything"``.
    every, it : bool
        "All", "both"; "it", "them".
    act : str
        ``"on"``, ``"off"``, ``"lock"`` or ``"unlock"``.
    brightness, white, heat : float, optional
        Wished values, not yet checked: percent, kelvin, degrees Celsius.
    mode : str
        Of the oven.
    change, by : str, float
        The word for a change relative to what is, and its number.
    wants : str
        ``"brightness"``, ``"heat"``, ``"white"`` or ``"value"``: what was named without a value.
    changing : bool
        The words mean a device that is on already.
    absent, color : str
        Something that this house does not have.
    scene : str
        A scene.
    urged : bool
        It was said as a command, and is not only a few words of one.
    """

    rooms: tuple[str, ...] = ()
    doors: tuple[str, ...] = ()
    kind: str = ""
    every: bool = False
    it: bool = False
    act: str = ""
    brightness: float | None = None
    white: float | None = None
    heat: float | None = None
    number: float | None = None
    mode: str = ""
    change: str = ""
    by: float | None = None
    wants: str = ""
    changing: bool = False
    absent: str = ""
    color: str = ""
    scene: str = ""
    urged: bool = False

    @property
    def has_target(self) -> bool:
        """Whether a device or a room was named, or pointed at."""
        return bool(self.rooms or self.doors or self.kind or self.every or self.it or self.absent)

    @property
    def has_action(self) -> bool:
        """Whether it says what shall be so."""
        values = (self.brightness, self.white, self.heat, self.number)
        words = self.act or self.change or self.mode or self.scene or self.color or self.wants
        return bool(words) or any(value is not None for value in values)

    def action_of(self, other: Frame) -> Frame:
        """Return this target with the action of `other`."""
        return replace(
            other, rooms=self.rooms, doors=self.doors, kind=self.kind, every=self.every, it=self.it, absent=self.absent
        )

    def target_of(self, other: Frame) -> Frame:
        """Return this action with the target of `other`."""
        return other.action_of(self)

    def plus(self, other: Frame) -> Frame:
        """Return this frame with every slot that `other` fills."""
        filled = {
            name: value for name in self.__slots__ if (value := getattr(other, name)) not in ("", (), None, False)
        }
        if other.act and "change" not in filled:
            filled |= {"wants": other.wants}
        return replace(self, **filled)


def read_frame(tokens: Sequence[Token]) -> Frame:
    """Put the words of a clause into slots."""
    slots = _Slots(tokens)
    for place, token in enumerate(tokens):
        slots.take(place, token)
    return slots.frame()


class _Slots:
    """The frame while it is filled."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = [token for token in tokens if token.tag != "fill"]
        self._tags = {token.tag for token in tokens}
        self._slots: dict[str, object] = {}
        self._rooms: list[str] = []
        self._doors: list[str] = []
        self._at = -1

    def take(self, place: int, token: Token) -> None:
        if token.tag == "fill":
            return
        self._at += 1
        match token.tag:
            case "room":
                self._rooms.append(token.value)
            case "light" | "oven" | "everything":
                self._slots["kind"] = token.tag
                if token.value:
                    self._rooms.append(token.value)
            case "quality":
                if token.value:
                    self._slots.setdefault("kind", token.value)
            case "door" | "doors" | "side" | "house":
                self._take_door(token)
            case "all":
                self._slots["every"] = True
            case "it" | "there":
                self._slots["it"] = True
            case "num":
                self._take_number(token)
            case "absent" | "color" | "scene" | "mode":
                self._slots[token.tag] = token.value or token.text
                if token.tag == "mode" and not token.value:
                    self._slots.update(mode="", wants="mode")
            case _:
                self._take_action(token)

    def _take_door(self, token: Token) -> None:
        opening = self._tags & {"lock", "unlock", "locked", "unlocked", "door"}
        alone = self._tags <= {"side", "fill", "fix", "not", "and"}
        if token.tag == "side" and not (opening or alone):
            return
        if token.tag == "house":
            if opening:
                self._slots.update(kind="lock", every=True)
            elif "light" not in self._tags:
                self._slots["kind"] = "everything"
            return
        self._slots["kind"] = "lock"
        if token.tag == "doors":
            self._slots["every"] = True
        elif token.value:
            self._doors.append(token.value)

    def _take_action(self, token: Token) -> None:
        match token.tag:
            case "on" | "onverb":
                self._slots["act"] = "on"
            case "off" | "offverb":
                self._slots["act"] = "off"
            case "lock" | "locked":
                self._slots["act"] = "lock"
            case "unlock" | "unlocked":
                self._slots["act"] = "unlock"
            case "down" if "everything" in self._tags and "set" in self._tags:
                self._slots["act"] = "off"  # "power everything down"
            case "level":
                self._slots["brightness"] = float(token.value)
            case "white":
                self._slots["white"] = float(token.value)
            case "bake":
                self._slots.update(act="on", mode="top_bottom", kind="oven")
            case "heat":
                self._slots.update(act="on", wants="heat")
                self._slots.setdefault("kind", "oven")
            case "brightness" | "heatword" | "whiteword":
                self._slots["wants"] = {"heatword": "heat", "whiteword": "white"}.get(token.tag, token.tag)
            case "warmer" | "colder":
                self._slots["change"] = token.tag
            case tag if tag in _HINTS:
                self._slots["change"] = _HINTS[tag]
            case tag if tag in _CHANGES:
                self._slots["change"] = tag
            case _:
                pass
        if token.text in ("change", "adjust", "up to", "down to") or token.tag in ("raise", "lower"):
            self._slots["changing"] = True

    def _take_number(self, token: Token) -> None:
        before = self._tokens[self._at - 1] if self._at else None
        after = self._tokens[self._at + 1] if self._at + 1 < len(self._tokens) else None
        value, tag = token.number, after.tag if after else ""
        earlier = {one.tag for one in self._tokens[: self._at]}
        moved = bool(self._tags & _CHANGES.keys()) or (bool(self._tags & {"warmer", "colder"}) and tag != "percent")
        if (
            moved
            and not (before and before.tag == "to")
            and not ("to" in earlier and before and before.tag == "warmer")
        ):
            self._slots["by"] = value * 5 / 9 if after and after.value == "f" else value
        elif tag == "percent":
            self._slots["brightness"] = value
        elif tag == "kelvin":
            self._slots["white"] = value
        elif after and tag == "degrees":
            self._slots["heat"] = (value - 32) / 1.8 if after.value == "f" else value
        else:
            self._slots["number"] = value

    def frame(self) -> Frame:
        rooms, doors = tuple(dict.fromkeys(self._rooms)), tuple(dict.fromkeys(self._doors))
        found = Frame(rooms=rooms, doors=doors, **self._slots)  # type: ignore[arg-type]  # by name, as filled above
        if found.change and any(v is not None for v in (found.brightness, found.white, found.heat, found.number)):
            warmed = found.kind == "oven" and found.change == "warmer"  # "warm the oven up to ..."
            found = replace(found, change="", changing=not warmed, act="on" if warmed else found.act)
        head = self._tokens[0] if self._tokens else Token("", "", "")
        lit = head.text in ("light", "lights") or (
            head.tag == "req" and found.kind == "light" and "set" not in self._tags
        )
        if lit and (found.rooms or found.every) and (not found.has_action or found.change == "up"):
            found = replace(found, act="on", change="")  # "light the kitchen", "I need light in the kitchen"
        if {"house", "down"} <= self._tags:
            found = replace(found, kind="everything", act="off", change="", every=False)  # "shut the place down"
        if head.tag == "mode" and found.act == "on":
            found = replace(found, act="")  # "fan mode on the oven"
        cooks = head.text in ("grill", "broil")
        return replace(found, urged=cooks or bool(self._tags & (_VERBS | {"req"})))


#: How a clause was said.
COMMAND, QUESTION, HINT, NAMING, CONTEXT, EMPTY, TALK = "command", "question", "hint", "naming", "context", "", "talk"
TARGETS = {"room", "light", "door", "doors", "oven", "all", "everything", "it", "there", "house", "side", "absent"}
_STATES = {"on", "off", "locked", "unlocked", "unlock", "lock", "quality", "brightness", "heatword", "whiteword",
           "mode", "level", "white", "percent", "kelvin", "degrees", "warmer", "colder", "heat", "bake", "onverb",
           "offverb", "brighter", "dimmer"}  # fmt: skip
_MAY = {"can", "could", "would", "will", "may"}
_NOT_SAID_TO_ACT = {"past", "wh", "tobe", "subj", "qreq", "quality"}
_WISHES = _VERBS | {"req", "on", "scene", "up", "down", "more", "dimmer", "level", "percent", "num", "less"}


def manner(tokens: Sequence[Token], *, asked: bool) -> str:
    """Return how a clause was said; `asked` says that a question mark follows it."""
    content = [token for token in tokens if token.tag not in ("fill", "food", "mark")]
    if not content:
        return EMPTY
    tags = {token.tag for token in content}
    head = content[0].tag
    unknown = sum(tag == "word" for tag in (token.tag for token in content))
    targets = bool(tags & TARGETS)
    if tags & {"block"}:
        return TALK
    if "scene" in tags:
        return TALK if unknown > (head == "subj") or tags & {"tobe", "past"} else COMMAND
    if content[0].text in _MAY and any(token.text == "be" for token in tokens) and not unknown:
        return COMMAND if targets and tags & (_STATES | _WISHES) else TALK  # "could the light be switched off?"
    if head in ("wh", "tobe", "qreq") or (asked and head in TARGETS and tags & {"tobe", "past"}):
        return _question(tags, unknown, targets)
    if tags & _HINTS.keys():
        return HINT if not unknown else TALK
    if head == "req" and "qreq" in tags and not tags & (_VERBS - {"off", "lock", "unlock"}):
        return _question(tags, unknown, targets)
    if head == "req" or head in _VERBS:
        return _wish(content, tags, unknown, targets)
    if head in ("subj",):
        if "req" in tags and not unknown and "past" not in tags:
            return _wish(content, tags, unknown, targets)
        acts = any(token.tag in _VERBS | {"past", "on", "light"} and token.text != "out" for token in content)
        return CONTEXT if unknown <= 3 and not acts else TALK
    if unknown:
        said_of_us = unknown <= 2 and "tobe" in tags and not tags & (_STATES | TARGETS | {"past"})
        moves = (
            unknown == 1 and head == "word" and "num" in tags and tags & {"light", "oven"} and tags & _CHANGES.keys()
        )
        return COMMAND if moves else CONTEXT if said_of_us else TALK
    if "req" in tags and not tags & {"tobe", "wh", "qreq"}:
        return COMMAND
    if tags & _NOT_SAID_TO_ACT:
        return _question(tags, unknown, targets) if asked else TALK
    return COMMAND if tags & _WISHES or not targets else NAMING


def _question(tags: set[str], unknown: int, targets: bool) -> str:
    if not (targets or unknown or tags & _STATES):
        return CONTEXT  # "do you know?"
    named = bool(tags & {"light", "door", "doors", "oven"})
    if unknown > (2 if named and tags & _STATES else 0) or not (targets or "heatword" in tags):
        return TALK
    return QUESTION if tags & (_STATES | {"set", "past", "qreq"}) else TALK


def _wish(content: Sequence[Token], tags: set[str], unknown: int, targets: bool) -> str:
    """A wish may hold one word that is not known, when all else says what is wished."""
    rest = tags - {"req", "subj", "fill", "word"}
    if not rest:
        return CONTEXT if content[0].tag == "req" and unknown <= 1 else TALK
    named = bool(tags & {"light", "door", "doors", "oven", "absent", "all", "everything"})
    most = 1 + (named and bool(tags & {"room", "door", "oven", "all"}))
    if unknown and not (unknown <= most and named and tags & (_VERBS | {"on", "off", "num", "level"})):
        switched = len(content) >= 2 and tags & {"on", "off"} and not named and unknown <= 2
        return "absent" if switched and content[0].tag in ("set", "req") else TALK
    if tags & {"past"} and not tags & {"req", "keep"}:
        return TALK
    return COMMAND if rest & (_WISHES | _STATES | TARGETS) else TALK
