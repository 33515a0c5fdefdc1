"""Asking the user before a tool acts: one-use tokens. No I/O, no clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from sonicrtc.errors import ToolError
from sonicrtc.tools.registry import CONFIRMATION, Tool

#: Questions that may be open at once; the oldest one lapses.
_MAX_OPEN = 32

_NOT_VALID = (
    f"nothing was done: this {CONFIRMATION} is not valid, or was used already. Call without it,"
    " so that the user is asked"
)
_TOO_EARLY = (
    "nothing was done: the user has not answered yet. Ask, and wait for the answer; if it is a yes, call again with"
    f" the same arguments and the same {CONFIRMATION}"
)
_OTHER = (
    "nothing was done: the user was asked about another call than this one. Call without"
    f" {CONFIRMATION}, so that the user is asked about these arguments"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    about: bytes
    after_text: int


class Confirmations:
    """The open questions of one call.

    Parameters
    ----------
    new_token : callable
        Returns a text that cannot be guessed and never comes twice.
    """

    def __init__(self, new_token: Callable[[], str]) -> None:
        self._new_token = new_token
        self._open: dict[str, _Question] = {}
        self._texts = 0

    def user_said(self) -> None:
        """Take that the user has said something: what was asked before may have been answered."""
        self._texts += 1

    def ask(self, tool: Tool, arguments: dict[str, Any]) -> dict[str, str]:
        """Return what the model is told in place of a result: the question, the token, and what to do."""
        question = tool.question(arguments)
        if len(self._open) >= _MAX_OPEN:
            del self._open[next(iter(self._open))]
        token = self._new_token()
        self._open[token] = _Question(about=_about(tool, arguments), after_text=self._texts)
        return {
            "confirm": question,
            CONFIRMATION: token,
            "next": "Nothing was done yet. Ask the user this question and wait for the answer. If it is a clear yes,"
            f" call {tool.name} again with the same arguments and this {CONFIRMATION}. Otherwise do not.",
        }

    def redeem(self, tool: Tool, arguments: dict[str, Any], token: object) -> None:
        """Take a token, which is used up.

        Raises
        ------
        ToolError
            The token is none of the open ones; it was given for another tool or other arguments, which ends it too;
            or the user has said nothing since, which leaves it open.
        """
        question = self._open.get(token) if isinstance(token, str) else None
        if question is None or not isinstance(token, str):
            raise ToolError(_NOT_VALID)
        if question.about != _about(tool, arguments):
            del self._open[token]
            raise ToolError(_OTHER)
        if self._texts <= question.after_text:
            raise ToolError(_TOO_EARLY)
        del self._open[token]


def _about(tool: Tool, arguments: dict[str, Any]) -> bytes:
    """Return tool and arguments as canonical JSON."""
    return msgspec.json.encode([tool.name, arguments], order="deterministic")
