"""The scripted brain: plays a scenario, for tests and to inject faults.

A scenario is a JSON or TOML file with a list of steps; each step has one action and its options::

    {"steps": [
      {"wait_audio_ms": 500},
      {"user": "what time is it"},
      {"call_tool": "get_date_and_time", "arguments": {}},
      {"wait_tool_result": true},
      {"say": "It is noon.", "audio_ms": 1200, "tone_hz": 440},
      {"repeat": 3, "steps": [{"wait_text": true}, {"say": "I read that."}]},
      {"exception": "throttlingException", "message": "Too many requests"}
    ]}

=====================  ==========================================================================
Action                 Meaning and options
=====================  ==========================================================================
``wait_audio_ms`` N    Take N ms of the user's audio.
``wait_text`` true     Wait for text of the user; ``contains``: only such text counts.
``wait_tool_result``   Wait for a tool result; ``contains`` likewise.
``wait_end`` true      Wait until the user's audio block ends.
``delay_ms`` N         Do nothing for a while.
``user`` TEXT          Send TEXT as what the user said.
``say`` TEXT           Send speculative text, a tone, and the final text. ``audio_ms`` (1000; 0 is
                       none), ``tone_hz`` (440), ``level_dbfs`` (-12), ``pace`` (0: as fast as it
                       goes; 1: in real time), ``leave_open`` (false: keep the AUDIO block open
                       and send no final text, so that ``interrupt`` can follow).
``interrupt`` true     Send the interruption marker.
``call_tool`` NAME     Ask for a tool; ``arguments`` ({}).
``usage`` TABLE        Send a usageEvent: ``speech_in``, ``text_in``, ``speech_out``, ``text_out``.
``repeat`` N           Play ``steps`` N times; 0 is until the input ends.
``exception`` KIND     End with this modelled exception; ``message``.
``error`` CODE         End with an error that is not modelled; ``message``.
``fault`` HOW          ``close``, ``reset``, ``drop``, ``goaway``, ``corrupt`` or ``truncate``
                       (see :class:`~sonicrtc.local.sonic.brain.StreamFault`).
=====================  ==========================================================================

When the user's input ends during a wait, the scenario is over.
"""

from __future__ import annotations

import asyncio
import json
import tomllib
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, get_args

import numpy as np
import numpy.typing as npt

from sonicrtc.errors import ConfigError
from sonicrtc.local.sonic.brain import (
    BrainInput,
    Break,
    Emitter,
    ServiceError,
    SessionSetup,
    StreamFault,
    ToolResult,
    UserAudio,
    UserText,
)

__all__ = ["Scenario", "ScriptedBrain", "tone"]

_PIECE_MS = 100
_Check = tuple[str, Callable[[Any], bool]]

_TEXT: _Check = ("a text", lambda v: isinstance(v, str))
_TRUE: _Check = ("true", lambda v: v is True)
_FLAG: _Check = ("true or false", lambda v: isinstance(v, bool))
_TABLE: _Check = ("a table", lambda v: isinstance(v, dict))
_NUMBER: _Check = ("a number", lambda v: isinstance(v, int | float) and not isinstance(v, bool))
_COUNT: _Check = ("a number, 0 or more", lambda v: _NUMBER[1](v) and v >= 0)
_WHOLE: _Check = ("a whole number, 0 or more", lambda v: isinstance(v, int) and not isinstance(v, bool) and v >= 0)
_FAULT: _Check = ("one of " + ", ".join(get_args(Break)), lambda v: v in get_args(Break))
_USAGE_FIELDS = {"speech_in", "text_in", "speech_out", "text_out"}
_USAGE: _Check = (
    "a table of token counts with " + ", ".join(sorted(_USAGE_FIELDS)),
    lambda v: isinstance(v, dict) and v.keys() <= _USAGE_FIELDS and all(_WHOLE[1](n) for n in v.values()),
)

_ACTIONS: Mapping[str, _Check] = {
    "wait_audio_ms": _COUNT, "wait_text": _TRUE, "wait_tool_result": _TRUE, "wait_end": _TRUE, "delay_ms": _COUNT,
    "user": _TEXT, "say": _TEXT, "interrupt": _TRUE, "call_tool": _TEXT, "usage": _USAGE, "repeat": _WHOLE,
    "exception": _TEXT, "error": _TEXT, "fault": _FAULT,
}  # fmt: skip
_OPTIONS: Mapping[str, Mapping[str, _Check]] = {
    "wait_text": {"contains": _TEXT},
    "wait_tool_result": {"contains": _TEXT},
    "say": {
        "audio_ms": _COUNT, "tone_hz": _COUNT, "level_dbfs": _NUMBER, "pace": _COUNT, "leave_open": _FLAG,
    },
    "call_tool": {"arguments": _TABLE},
    "repeat": {"steps": ("a list of steps", lambda v: isinstance(v, list))},
    "exception": {"message": _TEXT},
    "error": {"message": _TEXT},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Step:
    action: str
    value: Any
    options: Mapping[str, Any]
    steps: tuple[_Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Scenario:
    """A checked scenario; make one with :meth:`load` or :meth:`parse`."""

    steps: tuple[_Step, ...]

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
        return cls.parse(document)

    @classmethod
    def parse(cls, document: object) -> Self:
        """Check a scenario; either ``{"steps": [...]}`` or the list itself."""
        steps = document.get("steps") if isinstance(document, dict) else document
        if not isinstance(steps, list):
            raise ConfigError("scenario: expected a list 'steps'")
        return cls(tuple(_parse_steps(steps, "step")))


def _parse_steps(steps: Sequence[object], place: str) -> Iterator[_Step]:
    for number, step in enumerate(steps, 1):
        yield _parse_step(step, f"{place} {number}")


def _parse_step(step: object, place: str) -> _Step:
    actions = sorted(step.keys() & _ACTIONS.keys()) if isinstance(step, dict) else []
    if not isinstance(step, dict) or len(actions) != 1:
        got = f"it has {' and '.join(actions)}" if actions else "it has none"
        raise ConfigError(f"scenario, {place}: expected one action of {', '.join(_ACTIONS)}; {got}")
    action = actions[0]
    allowed = {action: _ACTIONS[action], **_OPTIONS.get(action, {})}
    for name, value in step.items():
        if name not in allowed:
            raise ConfigError(f"scenario, {place}: {action!r} has no option {name!r}, only {', '.join(allowed)}")
        what, is_right = allowed[name]
        if not is_right(value):
            raise ConfigError(f"scenario, {place}: {name!r} must be {what}, got {value!r}")
    inner = tuple(_parse_steps(step["steps"], f"{place}, step")) if "steps" in step else ()
    if action == "repeat" and not _reads(inner) and step[action] == 0:
        raise ConfigError(f"scenario, {place}: an endless 'repeat' needs a step that waits for input")
    options = {name: value for name, value in step.items() if name not in (action, "steps")}
    return _Step(action, step[action], options, inner)


def _reads(steps: Sequence[_Step]) -> bool:
    return any(step.action.startswith("wait_") or _reads(step.steps) for step in steps)


def tone(rate_hz: int, start_frame: int, frames: int, *, tone_hz: float, level_dbfs: float) -> npt.NDArray[np.int16]:
    """Return a piece of an endless sine: ``(frames,)`` int16; its RMS is 3 dB below `level_dbfs`."""
    phase = 2 * np.pi * tone_hz * np.arange(start_frame, start_frame + frames) / rate_hz
    return np.round(np.sin(phase) * 32767 * 10 ** (min(level_dbfs, 0) / 20)).astype(np.int16)


class _InputOverError(Exception):
    """Inside only: the user's input has ended."""


class ScriptedBrain:
    """Plays one scenario per session.

    Parameters
    ----------
    scenario : Scenario
    """

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._heard_ms = 0.0
        self._texts: deque[str] = deque()
        self._results: deque[str] = deque()

    async def run(self, setup: SessionSetup, inputs: AsyncIterator[BrainInput], emit: Emitter) -> None:
        """See :class:`~sonicrtc.local.sonic.brain.Brain`."""
        self._setup = setup
        self._inputs = inputs
        self._emit = emit
        try:
            await self._play(self._scenario.steps)
            while True:
                await self._take()
        except _InputOverError:
            return

    async def _play(self, steps: Sequence[_Step]) -> None:
        for step in steps:
            if step.action == "repeat":
                played = 0
                while step.value == 0 or played < step.value:
                    await self._play(step.steps)
                    played += 1
            elif step.action.startswith("wait_"):
                await self._wait(step)
            else:
                await self._act(step)

    async def _wait(self, step: _Step) -> None:
        match step.action:
            case "wait_audio_ms":
                until_ms = self._heard_ms + step.value
                while self._heard_ms < until_ms:
                    await self._take()
            case "wait_text":
                await self._wait_for(self._texts, step.options.get("contains", ""))
            case "wait_tool_result":
                await self._wait_for(self._results, step.options.get("contains", ""))
            case _:
                while True:
                    await self._take()

    async def _wait_for(self, arrived: deque[str], part: str) -> None:
        while True:
            while arrived:
                if part in arrived.popleft():
                    return
            await self._take()

    async def _take(self) -> None:
        match await anext(self._inputs, None):
            case UserAudio(pcm):
                self._heard_ms += len(pcm) / 2 / self._setup.input_rate_hz * 1000
            case UserText(text):
                self._texts.append(text)
            case ToolResult(_, content):
                self._results.append(content)
            case None:
                raise _InputOverError

    async def _act(self, step: _Step) -> None:
        options = step.options
        match step.action:
            case "delay_ms":
                await asyncio.sleep(step.value / 1000)
            case "user":
                await self._emit.user_text(step.value)
            case "say":
                await self._say(step.value, **options)
            case "interrupt":
                await self._emit.interrupted()
            case "call_tool":
                await self._emit.tool_use(step.value, options.get("arguments", {}))
            case "usage":
                await self._emit.usage(**step.value)
            case "exception":
                raise ServiceError(step.value, options.get("message", "scripted"))
            case "error":
                raise ServiceError(step.value, options.get("message", "scripted"), modelled=False)
            case "fault":
                raise StreamFault(step.value)

    async def _say(
        self,
        text: str,
        *,
        audio_ms: float = 1000,
        tone_hz: float = 440,
        level_dbfs: float = -12,
        pace: float = 0,
        leave_open: bool = False,
    ) -> None:
        rate_hz = self._setup.output_rate_hz
        total = round(rate_hz * audio_ms / 1000)
        piece = rate_hz * _PIECE_MS // 1000
        await self._emit.speculative(text)
        for start in range(0, total, piece):
            block = tone(rate_hz, start, min(piece, total - start), tone_hz=tone_hz, level_dbfs=level_dbfs)
            await self._emit.audio(block.astype("<i2").tobytes())
            if pace:
                await asyncio.sleep(len(block) / rate_hz * pace)
        if not leave_open:
            await self._emit.end_audio()
            await self._emit.final(text)
