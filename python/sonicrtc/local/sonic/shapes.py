"""The shape of every event: JSON Schemas written from the documents, one file per event.

``schemas/input`` holds what a client may send, ``schemas/output`` what the service sends. Each
names in its ``$comment`` the page it came from. Fields that the documents do not know are ignored,
as the service does; those that they place elsewhere (``endpointingSensitivity``) are refused.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match

__all__ = ["INPUT_EVENTS", "OUTPUT_EVENTS", "audio_flaw", "flaw", "preload", "read_audio", "validator"]

INPUT_EVENTS = (
    "sessionStart", "promptStart", "contentStart", "textInput", "audioInput", "toolResult",
    "contentEnd", "promptEnd", "sessionEnd",
)  # fmt: skip
OUTPUT_EVENTS = (
    "completionStart", "contentStart", "textOutput", "audioOutput", "toolUse", "contentEnd",
    "completionEnd", "usageEvent",
)  # fmt: skip


@cache
def validator(direction: str, event: str) -> Draft202012Validator:
    """Return the validator of one event; `direction` is ``"input"`` or ``"output"``."""
    file = resources.files(__package__) / "schemas" / direction / f"{event}.json"
    schema: dict[str, Any] = json.loads(file.read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def preload() -> None:
    """Read the input schemas now, so that the first session need not wait for it."""
    for event in INPUT_EVENTS:
        flaw("input", event, {})


def flaw(direction: str, event: str, body: object) -> str | None:
    """Say what is wrong with an event's body, or return None.

    The text names places and rules of the schema and never repeats what was sent.
    """
    error = best_match(validator(direction, event).iter_errors(body))
    return None if error is None else f"{_place(event, error)}: {_rule(error)}"


def audio_flaw(body: object) -> str | None:
    """Judge an ``audioInput`` body as its schema does, but fast: there are 31 of them a second."""
    return read_audio(body)[1]


def read_audio(body: object) -> tuple[bytes, str | None]:
    """Return the audio of an ``audioInput`` body, and what is wrong with the body."""
    if not isinstance(body, dict):
        return b"", "audioInput: expected object"
    for field in ("promptName", "contentName", "content"):
        value = body.get(field)
        if not isinstance(value, str):
            return b"", f"audioInput: expected the string {field!r}"
        if not value and field != "content":
            return b"", f"audioInput.{field}: minLength is 1"
    try:
        return base64.b64decode(body["content"], validate=True), None
    except ValueError:  # binascii.Error is one
        return b"", "audioInput.content: expected base64"


def _place(event: str, error: ValidationError) -> str:
    return "".join([event, *(f"[{p}]" if isinstance(p, int) else f".{p}" for p in error.absolute_path)])


def _rule(error: ValidationError) -> str:
    wanted: Any = error.validator_value
    match error.validator:
        case "required":
            missing = [name for name in wanted if name not in _mapping(error.instance)]
            return f"the field {missing[0]!r} is missing"
        case "enum":
            return "expected one of " + ", ".join(str(value) for value in wanted)
        case "const":
            return f"expected {wanted!r}"
        case "type":
            return f"expected {wanted}"
        case None:
            return "this field does not belong here"
        case "minimum" | "maximum" | "minLength":
            return f"{error.validator} is {wanted}"
        case _:
            return f"does not meet the rule {error.validator!r}"


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
