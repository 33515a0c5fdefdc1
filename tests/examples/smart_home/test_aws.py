"""The template for AWS: its policies allow what devices and server do, and no more."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest
from cfnlint.decode import cfn_yaml
from examples.smart_home.document import DOCUMENT
from tests.examples.smart_home.houses import TOPICS

pytestmark = pytest.mark.checkout
TEMPLATE: dict[str, Any] = cfn_yaml.load(str(DOCUMENT.parent / "aws" / "template.yaml"))
RESOURCES = TEMPLATE["Resources"]
THINGS = {
    thing["Properties"]["ThingName"]: thing["Properties"]["AttributePayload"]["Attributes"]
    for thing in RESOURCES.values()
    if thing["Type"] == "AWS::IoT::Thing"
}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(document: dict[str, Any]) -> Iterator[tuple[list[str], list[str]]]:
    for statement in document["Statement"]:
        named = listed(statement["Resource"])
        resources = [str(next(iter(one.values())) if isinstance(one, dict) else one) for one in named]  # of !Sub
        yield listed(statement["Action"]), resources


def may(policy: str, action: str, what: str, thing: str = "") -> bool:
    """Whether an IoT policy lets a thing do it to what the ARN ends with."""
    for actions, resources in statements(RESOURCES[policy]["Properties"]["PolicyDocument"]):
        for resource in resources if f"iot:{action}" in actions else ():
            pattern = resource.rpartition("AWS::AccountId}:")[2].replace("${!iot:Connection.Thing.ThingName}", thing)
            for name, value in THINGS.get(thing, {}).items():
                pattern = pattern.replace(f"${{!iot:Connection.Thing.Attributes[{name}]}}", value)
            if fnmatchcase(what, pattern):
                return True
    return False


def test_the_things_are_the_devices_of_the_document() -> None:
    assert {f"{its['room']}/{its['kind']}" for its in THINGS.values()} == set(TOPICS.states)


@pytest.mark.parametrize("device", TOPICS.states)
def test_a_device_may_do_what_it_does(device: str) -> None:
    thing = f"smart-home-{device.replace('/', '-')}"  # its client identifier
    assert may("DevicePolicy", "Connect", f"client/{thing}", thing)
    for topic in (control.topic for control in TOPICS.controls.values() if device in control.devices):
        assert may("DevicePolicy", "Subscribe", f"topicfilter/{topic}", thing)
        assert may("DevicePolicy", "Receive", f"topic/{topic}", thing)
    for action, kind in (("RetainPublish", "state"), ("RetainPublish", "online"), ("Publish", "error")):
        assert may("DevicePolicy", action, f"topic/home/{device}/{kind}", thing)
        assert may("DevicePolicy", "Publish", f"topic/home/{device}/{kind}", thing)


@pytest.mark.parametrize(
    "other", ["home/kitchen/light/state", "home/bedroom/lock/online", "home/bedroom/light/set", "home/x"]
)
def test_a_device_speaks_for_nobody_else(other: str) -> None:
    assert not may("DevicePolicy", "Publish", f"topic/{other}", "smart-home-bedroom-light")


def test_the_server_may_command_and_listen_and_not_report() -> None:
    assert may("AgentPolicy", "Connect", "client/smart-home-agent-0a1b2c3d")
    assert all(may("AgentPolicy", "Publish", f"topic/{topic}") for topic in TOPICS.controls)
    for device in TOPICS.states:
        for kind in ("state", "error", "online"):
            assert may("AgentPolicy", "Receive", f"topic/home/{device}/{kind}")
            assert not may("AgentPolicy", "Publish", f"topic/home/{device}/{kind}")
    assert all(may("AgentPolicy", "Subscribe", f"topicfilter/home/+/+/{kind}") for kind in ("state", "error", "online"))


def test_no_policy_allows_everything_of_a_service_or_on_every_resource() -> None:
    documents = [
        document
        for resource in RESOURCES.values()
        for name, document in (
            *((p["PolicyName"], p["PolicyDocument"]) for p in resource.get("Properties", {}).get("Policies", ())),
            ("", resource.get("Properties", {}).get("PolicyDocument")),
        )
        if document is not None
    ]
    found = [pair for document in documents for pair in statements(document)]
    assert len(documents) == 4
    assert not [action for actions, _ in found for action in actions if action.endswith("*")]
    assert not [resource for _, resources in found for resource in resources if resource == "*"]
