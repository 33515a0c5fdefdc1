"""What the local brain understands of the house, as a table of sentences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from examples.smart_home.document import Topics
from hypothesis import given
from hypothesis import strategies as st

from sonicrtc.local.sonic.speech.home.house import DEVICES, HEAT, OVEN, RANGES, Command
from sonicrtc.local.sonic.speech.home.lexicon import PHRASES
from sonicrtc.local.sonic.speech.home.meaning import Meaning, Memory
from sonicrtc.local.sonic.speech.home.understand import understand

_LINES = Path(__file__).with_name("sentences.txt").read_text("utf-8").splitlines()
SENTENCES = [tuple(line.rsplit(" = ", 1)) for line in _LINES if line and not line.startswith("#")]
_UNITS = {"brightness_percent": "%", "color_temperature_kelvin": "K", HEAT: ""}
_NAMES = {OVEN: "oven", "living_room/lock": "front", "kitchen/lock": "back"}


def shown(command: Command) -> str:
    if scene := command.payload.get("scene"):
        return str(scene)
    words = [_NAMES.get(command.device, command.device)]
    for name, value in command.payload.items():
        spoken = {"on": {True: "on", False: "off"}, "locked": {True: "lock", False: "unlock"}}.get(name)
        words.append(spoken[bool(value)] if spoken else f"{value}{_UNITS.get(name, '')}")
    if command.member:
        words.append(f"{command.by:+d}{_UNITS[command.member]}")
    return " ".join(words)


def summary(meaning: Meaning) -> str:
    match meaning.kind:
        case "act":
            return "; ".join(map(shown, meaning.commands))
        case "state":
            return " ".join(["state", *meaning.devices])
        case "ask":
            return f"ask {meaning.text}"
        case kind:
            return kind


@pytest.mark.parametrize(("said", "meant"), SENTENCES)
def test_a_sentence_means(said: str, meant: str) -> None:
    memory, meaning = Memory(), Meaning(kind="none")
    for turn in said.split(" / "):
        meaning = understand(turn, memory)
        memory = memory.after(meaning)
    assert summary(meaning) == meant


TOPICS = Topics.read()
_WORDS = st.sampled_from(
    [" ".join(phrase) for phrase in PHRASES] + ["180", "50", "%", "3000", "-5", "two hundred", "?", ","]
)
_SENTENCES = st.lists(_WORDS, max_size=12).map(" ".join)


def check(meaning: Meaning) -> None:
    """Every command is one that the document lets through, and asks first where the document wants it."""
    for command in meaning.commands:
        edges = (1, 50, 250, 2200, 6500)
        states: list[dict[str, Any]] = [{}, *({"on": True, command.member: edge} for edge in edges)]
        for one in [command.absolute(state) for state in states] if command.member else [command]:
            control = TOPICS.control(one.topic)
            assert control.asks_first(control.check(dict(one.payload))) == one.asks_first
    assert (meaning.kind == "act") == bool(meaning.commands)
    assert meaning.text or meaning.kind in ("act", "state", "none")


@given(st.one_of(st.text(max_size=200), _SENTENCES), _SENTENCES)
def test_no_text_breaks_it_or_makes_a_command_that_the_document_does_not_have(first: str, second: str) -> None:
    meaning = understand(first)
    check(meaning)
    check(understand(second, Memory().after(meaning)))


@pytest.mark.parametrize("text", ["", "?", "\n", "(" * 5000, "turn on " * 3000, "a hundred " * 500, "١٢٣ percent", "½"])
def test_strange_text_means_nothing_or_asks(text: str) -> None:
    assert understand(text).kind in ("none", "ask", "refuse")


def test_the_brain_knows_the_ranges_of_the_document() -> None:
    schemas: list[Any] = [control.payload.schema for control in TOPICS.controls.values()]
    members = [member for schema in schemas for member in schema["properties"].items()]
    limits = {name: (member["minimum"], member["maximum"]) for name, member in members if "minimum" in member}
    assert {name: (one.least, one.most) for name, one in RANGES.items()} == limits


def test_the_brain_knows_the_devices_of_the_document() -> None:
    assert set(TOPICS.states) == set(DEVICES)
