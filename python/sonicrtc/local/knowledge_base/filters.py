"""Filters on metadata, as API reference ``API_agent-runtime_RetrievalFilter`` describes them. No I/O."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

Metadata = Mapping[str, Any]

_ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "greaterThan": operator.gt,
    "greaterThanOrEquals": operator.ge,
    "lessThan": operator.lt,
    "lessThanOrEquals": operator.le,
}


def matches(condition: Mapping[str, Any], metadata: Metadata) -> bool:
    """Return whether `metadata` meets a filter that its schema has passed; an attribute that is not there meets none
    but ``notEquals``."""
    ((name, rule),) = condition.items()
    if name == "andAll":
        return all(matches(each, metadata) for each in rule)
    if name == "orAll":
        return any(matches(each, metadata) for each in rule)
    key, wanted = rule["key"], rule["value"]
    if key not in metadata:
        return bool(name == "notEquals")
    return _meets(name, metadata[key], wanted)


def _meets(name: str, value: Any, wanted: Any) -> bool:
    match name:
        case "equals":
            return _same(value, wanted)
        case "notEquals":
            return not _same(value, wanted)
        case "in":
            return any(_same(value, each) for each in wanted)
        case "notIn":
            return not any(_same(value, each) for each in wanted)
        case "startsWith":
            return isinstance(value, str) and value.startswith(wanted)
        case "stringContains":
            texts = value if isinstance(value, list) else [value]
            return any(isinstance(text, str) and wanted in text for text in texts)
        case "listContains":
            return isinstance(value, list) and wanted in value
        case _:
            return _is_number(value) and _ORDER[name](value, wanted)


def _same(value: Any, wanted: Any) -> bool:
    """Compare as JSON does: true is not 1."""
    return isinstance(value, bool) == isinstance(wanted, bool) and bool(value == wanted)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
