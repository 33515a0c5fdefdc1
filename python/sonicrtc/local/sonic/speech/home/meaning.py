"""What a sentence means to the house, and what of it is remembered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sonicrtc.local.sonic.speech.home.frames import Frame
from sonicrtc.local.sonic.speech.home.house import Command


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What is wanted.

    Parameters
    ----------
    kind : str
        ``"act"``: `commands`. ``"state"``: a question about `devices`. ``"ask"``: something is missing, which `text`
        asks for. ``"refuse"``: it cannot be done, `text` says why. ``"none"``: nothing is wanted of the house.
    commands, devices : tuple
        As said; what is wanted beside a question or a refusal stands here too.
    text : str
        The question or the refusal, also when `commands` do a part of what was said.
    frame : Frame, optional
        What was talked about.
    pending : Frame, optional
        What the question is about.
    """

    kind: Literal["act", "state", "ask", "refuse", "none"]
    commands: tuple[Command, ...] = ()
    devices: tuple[str, ...] = ()
    text: str = ""
    frame: Frame | None = None
    pending: Frame | None = None

    @property
    def asks_first(self) -> bool:
        """Whether the user has to say yes to a part of it first."""
        return any(command.asks_first for command in self.commands)


NOTHING = Meaning(kind="none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What was talked about: the last command, and the one that a question back is about."""

    last: Frame | None = None
    pending: Frame | None = None

    def after(self, meaning: Meaning) -> Memory:
        """Return the memory after `meaning` was answered."""
        return Memory(last=meaning.frame or self.last, pending=meaning.pending)
