"""Scenarios: what the scripted brain does, and what goes wrong with which session.

A scenario is a TOML or JSON file with a list of steps, each with one action and its options::

    [[steps]]
    wait_speech = true

    [[steps]]
    say = "It is noon."
    audio_ms = 1200

======================  ==========================================================================
Action                  Meaning and options
======================  ==========================================================================
``wait_audio_ms`` N     Take N ms of the user's audio.
``wait_speech`` true    Wait until the user has spoken and paused, in the time of the audio:
                        ``speech_ms`` (100) that are louder than ``level_dbfs`` (-50), then
                        ``pause_ms`` (300) that are not.
``wait_text`` true      Wait for text of the user; ``contains``: only such text counts.
``wait_tool_result``    Wait for a tool result; ``contains`` likewise.
``wait_end`` true       Wait until the user's audio block ends.
``delay_ms`` N          Do nothing for a while.
``user`` TEXT           Send TEXT as what the user said.
``say`` TEXT            Send speculative text, audio, and the final text. The audio is a tone of
                        ``audio_ms`` (1000; 0 is none), ``tone_hz`` (440) and ``level_dbfs`` (-12);
                        or ``wav``: a file beside the scenario; or ``words`` N or LIST: numbered
                        words (see :mod:`~sonicrtc.local.sonic.words`); or ``pcm``: bytes at the
                        output rate, from Python only. ``pace`` (0: as fast as it goes; 1: in real
                        time), ``burst_ms`` (100): how much is sent between two pauses,
                        ``leave_open`` (false: keep the AUDIO block open and send no final text, so
                        that ``interrupt`` can follow).
``interrupt`` true      Send the interruption marker.
``call_tool`` NAME      Ask for a tool; ``arguments`` ({}).
``usage`` TABLE         Send a usageEvent: ``speech_in``, ``text_in``, ``speech_out``, ``text_out``.
``repeat`` N            Play ``steps`` N times; 0 is until the input ends.
``exception`` KIND      End with this exception, modelled or not; ``message``.
``error`` CODE          End with a message of type ``error``; ``message``.
``fault`` HOW           Break the stream: see :class:`~sonicrtc.local.sonic.brain.StreamFault`.
======================  ==========================================================================

When the user's input ends during a wait, the scenario is over.

``sessions`` is a list with one entry for each session that clients open, refused ones too; the last
entry is for all that follow. An entry has the keys of :class:`~sonicrtc.local.sonic.faults.Fault`,
and ``steps`` when it does not play those of the scenario::

    [[sessions]]
    refuse = "ThrottlingException"

    [[sessions]]

``service`` is a table of settings of the whole service: the fields of
:class:`~sonicrtc.local.sonic.referee.Limits`, ``max_streams``, ``max_sessions`` and
``window_bytes``. ``about`` says what it is for.
"""

from __future__ import annotations

import json
import tomllib
import wave
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from importlib import resources
from pathlib import Path
from typing import Any, Self, get_args

from sonicrtc.errors import ConfigError
from sonicrtc.local.sonic.brain import Break
from sonicrtc.local.sonic.faults import Fault
from sonicrtc.local.sonic.referee import Limits

__all__ = ["Recording", "Scenario", "Script", "Step"]

_Check = tuple[str, Callable[[Any], bool]]

_TEXT: _Check = ("a text", lambda v: isinstance(v, str))
_TRUE: _Check = ("true", lambda v: v is True)
_FLAG: _Check = ("true or false", lambda v: isinstance(v, bool))
_TABLE: _Check = ("a table", lambda v: isinstance(v, dict))
_NUMBER: _Check = ("a number", lambda v: isinstance(v, int | float) and not isinstance(v, bool))
_COUNT: _Check = ("a number, 0 or more", lambda v: _NUMBER[1](v) and v >= 0)
_WHOLE: _Check = ("a whole number, 0 or more", lambda v: isinstance(v, int) and not isinstance(v, bool) and v >= 0)
_BYTES: _Check = ("bytes, two for each sample", lambda v: isinstance(v, bytes) and len(v) % 2 == 0)
_WORDS: _Check = (
    "how many words, up to 99, or a list of numbers from 0 to 99",
    lambda v: all(_WHOLE[1](n) and n <= 99 for n in (v if isinstance(v, list) else [v])),
)
_FAULT: _Check = ("one of " + ", ".join(get_args(Break)), lambda v: v in get_args(Break))
_USAGE_FIELDS = {"speech_in", "text_in", "speech_out", "text_out"}
_USAGE: _Check = (
    "a table of token counts with " + ", ".join(sorted(_USAGE_FIELDS)),
    lambda v: isinstance(v, dict) and v.keys() <= _USAGE_FIELDS and all(_WHOLE[1](n) for n in v.values()),
)

_ACTIONS: Mapping[str, _Check] = {
    "wait_audio_ms": _COUNT, "wait_speech": _TRUE, "wait_text": _TRUE, "wait_tool_result": _TRUE, "wait_end": _TRUE,
    "delay_ms": _COUNT, "user": _TEXT, "say": _TEXT, "interrupt": _TRUE, "call_tool": _TEXT, "usage": _USAGE,
    "repeat": _WHOLE, "exception": _TEXT, "error": _TEXT, "fault": _FAULT,
}  # fmt: skip
_OPTIONS: Mapping[str, Mapping[str, _Check]] = {
    "wait_speech": {"speech_ms": _COUNT, "pause_ms": _COUNT, "level_dbfs": _NUMBER},
    "wait_text": {"contains": _TEXT},
    "wait_tool_result": {"contains": _TEXT},
    "say": {
        "audio_ms": _COUNT, "tone_hz": _COUNT, "level_dbfs": _NUMBER, "wav": _TEXT, "words": _WORDS, "pcm": _BYTES,
        "pace": _COUNT, "burst_ms": _COUNT, "leave_open": _FLAG,
    },
    "call_tool": {"arguments": _TABLE},
    "repeat": {"steps": ("a list of steps", lambda v: isinstance(v, list))},
    "exception": {"message": _TEXT},
    "error": {"message": _TEXT},
}  # fmt: skip
_LIMITS = tuple(field.name for field in fields(Limits))
_SERVICE = (*_LIMITS, "max_streams", "max_sessions", "window_bytes")


@dataclass(frozen=True, slots=True)
class Recording:
    """A WAV file's audio: mono, 16-bit little endian."""

    pcm: bytes = field(repr=False)
    rate_hz: int


@dataclass(frozen=True, slots=True)
class Step:
    """One checked step; `steps` are those of a ``repeat``."""

    action: str
    value: Any
    options: Mapping[str, Any]
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One session's part: its steps (None leaves them to another brain), and what goes wrong."""

    steps: tuple[Step, ...] | None
    fault: Fault = field(default_factory=Fault)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A checked scenario; make one with :meth:`load`, :meth:`named` or :meth:`parse`.

    Attributes
    ----------
    scripts : tuple of Script
        One for each session; the last one is for all that follow.
    service : mapping
        Settings of the service.
    """

    scripts: tuple[Script, ...]
    service: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a ``.json`` or ``.toml`` file.

        Raises
        ------
        ConfigError
            The file cannot be read, or a step is not what it should be; the text names the step.
        """
        try:
            text = path.read_text("utf-8")
            document: Any = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
        except (OSError, ValueError) as exc:
            raise ConfigError(f"scenario {path}: {exc}") from exc
        return cls.parse(document, directory=path.parent)

    @classmethod
    def named(cls, name: str) -> Self:
        """Return a scenario of the package, or one from a file.

        Parameters
        ----------
        name : str
            One of :meth:`names`, or the path of a file.

        Raises
        ------
        ConfigError
            There is neither; or see :meth:`load`.
        """
        if name in cls.names():
            with resources.as_file(_shipped() / f"{name}.toml") as path:
                return cls.load(path)
        if not Path(name).suffix:
            raise ConfigError(f"scenario {name}: expected a .toml or .json file, or one of {', '.join(cls.names())}")
        return cls.load(Path(name))

    @staticmethod
    def names() -> list[str]:
        """Return the names of the package's scenarios."""
        return sorted(file.name.removesuffix(".toml") for file in _shipped().iterdir() if file.name.endswith(".toml"))

    @classmethod
    def parse(cls, document: object, *, directory: Path | None = None) -> Self:
        """Check a scenario: a list of steps, or a table with ``steps``, ``sessions`` or both.

        Parameters
        ----------
        document : object
        directory : Path, optional
            Where the files of ``wav`` are.

        Raises
        ------
        ConfigError
            Something in it is not what it should be.
        """
        table: Any = {"steps": document} if isinstance(document, list) else document
        if not isinstance(table, dict) or not ("steps" in table or "sessions" in table):
            raise ConfigError("scenario: expected a list 'steps' or a list 'sessions'")
        for name in table:
            if name not in ("about", "steps", "sessions", "service"):
                raise ConfigError(f"scenario: no key {name!r}, only about, service, sessions and steps")
        parser = _Parser(directory or Path())
        steps = parser.list(table["steps"], "scenario") if "steps" in table else None
        sessions = table.get("sessions", [{}])
        if not isinstance(sessions, list) or not sessions:
            raise ConfigError("scenario: 'sessions' must be a list of one or more tables")
        scripts = tuple(parser.session(entry, steps, number) for number, entry in enumerate(sessions, 1))
        return cls(scripts=scripts, service=_service(table.get("service", {})))

    def script(self, index: int) -> Script:
        """Return the part of a session, counted from 0."""
        return self.scripts[min(index, len(self.scripts) - 1)]

    def without_steps(self) -> Scenario:
        """Return what goes wrong, and leave what is said to another brain."""
        return replace(self, scripts=tuple(replace(script, steps=None) for script in self.scripts))

    @property
    def complete(self) -> bool:
        """Whether every session that is not refused has steps."""
        return all(script.steps is not None or script.fault.refuse for script in self.scripts)

    @property
    def options(self) -> Mapping[str, int]:
        """Settings of the service that are no limits."""
        return {name: value for name, value in self.service.items() if name not in _LIMITS}

    @property
    def limits(self) -> Limits:
        """Limits of the service."""
        return Limits(**{name: value for name, value in self.service.items() if name in _LIMITS})


def _shipped() -> Any:
    return resources.files("sonicrtc.local.sonic") / "scenarios"


def _service(table: object) -> Mapping[str, Any]:
    if not isinstance(table, dict):
        raise ConfigError("scenario: 'service' must be a table")
    for name, value in table.items():
        if name not in _SERVICE:
            raise ConfigError(f"scenario, service: no key {name!r}, only {', '.join(_SERVICE)}")
        what, is_right = _COUNT if name in ("session_s", "idle_s") else _WHOLE
        if not is_right(value):
            raise ConfigError(f"scenario, service: {name!r} must be {what}, got {value!r}")
    return dict(table)


class _Parser:
    """Checks steps; `directory` holds the files they name."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def list(self, steps: object, place: str) -> tuple[Step, ...]:
        if not isinstance(steps, list):
            raise ConfigError(f"{place}: expected a list 'steps'")
        return tuple(self._steps(steps, f"{place}, step"))

    def session(self, entry: object, steps: tuple[Step, ...] | None, number: int) -> Script:
        place = f"scenario, session {number}"
        if not isinstance(entry, dict):
            raise ConfigError(f"{place}: expected a table")
        own = self.list(entry["steps"], place) if "steps" in entry else steps
        try:
            fault = Fault.parse({name: value for name, value in entry.items() if name != "steps"})
        except ConfigError as exc:
            raise ConfigError(f"{place}: {exc}") from exc
        return Script(steps=own, fault=fault)

    def _steps(self, steps: Sequence[object], place: str) -> Iterator[Step]:
        for number, step in enumerate(steps, 1):
            yield self._step(step, f"{place} {number}")

    def _step(self, step: object, place: str) -> Step:
        actions = sorted(step.keys() & _ACTIONS.keys()) if isinstance(step, dict) else []
        if not isinstance(step, dict) or len(actions) != 1:
            got = f"it has {' and '.join(actions)}" if actions else "it has none"
            raise ConfigError(f"{place}: expected one action of {', '.join(_ACTIONS)}; {got}")
        action = actions[0]
        allowed = {action: _ACTIONS[action], **_OPTIONS.get(action, {})}
        for name, value in step.items():
            if name not in allowed:
                raise ConfigError(f"{place}: {action!r} has no option {name!r}, only {', '.join(allowed)}")
            what, is_right = allowed[name]
            if not is_right(value):
                raise ConfigError(f"{place}: {name!r} must be {what}, got {value!r}")
        inner = tuple(self._steps(step["steps"], f"{place}, step")) if "steps" in step else ()
        if action == "repeat" and not _reads(inner) and step[action] == 0:
            raise ConfigError(f"{place}: an endless 'repeat' needs a step that waits for input")
        if len(sounds := sorted(step.keys() & {"wav", "words", "pcm"})) > 1:
            raise ConfigError(f"{place}: expected one of {' and '.join(sounds)}")
        options = {name: value for name, value in step.items() if name not in (action, "steps")}
        if "wav" in options:
            options["wav"] = _recording(self._directory / options["wav"], place)
        return Step(action, step[action], options, inner)


def _reads(steps: Sequence[Step]) -> bool:
    return any(step.action.startswith("wait_") or _reads(step.steps) for step in steps)


def _recording(path: Path, place: str) -> Recording:
    try:
        with wave.open(str(path), "rb") as file:
            if (file.getsampwidth(), file.getnchannels()) != (2, 1):
                raise ConfigError(f"{place}: {path}: expected 16-bit mono")
            return Recording(file.readframes(file.getnframes()), file.getframerate())
    except (OSError, wave.Error, EOFError) as exc:
        raise ConfigError(f"{place}: {path}: {exc or 'it ends too early'}") from exc
