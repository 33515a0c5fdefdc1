"""What a dialogue answers with: words, or a tool of the client and what to make of its result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sonicrtc.local.sonic.speech.toolmatch import ToolMatch

if TYPE_CHECKING:
    from sonicrtc.local.sonic.speech.home.talk import Talked


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """An answer in words.

    Parameters
    ----------
    text : str
        What to say; several sentences are spoken one by one.
    asks_for : ToolMatch, optional
        The tool call that lacks an argument: the user's next words will be it.
    talked : Talked, optional
        What is then remembered of the house.
    """

    text: str
    asks_for: ToolMatch | None = None
    talked: Talked | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTool:
    """An answer that needs a tool.

    Parameters
    ----------
    name, arguments : str, mapping
        The call.
    tell : callable
        Puts the parsed result into words.
    guess : str, optional
        What `tell` will most likely return, so that it can be synthesised while the tool works.
        Spoken only when the result says the same.
    """

    name: str
    arguments: Mapping[str, object]
    tell: Callable[[Any], str]
    guess: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallThen:
    """An answer that needs a tool, and perhaps another one after it.

    Parameters
    ----------
    name, arguments : str, mapping
        The call.
    then : callable
        Makes the next answer of the parsed result.
    guess : str, optional
        What will most likely be said in the end.
    talked : Talked, optional
        What is remembered of the house as soon as the tool is called.
    """

    name: str
    arguments: Mapping[str, object]
    then: Callable[[Any], Answer]
    guess: str | None = None
    talked: Talked | None = None


Answer = Say | CallTool | CallThen
