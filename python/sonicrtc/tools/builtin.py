"""Tools that come with the package: `get_date_and_time`, which every agent has, and others by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sonicrtc.errors import ToolError
from sonicrtc.events import HandOverEvent
from sonicrtc.tools.in_call import in_call

#: Notes of one call, and the length of each in characters.
_MOST_NOTES, _LONGEST_NOTE = 50, 1000

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def _local_now() -> datetime:
    return datetime.now().astimezone()


def date_and_time_tool(clock: Callable[[], datetime] = _local_now) -> Callable[[], dict[str, str]]:
    """Return the tool `get_date_and_time` on `clock`, which returns an aware local time."""

    def get_date_and_time() -> dict[str, str]:
        """Tell today's date and the time of day, local to the user."""
        now = clock()
        # Not strftime: its words follow the process's locale, and the model was told English.
        return {
            "date": now.date().isoformat(),
            "time": f"{now.hour % 12 or 12}:{now.minute:02d} {'AM' if now.hour < 12 else 'PM'}",
            "weekday": _WEEKDAYS[now.weekday()],
            "spoken_date": f"{_WEEKDAYS[now.weekday()]}, {_MONTHS[now.month - 1]} {now.day}, {now.year}",
            "timezone": f"{now.tzname()} (UTC{now:%:z})",
        }

    return get_date_and_time


get_date_and_time = date_and_time_tool()


# Async, so that they run beside the call and not in a thread: they touch it.


async def hang_up() -> str:
    """End the call, once the user wants to go. Say goodbye right after; the call ends when that was heard."""
    in_call().part()
    return "The call ends when you have said goodbye. Say it now, in a few words."


async def hand_over(reason: str, summary: str = "") -> str:
    """Ask for a person to take over, when the user wants one or you cannot help.

    Parameters
    ----------
    reason : str
        Why, in a few words.
    summary : str
        What that person should know of the talk so far, in one or two sentences.
    """
    in_call().tell(HandOverEvent(reason=reason, summary=summary))
    return "A person was asked to take over. Tell the user so, and stay with them until then."


async def remember(name: str, what: str) -> str:
    """Keep something that the user said, for later in this call.

    Parameters
    ----------
    name : str
        What to look it up by, in one or two words.
    what : str
        What to keep.
    """
    notes = in_call().notes
    if len(what) > _LONGEST_NOTE or len(name) > _LONGEST_NOTE:
        raise ToolError(f"a note has at most {_LONGEST_NOTE} characters")
    if name not in notes and len(notes) >= _MOST_NOTES:
        raise ToolError(f"there are {_MOST_NOTES} notes already: give one of them another text")
    notes[name] = what
    return f"kept as {name!r}"


async def recall(name: str = "") -> dict[str, str]:
    """Look up what was kept with `remember` in this call.

    Parameters
    ----------
    name : str
        By what it was kept; without it, everything is told.
    """
    notes = in_call().notes
    if not name:
        return dict(notes)
    if name not in notes:
        raise ToolError(f"nothing was kept as {name!r}; there is {', '.join(notes) or 'nothing'}")
    return {name: notes[name]}


#: All of them, by name, for the setting ``tools.builtin``.
BUILTIN: Mapping[str, Callable[..., Any]] = {
    fn.__name__: fn for fn in (get_date_and_time, hang_up, hand_over, remember, recall)
}
