"""What a tool returned, as JSON that the model can take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from sonicrtc.errors import ToolError


def as_json(name: str, value: object, limit_bytes: int) -> dict[str, Any]:
    """Return the result of tool `name` as a JSON object.

    An object is what the service's documents show (``sonic-tool-configuration``), and what it cannot parse ends the
    whole stream with "Tool Response parsing error": nothing else is tried.

    Parameters
    ----------
    name : str
        Named in errors.
    value : object
        Anything that msgspec writes as JSON; what is no object comes as ``{"result": value}``.
    limit_bytes : int
        Longest JSON text. A longer one is replaced by
        ``{"truncated": true, "size_bytes": ..., "text": "its beginning"}``, which keeps to the limit.

    Raises
    ------
    ToolError
        JSON cannot hold the value.
    """
    try:
        data = msgspec.json.encode(value)
        plain = msgspec.json.decode(data)
        whole = plain if isinstance(plain, dict) else {"result": plain}
        if len(msgspec.json.encode(whole)) <= limit_bytes:
            return whole
        text = plain if isinstance(plain, str) else data.decode()
    except (TypeError, ValueError, RecursionError) as exc:
        raise ToolError(f"{name} returned what JSON cannot hold: {exc}") from exc
    return _longest(text, lambda part: {"truncated": True, "size_bytes": len(data), "text": part}, limit_bytes)


def error_as_json(text: str, limit_bytes: int) -> dict[str, Any]:
    """Return ``{"error": text}``; what is too long for the limit is cut, and says so."""
    text = text.encode("utf-8", "replace").decode()  # an exception may quote what UTF-8 cannot hold
    whole = {"error": text}
    if len(msgspec.json.encode(whole)) <= limit_bytes:
        return whole
    return _longest(text, lambda part: {"error": f"{part}… (truncated)"}, limit_bytes)


def _longest(text: str, shaped: Callable[[str], dict[str, Any]], limit_bytes: int) -> dict[str, Any]:
    """Return as much of `text` as fits; how much longer its JSON is depends on what is in it."""
    fits, too_long = 0, min(len(text), limit_bytes) + 1
    while too_long - fits > 1:
        length = (fits + too_long) // 2
        if len(msgspec.json.encode(shaped(text[:length]))) <= limit_bytes:
            fits = length
        else:
            too_long = length
    return shaped(text[:fits])
