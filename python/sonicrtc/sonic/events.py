"""What a session with Nova Sonic tells: one frozen dataclass for each thing that can happen. No I/O."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Literal

from sonicrtc.config import SonicConfig
from sonicrtc.errors import SonicRtcError

Stage = Literal["speculative", "final"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOpened:
    """The service accepted the session."""

    session_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserText:
    """What the user said, as the model heard it; once per utterance.

    `again`: it takes the place of the one before, whose audio was repeated to another stream.
    """

    text: str
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AssistantText:
    """What the assistant is going to say (`speculative`) or has said (`final`).

    Each block of speech follows the speculative text that it speaks.
    """

    text: str
    stage: Stage
    content_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioChunk:
    """A piece of speech: little-endian int16 mono at 24 kHz."""

    pcm: bytes
    content_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioEnded:
    """One block of speech is complete (or cut off: ``INTERRUPTED``)."""

    content_id: str
    stop_reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRequest:
    """The model wants a tool called; answer with the result or an error, always."""

    tool_use_id: str
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted:
    """The user broke in: throw away the speech that was not played yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnEnded:
    """The assistant's turn is over."""

    stop_reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageReported:
    """Tokens of the session so far: totals, not differences."""

    input_speech_tokens: int = 0
    input_text_tokens: int = 0
    output_speech_tokens: int = 0
    output_text_tokens: int = 0

    def __add__(self, other: UsageReported) -> UsageReported:
        return self._with(other, int.__add__)

    def at_least(self, other: UsageReported) -> UsageReported:
        """Return the larger counts of both: a report that comes late must not turn the meter back."""
        return self._with(other, max)

    def _with(self, other: UsageReported, combine: Callable[[int, int], int]) -> UsageReported:
        return UsageReported(
            **{field.name: combine(getattr(self, field.name), getattr(other, field.name)) for field in fields(self)}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownReceived:
    """An event of a kind that this version does not know."""

    kind: str
    payload: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovering:
    """The stream broke and is being replaced; the conversation goes on."""

    error: SonicRtcError


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamChanged:
    """Another stream carries the conversation now, the `number`-th; `config` is what it was opened with."""

    number: int
    config: SonicConfig


SonicEvent = (
    SessionOpened
    | Recovering
    | StreamChanged
    | UserText
    | AssistantText
    | AudioChunk
    | AudioEnded
    | ToolRequest
    | Interrupted
    | TurnEnded
    | UsageReported
    | UnknownReceived
)
