"""Holds a client to the documented order of input events. No I/O, and the clock is an argument.

Sources, all in the Nova 2 user guide: ``sonic-input-events`` (order, names, closing),
``sonic-chat-history`` and ``doc-history`` (history), ``sonic-cross-modal``,
``sonic-tool-configuration``, ``sonic-async-tools``; session length: API reference of
``InvokeModelWithBidirectionalStream``. Every error begins with a text that the service is known to
send, by which clients tell one from another; what was wrong follows in brackets, which the service
does not say.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sonicrtc.local.sonic.brain import (
    BrainInput,
    SessionSetup,
    ToolDefinition,
    ToolResult,
    UserAudio,
    UserText,
)
from sonicrtc.local.sonic.catalogue import MODELS
from sonicrtc.local.sonic.shapes import INPUT_EVENTS, flaw, read_audio

__all__ = ["AudioOpened", "Failed", "InputEnded", "Limits", "Outcome", "PromptEnded", "Referee", "SessionEnded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long a session may last, and how much history it may bring.

    Parameters
    ----------
    session_s : float
        Length of a stream, in seconds (API reference: 8 minutes).
    idle_s : float
        Longest time without audio and interactive text, in seconds. The service changed it over
        time; 55, 175 and 295 were seen.
    history_message_bytes, history_bytes : int
        One message of the history and all of it, in UTF-8. The default is that of ``doc-history``
        (2026-06-22); page ``sonic-chat-history`` still says 1 KB and 40 KB.
    text_event_bytes : int
        One ``textInput`` outside the history is shorter than this.
    """

    session_s: float = 480.0
    idle_s: float = 55.0
    history_message_bytes: int = 50 * 1024
    history_bytes: int = 200 * 1024
    text_event_bytes: int = 32 * 1024


@dataclass(frozen=True, slots=True)
class AudioOpened:
    """The user's audio block is open: the conversation can begin."""

    prompt_name: str
    setup: SessionSetup


@dataclass(frozen=True, slots=True)
class InputEnded:
    """The user's audio block was closed."""


@dataclass(frozen=True, slots=True)
class PromptEnded:
    """``promptEnd`` came."""


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """``sessionEnd`` came: the orderly end."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The stream ends with this modelled exception."""

    kind: str
    message: str


Outcome = BrainInput | AudioOpened | InputEnded | PromptEnded | SessionEnded | Failed


_INVALID = "Invalid input request, please fix your input and try again."
UNPARSABLE = "Unable to parse input chunk. Please check input format contains correct format."
_NO_PROMPT = "No prompts were received in the sequence."
_HISTORY = "Chat history is over max limit. Trim chat history and try again."
_TOOL_RESULT = "Tool Response parsing error."


class _ViolationError(Exception):
    """Inside only: what a client did wrong, and what the service says to that."""

    def __init__(self, wrong: str, text: str = _INVALID) -> None:
        super().__init__(f"{text} ({wrong})")


@dataclass(slots=True)
class _Content:
    """One open content block."""

    type: str
    role: str
    interactive: bool
    tool_use_id: str = ""
    texts: list[str] = field(default_factory=list)


class Referee:
    """Judges one session's input events.

    Parameters
    ----------
    model_id : str
        Model of the request, one of `MODELS`.
    now_s : float
        Time at which the stream opened; the same clock as for every other call.
    limits : Limits
        Session length and idle time.
    """

    def __init__(self, *, model_id: str, now_s: float, limits: Limits | None = None) -> None:
        self._model_id = model_id
        self._limits = limits or Limits()
        self._opened_s = now_s
        self._active_s = now_s
        self._session: Mapping[str, Any] | None = None
        self._prompt: Mapping[str, Any] | None = None
        self._prompt_name = ""
        self._prompt_ended = False
        self._session_ended = False
        self._failed: Failed | None = None
        self._open: dict[str, _Content] = {}
        self._used_names: set[str] = set()
        self._audio_name: str | None = None
        self._audio_closed = False
        self._roles_seen: set[str] = set()
        self._system: list[str] = []
        self._history: list[tuple[str, str]] = []
        self._tool_uses: set[str] = set()
        self._judges: Mapping[str, Callable[[dict[str, Any]], Outcome | None]] = {
            "sessionStart": self._on_session_start,
            "promptStart": self._on_prompt_start,
            "contentStart": self._on_content_start,
            "textInput": self._on_text_input,
            "toolResult": self._on_tool_result,
            "contentEnd": self._on_content_end,
            "promptEnd": self._on_prompt_end,
            "sessionEnd": self._on_session_end,
        }

    # -- time -------------------------------------------------------------------------------------

    @property
    def deadline_s(self) -> float:
        """When :meth:`tick` will end the session unless audio comes before."""
        return min(self._opened_s + self._limits.session_s, self._active_s + self._limits.idle_s)

    def tick(self, now_s: float) -> Failed | None:
        """End the session when its time is over."""
        if self._failed is not None or self._session_ended:
            return None
        if now_s >= self._opened_s + self._limits.session_s:
            self._failed = Failed(
                "modelTimeoutException", "Model has timed out in processing the request. Try your request again."
            )
        elif now_s >= self._active_s + self._limits.idle_s:
            self._failed = Failed(
                "validationException",
                "Timed out waiting for audio bytes or interactive content. Please ensure gaps between audio bytes"
                f" and interactive content are less than {self._limits.idle_s:g} seconds.",
            )
        return self._failed

    # -- events -----------------------------------------------------------------------------------

    def tool_used(self, tool_use_id: str) -> None:
        """Note that the service asked for a tool: one result may come for it."""
        self._tool_uses.add(tool_use_id)

    def receive(self, payload: bytes, now_s: float) -> Outcome | None:
        """Judge the next input event.

        Parameters
        ----------
        payload : bytes
            The JSON text ``{"event": {name: body}}``.
        now_s : float
            Time of arrival.

        Returns
        -------
        Outcome or None
            What it means for the session; :class:`Failed` once and for all.
        """
        if self._failed is not None:
            return self._failed
        try:
            name, body = _parse(payload)
            if name == "audioInput":
                outcome: Outcome | None = self._on_audio_input(body)
                self._active_s = now_s
                return outcome
            problem = flaw("input", name, body)
            if problem is not None:
                raise _ViolationError(problem, UNPARSABLE)
            if self._session_ended:
                raise _ViolationError(f"{name} after sessionEnd")
            outcome = self._judges[name](body)
        except _ViolationError as exc:
            self._failed = Failed("validationException", str(exc))
            return self._failed
        if isinstance(outcome, UserText | AudioOpened):
            self._active_s = now_s
        return outcome

    def _on_audio_input(self, body: Any) -> UserAudio:
        pcm, problem = read_audio(body)
        if problem is not None:
            raise _ViolationError(problem, UNPARSABLE)
        if body["promptName"] != self._prompt_name:
            raise _ViolationError("audioInput: promptName is not that of promptStart")
        if body["contentName"] != self._audio_name or self._audio_closed:
            raise _ViolationError("audioInput: contentName is not that of the open AUDIO content")
        if any(content.type == "TEXT" for content in self._open.values()):
            raise _ViolationError("audioInput inside a TEXT content: send its contentEnd first")
        if len(pcm) % 2:
            raise _ViolationError("audioInput.content: expected whole 16-bit samples")
        return UserAudio(pcm)

    def _on_session_start(self, body: dict[str, Any]) -> None:
        if self._session is not None:
            raise _ViolationError("sessionStart may come only once")
        self._session = body

    def _on_prompt_start(self, body: dict[str, Any]) -> None:
        if self._session is None:
            raise _ViolationError("promptStart before sessionStart")
        if self._prompt is not None:
            raise _ViolationError("promptStart may come only once")
        _parse_tools(body)
        voices = MODELS[self._model_id].voices
        if body["audioOutputConfiguration"]["voiceId"] not in voices:
            raise _ViolationError(f"promptStart.audioOutputConfiguration.voiceId: expected one of {', '.join(voices)}")
        self._prompt = body
        self._prompt_name = body["promptName"]

    def _on_content_start(self, body: dict[str, Any]) -> Outcome | None:
        self._check_prompt("contentStart", body)
        name = body["contentName"]
        if name in self._used_names:
            raise _ViolationError("contentStart: contentName must be unique")
        content = _Content(body["type"], body["role"], body["interactive"])
        match content.type:
            case "TEXT":
                self._check_text_start(content)
            case "AUDIO":
                self._check_audio_start(content)
            case _:
                content.tool_use_id = self._check_tool_start(body, content)
        self._used_names.add(name)
        self._open[name] = content
        if content.type != "AUDIO":
            return None
        self._audio_name = name
        return AudioOpened(self._prompt_name, self._setup(body["audioInputConfiguration"]["sampleRateHertz"]))

    def _check_text_start(self, content: _Content) -> None:
        role = content.role
        if self._audio_name is not None:
            if role != "USER" or not content.interactive:
                raise _ViolationError("after the audio has begun, TEXT must be interactive and of role USER")
            if self._audio_closed:
                raise _ViolationError("interactive TEXT needs the open AUDIO content")
            return
        if self._open:
            raise _ViolationError("contentStart: the content before it has not ended")
        if role in ("SYSTEM", "SYSTEM_SPEECH"):
            if role in self._roles_seen or self._roles_seen & {"USER", "ASSISTANT"}:
                raise _ViolationError(f"{role} text may come only once, and before the conversation history")
            if role == "SYSTEM" and "SYSTEM_SPEECH" in self._roles_seen:
                raise _ViolationError("SYSTEM text comes before SYSTEM_SPEECH text")
            if role == "SYSTEM_SPEECH" and "SYSTEM" not in self._roles_seen:
                raise _ViolationError("SYSTEM_SPEECH text needs the SYSTEM text before it")
        elif not self._history and role != "USER":
            raise _ViolationError("the conversation history must start with a USER message")
        self._roles_seen.add(role)

    def _check_audio_start(self, content: _Content) -> None:
        if not content.interactive:
            raise _ViolationError("AUDIO content must be interactive")
        if self._audio_name is not None:
            raise _ViolationError("one AUDIO content serves the whole session")
        if self._open:
            raise _ViolationError("contentStart: the content before it has not ended")

    def _check_tool_start(self, body: dict[str, Any], content: _Content) -> str:
        if content.interactive:
            raise _ViolationError("TOOL content must not be interactive")
        tool_use_id = str(body["toolResultInputConfiguration"]["toolUseId"])
        if tool_use_id not in self._tool_uses:
            raise _ViolationError("toolResultInputConfiguration.toolUseId is not that of a tool use without a result")
        self._tool_uses.discard(tool_use_id)
        return tool_use_id

    def _on_text_input(self, body: dict[str, Any]) -> None:
        content = self._opened("textInput", body, "TEXT")
        size = len(body["content"].encode())
        history = self._audio_name is None and content.role in ("USER", "ASSISTANT")
        if not history and size >= self._limits.text_event_bytes:
            raise _ViolationError(f"textInput.content: at most {self._limits.text_event_bytes} bytes in one event")
        content.texts.append(body["content"])
        if history:
            self._check_history(content)

    def _check_history(self, content: _Content) -> None:
        message = sum(len(text.encode()) for text in content.texts)
        total = message + sum(len(text.encode()) for _, text in self._history)
        limits = self._limits
        if message > limits.history_message_bytes or total > limits.history_bytes:
            raise _ViolationError(
                f"at most {limits.history_message_bytes} bytes a message, {limits.history_bytes} bytes in total",
                _HISTORY,
            )

    def _on_tool_result(self, body: dict[str, Any]) -> None:
        content = self._opened("toolResult", body, "TOOL")
        if content.texts:
            raise _ViolationError("toolResult may come only once in its content")
        if not isinstance(_json(body["content"]), dict):
            raise _ViolationError("toolResult.content must be a JSON object in a string", _TOOL_RESULT)
        content.texts.append(body["content"])

    def _on_content_end(self, body: dict[str, Any]) -> Outcome | None:
        content = self._opened("contentEnd", body, None)
        del self._open[body["contentName"]]
        text = "".join(content.texts)
        if content.type == "AUDIO":
            self._audio_closed = True
            return InputEnded()
        if content.type == "TOOL":
            if not content.texts:
                raise _ViolationError("contentEnd: the TOOL content has no toolResult")
            return ToolResult(content.tool_use_id, text)
        if self._audio_name is not None:
            return UserText(text)
        if content.role == "SYSTEM":
            self._system.append(text)
        elif content.role != "SYSTEM_SPEECH":
            self._history.append((content.role, text))
        return None

    def _on_prompt_end(self, body: dict[str, Any]) -> PromptEnded:
        self._check_prompt("promptEnd", body)
        if self._open:
            raise _ViolationError("promptEnd: content is still open; send its contentEnd first")
        self._prompt_ended = True
        return PromptEnded()

    def _on_session_end(self, body: dict[str, Any]) -> SessionEnded:
        if self._session is None:
            raise _ViolationError("sessionEnd before sessionStart")
        if self._prompt is None:
            raise _ViolationError("sessionEnd before promptStart", _NO_PROMPT)
        if not self._prompt_ended:
            raise _ViolationError("sessionEnd before promptEnd")
        self._session_ended = True
        return SessionEnded()

    # -- small parts ------------------------------------------------------------------------------

    def _check_prompt(self, event: str, body: dict[str, Any]) -> None:
        if self._prompt is None:
            raise _ViolationError(f"{event} before promptStart")
        if self._prompt_ended:
            raise _ViolationError(f"{event} after promptEnd")
        if body["promptName"] != self._prompt_name:
            raise _ViolationError(f"{event}: promptName is not that of promptStart")

    def _opened(self, event: str, body: dict[str, Any], content_type: str | None) -> _Content:
        self._check_prompt(event, body)
        content = self._open.get(body["contentName"])
        if content is None or (content_type is not None and content.type != content_type):
            kind = f"{content_type} content" if content_type else "content"
            raise _ViolationError(f"{event}: no open {kind} has this contentName")
        return content

    def _setup(self, input_rate_hz: int) -> SessionSetup:
        assert self._session is not None
        assert self._prompt is not None
        inference = self._session.get("inferenceConfiguration", {})
        sensitivity = self._session.get("turnDetectionConfiguration", {}).get("endpointingSensitivity", "HIGH")
        output = self._prompt["audioOutputConfiguration"]
        tools, choice = _parse_tools(self._prompt)
        return SessionSetup(
            model_id=self._model_id,
            sensitivity=sensitivity,
            pause_ms=MODELS[self._model_id].pause_ms[sensitivity],
            voice_id=output["voiceId"],
            input_rate_hz=input_rate_hz,
            output_rate_hz=output["sampleRateHertz"],
            system_prompt="".join(self._system),
            tools=tools,
            tool_choice=choice,
            history=tuple(self._history),
            max_tokens=inference.get("maxTokens", 1024),
            temperature=inference.get("temperature", 0.7),
            top_p=inference.get("topP", 0.9),
        )


def _json(text: str | bytes) -> Any:
    """Parse JSON; None when it is not JSON, or nested too deep to be meant."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _parse(payload: bytes) -> tuple[str, Any]:
    document = _json(payload)
    event = document.get("event") if isinstance(document, dict) else None
    if not isinstance(event, dict) or len(event) != 1:
        raise _ViolationError('expected {"event": {name: body}} with one name', UNPARSABLE)
    ((name, body),) = event.items()
    if name not in INPUT_EVENTS:
        raise _ViolationError("this event name is not known", UNPARSABLE)
    return name, body


def _parse_tools(prompt: Mapping[str, Any]) -> tuple[dict[str, ToolDefinition], str]:
    configuration = prompt.get("toolConfiguration", {"tools": []})
    tools: dict[str, ToolDefinition] = {}
    for at, tool in enumerate(configuration["tools"]):
        spec = tool["toolSpec"]
        place = f"promptStart.toolConfiguration.tools[{at}]"
        schema = _json(spec["inputSchema"]["json"])
        if not isinstance(schema, dict):
            raise _ViolationError(f"{place}: inputSchema.json must be a JSON object in a string", UNPARSABLE)
        if spec["name"] in tools:
            raise _ViolationError(f"{place}: the tool's name is not unique")
        tools[spec["name"]] = {"description": spec["description"], "schema": schema}
    choice = configuration.get("toolChoice", {"auto": {}})
    if "tool" not in choice:
        return tools, next(iter(choice))
    if choice["tool"]["name"] not in tools:
        raise _ViolationError("promptStart.toolConfiguration.toolChoice: no such tool")
    return tools, f"tool:{choice['tool']['name']}"
