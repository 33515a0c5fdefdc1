"""The document is what the programs go by: its topics, its schemas, its confirmations, its own examples."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from examples.smart_home.document import DOCUMENT, MAX_PAYLOAD_BYTES, Refused, device_of, main
from tests.examples.smart_home.houses import TOPICS

pytestmark = pytest.mark.checkout
TEXT = DOCUMENT.read_text("utf-8")
SECTIONS = [section for section in TEXT.split("\n## ") if "```json" in section]


def test_the_document_has_six_devices_and_the_topics_of_all() -> None:
    assert set(TOPICS.states) == {
        "living_room/light", "living_room/lock", "kitchen/light", "kitchen/lock", "kitchen/oven", "bedroom/light",
    }  # fmt: skip
    own = {f"home/{device}/set" for device in TOPICS.states}
    assert set(TOPICS.controls) == own | {"home/all/light/set", "home/all/scene/set"}


def test_every_control_topic_is_answered_by_devices_of_the_document() -> None:
    for control in TOPICS.controls.values():
        assert set(control.devices) <= set(TOPICS.states)
        if "/all/" not in control.topic:
            assert control.devices == (device_of(control.topic),)


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.splitlines()[0])
def test_the_examples_in_a_passage_are_allowed_by_its_schema(section: str) -> None:
    prose, block = section.split("```json\n")
    topic = json.loads(block.split("```")[0])["topic"]
    examples = [json.loads(found) for found in re.findall(r"`(\{.*?\})`", prose)]
    schema = TOPICS.states[device_of(topic)] if topic.endswith("/state") else TOPICS.controls[topic].payload
    assert examples
    assert not [example for example in examples if not schema.is_valid(example)]


@pytest.mark.parametrize(
    ("topic", "payload", "reason"),
    [
        ("home/kitchen/light/set", {"brightness_percent": 101}, "brightness_percent: 101 is greater than the maximum"),
        ("home/kitchen/light/set", {"brightness_percent": "50"}, "'50' is not of type 'integer'"),
        ("home/kitchen/light/set", {"brightness_percent": True}, "True is not of type 'integer'"),
        ("home/kitchen/light/set", {"brightness_percent": float("nan")}, "not JSON"),
        ("home/kitchen/light/set", {"color": "red"}, "'color' was unexpected"),
        ("home/kitchen/light/set", {}, "should be non-empty"),
        ("home/kitchen/light/set", ["on"], "is not of type 'object'"),
        ("home/kitchen/oven/set", {"on": True}, "'temperature_celsius' is a required property"),
        ("home/kitchen/oven/set", {"on": True, "temperature_celsius": 251}, "greater than the maximum of 250"),
        ("home/living_room/lock/set", {"locked": "yes"}, "is not of type 'boolean'"),
        ("home/all/scene/set", {"scene": "party"}, "is not one of"),
    ],
)
def test_a_payload_that_breaks_its_schema_is_refused_with_what_is_allowed(
    topic: str, payload: Any, reason: str
) -> None:
    with pytest.raises(Refused, match=re.escape(reason)) as refused:
        TOPICS.controls[topic].check(payload)
    assert "not JSON" in reason or '"properties"' in str(refused.value)


def test_a_payload_that_is_far_too_long_is_refused_without_quoting_it() -> None:
    with pytest.raises(Refused, match=f"at most {MAX_PAYLOAD_BYTES} bytes") as refused:
        TOPICS.controls["home/kitchen/light/set"].check({"on": "x" * 5_000_000})
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    "topic",
    ["home/garage/light/set", "home/+/light/set", "home/#", "#", "$SYS/broker/log", "$aws/things/oven/shadow/update",
     "home/kitchen/light/set\n", "home/kitchen/light/set\x00", "HOME/KITCHEN/LIGHT/SET", "", "home/kitchen/light/error",
     "$share/x/home/kitchen/light/set", "home/kitchen/light/" + "x" * 70_000],
)  # fmt: skip
def test_a_topic_that_the_document_does_not_have_is_refused_with_those_it_has(topic: str) -> None:
    with pytest.raises(Refused, match="allowed are home/living_room/light/set, ") as refused:
        TOPICS.control(topic)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 1000


def test_a_status_topic_is_read_and_never_published_to() -> None:
    with pytest.raises(Refused, match=r"status topic.*get_state"):
        TOPICS.control("home/kitchen/light/state")


@pytest.mark.parametrize(
    ("topic", "payload", "asks"),
    [
        ("home/living_room/lock/set", {"locked": True}, True),
        ("home/kitchen/lock/set", {"locked": False}, True),
        ("home/kitchen/oven/set", {"on": True, "temperature_celsius": 180}, True),
        ("home/kitchen/oven/set", {"temperature_celsius": 200}, True),
        ("home/kitchen/oven/set", {"on": False}, False),
        ("home/all/scene/set", {"scene": "good_night"}, True),
        ("home/all/scene/set", {"scene": "everything_off"}, False),
        ("home/all/light/set", {"on": True}, False),
        ("home/bedroom/light/set", {"on": True}, False),
    ],
)
def test_locks_oven_and_good_night_ask_first(topic: str, payload: dict[str, Any], asks: bool) -> None:
    control = TOPICS.control(topic)
    assert control.asks_first(control.check(payload)) is asks


@pytest.mark.parametrize("name", ["kitchen/oven", "home/kitchen/oven/state"])
def test_a_device_is_found_by_its_name_or_topic(name: str) -> None:
    assert TOPICS.device(name) == "kitchen/oven"


def test_an_unknown_device_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(Refused, match="no device 'bathroom/light'; there are living_room/light, "):
        TOPICS.device("bathroom/light")


def test_a_knowledge_base_gets_each_passage_as_a_file(tmp_path: Path) -> None:
    assert main(tmp_path) == 0
    files = {file.name: file.read_text("utf-8") for file in tmp_path.iterdir()}
    assert len(files) == TEXT.count("\n## ")
    assert "home/kitchen/oven/set" in files["oven-kitchen-switch-it-on-or-off-set-temperature-and-mode.md"]
    assert all(text.startswith("## ") for text in files.values())
