"""How a tool that runs shows that it still works."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

#: Gives the running tool its whole time again; belongs to the task in which the tool runs.
still_working: ContextVar[Callable[[], None]] = ContextVar("still_working", default=lambda: None)
