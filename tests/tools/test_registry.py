from __future__ import annotations

import enum
import functools
import threading
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import pytest

from sonicrtc.errors import ConfigError, ToolError
from sonicrtc.tools.registry import CONFIRMATION, Tool, ToolRegistry, make_tool
from sonicrtc.tools.schema import parse_docstring, without_references


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


def weather(
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


def test_a_google_style_section_ends_where_the_margin_begins_again() -> None:
    _, described = parse_docstring("Do.\n\nArgs:\n    Those that count:\n\n    a: One.\nAnd so on: no parameter.")
    assert described == {"a": "One."}


def test_a_numpy_style_section_may_end_the_docstring() -> None:
    _, described = parse_docstring("Do.\n\nParameters\n----------\na, b : int\n    Both\n    of them.")
    assert described == {"a": "Both of them.", "b": "Both of them."}


def test_a_line_before_the_first_parameter_describes_none() -> None:
    _, described = parse_docstring("Do.\n\nArgs:\n    as they are spoken\n    a: One.")
    assert described == {"a": "One."}


def test_arguments_are_converted_and_defaults_filled_in() -> None:
    given = {"place": {"city": "Ulm"}, "days": "3", "unit": "F", "limits": {"low": 1, "high": 2}}
    assert added(weather).check(given) == {
        "place": Place("Ulm"), "days": 3, "unit": Unit.FAHRENHEIT, "detail": None, "tags": [],
        "limits": {"low": 1.0, "high": 2.0},
    }  # fmt: skip


BAD = [
    ({}, "missing required field `place`"),
    ({"place": {"city": 5}}, r"\$\.place\.city"),
    ({"place": {"city": "Ulm"}, "days": "many"}, r"\$\.days"),
    ({"place": {"city": "Ulm"}, "unit": "K"}, r"\$\.unit"),
    ({"place": {"city": "Ulm"}, "when": "now"}, "unknown field `when`"),
]


@pytest.mark.parametrize(("arguments", "told"), BAD)
def test_bad_arguments_are_told_with_their_path(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(ToolError, match=told):
        added(weather).check(arguments)


def test_an_unknown_tool_is_told_with_those_there_are() -> None:
    registry = ToolRegistry()
    registry.add(weather)
    with pytest.raises(ToolError, match="unknown tool 'wether'; available are weather"):
        registry.find("wether")


def test_a_default_is_not_shared_between_calls() -> None:
    def collect(items: list[int] = [], more: list[int] = [2]) -> None: ...  # noqa: B006 - users write this

    tool = added(collect)
    tool.check({})["items"].append(1)
    tool.check({})["more"].append(3)
    assert tool.check({}) == {"items": [], "more": [2]}


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
def shared(name=bytearray(b"x")) -> None: ...  # type: ignore[no-untyped-def]  # noqa: B008


@dataclass
class Tree:
    children: list[Tree]


def recursive(tree: Tree) -> None: ...


@pytest.mark.parametrize("fn", [variadic, positional, unresolved, indescribable, shared, recursive])
def test_a_parameter_that_cannot_be_described_is_refused_at_once(fn: Any) -> None:
    with pytest.raises(ConfigError, match=fn.__name__):
        added(fn)


def unlock(door: str, minutes: int = 5) -> None:
    """Unlock a door of the house."""


BY_HAND: dict[str, Any] = {"type": "object", "properties": {"door": {"type": "string"}}, "required": ["door"]}


def test_a_schema_can_be_given() -> None:
    tool = added(unlock, schema=BY_HAND)
    assert (tool.input_schema, tool.description) == (BY_HAND, "Unlock a door of the house.")
    assert tool.input_schema is not BY_HAND
    assert tool.check({"door": 5, "other": None}) == {"door": 5, "other": None}
    with pytest.raises(ToolError, match="arguments of unlock: missing door"):
        tool.check({})


def test_a_schema_that_allows_nothing_else_is_kept_to() -> None:
    tool = added(unlock, schema={**BY_HAND, "additionalProperties": False})
    with pytest.raises(ToolError, match="arguments of unlock: unknown hatch"):
        tool.check({"door": "front", "hatch": 1})


def test_a_function_of_any_arguments_may_be_a_tool_with_a_schema() -> None:
    def anything(**given: object) -> None: ...

    assert added(anything, schema={"type": "object"}).check({"x": 1}) == {"x": 1}


def test_a_tool_that_asks_first_shows_the_model_a_confirmation_that_may_be_left_out() -> None:
    schema = added(unlock, confirm=True).input_schema
    assert list(schema["properties"]) == ["door", "minutes", CONFIRMATION]
    assert schema["required"] == ["door"]
    assert CONFIRMATION not in added(unlock).input_schema["properties"]
    assert CONFIRMATION in added(unlock, schema=BY_HAND, confirm=True).input_schema["properties"]
    assert CONFIRMATION not in BY_HAND["properties"]


@pytest.mark.parametrize(
    ("confirm", "question"),
    [
        ("Open {door} for {minutes} minutes?", "Open front for 5 minutes?"),
        ("Open it?", "Open it?"),
        (True, "Shall I go ahead: unlock (door: front, minutes: 5)?"),
    ],
)
def test_the_question_names_the_arguments(confirm: bool | str, question: str) -> None:
    tool = added(unlock, confirm=confirm)
    assert tool.question(tool.check({"door": "front"})) == question


def test_the_question_of_a_tool_without_arguments_has_no_brackets() -> None:
    def call_police() -> None: ...

    assert added(call_police, confirm=True).question({}) == "Shall I go ahead: call police?"


def taken(confirmation: str) -> None: ...


@pytest.mark.parametrize(
    ("fn", "options", "told"),
    [
        (unlock, {"confirm": "Open {gate}?"}, "no parameter is called 'gate'"),
        (unlock, {"confirm": "Open {}?"}, "no parameter is called ''"),
        (unlock, {"confirm": "Open {door?"}, "confirm"),
        (taken, {"confirm": True}, "cannot have a parameter 'confirmation'"),
        (unlock, {"schema": {"type": "string"}}, "schema: expected"),
        (unlock, {"schema": ["door"]}, "schema: expected"),
        (unlock, {"timeout_s": 0}, "timeout_s: expected more than 0 s, got 0"),
        (functools.partial(unlock, "front"), {}, "tool name"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_at_once(fn: Any, options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        added(fn, **options)


def test_some_of_the_tools_can_be_had_alone() -> None:
    registry = ToolRegistry()
    for name in ("lamp", "lock"):
        registry.add(lambda: None, name=name)
    assert [tool.name for tool in registry.only(["lock"])] == ["lock"]
    with pytest.raises(ConfigError, match=r"expected some of lamp, lock, got oven"):
        registry.only(["lock", "oven"])


# --- tools that come and go, and schemas of others -------------------------------------------------


def test_tools_are_replaced_by_others_and_a_namesake_that_came_since_stays() -> None:
    registry = ToolRegistry()
    old, new = (make_tool(fn, name="lamp") for fn in (lambda: 1, lambda: 2))
    registry.replace([], [old])
    registry.replace([old], [new])
    registry.replace([old], [])
    assert registry.find("lamp") is new
    registry.replace([new], [])
    assert len(registry) == 0


def test_nothing_is_replaced_when_a_name_is_taken() -> None:
    registry = ToolRegistry()
    registry.add(lambda: 1, name="knock")
    ring, knock = (make_tool(lambda: 2, name=name) for name in ("ring", "knock"))
    registry.replace([], [ring])
    with pytest.raises(ConfigError, match="'knock' is registered already"):
        registry.replace([ring], [knock])
    assert registry.find("ring") is ring


DOCUMENT = {
    "$defs": {
        "a/b": {"type": "string"},
        "tree": {"properties": {"child": {"$ref": "#/$defs/tree"}}},
        "list": [{"type": "null"}],
        "many": {"allOf": [{"$ref": "#/$defs/more"}] * 200},
        "more": {"allOf": [{"$ref": "#/$defs/list/0"}] * 200},
    }
}


def test_a_reference_is_replaced_by_what_it_names_with_what_stands_beside_it() -> None:
    node = {"x": [{"$ref": "#/$defs/a~1b", "title": "X"}, {"$ref": "#/$defs/list/0"}], "$ref": {"type": "object"}}
    assert without_references(node, DOCUMENT) == {
        "x": [{"type": "string", "title": "X"}, {"type": "null"}],
        "$ref": {"type": "object"},  # a property of that name
    }


def test_what_contains_itself_is_refused_or_becomes_anything() -> None:
    with pytest.raises(RecursionError, match="tree"):
        without_references({"$ref": "#/$defs/tree"}, DOCUMENT)
    assert without_references({"$ref": "#/$defs/tree"}, DOCUMENT, cycles=True) == {"properties": {"child": {}}}


@pytest.mark.parametrize("reference", ["#/$defs/none", "#/$defs/list/1", "#/$defs/a~1b/type/x", "other.json#/a"])
def test_a_reference_that_leads_nowhere_is_refused(reference: str) -> None:
    with pytest.raises(LookupError, match=r"leads nowhere|outside of this document"):
        without_references({"$ref": reference}, DOCUMENT)


def test_a_schema_that_grows_without_measure_is_refused() -> None:
    with pytest.raises(ValueError, match="more than 20000 parts"):
        without_references({"$ref": "#/$defs/many"}, DOCUMENT)
