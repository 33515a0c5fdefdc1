"""What happens in a call, typed.

The same structs are what :meth:`sonicrtc.call.Call.events` yields and what travels as JSON on the
data channel ``kvsDataChannel``, told apart by their member ``type``. The page's TypeScript types
are generated from them (``python -m sonicrtc.events`` prints the JSON Schema).
"""

from __future__ import annotations

from typing import Any, Literal

try:
    import msgspec
except ModuleNotFoundError as exc:  # pragma: no cover - seen by the base-install test
    from sonicrtc.errors import MissingExtraError

    raise MissingExtraError("calls need the extra: pip install 'sonicrtc[server]'") from exc

from sonicrtc.errors import MessageError

#: Largest data-channel message that is read or sent, in bytes of UTF-8.
MAX_MESSAGE_BYTES = 16 * 1024

Role = Literal["user", "assistant"]


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=False):
    #: Milliseconds since the call was connected.
    at_ms: float = 0.0


class VoiceInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A voice of the model."""

    name: str
    #: Codes of what it was made for, e.g. ``["en-IN", "hi-IN"]``.
    languages: tuple[str, ...]
    #: It speaks the other voices' languages, too.
    polyglot: bool = False


class LanguageInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A language that the model speaks."""

    code: str
    #: For people.
    name: str


class SessionEvent(_Event, frozen=True, kw_only=True, tag="session"):
    """The call is up; sent first."""

    call_id: str
    #: ``sonic``: a model answers. ``loopback``: the caller's own audio comes back.
    mode: Literal["sonic", "loopback"]
    model_id: str
    voice: str
    endpointing: str
    #: Documented pause after speech at which the model ends the user's turn; 0 in loopback.
    endpoint_ms: int
    #: What is spoken now, e.g. ``"en-US"``; empty where a polyglot voice follows whoever speaks to it.
    language: str = ""
    #: All that the model offers; nothing in loopback.
    voices: tuple[VoiceInfo, ...] = ()
    languages: tuple[LanguageInfo, ...] = ()
    #: The members of a `SettingsMessage` that this page may use.
    may_change: tuple[str, ...] = ()
    #: The agent speaks first.
    greets: bool = False


class ModelEvent(_Event, frozen=True, kw_only=True, tag="model"):
    """The model's stream broke and is being replaced, or another one carries the conversation now.

    The conversation goes on either way; ``ready`` also tells that changed settings hold from here on.
    """

    status: Literal["ready", "recovering"]
    #: Number of the stream in this call, from 1: the new one, or the one that broke.
    stream: int
    voice: str
    language: str
    #: Why it is recovering: the error's code, and words for a person to read.
    code: str = ""
    message: str = ""


class TranscriptEvent(_Event, frozen=True, kw_only=True, tag="transcript"):
    """A piece of what was said.

    The assistant's sentence comes twice: ``speculative`` before it is spoken (show it) and
    ``final`` after (store it). The user's comes once, ``final``; should it come again with the same
    turn, it takes the place of the one before.
    """

    role: Role
    stage: Literal["speculative", "final"]
    text: str
    #: Number of the turn in this call, from 1.
    turn: int


class SpeakingEvent(_Event, frozen=True, kw_only=True, tag="speaking"):
    """Somebody started or stopped speaking."""

    role: Role
    active: bool


class InterruptedEvent(_Event, frozen=True, kw_only=True, tag="interrupted"):
    """The user broke in; the rest of the assistant's turn was thrown away."""

    turn: int
    #: How much of the turn's audio was really played, in ms.
    played_ms: float
    #: From where the user's voice began to where the assistant was made quieter, in ms; None when the
    #: assist did not hear it begin.
    duck_ms: float | None = None
    #: From there to where the rest was thrown away, in ms.
    flush_ms: float | None = None


class ToolEvent(_Event, frozen=True, kw_only=True, tag="tool"):
    """A tool call began or ended.

    ``confirming``: it did not act, the user is asked first. ``cancelled``: the call ended before it.
    """

    tool_use_id: str
    name: str
    status: Literal["started", "succeeded", "failed", "confirming", "cancelled"]
    arguments: dict[str, Any] = {}
    #: Result or error, as told to the model; None while it runs.
    result: Any = None
    duration_ms: float = 0.0


class HandOverEvent(_Event, frozen=True, kw_only=True, tag="hand_over"):
    """The agent wants a person to take over; the call goes on until somebody ends it."""

    #: Why, and what that person should know, in the agent's words.
    reason: str
    summary: str = ""


class UsageEvent(_Event, frozen=True, kw_only=True, tag="usage"):
    """Tokens used by this call so far (totals, not differences)."""

    input_speech_tokens: int = 0
    input_text_tokens: int = 0
    output_speech_tokens: int = 0
    output_text_tokens: int = 0


class TimingEvent(_Event, frozen=True, kw_only=True, tag="timing"):
    """Where a turn's time went: one mark per station, in ms since the call was connected.

    A mark is None when that station was not passed in this turn.
    """

    turn: int
    user_speech_end_ms: float | None = None
    user_text_ms: float | None = None
    first_audio_received_ms: float | None = None
    first_audio_played_ms: float | None = None


class ErrorEvent(_Event, frozen=True, kw_only=True, tag="error"):
    """Something went wrong; `message` is for a person to read."""

    code: str
    message: str
    retryable: bool = False


class AppEvent(_Event, frozen=True, kw_only=True, tag="app"):
    """A message between the page and the application, in either direction."""

    kind: str
    data: Any = None


class EndedEvent(_Event, frozen=True, kw_only=True, tag="ended"):
    """The call is over; sent last."""

    reason: Literal["hangup", "peer_left", "drained", "error"]


class DeviceStateEvent(_Event, frozen=True, kw_only=True, tag="device.state"):
    """A device of the application: each one when the call begins, then whatever changes."""

    #: Its name for a `DeviceSwitchMessage`, e.g. ``"kitchen/oven"``.
    device: str
    room: str
    #: What it is, e.g. ``"light"``; the page draws the kinds that it knows with switches of their own.
    kind: str
    #: It can be reached. What is told of one that cannot is what was last known.
    online: bool
    state: dict[str, Any] = {}


class DeviceSwitchedEvent(_Event, frozen=True, kw_only=True, tag="device.switched"):
    """The page's switch was obeyed, or not."""

    device: str
    #: Why not; empty when it was.
    problem: str = ""


class DeviceSwitchMessage(_Event, frozen=True, kw_only=True, tag="device.switch"):
    """Page to server: the user moved a switch."""

    device: str
    #: What is to change, e.g. ``{"on": true}``.
    change: dict[str, Any]


class TextMessage(_Event, frozen=True, kw_only=True, tag="text"):
    """Page to server: the user typed something for the model."""

    text: str


class Settings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a page may wish of the model, where the server allows it; None leaves a setting as it is.

    An offer may carry it as its member ``settings``: it then holds from the first word on.
    """

    voice: str | None = None
    #: ``""`` leaves it to the voice.
    language: str | None = None
    instructions: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    endpointing: str | None = None


class SettingsMessage(Settings, frozen=True, kw_only=True, tag="settings", tag_field="type"):
    """Page to server: wish for other settings, which hold from the model's next stream on."""

    at_ms: float = 0.0


class HangUpMessage(_Event, frozen=True, kw_only=True, tag="hangup"):
    """Page to server: end the call."""


class UnknownEvent(_Event, frozen=True, kw_only=True, tag="unknown"):
    """A message of a kind that this version does not know, surfaced rather than dropped."""

    kind: str
    data: Any = None


ServerEvent = (
    SessionEvent
    | TranscriptEvent
    | SpeakingEvent
    | InterruptedEvent
    | ToolEvent
    | UsageEvent
    | TimingEvent
    | ErrorEvent
    | AppEvent
    | ModelEvent
    | HandOverEvent
    | DeviceStateEvent
    | DeviceSwitchedEvent
    | EndedEvent
)
ClientMessage = TextMessage | AppEvent | SettingsMessage | DeviceSwitchMessage | HangUpMessage
#: What ``Call.events()`` yields.
Event = ServerEvent | TextMessage | SettingsMessage | DeviceSwitchMessage | UnknownEvent

_encoder = msgspec.json.Encoder()
_client_decoder: msgspec.json.Decoder[ClientMessage] = msgspec.json.Decoder(ClientMessage)
_server_decoder: msgspec.json.Decoder[ServerEvent] = msgspec.json.Decoder(ServerEvent)


class _Tagged(msgspec.Struct):
    type: str


_tag_decoder = msgspec.json.Decoder(_Tagged)


def encode(message: ServerEvent | ClientMessage) -> str:
    """Return `message` as the JSON text that travels on the data channel.

    Raises
    ------
    MessageError
        It is larger than :data:`MAX_MESSAGE_BYTES`, or holds data that JSON cannot.
    """
    try:
        data = _encoder.encode(message)
    except (TypeError, ValueError, RecursionError) as exc:
        raise MessageError(f"message cannot be written as JSON: {exc}") from exc
    if len(data) > MAX_MESSAGE_BYTES:
        raise MessageError(f"message: expected at most {MAX_MESSAGE_BYTES} bytes, got {len(data)}")
    return data.decode()


def decode_client(message: str | bytes) -> ClientMessage | UnknownEvent:
    """Read a message that the page sent."""
    return _decode(message, _client_decoder, ("text", "app", "settings", "device.switch", "hangup"))


def decode_server(message: str | bytes) -> ServerEvent | UnknownEvent:
    """Read a message that the server sent."""
    known = (
        "session", "transcript", "speaking", "interrupted", "tool", "usage", "timing", "error", "app", "model",
        "hand_over", "device.state", "device.switched", "ended",
    )  # fmt: skip
    return _decode(message, _server_decoder, known)


def read_settings(wish: object) -> Settings:
    """Read the member ``settings`` of an offer.

    Raises
    ------
    MessageError
        It is not what was expected.
    """
    try:
        return msgspec.convert(wish, Settings)
    except msgspec.ValidationError as exc:
        raise MessageError(f"the offer's settings are not what was expected: {exc}") from exc


def _decode[T](message: str | bytes, decoder: msgspec.json.Decoder[T], known: tuple[str, ...]) -> T | UnknownEvent:
    data = message.encode() if isinstance(message, str) else message
    if len(data) > MAX_MESSAGE_BYTES:
        raise MessageError(f"message: expected at most {MAX_MESSAGE_BYTES} bytes, got {len(data)}")
    try:
        kind = _tag_decoder.decode(data).type
        if kind not in known:
            return UnknownEvent(kind=kind, data=msgspec.json.decode(data))
        return decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise MessageError(f"message is not what was expected: {exc}") from exc


def json_schema() -> dict[str, Any]:
    """Return one JSON Schema with every message of the data channel under ``$defs``."""
    (server, client), defs = msgspec.json.schema_components((ServerEvent, ClientMessage), ref_template="#/$defs/{name}")
    return {"$defs": {**defs, "ServerEvent": server, "ClientMessage": client}}


if __name__ == "__main__":
    print(msgspec.json.format(msgspec.json.encode(json_schema()), indent=2).decode())
