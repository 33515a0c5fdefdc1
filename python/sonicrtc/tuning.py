"""The model's settings in one call: those that hold, those that will, and who may change which."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, TypedDict, overload

from sonicrtc.capabilities import languages_for, voices_for
from sonicrtc.errors import ConfigError, SonicError, SonicRtcError
from sonicrtc.events import ErrorEvent, LanguageInfo, ModelEvent, SessionEvent, Settings, VoiceInfo, read_settings
from sonicrtc.feed import error_event
from sonicrtc.sonic.protocol import Recovering, StreamChanged
from sonicrtc.sonic.wire import ToolSpec

if TYPE_CHECKING:
    from sonicrtc.config import Endpointing, SonicConfig
    from sonicrtc.tools.registry import ToolRegistry


class ModelSettings(TypedDict, total=False):
    """What :meth:`sonicrtc.call.Call.configure` changes; see :class:`sonicrtc.config.SonicConfig`."""

    voice: str
    language: str | None
    instructions: str
    endpointing: Endpointing
    max_tokens: int
    temperature: float
    top_p: float
    speech_script: str
    tool_choice: str


class Tuning:
    """Follows the settings of one call's model.

    Parameters
    ----------
    config : SonicConfig, optional
        What the call begins with; None for a call without a model, which has nothing to change.
    allowed : collection of str
        Members of `Settings` that the page may use.
    wish : object
        Settings of the page's offer, as they came. What cannot be granted must not cost the call: nothing of it
        holds then, and :meth:`introduce` tells why.
    """

    def __init__(self, config: SonicConfig | None, allowed: Collection[str] = (), wish: object = None) -> None:
        self._next = config
        self._allowed = tuple(allowed) if config is not None else ()
        self._stream = 1
        self._refused: tuple[ErrorEvent, ...] = ()
        try:
            if wish is not None:
                self.wish(read_settings(wish), lambda config: None)
        except SonicRtcError as exc:
            self._refused = (error_event(exc),)
        self._now = self._next

    @property
    def next(self) -> SonicConfig:
        """What the model's next stream opens with.

        Raises
        ------
        SonicError
            The call has no model.
        """
        if self._next is None:
            raise SonicError("this call has no model, so there is nothing to set")
        return self._next

    def wish(self, settings: Settings, use: Callable[[SonicConfig], None]) -> None:
        """Take what the page wishes, and give :attr:`next` to `use`.

        Raises
        ------
        ConfigError
            It is not possible, or not for a page to change, or `use` refused; nothing has changed.
        SonicError
            The call has no model.
        """
        names = [name for name in Settings.__struct_fields__ if getattr(settings, name) is not None]
        if self._next is not None and (refused := [name for name in names if name not in self._allowed]):
            may = ", ".join(self._allowed) or "nothing"
            raise ConfigError(f"settings: this page may change {may}, not {', '.join(refused)}")
        changes = {name: getattr(settings, name) for name in names}
        if changes.get("language") == "":
            changes["language"] = None
        self.change(changes, use)

    def change(self, changes: Mapping[str, Any], use: Callable[[SonicConfig], None]) -> None:
        """Take what the application wants, and give :attr:`next` to `use`.

        Raises
        ------
        ConfigError
            It is not possible, or `use` refused; nothing has changed.
        SonicError
            The call has no model.
        """
        config = replace(self.next, **changes)
        use(config)
        self._next = config

    def follow(self, event: Recovering | StreamChanged) -> ModelEvent:
        """Take what became of the stream and return the event that tells of it."""
        match event:
            case StreamChanged(number=number, config=config):
                self._stream, self._now = number, config
                return self._tell("ready")
            case Recovering(error=error):
                return self._tell("recovering", code=error.code, message=str(error))

    def introduce(self, call_id: str) -> tuple[SessionEvent | ErrorEvent, ...]:
        """Return what introduces the call, and why the offer's wish was not granted."""
        return (self._session_event(call_id), *self._refused)

    def _session_event(self, call_id: str) -> SessionEvent:
        config = self._now
        if config is None:
            return SessionEvent(call_id=call_id, mode="loopback", model_id="", voice="", endpointing="", endpoint_ms=0)
        return SessionEvent(
            call_id=call_id,
            mode="sonic",
            model_id=config.model_id,
            voice=config.voice,
            language=language_of(config),
            endpointing=config.endpointing,
            endpoint_ms=config.endpoint_ms,
            voices=voice_infos(config),
            languages=language_infos(config),
            may_change=self._allowed,
            greets=bool(config.greeting.strip()),
        )

    def _tell(self, status: Literal["ready", "recovering"], *, code: str = "", message: str = "") -> ModelEvent:
        assert self._now is not None, "only a model has streams"
        voice, language = self._now.voice, language_of(self._now)
        return ModelEvent(
            status=status, stream=self._stream, voice=voice, language=language, code=code, message=message
        )


@overload
def tool_specs(tools: ToolRegistry) -> list[ToolSpec]: ...
@overload
def tool_specs(tools: ToolRegistry | None) -> list[ToolSpec] | None: ...
def tool_specs(tools: ToolRegistry | None) -> list[ToolSpec] | None:
    """Return what the model is told of `tools`."""
    if tools is None:
        return None
    return [ToolSpec(name=tool.name, description=tool.description, input_schema=tool.input_schema) for tool in tools]


def voice_infos(config: SonicConfig) -> tuple[VoiceInfo, ...]:
    """Return the voices of the configured model as a page is told of them."""
    return tuple(
        VoiceInfo(name=voice.name, languages=voice.languages, polyglot=voice.polyglot)
        for voice in voices_for(config.model_id)
    )


def language_infos(config: SonicConfig) -> tuple[LanguageInfo, ...]:
    """Return the languages of the configured model, likewise."""
    return tuple(LanguageInfo(code=code, name=name) for code, name in languages_for(config.model_id).items())


def language_of(config: SonicConfig) -> str:
    """Return what is spoken: the configured language, or the voice's own; nothing when it follows the speaker."""
    voice = next(voice for voice in voices_for(config.model_id) if voice.name == config.voice)
    return config.language or ("" if voice.polyglot else voice.languages[0])
