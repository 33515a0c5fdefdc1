"""What the service was told: for tests that ask whether the model got everything, once."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

from sonicrtc.local.changes import Changes
from sonicrtc.local.sonic.brain import BrainInput, SessionSetup, ToolDefinition, ToolResult, UserAudio, UserText

__all__ = ["Record", "Recorder", "Records"]

InputEvent = tuple[str, Mapping[str, Any]]


@dataclass(slots=True, eq=False)
class Record:
    """One session, from its request on; refused ones have a record too.

    Attributes
    ----------
    index : int
        Sessions are counted from 0 since the service began.
    model_id : str
    events : list of (name, body)
        Everything that the client sent, in order; an audioInput without its audio.
    inputs : list of UserAudio, UserText or ToolResult
        What the model heard, read and got from tools, in order of arrival.
    sent : list of (name, body)
        Everything that the service sent, in order; an audioOutput without its audio.
    said : bytearray
        The audio that it sent: mono, 16-bit little endian, at ``setup.output_rate_hz``.
    setup : SessionSetup or None
        Known when the user's audio block opens.
    ended : str
        Empty while the session is open, then ``"orderly"``, ``"client"`` (it went away),
        ``"service"`` (it was stopped), or the name of the error, exception or fault.
    """

    index: int
    model_id: str
    events: list[InputEvent] = field(default_factory=list, repr=False)
    inputs: list[BrainInput] = field(default_factory=list, repr=False)
    sent: list[InputEvent] = field(default_factory=list, repr=False)
    said: bytearray = field(default_factory=bytearray, repr=False)
    setup: SessionSetup | None = field(default=None, repr=False)
    ended: str = ""
    heard_bytes: int = field(default=0, repr=False)

    @property
    def audio(self) -> bytes:
        """The user's audio: mono, 16-bit little endian, at ``setup.input_rate_hz``."""
        return b"".join(item.pcm for item in tuple(self.inputs) if isinstance(item, UserAudio))

    @property
    def audio_ms(self) -> float:
        """Length of `audio`."""
        rate_hz = self.setup.input_rate_hz if self.setup is not None else 16_000
        return self.heard_bytes / 2 / rate_hz * 1000

    @property
    def texts(self) -> list[str]:
        """What the user typed or the client injected."""
        return [item.text for item in tuple(self.inputs) if isinstance(item, UserText)]

    @property
    def results(self) -> list[ToolResult]:
        """The tools' results."""
        return [item for item in tuple(self.inputs) if isinstance(item, ToolResult)]

    @property
    def history(self) -> tuple[tuple[str, str], ...]:
        """(role, text) of the conversation that was replayed."""
        return self.setup.history if self.setup is not None else ()

    @property
    def tools(self) -> Mapping[str, ToolDefinition]:
        """The tools that were declared."""
        return self.setup.tools if self.setup is not None else {}

    @property
    def voice(self) -> str:
        """The voice that was asked for."""
        return self.setup.voice_id if self.setup is not None else ""

    @property
    def instructions(self) -> str:
        """The system prompt."""
        return self.setup.system_prompt if self.setup is not None else ""


class Records(Sequence[Record]):
    """The records of all sessions, in order; may be read in any thread."""

    def __init__(self) -> None:
        self._records: list[Record] = []
        self._changes = Changes()

    def __len__(self) -> int:
        return len(self._records)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        return self._records[index]

    def __iter__(self) -> Iterator[Record]:
        return iter(tuple(self._records))

    async def until(self, condition: Callable[[Records], bool], *, timeout_s: float = 10.0) -> None:
        """Wait until `condition` holds of the records; it is asked again at whatever happens.

        Parameters
        ----------
        condition : callable
            E.g. ``lambda records: records[1].audio_ms > 500``; a session that has not been asked for
            yet counts as false.
        timeout_s : float

        Raises
        ------
        TimeoutError
            It did not come true in time.
        """
        await self._changes.until(lambda: self._holds(condition), timeout_s)

    def wait(self, condition: Callable[[Records], bool], *, timeout_s: float = 10.0) -> None:
        """Wait as :meth:`until` does, for tests without an event loop."""
        self._changes.wait(lambda: self._holds(condition), timeout_s)

    def _holds(self, condition: Callable[[Records], bool]) -> bool:
        try:
            return condition(self)
        except IndexError:
            return False

    # -- called by the service --------------------------------------------------------------------

    def add(self, record: Record) -> None:
        self._records.append(record)
        self.changed()

    def changed(self) -> None:
        """Wake everybody who waits."""
        self._changes.tell()


class Recorder:
    """Writes one record."""

    def __init__(self, records: Records, record: Record) -> None:
        self._records = records
        self._record = record

    def event(self, payload: bytes) -> None:
        try:
            ((name, body),) = json.loads(payload)["event"].items()
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            name, body = "", {}  # nothing that a session can go on with
        if name == "audioInput":
            body = {key: value for key, value in body.items() if key != "content"}
        self._record.events.append((name, body))

    def input(self, item: BrainInput) -> None:
        self._record.inputs.append(item)
        if isinstance(item, UserAudio):
            self._record.heard_bytes += len(item.pcm)
        self._records.changed()

    def opened(self, setup: SessionSetup) -> None:
        self._record.setup = setup
        self._records.changed()

    def sent(self, name: str, body: Mapping[str, Any]) -> None:
        if name == "audioOutput":
            self._record.said += base64.b64decode(body["content"])
            body = {key: value for key, value in body.items() if key != "content"}
        self._record.sent.append((name, body))
        self._records.changed()

    def ended(self, how: str) -> None:
        self._record.ended = self._record.ended or how
        self._records.changed()
