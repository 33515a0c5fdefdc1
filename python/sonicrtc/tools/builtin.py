"""Tools that every agent has."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

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
