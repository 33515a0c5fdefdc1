"""The Nova Sonic protocol as a machine without I/O: calls in, bytes out; bytes in, typed events out.

Names of prompts and contents come from `new_name`; there is no clock. What the service sends never raises:
the machine moves to :class:`Failed`. Misuse by our own code raises ``RuntimeError``.

Order (Nova 2 user guide, ``sonic-input-events``): sessionStart, promptStart, SYSTEM text, SYSTEM_SPEECH text,
history, the one audio block; then audio, text blocks and tool results as they come; contentEnd(audio), promptEnd,
sessionEnd.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, assert_never

from sonicrtc import capabilities
from sonicrtc.config import SonicConfig
from sonicrtc.errors import ConfigError, MissingExtraError, SonicClosedError, SonicError, SonicProtocolError
from sonicrtc.sonic import wire
from sonicrtc.sonic.events import (
    AssistantText,
    AudioChunk,
    AudioEnded,
    Interrupted,
    Recovering,
    SessionOpened,
    SonicEvent,
    Stage,
    StreamChanged,
    ToolRequest,
    TurnEnded,
    UnknownReceived,
    UsageReported,
    UserText,
)
from sonicrtc.sonic.history import Message
from sonicrtc.sonic.turns import Turns
from sonicrtc.sonic.wire import ToolSpec

try:
    import msgspec
except ModuleNotFoundError as exc:  # pragma: no cover - wire.py has said so already
    raise MissingExtraError("the Sonic session needs the extra: pip install 'sonicrtc[server]'") from exc

__all__ = [
    "CONTINUE", "AssistantText", "AudioChunk", "AudioEnded", "Failed", "Interrupted", "Phase", "Recovering",
    "SessionOpened", "SonicEvent", "SonicProtocol", "Stage", "State", "StreamChanged", "ToolRequest", "TurnEnded",
    "UnknownReceived", "UsageReported", "UserText", "announcement", "system_prompt",
]  # fmt: skip


class Phase(enum.Enum):
    """Where a session is in its life."""

    IDLE = "idle"
    PREPARED = "prepared"
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"


_LISTENING = (Phase.PREPARED, Phase.OPEN, Phase.CLOSING)


@dataclass(frozen=True, slots=True)
class Failed:
    """The end state after a mistake of the service or a lost stream."""

    error: SonicError


State = Phase | Failed


@dataclass(slots=True)
class _Content:
    """A block of output; kept when it has ended, because events may come late or twice."""

    type: str
    role: str = ""
    stage: Stage = "final"
    turn: int = 0
    begun: bool = False
    ended: bool = False
    tools: list[wire.ToolUse] = field(default_factory=list)


class SonicProtocol:
    """One session with the model.

    Parameters
    ----------
    config : SonicConfig
        Voice, instructions, sampling and endpointing.
    tools : sequence of ToolSpec
        What the model may call.
    new_name : callable
        Returns a fresh prompt or content name each time.

    Raises
    ------
    ConfigError
        ``tool_choice`` names a tool that is not among `tools`.

    Attributes
    ----------
    state : Phase or Failed
    session_id : str
        The service's own name for the session, known after its first answer.
    """

    def __init__(
        self,
        config: SonicConfig,
        *,
        new_name: Callable[[], str],
        tools: Sequence[ToolSpec] = (),
    ) -> None:
        if config.tool_choice != "auto" and not tools:
            raise ConfigError(f"tool_choice: expected 'auto' when there are no tools, got {config.tool_choice!r}")
        self._config = config
        self._tools = wire.tool_configuration(tools, config.tool_choice) if tools else msgspec.UNSET
        self._new_name = new_name
        self._prompt = new_name()
        self._audio_name = new_name()
        self._audio = wire.AudioInputEncoder(self._prompt, self._audio_name)
        self._outgoing: deque[tuple[bytes, ...]] = deque()
        self._contents: dict[str, _Content] = {}
        self._turns = Turns()
        self._requested: set[str] = set()
        self._awaited: set[str] = set()
        self._used = UsageReported()
        self.state: State = Phase.IDLE
        self.session_id = ""

    # --- what we send -----------------------------------------------------------------------------

    def take_outgoing(self) -> list[tuple[bytes, ...]]:
        """Return what is to be sent, oldest first; the events of one tuple stay together, with no audio between."""
        outgoing = list(self._outgoing)
        self._outgoing.clear()
        return outgoing

    def start(self) -> None:
        """Prepare the session: what the model has to know before any conversation."""
        self._require(Phase.IDLE)
        self.state = Phase.PREPARED
        self._put(self._session_start(), self._prompt_start())
        if prompt := system_prompt(self._config):
            self._put_text("SYSTEM", prompt, interactive=False)
        if self._config.speech_script.strip():
            self._put_text("SYSTEM_SPEECH", self._config.speech_script, interactive=False)

    def begin(self, history: Sequence[Message] = ()) -> None:
        """Repeat an earlier conversation and open the audio block: the model listens from now on.

        Parameters
        ----------
        history : sequence of Message
            Must start with the user; blank messages are left out.
        """
        earlier = [message for message in history if message.text.strip()]
        if earlier and earlier[0].role != "USER":
            raise ValueError("history must begin with the user: the service refuses another beginning")
        self._require(Phase.PREPARED)
        self.state = Phase.OPEN
        for message in earlier:
            self._put_text(message.role, message.text, interactive=False)
        self._put(
            wire.ContentStart(
                prompt_name=self._prompt,
                content_name=self._audio_name,
                type="AUDIO",
                interactive=True,
                role="USER",
                audio_input_configuration=wire.AudioInputConfiguration(),
            )
        )

    def encode_audio(self, pcm: bytes) -> bytes:
        """Return the event for one chunk of the user's audio (little-endian int16 mono, 16 kHz)."""
        return self._audio.encode(pcm)

    def send_text(self, text: str) -> None:
        """Put the user's written text into the conversation; a blank one is nothing."""
        self._require(Phase.OPEN)
        if text.strip():
            self._put_text("USER", text, interactive=True)

    def awaits(self, tool_use_id: str) -> bool:
        """Return whether a tool was requested on this stream and has not been answered."""
        return tool_use_id in self._awaited

    def send_tool_result(self, tool_use_id: str, result: object) -> None:
        """Answer a `ToolRequest` of this stream, once; `result` must be something that JSON can hold."""
        self._require(Phase.OPEN)
        if tool_use_id not in self._awaited:
            raise RuntimeError("expected the id of a tool request without a result; the service refuses another")
        block = wire.tool_result_block(self._prompt, self._new_name(), tool_use_id=tool_use_id, result=result)
        self._awaited.discard(tool_use_id)
        self._outgoing.append(block)

    def close(self) -> None:
        """End the session in order; nothing can be sent after it."""
        self._require(Phase.PREPARED, Phase.OPEN)
        if self.state is Phase.OPEN:
            self._put(wire.ContentEnd(prompt_name=self._prompt, content_name=self._audio_name))
        self.state = Phase.CLOSING
        self._put(wire.PromptEnd(prompt_name=self._prompt), wire.SessionEnd())

    def _require(self, *phases: Phase) -> None:
        if self.state not in phases:
            expected = " or ".join(phase.value for phase in phases)
            raise RuntimeError(f"expected a session that is {expected}, got one that is {self.state}")

    def _put(self, *events: wire._Input) -> None:
        self._outgoing.append(tuple(wire.encode(event) for event in events))

    def _put_text(self, role: wire.InputRole, text: str, *, interactive: bool) -> None:
        self._outgoing.append(
            wire.text_block(self._prompt, self._new_name(), role=role, text=text, interactive=interactive)
        )

    def _session_start(self) -> wire.SessionStart:
        config = self._config
        return wire.SessionStart(
            inference_configuration=wire.InferenceConfiguration(
                max_tokens=config.max_tokens, top_p=config.top_p, temperature=config.temperature
            ),
            turn_detection_configuration=wire.TurnDetectionConfiguration(endpointing_sensitivity=config.endpointing),
        )

    def _prompt_start(self) -> wire.PromptStart:
        return wire.PromptStart(
            prompt_name=self._prompt,
            text_output_configuration=wire.MediaType("text/plain"),
            audio_output_configuration=wire.AudioOutputConfiguration(voice_id=self._config.voice),
            tool_use_output_configuration=msgspec.UNSET if not self._tools else wire.MediaType("application/json"),
            tool_configuration=self._tools,
        )

    # --- what the service sends -------------------------------------------------------------------

    def accepted(self, session_id: str) -> list[SonicEvent]:
        """Take note that the service answered the request."""
        if self.state not in _LISTENING:
            return []
        self.session_id = self.session_id or session_id
        return [SessionOpened(session_id=self.session_id)]

    def ended(self) -> None:
        """Take note that the service ended the stream."""
        if self.state is Phase.CLOSING:
            self.state = Phase.CLOSED
        elif self.state in (Phase.PREPARED, Phase.OPEN):
            self.state = Failed(SonicClosedError("the service ended the stream while the session was open"))

    def fail(self, error: SonicError) -> None:
        """Take note that the stream failed; the first error stays."""
        if not isinstance(self.state, Failed) and self.state is not Phase.CLOSED:
            self.state = Failed(error)

    def receive(self, data: bytes) -> list[SonicEvent]:
        """Read one chunk of the stream and return what it means.

        A chunk that cannot be read moves the machine to `Failed` and returns nothing.
        """
        if self.state not in _LISTENING:
            return []
        try:
            return [event for output in wire.decode(data) for event in self._understand(output)]
        except SonicProtocolError as error:
            self.state = Failed(error)
            return []

    def _understand(self, output: wire.OutputEvent) -> list[SonicEvent]:
        match output:
            case wire.AudioOutput():
                return self._on_audio(output)
            case wire.TextOutput():
                return self._on_text(output)
            case wire.ContentStarted():
                return self._on_content_start(output)
            case wire.ContentEnded():
                return self._on_content_end(output)
            case wire.ToolUse():
                return self._on_tool_use(output)
            case wire.Usage():
                return self._on_usage(output.details)
            case wire.CompletionStart():
                self.session_id = output.session_id or self.session_id
                return []
            case wire.CompletionEnd():
                return self._end_turn(self._turns.number, output.stop_reason or "END_TURN")
            case wire.Unknown():
                return [UnknownReceived(kind=output.kind, payload=output.payload)]
            case _:
                assert_never(output)

    def _on_content_start(self, output: wire.ContentStarted) -> list[SonicEvent]:
        content = self._contents.setdefault(output.content_id, _Content(output.type))
        if content.begun:
            return []  # told twice
        has_spoken = content.type == "AUDIO" and content.turn > 0  # audio that overtook its beginning
        content.begun, content.type, content.role = True, output.type, output.role or ""
        content.stage = _stage(output.additional_model_fields)
        if content.role == "USER":
            return [TurnEnded(stop_reason="END_TURN")] if self._turns.user_speaks() else []
        if not has_spoken:
            content.turn = self._turn_of(content)
        return []

    def _turn_of(self, content: _Content) -> int:
        if content.type == "AUDIO":
            return self._turns.speak()
        if content.type == "TEXT" and content.stage == "speculative":
            return self._turns.promise()
        return self._turns.number

    def _content(self, content_id: str, type_: str, role: str) -> _Content:
        """Return the block that began as `content_id`; one that never began is taken for what its event says."""
        content = self._contents.get(content_id)
        if content is None:
            content = self._contents[content_id] = _Content(type_, role)
            content.turn = self._turn_of(content)
        return content

    def _on_text(self, output: wire.TextOutput) -> list[SonicEvent]:
        content = self._content(output.content_id, "TEXT", output.role or "")
        if content.role == "USER":
            return [UserText(text=output.content)]
        if _is_interruption(output.content):
            return self._interrupt(content.turn)
        return [AssistantText(text=output.content, stage=content.stage, content_id=output.content_id)]

    def _on_audio(self, output: wire.AudioOutput) -> list[SonicEvent]:
        if len(output.content) % 2:
            raise SonicProtocolError(f"audioOutput: expected whole int16 samples, got {len(output.content)} bytes")
        content = self._content(output.content_id, "AUDIO", "ASSISTANT")
        if self._turns.is_silenced(content.turn) or not output.content:
            return []
        return [AudioChunk(pcm=output.content, content_id=output.content_id)]

    def _on_tool_use(self, output: wire.ToolUse) -> list[SonicEvent]:
        content = self._content(output.content_id, "TOOL", "TOOL")
        if output.tool_use_id in self._requested:
            return []  # told twice
        self._requested.add(output.tool_use_id)
        self._awaited.add(output.tool_use_id)
        # Not before the block's end: a quick tool's result must not overtake the end of its request.
        if content.ended:
            return self._request(output)
        content.tools.append(output)
        return []

    def _request(self, use: wire.ToolUse) -> list[SonicEvent]:
        arguments = _arguments(use.content)
        if arguments is not None:
            return [ToolRequest(tool_use_id=use.tool_use_id, name=use.tool_name, arguments=arguments)]
        # Nobody but the model can mend this, so it is told at once and nobody else is bothered.
        if self.state is Phase.OPEN:
            complaint = {"error": "arguments: expected a JSON object, got something else; call the tool again"}
            self.send_tool_result(use.tool_use_id, complaint)
        return []

    def _on_content_end(self, output: wire.ContentEnded) -> list[SonicEvent]:
        content = self._contents.setdefault(output.content_id, _Content(output.type or "", turn=self._turns.number))
        events = [] if content.ended else self._end_content(content, output)
        if output.stop_reason == "INTERRUPTED" and content.role != "USER":
            events += self._interrupt(content.turn)
        return events

    def _end_content(self, content: _Content, output: wire.ContentEnded) -> list[SonicEvent]:
        content.ended = True
        events = [event for use in content.tools for event in self._request(use)]
        if content.type == "AUDIO":
            events.append(AudioEnded(content_id=output.content_id, stop_reason=output.stop_reason or ""))
            self._turns.fall_silent(content.turn, for_good=output.stop_reason == "END_TURN")
        elif content.type == "TEXT" and content.stage == "final" and output.stop_reason == "END_TURN":
            events += self._end_turn(content.turn, "END_TURN")
        return events

    def _interrupt(self, turn: int) -> list[SonicEvent]:
        """Silence `turn`; only the first telling of it, and only while no later turn has begun, is an event."""
        is_news = self._turns.interrupt(turn)
        return [*([Interrupted()] if is_news else []), *self._end_turn(turn, "INTERRUPTED")]

    def _end_turn(self, turn: int, stop_reason: str) -> list[SonicEvent]:
        return [TurnEnded(stop_reason=stop_reason)] if self._turns.end(turn) else []

    def _on_usage(self, details: wire.UsageDetails) -> list[SonicEvent]:
        if details.total is not None:
            self._used = self._used.at_least(_reported(details.total))
        elif details.delta is not None:
            self._used = self._used + _reported(details.delta)
        else:
            return []
        return [self._used]


#: Sent when a stream broke in the middle of an answer; the next one knows how far it came.
CONTINUE = "You were cut off in the middle of your answer. Go on from where you stopped, and repeat nothing."


def announcement(text: str) -> str:
    """Return the words that make the model say `text`: cross-modal input has no other way (``sonic-cross-modal``)."""
    return f'Say exactly this to the user, and nothing else: "{text}"'


def system_prompt(config: SonicConfig) -> str:
    """Return the SYSTEM prompt: the instructions, and the language when the voice speaks more than one.

    No event sets a language; it is asked for in words (Nova user guide, ``prompting-speech-voice-language``).
    """
    instructions = config.instructions if config.instructions.strip() else ""
    if config.language is None or not capabilities.has_a_choice(config.model_id, config.voice):
        return instructions
    language = capabilities.LANGUAGES[config.language]
    return f"{instructions} Always speak {language}, whatever language the user speaks.".lstrip()


def _reported(counts: wire.TokenCounts) -> UsageReported:
    return UsageReported(
        input_speech_tokens=counts.input.speech_tokens,
        input_text_tokens=counts.input.text_tokens,
        output_speech_tokens=counts.output.speech_tokens,
        output_text_tokens=counts.output.text_tokens,
    )


def _stage(fields: Any) -> Stage:
    """Return the stage that is told in a JSON string inside the event; FINAL when it is not told."""
    if isinstance(fields, str):
        fields = _parse(fields)
    told = fields.get("generationStage") if isinstance(fields, dict) else None
    return "speculative" if isinstance(told, str) and told.strip().upper() == "SPECULATIVE" else "final"


def _is_interruption(text: str) -> bool:
    """Say whether a text is the marker ``{ "interrupted" : true }``, whatever its spaces."""
    if not text.lstrip().startswith("{"):
        return False
    marker = _parse(text)
    return isinstance(marker, dict) and marker.get("interrupted") is True


def _arguments(value: Any) -> dict[str, Any] | None:
    """Return the arguments of a tool call; the model sometimes wraps the JSON in a string, once or twice.

    None stands for something that is no object; no arguments at all are an empty one.
    """
    for _ in range(3):
        if value is None or (isinstance(value, str) and not value.strip()):
            return {}
        if isinstance(value, str):
            value = _parse(value, or_else=())
    return value if isinstance(value, dict) else None


def _parse(text: str, or_else: Any = None) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return or_else
