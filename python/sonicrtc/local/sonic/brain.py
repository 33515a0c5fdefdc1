"""What thinks behind the local Nova Sonic service: the interface of all brains.

The service does the wire (HTTP/2, signatures, event order); a brain gets audio, text and tool
results, and answers through an :class:`~sonicrtc.local.sonic.emitter.Emitter`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypedDict

from sonicrtc.local.sonic.emitter import Emitter

__all__ = [
    "PAUSE_MS",
    "SPOILS",
    "Brain",
    "BrainInput",
    "Break",
    "Emitter",
    "Sensitivity",
    "ServiceError",
    "SessionSetup",
    "StreamFault",
    "ToolDefinition",
    "ToolResult",
    "UserAudio",
    "UserText",
]

Sensitivity = Literal["HIGH", "MEDIUM", "LOW"]

#: Pause after which the user's turn is over, in ms (Nova 2 user guide, page ``sonic-turn-taking``).
PAUSE_MS: Mapping[Sensitivity, int] = {"HIGH": 1500, "MEDIUM": 1750, "LOW": 2000}


class ToolDefinition(TypedDict):
    """One tool as the client declared it: `schema` is the parsed JSON Schema of its arguments."""

    description: str
    schema: dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSetup:
    """What the client said before its first audio.

    Parameters
    ----------
    model_id : str
        Model of the request path.
    sensitivity : {"HIGH", "MEDIUM", "LOW"}
        End-of-turn sensitivity, and `pause_ms`, the pause documented for it.
    voice_id : str
        Voice that shall speak.
    input_rate_hz, output_rate_hz : {8000, 16000, 24000}
        Rates of the user's audio and of the audio to emit; both mono 16-bit little endian.
    system_prompt : str
        All SYSTEM text, joined.
    tools : mapping of str to ToolDefinition
        The tools that may be called, by name.
    tool_choice : str
        ``"auto"``, ``"any"``, or ``"tool:"`` and the name of the one tool to use.
    history : tuple of (role, text)
        Earlier conversation, oldest first; role is ``"USER"`` or ``"ASSISTANT"``.
    max_tokens, temperature, top_p
        Inference settings.
    """

    model_id: str = "amazon.nova-2-sonic-v1:0"
    sensitivity: Sensitivity = "HIGH"
    pause_ms: int = 1500
    voice_id: str = "matthew"
    input_rate_hz: int = 16000
    output_rate_hz: int = 24000
    system_prompt: str = ""
    tools: Mapping[str, ToolDefinition] = field(default_factory=dict)
    tool_choice: str = "auto"
    history: tuple[tuple[str, str], ...] = ()
    max_tokens: int = 1024
    temperature: float = 0.7
    top_p: float = 0.9


@dataclass(frozen=True, slots=True)
class UserAudio:
    """A piece of the user's audio: mono, 16-bit little endian, at `SessionSetup.input_rate_hz`."""

    pcm: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class UserText:
    """Text that the user typed, or that the client injected (cross-modal input)."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The result of a tool call; `content` is a JSON document (the service checked that it parses)."""

    tool_use_id: str
    content: str = field(repr=False)


BrainInput = UserAudio | UserText | ToolResult


class ServiceError(Exception):
    """Raised by a brain to end the stream with an exception of the service.

    Parameters
    ----------
    kind : str
        Member name in the service's model, e.g. ``"modelStreamErrorException"``; for an error
        that is not modelled, its code.
    message : str
        Text for the client.
    modelled : bool
        False sends a message of type ``error`` instead of ``exception``.
    """

    def __init__(self, kind: str, message: str, *, modelled: bool = True) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.modelled = modelled


Break = Literal["close", "reset", "drop", "goaway", "corrupt", "truncate", "stall", "starve", "deaf", "mute"]

#: Those that leave the stream open.
SPOILS: frozenset[str] = frozenset({"goaway", "stall", "starve", "deaf", "mute"})


class StreamFault(Exception):
    """Raised by a brain to break the stream, for tests of clients.

    Parameters
    ----------
    how : str
        ============  ===========================================================================
        ``close``     END_STREAM without an end of the completion
        ``reset``     RST_STREAM
        ``drop``      the TCP connection is lost without a word
        ``goaway``    GOAWAY: this stream goes on, the connection takes no new ones
        ``corrupt``   a message with a wrong checksum, then END_STREAM
        ``truncate``  half a message, then END_STREAM
        ``stall``     half a message, and then nothing ever again
        ``starve``    no WINDOW_UPDATE any more: the client's sending will block
        ``deaf``      what the client sends is taken, but nothing is ever answered
        ``mute``      everything comes but the audio
        ============  ===========================================================================

        ``goaway`` and the last four leave the stream open: a brain that goes on calls
        :meth:`~sonicrtc.local.sonic.emitter.Emitter.spoil` instead.
    """

    def __init__(self, how: Break) -> None:
        super().__init__(how)
        self.how: Break = how


class Brain(Protocol):
    """One brain serves one session."""

    async def run(self, setup: SessionSetup, inputs: AsyncIterator[BrainInput], emit: Emitter) -> None:
        """Hold one conversation.

        Starts when the user's audio block opens. `inputs` ends when that block or the prompt ends;
        return soon after that (what is still running when the grace period of the session's end is
        over, is cancelled). The service ends the completion itself. An exception other than
        :class:`ServiceError` and :class:`StreamFault` reaches the client as ``internalServerException``.
        """
