"""Which of the client's own tools the user's words ask for, and how to tell its result."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sonicrtc.local.sonic.brain import ToolDefinition

#: A word of the tool's name counts double, so one of them is enough.
_SCORE_MIN = 2
_STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        "a an and any are as at be by can current do does for from get give has have how i if in into is it its me my "
        "of on or please return returns show tell that the their this to us use using value what when where which who "
        "will with you your about one all call function tool today now given named name string number",
    )
)
_FILLERS = re.compile(r"\b(please|right now|now|today|at the moment|for me|thank you|thanks)\b|[?!.]+$", re.IGNORECASE)
_PREPOSITION = re.compile(r"\b(?:in|at|for|of|about|on|to|from|near|called|named)\s+(?:the\s+)?(.+)$", re.IGNORECASE)
_UNITS = {
    "c": "degrees Celsius", "celsius": "degrees Celsius", "f": "degrees Fahrenheit", "percent": "percent",
    "kmh": "kilometers per hour", "kph": "kilometers per hour", "mph": "miles per hour", "km": "kilometers",
    "m": "meters", "s": "seconds", "ms": "milliseconds", "min": "minutes", "eur": "euros", "usd": "dollars",
}  # fmt: skip
_SPOKEN_KEYS = ("spoken", "text", "message", "summary", "answer", "result")
_ITEMS_MAX = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolMatch:
    """A tool that fits the user's words.

    Parameters
    ----------
    name, title : str
        Its name, and the name as it is spoken.
    arguments : mapping
        What the words gave.
    missing : str, optional
        The required argument that they did not give.
    """

    name: str
    title: str
    arguments: Mapping[str, object]
    missing: str | None = None

    def with_argument(self, heard: str) -> ToolMatch:
        """Fill the missing argument with what the user answered."""
        if self.missing is None:
            return self
        value = _FILLERS.sub("", _last_phrase(heard) or heard).strip(" ,.")
        return replace(self, arguments={**self.arguments, self.missing: value}, missing=None)


def match_tool(
    heard: str, words: str, tools: Mapping[str, ToolDefinition], *, at_least: int = _SCORE_MIN
) -> ToolMatch | None:
    """Find the tool whose name and description share most words with what was said.

    Parameters
    ----------
    heard, words : str
        What was said: as recognised, and normalised.
    tools : mapping of str to ToolDefinition
        Only tools with no required argument, or one that is a text or a choice, can be called.
    at_least : int
        Score that is needed; a word of the name counts 2, one of the description 1.
    """
    stems = {_stem(word) for word in words.split()}
    best: tuple[int, str] | None = None
    for name, tool in tools.items():
        if _callable(tool) and (score := _score(stems, name, tool)) >= at_least and (best is None or score > best[0]):
            best = (score, name)
    return None if best is None else _fill(best[1], tools[best[1]], heard)


def tell_result(title: str, result: Any) -> str:
    """Put any tool result into words."""
    if isinstance(result, Mapping) and "error" in result:
        return f"The {title} did not work: {_phrase(result['error'])}."
    if isinstance(result, Mapping):
        for key in _SPOKEN_KEYS:
            if isinstance(result.get(key), str) and result[key].strip():
                return _sentence(result[key])
        if not result:
            return "Done."
        items = [_item(str(key), value) for key, value in result.items()]
        return f"{title[0].upper()}{title[1:]}: {', '.join(items[:_ITEMS_MAX])}."
    if result is None or result is True or result == "":
        return "Done."
    return _sentence(_phrase(result))


def _callable(tool: ToolDefinition) -> bool:
    return len(_required(tool)) <= 1 and all(_is_text(schema) for schema in _required(tool).values())


def _properties(tool: ToolDefinition) -> Mapping[str, Mapping[str, object]]:
    properties = tool["schema"].get("properties")
    return properties if isinstance(properties, Mapping) else {}


def _required(tool: ToolDefinition) -> dict[str, Mapping[str, object]]:
    required = tool["schema"].get("required")
    names = [str(name) for name in required] if isinstance(required, Sequence) else []
    return {name: _properties(tool).get(name, {}) for name in names}


def _is_text(schema: Mapping[str, object]) -> bool:
    return schema.get("type", "string") == "string"


def _score(stems: set[str], name: str, tool: ToolDefinition) -> int:
    named = {_stem(word) for word in _split_name(name)} - _STOP_WORDS
    described = {_stem(word) for word in re.findall(r"[a-z]+", tool["description"].lower())} - _STOP_WORDS
    return 2 * len(stems & named) + len(stems & (described - named))


def _fill(name: str, tool: ToolDefinition, heard: str) -> ToolMatch:
    title = " ".join(word for word in _split_name(name) if word not in ("get", "fetch", "read", "tell", "call")) or name
    texts = {key: schema for key, schema in _properties(tool).items() if _is_text(schema)}
    required = _required(tool)
    wanted = next(iter(required), None) or (next(iter(texts)) if len(texts) == 1 else None)
    if wanted is None:
        return ToolMatch(name=name, title=title, arguments={})
    value = _argument(heard, texts.get(wanted, {}), _split_name(name))
    if value is not None:
        return ToolMatch(name=name, title=title, arguments={wanted: value})
    return ToolMatch(name=name, title=title, arguments={}, missing=wanted if wanted in required else None)


def _argument(heard: str, schema: Mapping[str, object], name_words: Sequence[str]) -> str | None:
    choices = schema.get("enum")
    if isinstance(choices, Sequence):
        return next((str(choice) for choice in choices if str(choice).lower() in heard.lower()), None)
    phrase = _last_phrase(heard)
    if phrase is None:
        # Without a preposition the argument is what follows the tool's own name: "weather Paris".
        for word in name_words:
            found = re.search(rf"\b{re.escape(word)}\w*\s+(.+)$", heard, re.IGNORECASE)
            phrase = found[1] if found else phrase
        if phrase is not None and all(_stem(word) in _STOP_WORDS for word in re.findall(r"[a-z]+", phrase.lower())):
            phrase = None
    cleaned = _FILLERS.sub("", phrase or "").strip(" ,.?!")
    return cleaned or None


def _last_phrase(heard: str) -> str | None:
    found = _PREPOSITION.search(_FILLERS.sub("", heard.strip()).strip(" ,.?!"))
    return found[1] if found else None


def _split_name(name: str) -> list[str]:
    """Split ``getDoorState`` and ``get_door_state`` into words."""
    return re.findall(r"[a-z]+|\d+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())


def _stem(word: str) -> str:
    for ending in ("ing", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            return word[: -len(ending)]
    return word


def _item(key: str, value: object) -> str:
    words = _split_name(key) or [key]
    unit = _UNITS.get(words[-1]) if len(words) > 1 and isinstance(value, int | float) else None
    return f"{' '.join(words[:-1] if unit else words)} {_phrase(value)}{f' {unit}' if unit else ''}"


def _phrase(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(_item(str(key), item) for key, item in list(value.items())[:_ITEMS_MAX])
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_phrase(item) for item in value[:_ITEMS_MAX]) or "nothing"
    return "unknown" if value is None else str(value).strip().rstrip(".")


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else text + "."
