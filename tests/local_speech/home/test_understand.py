"""What the local brain understands of the house, as a table of sentences."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.local_speech.home.document import CONTROLS

from sonicrtc.local.sonic.speech.home.house import HEAT, OVEN, RANGES, Command
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
