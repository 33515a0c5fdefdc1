"""The page's TypeScript types are those of the data channel's structs."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.checkout
WEB = Path(__file__).parents[2] / "web"


@pytest.fixture(scope="module")
def generator() -> dict[str, Any]:
    return runpy.run_path(str(WEB / "generate_types.py"))


def test_the_committed_types_are_those_of_the_structs(generator: dict[str, Any]) -> None:
    committed = (WEB / "src" / "events.gen.ts").read_text("utf-8")

    assert committed == generator["module"](), "stale: run python web/generate_types.py"


def test_a_member_with_a_default_is_optional(generator: dict[str, Any]) -> None:
    schema = {
        "description": "What it is.\n\nMore.",
        "properties": {"kind": {"enum": ["a"]}, "n": {"type": "integer", "default": 0}},
        "required": ["kind"],
    }

    written = generator["declaration"]("Thing", schema)

    assert written == '/** What it is. */\nexport interface Thing {\n  kind: "a";\n  n?: number;\n}\n'


def test_a_schema_of_an_unknown_kind_is_refused(generator: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected a schema that generate_types"):
        generator["type_of"]({"type": "string", "const": "x"} | {"type": "date"})
