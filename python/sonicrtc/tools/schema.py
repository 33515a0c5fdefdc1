"""What the model is told of a Python function: a JSON Schema from its type hints, words from its docstring."""

from __future__ import annotations

import copy
import enum
import inspect
import re
from collections.abc import Callable
from typing import Annotated, Any, get_type_hints
from urllib.parse import unquote

import msgspec

from sonicrtc.errors import ConfigError

_SECTION = re.compile(r"^(?:Args|Arguments|Parameters|Returns|Raises|Yields|Examples?|Notes?):?\s*$")


def arguments_struct(fn: Callable[..., Any], name: str, described: dict[str, str]) -> type[msgspec.Struct]:
    """Return a struct with one field for each parameter of `fn`."""
    try:
        hints = get_type_hints(fn, include_extras=True)
    except NameError as exc:
        raise ConfigError(f"tool {name!r}: a type hint cannot be resolved: {exc}") from exc
    fields: list[tuple[str, Any, Any]] = []
    for parameter in inspect.signature(fn).parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise ConfigError(f"tool {name!r}: parameter {parameter.name!r} must be one that can be given by name")
        hint = hints.get(parameter.name, Any)
        if parameter.name in described:
            hint = Annotated[hint, msgspec.Meta(description=described[parameter.name])]
        fields.append((parameter.name, hint, _default(parameter)))
    try:
        return msgspec.defstruct(f"{name} arguments", fields, kw_only=True, forbid_unknown_fields=True)
    except (TypeError, ValueError) as exc:
        raise ConfigError(f"tool {name!r}: {exc}") from exc


def _default(parameter: inspect.Parameter) -> Any:
    if parameter.default is parameter.empty:
        return msgspec.field()
    if isinstance(parameter.default, list | dict | set) and parameter.default:
        return msgspec.field(default_factory=lambda: copy.deepcopy(parameter.default))
    return msgspec.field(default=parameter.default)


def schema_of(arguments: type[msgspec.Struct], name: str) -> dict[str, Any]:
    """Return the JSON Schema of `arguments` without references: the model reads it more easily."""
    try:
        (top,), definitions = msgspec.json.schema_components([arguments], ref_template="#/{name}")
        schema: dict[str, Any] = without_references(top, definitions)
    except TypeError as exc:
        raise ConfigError(f"tool {name!r}: {exc}") from exc
    except RecursionError as exc:
        raise ConfigError(f"tool {name!r}: a type that contains itself cannot be described") from exc
    schema.pop("title", None)
    return schema


#: Members and items that a schema of others may grow to when its references are followed.
_MOST_PARTS = 20_000


def without_references(node: Any, document: Any, *, cycles: bool = False) -> Any:
    """Return a copy of `node` in which each ``$ref`` is replaced by the part of `document` that it names.

    Parameters
    ----------
    node, document : JSON values
        What to copy, and what ``#/path/to/it`` leads into.
    cycles : bool
        Describe what contains itself by ``{}``, which is anything, where it does so.

    Raises
    ------
    RecursionError
        A part contains itself.
    LookupError
        A reference leads nowhere, or out of the document.
    ValueError
        The copy would be enormous.
    """
    parts = 0

    def copied(node: Any, inside: tuple[str, ...]) -> Any:
        nonlocal parts
        parts += 1
        if parts > _MOST_PARTS:
            raise ValueError(f"more than {_MOST_PARTS} parts when its references are followed")
        if isinstance(node, list):
            return [copied(item, inside) for item in node]
        if not isinstance(node, dict):
            return node.value if isinstance(node, enum.Enum) else node
        reference = node.get("$ref")
        if not isinstance(reference, str):
            return {key: copied(value, inside) for key, value in node.items()}
        if reference in inside:
            if cycles:
                return {}
            raise RecursionError(reference)
        beside = {key: copied(value, inside) for key, value in node.items() if key != "$ref"}
        return {**copied(_part(document, reference), (*inside, reference)), **beside}

    return copied(node, ())


def _part(document: Any, reference: str) -> Any:
    """Return what a JSON pointer (RFC 6901, as a URI fragment) leads to."""
    if not reference.startswith("#"):
        raise LookupError(f"{reference} is outside of this document")
    part = document
    for step in unquote(reference[1:]).split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")
        if isinstance(part, list) and step.isdecimal() and int(step) < len(part):
            part = part[int(step)]
        elif isinstance(part, dict) and step in part:
            part = part[step]
        else:
            raise LookupError(f"{reference} leads nowhere")
    return part


# --- docstrings -----------------------------------------------------------------------------------


def parse_docstring(text: str) -> tuple[str, dict[str, str]]:
    """Return the first paragraph and the descriptions of parameters, from numpy or Google style."""
    lines = inspect.cleandoc(text).splitlines()
    first: list[str] = []
    for line in lines:
        if not line.strip() or _SECTION.match(line):
            break
        first.append(line.strip())
    described: dict[str, str] = {}
    for i, line in enumerate(lines):
        if re.match(r"^(Args|Arguments|Parameters):\s*$", line):
            described = _google_section(lines[i + 1 :])
        elif line.strip() == "Parameters" and i + 1 < len(lines) and set(lines[i + 1].strip()) == {"-"}:
            described = _numpy_section(lines[i + 2 :])
    return " ".join(first), described


def _numpy_section(lines: list[str]) -> dict[str, str]:
    described: dict[str, list[str]] = {}
    names: list[str] = []
    for i, line in enumerate(lines):
        following = lines[i + 1].strip() if i + 1 < len(lines) else ""
        if line and not line[0].isspace():
            if following and set(following) == {"-"}:
                break
            names = [name.strip().lstrip("*") for name in line.partition(":")[0].split(",")]
        elif line.strip():
            for name in names:
                described.setdefault(name, []).append(line.strip())
    return {name: " ".join(parts) for name, parts in described.items()}


def _google_section(lines: list[str]) -> dict[str, str]:
    described: dict[str, list[str]] = {}
    indent: int | None = None
    name = ""
    for line in lines:
        if not line.strip():
            continue
        depth = len(line) - len(line.lstrip())
        if depth == 0:
            break
        indent = depth if indent is None else indent
        match = re.match(r"\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)", line.strip()) if depth == indent else None
        if match:
            name = match[1]
            described[name] = [match[2]] if match[2] else []
        elif name:
            described[name].append(line.strip())
    return {name: " ".join(parts) for name, parts in described.items() if parts}
