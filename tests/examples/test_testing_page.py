"""docs/testing.md: its tests are run as a user's, and its tables are complete."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest

from sonicrtc.local.sonic import Fault, Limits, Scenario
from sonicrtc.local.sonic.brain import Break
from sonicrtc.local.sonic.records import Record
from sonicrtc.local.sonic.scenario import _ACTIONS, _OPTIONS

pytestmark = pytest.mark.checkout
PAGE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_tests_on_the_page_pass(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nasyncio_mode = auto\n")
    pytester.makepyfile(test_page="\n\n".join(blocks("python")))
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=4)


def test_the_scenario_on_the_page_is_one() -> None:
    (scenario,) = (Scenario.parse(tomllib.loads(block)) for block in blocks("toml"))
    assert scenario.complete


NAMES = {
    "scenario": Scenario.names(),
    "fault": get_args(Break),
    "field": [f.name for f in dataclasses.fields(Fault)],
    "record": [f.name for f in dataclasses.fields(Record) if f.name not in ("index", "model_id", "heard_bytes")],
    "limit": [f.name for f in dataclasses.fields(Limits)],
    "step": list(_ACTIONS),
    "option": [name for options in _OPTIONS.values() for name in options],
}


@pytest.mark.parametrize("kind", NAMES)
def test_the_page_names_every(kind: str) -> None:
    assert not [name for name in NAMES[kind] if f"`{name}`" not in PAGE]
