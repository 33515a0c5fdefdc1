"""What a tool may do with the call in which it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

from sonicrtc.errors import ToolError
from sonicrtc.events import HandOverEvent

#: How long the agent has for its last words, once it has hung up.
_LAST_WORDS_S = 4.0


class Floor(Protocol):
    """Who speaks in a call."""

    @property
    def is_free(self) -> bool:
        """Whether neither the agent nor the user speaks."""

    @property
    def waiting_ms(self) -> float:
        """How much of what the agent says has not been heard yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InCall:
    """The call, as a tool sees it.

    Attributes
    ----------
    tell : callable
        ``tell(event)`` tells the page and the application.
    notes : dict
        What was to be remembered, by its name.
    part : callable
        Ends the call when the agent has said its last words, unless the user goes on.
    """

    tell: Callable[[HandOverEvent], None]
    notes: dict[str, str]
    part: Callable[[], None]


#: The call of the tool that runs; belongs to the task in which it does.
this_call: ContextVar[InCall | None] = ContextVar("this_call", default=None)


def in_call() -> InCall:
    """Return the call in which this tool runs.

    Raises
    ------
    ToolError
        There is none: it was called from the shell.
    """
    call = this_call.get()
    if call is None:
        raise ToolError("this only works in a call")
    return call


class Farewell:
    """Ends a call once the agent's last words were heard; not when the user speaks meanwhile."""

    def __init__(self, floor: Floor, end: Callable[[], None]) -> None:
        self._floor, self._end = floor, end
        self._wait(_LAST_WORDS_S)

    def _wait(self, s: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(s, self._due)

    def _due(self) -> None:
        if self._floor.waiting_ms > 0:
            self._wait(self._floor.waiting_ms / 1000)
        elif self._floor.is_free:
            self._end()

    def cancel(self) -> None:
        """Go on with the call."""
        self._timer.cancel()
