"""Nova Sonic events as they travel: one struct per event, and the bytes they become.

Source: Nova 2 user guide, pages ``sonic-input-events`` and ``sonic-output-events``. Unknown fields are
ignored; an event of a kind that this version does not know is returned as :class:`Unknown`.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from sonicrtc.errors import ConfigError, MissingExtraError, SonicProtocolError

try:
    import msgspec
    from msgspec import UNSET, UnsetType
except ModuleNotFoundError as exc:  # pragma: no cover - seen by the base-install test
    raise MissingExtraError("the Sonic session needs the extra: pip install 'sonicrtc[server]'") from exc

#: Rate of the audio that we send, in Hz.
INPUT_RATE_HZ = 16_000
#: Rate of the audio that the model sends, in Hz.
OUTPUT_RATE_HZ = 24_000

_TEXT_PIECE_BYTES = 4000  # a single 32 kB textInput was rejected; pieces of this size are in production


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """A tool that the model may call.

    Parameters
    ----------
    name, description : str
        What the model sees.
    input_schema : dict
        JSON Schema of the arguments, an object.
    """

    name: str
    description: str
    input_schema: dict[str, Any]


InputRole = Literal["SYSTEM", "SYSTEM_SPEECH", "USER", "ASSISTANT", "TOOL"]
Sensitivity = Literal["HIGH", "MEDIUM", "LOW"]


# --- input events ---------------------------------------------------------------------------------


class _Input(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    kind: ClassVar[str]


class InferenceConfiguration(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    max_tokens: int
    top_p: float
    temperature: float


class TurnDetectionConfiguration(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    endpointing_sensitivity: Sensitivity


class SessionStart(_Input, frozen=True, kw_only=True):
    kind: ClassVar[str] = "sessionStart"
    inference_configuration: InferenceConfiguration
    turn_detection_configuration: TurnDetectionConfiguration


class MediaType(msgspec.Struct, frozen=True, rename="camel"):
    media_type: str


class AudioOutputConfiguration(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    media_type: str = "audio/lpcm"
    sample_rate_hertz: int = OUTPUT_RATE_HZ
    sample_size_bits: int = 16
    channel_count: int = 1
    voice_id: str
    encoding: str = "base64"
    audio_type: str = "SPEECH"


class AudioInputConfiguration(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    media_type: str = "audio/lpcm"
    sample_rate_hertz: int = INPUT_RATE_HZ
    sample_size_bits: int = 16
    channel_count: int = 1
    audio_type: str = "SPEECH"
    encoding: str = "base64"


class InputSchema(msgspec.Struct, frozen=True):
    json: str


class ToolDefinition(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    name: str
    description: str
    input_schema: InputSchema


class ToolEntry(msgspec.Struct, frozen=True, rename="camel"):
    tool_spec: ToolDefinition


class ToolConfiguration(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    tools: list[ToolEntry]
    tool_choice: dict[str, dict[str, str]]


class PromptStart(_Input, frozen=True, kw_only=True):
    kind: ClassVar[str] = "promptStart"
    prompt_name: str
    text_output_configuration: MediaType
    audio_output_configuration: AudioOutputConfiguration
    tool_use_output_configuration: MediaType | UnsetType = UNSET
    tool_configuration: ToolConfiguration | UnsetType = UNSET


class ToolResultInputConfiguration(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    tool_use_id: str
    type: str = "TEXT"
    text_input_configuration: MediaType = MediaType("text/plain")


class ContentStart(_Input, frozen=True, kw_only=True):
    kind: ClassVar[str] = "contentStart"
    prompt_name: str
    content_name: str
    type: Literal["TEXT", "AUDIO", "TOOL"]
    interactive: bool
    role: InputRole
    text_input_configuration: MediaType | UnsetType = UNSET
    audio_input_configuration: AudioInputConfiguration | UnsetType = UNSET
    tool_result_input_configuration: ToolResultInputConfiguration | UnsetType = UNSET


class TextInput(_Input, frozen=True, kw_only=True):
    kind: ClassVar[str] = "textInput"
    prompt_name: str
    content_name: str
    content: str


class ToolResult(_Input, frozen=True, kw_only=True):
    kind: ClassVar[str] = "toolResult"
    prompt_name: str
    content_name: str
    content: str


class ContentEnd(_Input, frozen=True, kw_only=True):
    kind: ClassVar[str] = "contentEnd"
    prompt_name: str
    content_name: str


class PromptEnd(_Input, frozen=True, kw_only=True):
    kind: ClassVar[str] = "promptEnd"
    prompt_name: str


class SessionEnd(_Input, frozen=True, kw_only=True):
    kind: ClassVar[str] = "sessionEnd"


_encoder = msgspec.json.Encoder()


def encode(event: _Input) -> bytes:
    """Return `event` as the JSON that goes into one chunk of the stream."""
    return b'{"event":{"%s":%s}}' % (event.kind.encode(), _encoder.encode(event))


class AudioInputEncoder:
    """Writes ``audioInput`` events of one audio block; only the audio itself is encoded each time."""

    def __init__(self, prompt_name: str, content_name: str) -> None:
        names = _encoder.encode(prompt_name), _encoder.encode(content_name)
        self._prefix = b'{"event":{"audioInput":{"promptName":%s,"contentName":%s,"content":"' % names

    def encode(self, pcm: bytes) -> bytes:
        """Return the event for `pcm`, little-endian int16 mono at 16 kHz."""
        return b'%s%s"}}}' % (self._prefix, b2a_base64(pcm, newline=False))


def text_block(
    prompt_name: str,
    content_name: str,
    *,
    role: InputRole,
    text: str,
    interactive: bool,
) -> tuple[bytes, ...]:
    """Return a whole TEXT block; a long text is split over several ``textInput`` events."""
    start = ContentStart(
        prompt_name=prompt_name,
        content_name=content_name,
        type="TEXT",
        interactive=interactive,
        role=role,
        text_input_configuration=MediaType("text/plain"),
    )
    pieces = [
        TextInput(prompt_name=prompt_name, content_name=content_name, content=piece) for piece in split_text(text)
    ]
    end = ContentEnd(prompt_name=prompt_name, content_name=content_name)
    return tuple(encode(event) for event in (start, *pieces, end))


def tool_result_block(prompt_name: str, content_name: str, *, tool_use_id: str, result: object) -> tuple[bytes, ...]:
    """Return a whole TOOL block.

    `result` becomes a JSON object in a string, because anything else ends the stream with "Tool Response parsing
    error"; one that is no object is wrapped as ``{"result": ...}``.
    """
    start = ContentStart(
        prompt_name=prompt_name,
        content_name=content_name,
        type="TOOL",
        interactive=False,
        role="TOOL",
        tool_result_input_configuration=ToolResultInputConfiguration(tool_use_id=tool_use_id),
    )
    data = _encoder.encode(result)
    content = (data if data.startswith(b"{") else b'{"result":%s}' % data).decode()
    return tuple(
        encode(event)
        for event in (
            start,
            ToolResult(prompt_name=prompt_name, content_name=content_name, content=content),
            ContentEnd(prompt_name=prompt_name, content_name=content_name),
        )
    )


def tool_configuration(tools: Sequence[ToolSpec], choice: str) -> ToolConfiguration:
    """Return the wire form of `tools`, their schemas as JSON strings (``sonic-tool-configuration``).

    Parameters
    ----------
    tools : sequence of ToolSpec
        What the model may call.
    choice : str
        ``"auto"``, ``"any"``, or the name of the tool that it has to call.

    Raises
    ------
    ConfigError
        `choice` is none of these.
    """
    names = [tool.name for tool in tools]
    if choice in ("auto", "any"):
        tool_choice: dict[str, dict[str, str]] = {choice: {}}
    elif choice in names:
        tool_choice = {"tool": {"name": choice}}
    else:
        raise ConfigError(f"tool_choice: expected one of {', '.join(['auto', 'any', *names])}, got {choice!r}")
    return ToolConfiguration(
        tools=[
            ToolEntry(
                ToolDefinition(
                    name=tool.name,
                    description=tool.description,
                    input_schema=InputSchema(_encoder.encode(tool.input_schema).decode()),
                )
            )
            for tool in tools
        ],
        tool_choice=tool_choice,
    )


def split_text(text: str, limit_bytes: int = _TEXT_PIECE_BYTES) -> list[str]:
    """Cut `text` into pieces of at most `limit_bytes` (4 or more) of UTF-8, at spaces where there are any."""
    pieces: list[str] = []
    data = text.encode("utf-8", "replace")  # half a surrogate pair is nothing that JSON could carry
    while len(data) > limit_bytes:
        cut = limit_bytes
        while cut > 0 and data[cut] & 0xC0 == 0x80:  # never inside a character
            cut -= 1
        space = data.rfind(b" ", cut // 2, cut)
        cut = space + 1 if space >= 0 else cut
        pieces.append(data[:cut].decode())
        data = data[cut:]
    pieces.append(data.decode())
    return pieces


# --- output events --------------------------------------------------------------------------------


class _Output(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    pass


class CompletionStart(_Output, frozen=True, kw_only=True):
    session_id: str | None = None
    completion_id: str | None = None


class ContentStarted(_Output, frozen=True, kw_only=True):
    content_id: str
    type: str
    role: str | None = None
    additional_model_fields: Any = None  # a JSON string; whatever else it is, it must not end a call


class TextOutput(_Output, frozen=True, kw_only=True):
    content_id: str
    content: str
    role: str | None = None


class AudioOutput(_Output, frozen=True, kw_only=True):
    content_id: str
    content: bytes  # msgspec reads base64 here, so that ours is one pass


class ToolUse(_Output, frozen=True, kw_only=True):
    content_id: str
    tool_name: str
    tool_use_id: str
    content: Any = None  # the arguments, a JSON string


class ContentEnded(_Output, frozen=True, kw_only=True):
    content_id: str
    type: str | None = None
    stop_reason: str | None = None


class CompletionEnd(_Output, frozen=True, kw_only=True):
    stop_reason: str | None = None


class Tokens(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    speech_tokens: int = 0
    text_tokens: int = 0


class TokenCounts(msgspec.Struct, frozen=True, kw_only=True):
    input: Tokens = Tokens()
    output: Tokens = Tokens()


class UsageDetails(msgspec.Struct, frozen=True, kw_only=True):
    """`delta` is what this event adds, `total` what the session has used: of many events, add up one of them."""

    delta: TokenCounts | None = None
    total: TokenCounts | None = None


class Usage(_Output, frozen=True, kw_only=True):
    total_input_tokens: int = 0
    total_output_tokens: int = 0
    total_tokens: int = 0
    details: UsageDetails = UsageDetails()


class Unknown(_Output, frozen=True, kw_only=True):
    """An event of a kind that this version does not know."""

    kind: str
    payload: Any = None


OutputEvent = (
    CompletionStart
    | ContentStarted
    | TextOutput
    | AudioOutput
    | ToolUse
    | ContentEnded
    | CompletionEnd
    | Usage
    | Unknown
)


class _Members(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    audio_output: AudioOutput | UnsetType = UNSET
    text_output: TextOutput | UnsetType = UNSET
    content_start: ContentStarted | UnsetType = UNSET
    content_end: ContentEnded | UnsetType = UNSET
    tool_use: ToolUse | UnsetType = UNSET
    usage_event: Usage | UnsetType = UNSET
    completion_start: CompletionStart | UnsetType = UNSET
    completion_end: CompletionEnd | UnsetType = UNSET


class _Envelope(msgspec.Struct, frozen=True):
    event: _Members


class _LooseEnvelope(msgspec.Struct, frozen=True):
    event: dict[str, Any]


_decoder = msgspec.json.Decoder(_Envelope)
_loose_decoder = msgspec.json.Decoder(_LooseEnvelope)


def decode(data: bytes) -> list[OutputEvent]:
    """Read what one chunk of the stream holds: one event, as far as is known.

    Raises
    ------
    SonicProtocolError
        It is not JSON, or a member that we need is missing or of the wrong type; the message has its path.
    """
    try:
        members = _decoder.decode(data).event
        events: list[OutputEvent] = [
            event for name in members.__struct_fields__ if (event := getattr(members, name)) is not UNSET
        ]
        if events:
            return events
        return [Unknown(kind=kind, payload=payload) for kind, payload in _loose_decoder.decode(data).event.items()]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise SonicProtocolError(f"the service sent an event that cannot be read: {exc}") from exc
