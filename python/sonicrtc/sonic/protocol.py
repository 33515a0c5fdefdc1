"""The Nova Sonic protocol as a machine without I/O: calls in, bytes out; bytes in, typed events out.

Names of prompts and contents come from `new_name`; there is no clock. What the service sends never raises:
the machine moves to :class:`Failed`. Misuse by our own code raises ``RuntimeError``.

Order (Nova 2 user guide, ``sonic-input-events``): sessionStart, promptStart, SYSTEM text, history, the one
audio block; then audio, text blocks and tool results as they come; contentEnd(audio), promptEnd, sessionEnd.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, assert_never

from sonicrtc.config import SonicConfig
from sonicrtc.errors import MissingExtraError, SonicClosedError, SonicError, SonicProtocolError, SonicRtcError
from sonicrtc.sonic import wire
from sonicrtc.sonic.history import Message
from sonicrtc.sonic.wire import ToolSpec

try:
    import msgspec
except ModuleNotFoundError as exc:  # pragma: no cover - wire.py has said so already
    raise MissingExtraError("the Sonic session needs the extra: pip install 'sonicrtc[server]'") from exc

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
    """What the assistant is going to say (`speculative`) or has said (`final`)."""

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
        return UsageReported(
            input_speech_tokens=self.input_speech_tokens + other.input_speech_tokens,
            input_text_tokens=self.input_text_tokens + other.input_text_tokens,
            output_speech_tokens=self.output_speech_tokens + other.output_speech_tokens,
            output_text_tokens=self.output_text_tokens + other.output_text_tokens,
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


class Phase(enum.Enum):
    """Where a session is in its life."""

    IDLE = "idle"
    PREPARED = "prepared"
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Failed:
    """The end state after a mistake of the service or a lost stream."""

    error: SonicError


State = Phase | Failed


@dataclass(slots=True)
class _Content:
    """A block of output that has begun."""

    type: str
    role: str
    stage: Stage
    dropped: bool = False
    tool: ToolRequest | None = None


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
        self._config = config
        self._tools = tuple(tools)
        self._new_name = new_name
        self._prompt = new_name()
        self._audio_name = new_name()
        self._audio = wire.AudioInputEncoder(self._prompt, self._audio_name)
        self._outgoing: deque[tuple[bytes, ...]] = deque()
        self._contents: dict[str, _Content] = {}
        self._interrupted = False
        self._turn_open = False
        self._speech_ended_turn = False
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
        if self._config.instructions.strip():
            self._put_text("SYSTEM", self._config.instructions, interactive=False)

    def begin(self, history: Sequence[Message] = ()) -> None:
        """Repeat an earlier conversation and open the audio block: the model listens from now on.

        Parameters
        ----------
        history : sequence of Message
            Must start with the user.
        """
        if history and history[0].role != "USER":
            raise ValueError("history must begin with the user: the service refuses another beginning")
        self._require(Phase.PREPARED)
        self.state = Phase.OPEN
        for message in history:
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

    def send_tool_result(self, tool_use_id: str, result: object) -> None:
        """Answer a `ToolRequest`; `result` must be something that JSON can hold."""
        self._require(Phase.OPEN)
        block = wire.tool_result_block(self._prompt, self._new_name(), tool_use_id=tool_use_id, result=result)
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

    def _put_text(self, role: Literal["SYSTEM", "USER", "ASSISTANT"], text: str, *, interactive: bool) -> None:
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
        start = wire.PromptStart(
            prompt_name=self._prompt,
            text_output_configuration=wire.MediaType("text/plain"),
            audio_output_configuration=wire.AudioOutputConfiguration(voice_id=self._config.voice),
        )
        if not self._tools:
            return start
        return msgspec.structs.replace(
            start,
            tool_use_output_configuration=wire.MediaType("application/json"),
            tool_configuration=wire.tool_configuration(self._tools),
        )

    # --- what the service sends -------------------------------------------------------------------

    def accepted(self, session_id: str) -> list[SonicEvent]:
        """Take note that the service answered the request."""
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
        if self.state not in (Phase.PREPARED, Phase.OPEN, Phase.CLOSING):
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
                total = output.details.total
                return [
                    UsageReported(
                        input_speech_tokens=total.input.speech_tokens,
                        input_text_tokens=total.input.text_tokens,
                        output_speech_tokens=total.output.speech_tokens,
                        output_text_tokens=total.output.text_tokens,
                    )
                ]
            case wire.CompletionStart():
                self.session_id = output.session_id or self.session_id
                return []
            case wire.CompletionEnd():
                return self._end_turn(output.stop_reason or "END_TURN") if self._speech_ended_turn else []
            case wire.Unknown():
                return [UnknownReceived(kind=output.kind, payload=output.payload)]
            case _:
                assert_never(output)

    def _on_content_start(self, output: wire.ContentStarted) -> list[SonicEvent]:
        content = _Content(output.type, output.role, _stage(output.additional_model_fields))
        self._contents[output.content_id] = content
        if content.role == "USER":
            self._interrupted = False
            return self._end_turn("END_TURN") if self._speech_ended_turn else []
        if content.type == "AUDIO" or (content.type == "TEXT" and content.stage == "speculative"):
            self._interrupted = False
            self._turn_open = True
        return []

    def _content(self, content_id: str, type_: str, role: str) -> _Content:
        """Return the block that began as `content_id`; one that never began is taken for what its event says."""
        return self._contents.setdefault(content_id, _Content(type_, role, "final"))

    def _on_text(self, output: wire.TextOutput) -> list[SonicEvent]:
        content = self._content(output.content_id, "TEXT", output.role)
        if content.role == "USER":
            return [UserText(text=output.content)]
        if _is_interruption(output.content):
            return self._interrupt()
        return [AssistantText(text=output.content, stage=content.stage, content_id=output.content_id)]

    def _on_audio(self, output: wire.AudioOutput) -> list[SonicEvent]:
        if len(output.content) % 2:
            raise SonicProtocolError(f"audioOutput: expected whole int16 samples, got {len(output.content)} bytes")
        if self._content(output.content_id, "AUDIO", "ASSISTANT").dropped or not output.content:
            return []
        return [AudioChunk(pcm=output.content, content_id=output.content_id)]

    def _on_tool_use(self, output: wire.ToolUse) -> list[SonicEvent]:
        content = self._content(output.content_id, "TOOL", "TOOL")
        arguments = _arguments(output.content)
        if arguments is None:
            # Nobody but the model can mend this, so it is told at once and nobody else is bothered.
            if self.state is Phase.OPEN:
                complaint = {"error": "arguments: expected a JSON object, got something else; call the tool again"}
                self.send_tool_result(output.tool_use_id, complaint)
            return []
        content.tool = ToolRequest(tool_use_id=output.tool_use_id, name=output.tool_name, arguments=arguments)
        return []

    def _on_content_end(self, output: wire.ContentEnded) -> list[SonicEvent]:
        content = self._contents.pop(output.content_id, None) or _Content(output.type, "", "final")
        events: list[SonicEvent] = []
        if content.tool is not None:
            # Not before: a quick tool's result must not overtake the end of its request.
            events.append(content.tool)
        if content.type == "AUDIO":
            events.append(AudioEnded(content_id=output.content_id, stop_reason=output.stop_reason))
            self._speech_ended_turn = self._turn_open and output.stop_reason == "END_TURN"
        if output.stop_reason == "INTERRUPTED":
            events += self._interrupt()
        elif output.stop_reason == "END_TURN" and content.type == "TEXT" and content.stage == "final":
            events += self._end_turn("END_TURN")
        return events

    def _interrupt(self) -> list[SonicEvent]:
        if self._interrupted:
            return []
        self._interrupted = True
        for content in self._contents.values():
            content.dropped = content.dropped or content.type == "AUDIO"
        return [Interrupted(), *self._end_turn("INTERRUPTED")]

    def _end_turn(self, stop_reason: str) -> list[SonicEvent]:
        was_open, self._turn_open, self._speech_ended_turn = self._turn_open, False, False
        return [TurnEnded(stop_reason=stop_reason)] if was_open else []


#: Sent when a stream broke in the middle of an answer; the next one knows how far it came.
CONTINUE = "You were cut off in the middle of your answer. Go on from where you stopped, and repeat nothing."


def announcement(text: str) -> str:
    """Return the words that make the model say `text`: cross-modal input has no other way (``sonic-cross-modal``)."""
    return f'Say exactly this to the user, and nothing else: "{text}"'


def _stage(additional_model_fields: str | None) -> Stage:
    """Return the stage that is told in a JSON string inside the event; FINAL when it is not told."""
    fields = _parse(additional_model_fields or "")
    if isinstance(fields, dict) and fields.get("generationStage") == "SPECULATIVE":
        return "speculative"
    return "final"


def _is_interruption(text: str) -> bool:
    """Say whether a text is the marker ``{ "interrupted" : true }``, whatever its spaces."""
    if not text.lstrip().startswith("{"):
        return False
    marker = _parse(text)
    return isinstance(marker, dict) and marker.get("interrupted") is True


def _arguments(text: str) -> dict[str, Any] | None:
    """Return the arguments of a tool call; the model sometimes wraps the JSON in a string, once or twice."""
    value: Any = text
    for _ in range(3):
        if not isinstance(value, str):
            break
        value = _parse(value) if value.strip() else {}
    return value if isinstance(value, dict) else None


def _parse(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
