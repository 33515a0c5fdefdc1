"""Python functions as tools: schema from type hints and docstring, arguments checked, errors told to the model."""

from __future__ import annotations

import asyncio
import copy
import enum
import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, get_type_hints

from sonicrtc.errors import ConfigError, MissingExtraError, ToolError

try:
    import msgspec
except ModuleNotFoundError as exc:  # pragma: no cover - seen by the base-install test
    raise MissingExtraError("tools need the extra: pip install 'sonicrtc[server]'") from exc

#: How long a tool may take before the model is told that it failed.
TIMEOUT_S = 20.0

# Bedrock API reference, ToolSpecification.name.
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_SECTION = re.compile(r"^(?:Args|Arguments|Parameters|Returns|Raises|Yields|Examples?|Notes?):?\s*$")


@dataclass(frozen=True, slots=True)
class Tool:
    """One function that the model may call.

    Attributes
    ----------
    name, description : str
        What the model sees.
    input_schema : dict
        JSON Schema of the arguments.
    fn : callable
        Async, or sync; a sync function runs in a thread.
    arguments : type, optional
        Struct that checks and converts arguments; without one they are passed as they come.
    """

    name: str
    description: str
    input_schema: dict[str, Any]
    fn: Callable[..., Any]
    arguments: type[msgspec.Struct] | None = field(default=None, repr=False)


class ToolRegistry:
    """The tools of one agent, by name.

    Parameters
    ----------
    timeout_s : float
        How long one call may take.
    """

    def __init__(self, *, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._tools: dict[str, Tool] = {}

    def add(self, fn: Callable[..., Any], *, name: str | None = None, description: str | None = None) -> Tool:
        """Register `fn`; its type hints become the schema and its docstring the descriptions.

        Parameters
        ----------
        fn : callable
            Parameters may be annotated with anything that JSON can hold: ``str``, ``int``, ``float``, ``bool``,
            ``list``, ``dict``, ``Literal``, enums, ``Optional``, dataclasses and typed dicts. One without an
            annotation takes anything. The docstring is numpy or Google style.
        name, description : str, optional
            Instead of the function's own.

        Raises
        ------
        ConfigError
            The name is taken or not allowed, or a parameter cannot be described.
        """
        name = name or fn.__name__
        if not _NAME.fullmatch(name):
            raise ConfigError(f"tool name: expected 1 to 64 of a-z A-Z 0-9 _ -, got {name!r}")
        if name in self._tools:
            raise ConfigError(f"tool {name!r} is registered already")
        summary, parameters = parse_docstring(inspect.getdoc(fn) or "")
        arguments = _arguments_struct(fn, name, parameters)
        tool = Tool(name, description or summary or name, _schema(arguments, name), fn, arguments)
        self._tools[name] = tool
        return tool

    def __iter__(self) -> Iterator[Tool]:
        return iter(self._tools.values())

    def __len__(self) -> int:
        return len(self._tools)

    def __contains__(self, name: object) -> bool:
        return name in self._tools

    async def call(self, name: str, arguments: dict[str, Any]) -> Any:
        """Call a tool and return its result as plain JSON values.

        A sync tool that outlives the timeout goes on in its thread; its result is thrown away.

        Raises
        ------
        ToolError
            The tool is unknown, an argument is wrong (the message has its path), the tool raised, took too long,
            or returned what JSON cannot hold. The message is meant for the model.
        """
        tool = self._tools.get(name)
        if tool is None:
            raise ToolError(f"unknown tool {name!r}; available are {', '.join(self._tools) or 'none'}")
        checked = _check_arguments(tool, arguments)
        try:
            async with asyncio.timeout(self._timeout_s) as deadline:
                result = await _invoke(tool.fn, checked)
        except ToolError:
            raise
        except TimeoutError as exc:
            if not deadline.expired():
                raise ToolError(f"{name} failed: {_describe(exc)}") from exc
            raise ToolError(f"{name} took longer than {self._timeout_s:g} s") from exc
        except Exception as exc:  # the tool boundary: whatever a tool does, the call goes on
            raise ToolError(f"{name} failed: {_describe(exc)}") from exc
        try:
            return msgspec.json.decode(msgspec.json.encode(result))
        except (TypeError, ValueError, RecursionError) as exc:
            raise ToolError(f"{name} returned what JSON cannot hold: {exc}") from exc


async def _invoke(fn: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    if inspect.iscoroutinefunction(fn):
        return await fn(**arguments)
    result = await asyncio.to_thread(fn, **arguments)
    return await result if inspect.isawaitable(result) else result


def _describe(exc: Exception) -> str:
    text = str(exc)
    return f"{type(exc).__name__}: {text}" if text else type(exc).__name__


def _check_arguments(tool: Tool, arguments: dict[str, Any]) -> dict[str, Any]:
    if tool.arguments is None:
        return dict(arguments)
    try:
        # Not strict: the model writes "5" for 5 now and then.
        checked = msgspec.convert(arguments, tool.arguments, strict=False)
    except (msgspec.ValidationError, RecursionError) as exc:
        raise ToolError(f"arguments of {tool.name}: {exc}") from exc
    return {name: getattr(checked, name) for name in tool.arguments.__struct_fields__}


# --- schema ---------------------------------------------------------------------------------------


def _arguments_struct(fn: Callable[..., Any], name: str, described: dict[str, str]) -> type[msgspec.Struct]:
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


def _schema(arguments: type[msgspec.Struct], name: str) -> dict[str, Any]:
    """Return the JSON Schema of `arguments` without references: the model reads it more easily."""
    try:
        (top,), definitions = msgspec.json.schema_components([arguments])
        schema: dict[str, Any] = _inline(top, definitions, ())
    except TypeError as exc:
        raise ConfigError(f"tool {name!r}: {exc}") from exc
    except RecursionError as exc:
        raise ConfigError(f"tool {name!r}: a type that contains itself cannot be described") from exc
    schema.pop("title", None)
    return schema


def _inline(node: Any, definitions: dict[str, Any], inside: tuple[str, ...]) -> Any:
    if isinstance(node, list):
        return [_inline(item, definitions, inside) for item in node]
    if not isinstance(node, dict):
        return node.value if isinstance(node, enum.Enum) else node
    if "$ref" not in node:
        return {key: _inline(value, definitions, inside) for key, value in node.items()}
    name = node["$ref"].rpartition("/")[2]
    if name in inside:
        raise RecursionError(name)
    beside = {key: value for key, value in node.items() if key != "$ref"}
    return {**_inline(definitions[name], definitions, (*inside, name)), **beside}


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
