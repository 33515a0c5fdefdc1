"""Python functions as tools: what the model is told of each, and which arguments it may be called with."""

from __future__ import annotations

import copy
import inspect
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from string import Formatter
from typing import Any

import msgspec

from sonicrtc.errors import ConfigError, ToolError
from sonicrtc.tools.schema import arguments_struct, parse_docstring, schema_of

#: The argument by which the model shows that the user was asked; only tools with `confirm` have it.
CONFIRMATION = "confirmation"

_CONFIRMATION_SCHEMA = {
    "type": "string",
    "description": "Leave this out at first. The first call answers with a question for the user and with the"
    " confirmation to give here once the user has agreed.",
}
# Bedrock API reference, ToolSpecification.name.
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Tool:
    """One function that the model may call.

    Attributes
    ----------
    name, description : str
        What the model sees.
    input_schema : dict
        JSON Schema of the arguments, as the model sees it.
    fn : callable
        Async, or sync; a sync function runs in a thread.
    arguments : type, optional
        Struct that checks and converts arguments; without one they are passed as they come.
    timeout_s : float, optional
        How long a call may take, in s; None is the setting of all tools.
    confirm : bool or str
        Whether the user is asked before the tool acts, and the question.
    filler : str, optional
        What the agent says when a call takes long; None is the setting of all tools.
    """

    name: str
    description: str
    input_schema: dict[str, Any]
    fn: Callable[..., Any]
    arguments: type[msgspec.Struct] | None = field(default=None, repr=False)
    timeout_s: float | None = None
    confirm: bool | str = False
    filler: str | None = None

    def check(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return `arguments` as `fn` takes them: converted, with defaults filled in.

        Raises
        ------
        ToolError
            An argument is missing, unknown or of the wrong type; the message has its path.
        """
        if self.arguments is None:
            return self._check_names(arguments)
        try:
            # Not strict: the model writes "5" for 5 now and then.
            checked = msgspec.convert(arguments, self.arguments, strict=False)
        except (msgspec.ValidationError, RecursionError) as exc:
            raise ToolError(f"arguments of {self.name}: {exc}") from exc
        return {name: getattr(checked, name) for name in self.arguments.__struct_fields__}

    def _check_names(self, arguments: dict[str, Any]) -> dict[str, Any]:
        missing = [name for name in self.input_schema.get("required", ()) if name not in arguments]
        if missing:
            raise ToolError(f"arguments of {self.name}: missing {', '.join(missing)}")
        known = self.input_schema.get("properties", {})
        unknown = [name for name in arguments if name not in known]
        if unknown and self.input_schema.get("additionalProperties") is False:
            raise ToolError(f"arguments of {self.name}: unknown {', '.join(unknown)}")
        return dict(arguments)

    def question(self, arguments: dict[str, Any]) -> str:
        """Return what the user is to be asked before this is done with the checked `arguments`."""
        if isinstance(self.confirm, str):
            return self.confirm.format_map(dict.fromkeys(self.input_schema["properties"]) | arguments)
        named = ", ".join(f"{name}: {value}" for name, value in arguments.items())
        return f"Shall I go ahead: {self.name.replace('_', ' ')}{f' ({named})' if named else ''}?"


class ToolRegistry:
    """The tools of one agent, by name."""

    def __init__(self) -> None:
        self._tools: dict[str, Tool] = {}

    def add(
        self,
        fn: Callable[..., Any],
        *,
        name: str | None = None,
        description: str | None = None,
        schema: dict[str, Any] | None = None,
        timeout_s: float | None = None,
        confirm: bool | str = False,
        filler: str | None = None,
    ) -> Tool:
        """Register `fn`; its type hints become the schema and its docstring the descriptions.

        Parameters
        ----------
        fn : callable
            Parameters may be annotated with anything that JSON can hold: ``str``, ``int``, ``float``, ``bool``,
            ``list``, ``dict``, ``Literal``, enums, ``Optional``, dataclasses and typed dicts. One without an
            annotation takes anything. The docstring is numpy or Google style.
        name, description : str, optional
            Instead of the function's own.
        schema : dict, optional
            JSON Schema of an object, instead of the one that the type hints give. The arguments are then passed
            as they come; only missing and forbidden names are found before the call.
        timeout_s : float, optional
            How long a call may take, in s, more than 0; ``tools.timeout_s`` of the settings when None.
        confirm : bool or str
            Ask the user before acting. A text is the question; ``{parameter}`` in it becomes the argument.
        filler : str, optional
            What the agent says when a call takes long, empty for nothing; ``tools.filler`` of the settings
            when None.

        Raises
        ------
        ConfigError
            The name is taken or not allowed, a parameter cannot be described, or an option makes no sense.
        """
        tool = make_tool(
            fn, name=name, description=description, schema=schema, timeout_s=timeout_s, confirm=confirm, filler=filler
        )
        if tool.name in self._tools:
            raise ConfigError(f"tool {tool.name!r} is registered already")
        self._tools[tool.name] = tool
        return tool

    def replace(self, old: Iterable[Tool], new: Iterable[Tool]) -> None:
        """Take the tools `old` out, as far as they are there, and put `new` in.

        Raises
        ------
        ConfigError
            A name is taken; nothing has changed.
        """
        tools = dict(self._tools)
        for tool in old:
            if tools.get(tool.name) is tool:
                del tools[tool.name]
        for tool in new:
            if tool.name in tools:
                raise ConfigError(f"tool {tool.name!r} is registered already")
            tools[tool.name] = tool
        self._tools = tools

    def only(self, names: Collection[str]) -> ToolRegistry:
        """Return a registry of some of these tools.

        Raises
        ------
        ConfigError
            There is no tool of one of the names.
        """
        if unknown := [name for name in names if name not in self._tools]:
            raise ConfigError(f"tools: expected some of {', '.join(self._tools) or 'none'}, got {', '.join(unknown)}")
        some = ToolRegistry()
        some._tools = {name: tool for name, tool in self._tools.items() if name in names}
        return some

    def find(self, name: str) -> Tool:
        """Return the tool; ToolError, with the names that there are, when it is unknown."""
        tool = self._tools.get(name)
        if tool is None:
            raise ToolError(f"unknown tool {name!r}; available are {', '.join(self._tools) or 'none'}")
        return tool

    def __iter__(self) -> Iterator[Tool]:
        return iter(self._tools.values())

    def __len__(self) -> int:
        return len(self._tools)

    def __contains__(self, name: object) -> bool:
        return name in self._tools


def make_tool(
    fn: Callable[..., Any],
    *,
    name: str | None = None,
    description: str | None = None,
    schema: dict[str, Any] | None = None,
    timeout_s: float | None = None,
    confirm: bool | str = False,
    filler: str | None = None,
) -> Tool:
    """Return `fn` as a tool, which is in no registry yet; see :meth:`ToolRegistry.add`."""
    name = name or str(getattr(fn, "__name__", ""))
    if not _NAME.fullmatch(name):
        raise ConfigError(f"tool name: expected 1 to 64 of a-z A-Z 0-9 _ -, got {name!r}")
    if timeout_s is not None and not timeout_s > 0:
        raise ConfigError(f"tool {name!r}: timeout_s: expected more than 0 s, got {timeout_s!r}")
    summary, parameters = parse_docstring(inspect.getdoc(fn) or "")
    arguments = None if schema is not None else arguments_struct(fn, name, parameters)
    shown = _given(schema, name) if arguments is None else schema_of(arguments, name)
    if confirm:
        _ask_first(shown, confirm, name)
    return Tool(
        name, description or summary or name, shown, fn, arguments,
        timeout_s=timeout_s, confirm=confirm, filler=filler,
    )  # fmt: skip


def _given(schema: dict[str, Any] | None, name: str) -> dict[str, Any]:
    """Return a copy of a schema that was written by hand."""
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise ConfigError(f'tool {name!r}: schema: expected {{"type": "object", ...}}, got {schema!r}')
    return copy.deepcopy(schema)


def _ask_first(schema: dict[str, Any], question: bool | str, name: str) -> None:
    """Put the confirmation into `schema`, and see that `question` can be asked."""
    parameters = schema.setdefault("properties", {})
    if CONFIRMATION in parameters:
        raise ConfigError(f"tool {name!r}: a tool with confirm cannot have a parameter {CONFIRMATION!r}")
    try:
        asked = [part[1] for part in Formatter().parse(question if isinstance(question, str) else "")]
    except ValueError as exc:
        raise ConfigError(f"tool {name!r}: confirm: {exc}") from exc
    unknown = [part for part in asked if part is not None and part not in parameters]
    if unknown:
        raise ConfigError(f"tool {name!r}: confirm: no parameter is called {', '.join(map(repr, unknown))}")
    parameters[CONFIRMATION] = dict(_CONFIRMATION_SCHEMA)
