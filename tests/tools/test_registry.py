from __future__ import annotations

import asyncio
import enum
import threading
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypedDict

import pytest

from sonicrtc.errors import ConfigError, ToolError
from sonicrtc.tools.registry import Tool, ToolRegistry, parse_docstring


class Unit(enum.Enum):
    CELSIUS = "C"
    FAHRENHEIT = "F"


@dataclass
class Place:
    city: str
    country: str = "DE"


class Range(TypedDict):
    low: float
    high: float


async def weather(
    place: Place,
    days: int = 1,
    unit: Unit = Unit.CELSIUS,
    detail: Literal["short", "long"] | None = None,
    tags: list[str] = [],  # noqa: B006 - users write this
    limits: Range | None = None,
) -> dict[str, Any]:
    """Tell the weather
    of a place.

    More for people only.

    Parameters
    ----------
    place : Place
        Where, as the user
        said it.
    days : int
        How many days.

    Returns
    -------
    dict
        Not for the model.
    """
    return {"city": place.city, "days": days, "unit": unit, "detail": detail, "tags": tags, "limits": limits}


def added(fn: Any, **options: Any) -> Tool:
    return ToolRegistry().add(fn, **options)


async def called(fn: Any, arguments: dict[str, Any], **options: Any) -> Any:
    registry = ToolRegistry(**options)
    return await registry.call(registry.add(fn).name, arguments)


def test_hints_and_docstring_become_the_schema() -> None:
    tool = added(weather)
    assert (tool.name, tool.description) == ("weather", "Tell the weather of a place.")
    properties = tool.input_schema["properties"]
    assert tool.input_schema["required"] == ["place"]
    assert tool.input_schema["additionalProperties"] is False
    assert properties["place"]["description"] == "Where, as the user said it."
    assert properties["place"]["properties"] == {
        "city": {"type": "string"},
        "country": {"type": "string", "default": "DE"},
    }
    assert properties["days"] == {"type": "integer", "description": "How many days.", "default": 1}
    assert properties["unit"]["enum"] == ["C", "F"]
    assert sorted(properties["detail"]["anyOf"][0]["enum"]) == ["long", "short"]
    assert properties["tags"] == {"type": "array", "items": {"type": "string"}, "default": []}
    assert sorted(properties["limits"]["anyOf"][0]["required"]) == ["high", "low"]


def test_a_function_without_hints_or_docstring_takes_anything() -> None:
    def ping(what):  # type: ignore[no-untyped-def]
        return what

    tool = added(ping)
    assert tool.description == "ping"
    assert tool.input_schema["properties"] == {"what": {}}


def test_name_and_description_can_be_given() -> None:
    tool = added(weather, name="forecast", description="What will come.")
    assert (tool.name, tool.description) == ("forecast", "What will come.")


GOOGLE = """Turn a light on.

    Args:
        room (str): Which room,
            as spoken.
        level: How bright: 0 to 100.

    Returns:
        dict: Not for the model.
    """


def test_google_style_docstrings_are_read() -> None:
    summary, described = parse_docstring(GOOGLE)
    assert summary == "Turn a light on."
    assert described == {"room": "Which room, as spoken.", "level": "How bright: 0 to 100."}


async def test_arguments_are_converted_and_defaults_filled_in() -> None:
    result = await called(
        weather, {"place": {"city": "Ulm"}, "days": "3", "unit": "F", "limits": {"low": 1, "high": 2}}
    )
    assert result == {
        "city": "Ulm", "days": 3, "unit": "F", "detail": None, "tags": [], "limits": {"low": 1.0, "high": 2.0},
    }  # fmt: skip


BAD = [
    ({}, "missing required field `place`"),
    ({"place": {"city": 5}}, r"\$\.place\.city"),
    ({"place": {"city": "Ulm"}, "days": "many"}, r"\$\.days"),
    ({"place": {"city": "Ulm"}, "unit": "K"}, r"\$\.unit"),
    ({"place": {"city": "Ulm"}, "when": "now"}, "unknown field `when`"),
]


@pytest.mark.parametrize(("arguments", "told"), BAD)
async def test_bad_arguments_are_told_with_their_path(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(ToolError, match=told):
        await called(weather, arguments)


async def test_an_unknown_tool_is_told_with_those_there_are() -> None:
    registry = ToolRegistry()
    registry.add(weather)
    with pytest.raises(ToolError, match="unknown tool 'wether'; available are weather"):
        await registry.call("wether", {})


async def test_an_exception_is_told_by_type_and_message() -> None:
    def broken() -> None:
        raise LookupError("no such lamp")

    with pytest.raises(ToolError, match="broken failed: LookupError: no such lamp"):
        await called(broken, {})


async def test_a_timeout_of_the_tools_own_is_not_called_ours() -> None:
    async def impatient() -> None:
        raise TimeoutError("the lamp did not answer")

    with pytest.raises(ToolError, match="impatient failed: TimeoutError: the lamp did not answer"):
        await called(impatient, {})


async def test_a_tool_error_reaches_the_model_as_it_is() -> None:
    async def refuse() -> None:
        raise ToolError("not at night")

    with pytest.raises(ToolError, match=r"^not at night$"):
        await called(refuse, {})


async def test_a_tool_that_takes_too_long_is_told_so() -> None:
    async def endless() -> None:
        await asyncio.Event().wait()

    with pytest.raises(ToolError, match=r"took longer than 0\.05 s"):
        await called(endless, {}, timeout_s=0.05)


async def test_a_sync_tool_runs_in_a_thread() -> None:
    def where() -> bool:
        return threading.current_thread() is threading.main_thread()

    assert await called(where, {}) is False


async def test_results_become_plain_json() -> None:
    def now() -> Any:
        return {"at": datetime(2026, 7, 30, 15, 45), "place": Place("Ulm"), "unit": Unit.CELSIUS}

    assert await called(now, {}) == {
        "at": "2026-07-30T15:45:00",
        "place": {"city": "Ulm", "country": "DE"},
        "unit": "C",
    }


@pytest.mark.parametrize("result", [object(), {"f": print}, [1, object()]])
async def test_a_result_that_json_cannot_hold_is_an_error(result: object) -> None:
    def give() -> object:
        return result

    with pytest.raises(ToolError, match="returned what JSON cannot hold"):
        await called(give, {})


async def test_a_default_is_not_shared_between_calls() -> None:
    def collect(items: list[int] = [], more: list[int] = [2]) -> list[int]:  # noqa: B006 - users write this
        items.append(1)
        more.append(3)
        return items + more

    registry = ToolRegistry()
    registry.add(collect)
    assert await registry.call("collect", {}) == await registry.call("collect", {}) == [1, 2, 3]


def test_a_name_is_taken_once() -> None:
    registry = ToolRegistry()
    registry.add(weather)
    with pytest.raises(ConfigError, match="registered already"):
        registry.add(weather)
    assert [tool.name for tool in registry] == ["weather"]
    assert "weather" in registry
    assert len(registry) == 1


def test_a_name_that_bedrock_refuses_is_refused() -> None:
    with pytest.raises(ConfigError, match="tool name"):
        added(weather, name="what is it")


def variadic(*names: str) -> None: ...
def positional(name: str, /) -> None: ...
def unresolved(name: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821
def indescribable(name: threading.Lock) -> None: ...


@dataclass
class Tree:
    children: list[Tree]


def recursive(tree: Tree) -> None: ...


@pytest.mark.parametrize("fn", [variadic, positional, unresolved, indescribable, recursive])
def test_a_parameter_that_cannot_be_described_is_refused_at_once(fn: Any) -> None:
    with pytest.raises(ConfigError, match=fn.__name__):
        added(fn)
