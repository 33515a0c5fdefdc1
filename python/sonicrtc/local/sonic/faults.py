"""What can be made to go wrong, and with which session.

Every :class:`LocalSonic` has a plan, ``service.faults``::

    service.faults.next(Fault(refuse="ThrottlingException"), times=2)   # the next two sessions
    service.faults.next(Fault(fault="reset", after_said_ms=400))        # in the middle of an answer
    service.faults.now(Fault(exception="modelStreamErrorException"))    # the sessions that are open

The fields of a :class:`Fault` are also the keys of a session in a scenario file.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Self, get_args

from sonicrtc.errors import ConfigError
from sonicrtc.local.sonic.brain import Break

__all__ = ["REFUSALS", "Fault", "Faults", "Opening", "Refusal"]

#: HTTP status of the errors before the stream (API reference of ``InvokeModelWithBidirectionalStream``
#: and "Common Errors"; the last four are not modelled for the operation).
REFUSALS: Mapping[str, int] = {
    "AccessDeniedException": 403,
    "InternalServerException": 500,
    "ModelErrorException": 424,
    "ModelNotReadyException": 429,
    "ModelStreamErrorException": 424,
    "ModelTimeoutException": 408,
    "ResourceNotFoundException": 404,
    "ServiceQuotaExceededException": 400,
    "ServiceUnavailableException": 503,
    "ThrottlingException": 429,
    "ValidationException": 400,
    "ExpiredTokenException": 403,
    "InvalidSignatureException": 403,
    "UnrecognizedClientException": 403,
    "RequestExpired": 400,
}
_EVENTS = frozenset(
    ("completionStart", "contentStart", "textOutput", "audioOutput", "toolUse", "contentEnd", "completionEnd",
     "usageEvent")
)  # fmt: skip
#: The breaks that need no response headers.
_BEFORE_HEADERS = frozenset({"", "reset", "drop", "goaway", "starve"})


class Refusal(Exception):
    """An HTTP error before the stream.

    Parameters
    ----------
    status : int
        HTTP status.
    kind : str
        Value of ``x-amzn-errortype``, e.g. ``"AccessDeniedException"``.
    message : str
        Text for the client.
    """

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message

    def body(self) -> bytes:
        """Return the response's body; it has the fields that the operation's model gives this error."""
        fields: dict[str, object] = {"message": self.message}
        if self.kind in ("ModelErrorException", "ModelStreamErrorException"):
            fields |= {"originalStatusCode": self.status}
        return json.dumps(fields).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong with one session; without any field, nothing does.

    Parameters
    ----------
    refuse : str
        Answer the request with this error instead of a stream, e.g. ``"ThrottlingException"``;
        with `status` when it is not one of `REFUSALS`.
    exception, error : str
        End the stream with this modelled exception (``"throttlingException"``; a name that no model
        knows is sent all the same), or with a message of type ``error`` and this code.
    fault : str
        Break the stream: see :class:`~sonicrtc.local.sonic.brain.StreamFault`.
    message : str
        Text of `refuse`, `exception` or `error`.
    after_ms, after_audio_ms, after_said_ms : float
        When `exception`, `error` or `fault` happens: this long after the request, after this much
        audio of the user, or after this much audio of the assistant. Without any, at the beginning.
    delay_headers_ms : float
        The response headers come this late.
    no_headers : bool
        They never come.
    duplicate, reorder : tuple of str
        Output events that are sent twice, or one place too late (behind the event that follows).
    pace : float
        The assistant's audio takes this many times its length to be sent; 0 is as fast as it goes.
    burst_ms : float
        The assistant's audio is held back until there is this much of it.
    pause_ms : int, optional
        Pause that ends the user's turn, instead of the documented one.
    session_s, idle_s : float, optional
        Instead of the service's :class:`~sonicrtc.local.sonic.referee.Limits`.

    Raises
    ------
    ConfigError
        The fields contradict each other or are out of range.
    """

    refuse: str = ""
    status: int = 0
    exception: str = ""
    error: str = ""
    fault: Break | str = ""
    message: str = "injected"
    after_ms: float = 0
    after_audio_ms: float = 0
    after_said_ms: float = 0
    delay_headers_ms: float = 0
    no_headers: bool = False
    duplicate: tuple[str, ...] = ()
    reorder: tuple[str, ...] = ()
    pace: float = 0
    burst_ms: float = 0
    pause_ms: int | None = None
    session_s: float | None = None
    idle_s: float | None = None

    def __post_init__(self) -> None:
        self._check_types()
        if len([kind for kind in (self.refuse, self.exception, self.error, self.fault) if kind]) > 1:
            raise ConfigError("fault: expected at most one of refuse, exception, error and fault")
        if self.refuse and not 400 <= self.http_status <= 599:
            known = ", ".join(REFUSALS)
            raise ConfigError(f"fault: refuse needs a status from 400 to 599 unless it is one of {known}")
        if self.fault and self.fault not in get_args(Break):
            raise ConfigError(f"fault: expected one of {', '.join(get_args(Break))}, got {self.fault!r}")
        if self.no_headers and (self.exception or self.error or self.fault not in _BEFORE_HEADERS):
            raise ConfigError("fault: without headers only the faults reset, drop, goaway and starve can happen")
        if unknown := {*self.duplicate, *self.reorder} - _EVENTS:
            raise ConfigError(f"fault: expected output events ({', '.join(sorted(_EVENTS))}), got {sorted(unknown)}")
        if sum(after > 0 for after in (self.after_ms, self.after_audio_ms, self.after_said_ms)) > 1:
            raise ConfigError("fault: expected at most one of after_ms, after_audio_ms and after_said_ms")

    def _check_types(self) -> None:
        for name in ("after_ms", "after_audio_ms", "after_said_ms", "delay_headers_ms", "pace", "burst_ms"):
            _check(name, getattr(self, name), 0)
        for name in ("pause_ms", "session_s", "idle_s"):
            if getattr(self, name) is not None:
                _check(name, getattr(self, name), 0)
        for name in ("refuse", "exception", "error", "fault", "message"):
            if not isinstance(getattr(self, name), str):
                raise ConfigError(f"fault: {name} must be a text, got {getattr(self, name)!r}")
        for name in ("duplicate", "reorder"):
            if not all(isinstance(event, str) for event in getattr(self, name)):
                raise ConfigError(f"fault: {name} must be names of output events")
        if not isinstance(self.no_headers, bool):
            raise ConfigError(f"fault: no_headers must be true or false, got {self.no_headers!r}")

    @classmethod
    def parse(cls, table: Mapping[str, Any]) -> Self:
        """Make a fault from a table of a scenario file.

        Raises
        ------
        ConfigError
            A key is not known, or its value is not what it should be.
        """
        known = [field.name for field in fields(cls)]
        for name in table:
            if name not in known:
                raise ConfigError(f"no key {name!r}, only {', '.join(known)}")
        lists = {name: tuple(table[name]) for name in ("duplicate", "reorder") if isinstance(table.get(name), list)}
        return cls(**{**table, **lists})

    @property
    def http_status(self) -> int:
        """Status of `refuse`."""
        return self.status or REFUSALS.get(self.refuse, 0)

    @property
    def happens(self) -> bool:
        """Whether there is something that happens at one moment."""
        return bool(self.exception or self.error or self.fault)

    @property
    def shapes(self) -> bool:
        """Whether there is something that changes how events are sent."""
        return bool(self.duplicate or self.reorder or self.pace or self.burst_ms)


def _check(name: str, value: object, least: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < least:
        raise ConfigError(f"fault: {name} must be a number, {least:g} or more, got {value!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A session that a client asks for: `index` counts them from 0, `active` are open already."""

    index: int
    model_id: str
    active: int


class Faults:
    """Which session gets which fault.

    A session takes, in this order: the fault of its index (:meth:`session`), the first that waits
    for a next session (:meth:`next`), the first whose condition holds (:meth:`when`), and what the
    scenario says. Every method may be called from any thread.

    Parameters
    ----------
    strike : callable
        Lets a fault happen to the open sessions, or to one.
    """

    def __init__(self, strike: Callable[[Fault, int | None], None]) -> None:
        self._strike = strike
        self._next: deque[Fault] = deque()
        self._sessions: dict[int, Fault] = {}
        self._conditions: list[tuple[Callable[[Opening], bool], Fault]] = []

    def next(self, fault: Fault, *, times: int = 1) -> None:
        """Give `fault` to the next sessions that no other call has claimed; calls queue up."""
        self._next.extend([fault] * times)

    def session(self, index: int, fault: Fault) -> None:
        """Give `fault` to one session, counted from 0 since the service began, refused ones too."""
        self._sessions[index] = fault

    def when(self, condition: Callable[[Opening], bool], fault: Fault) -> None:
        """Give `fault` to every session for which `condition` holds."""
        self._conditions.append((condition, fault))

    def always(self, fault: Fault) -> None:
        """Give `fault` to every session that has no other."""
        self.when(lambda _: True, fault)

    def now(self, fault: Fault, *, session: int | None = None) -> None:
        """Let `fault` happen to all open sessions, or to the one of this index.

        What belongs to the beginning of a session (`refuse`, the headers, `pause_ms`, the limits) is
        not looked at; the times count from now.
        """
        self._strike(fault, session)

    def clear(self) -> None:
        """Forget every fault that has not happened."""
        self._next.clear()
        self._sessions.clear()
        self._conditions.clear()

    def take(self, opening: Opening) -> Fault | None:
        """Return the fault of this session, or None."""
        if opening.index in self._sessions:
            return self._sessions.pop(opening.index)
        if self._next:
            return self._next.popleft()
        return next((fault for condition, fault in self._conditions if condition(opening)), None)
