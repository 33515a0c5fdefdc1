"""The application, served as a user serves it: the model's tools, and the page's devices and switches."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from examples.smart_home.broker import Broker
from tests.call.pages import Page, calling
from tests.examples.smart_home.houses import TOPICS, House
from tests.examples.test_examples import Server, model, running

from sonicrtc.events import DeviceStateEvent, DeviceSwitchedEvent, EndedEvent, ToolEvent

pytestmark = pytest.mark.checkout
COMMAND = ("-m", "sonicrtc", "serve", "--app", "examples/smart_home")


@asynccontextmanager
async def call(broker: Broker, *steps: dict[str, Any]) -> AsyncIterator[Page]:
    script = ({"wait_audio_ms": 100}, *steps, {"wait_end": True})
    house = {"MQTT_HOST": broker.host, "MQTT_PORT": str(broker.port), "MQTT_PROTOCOL": broker.protocol}
    async with (
        model(*script) as environment,
        running(environment | house, *COMMAND) as url,
        calling(Server(url)) as page,  # type: ignore[arg-type]
    ):
        yield page
        page.peer.send('{"type":"hangup"}')
        await page.until(EndedEvent)


async def test_the_page_is_told_of_every_device_and_of_what_a_switch_did(house: House) -> None:
    async with call(house.broker) as page:
        await page.until(DeviceStateEvent, len(TOPICS.states))
        assert {(told.room, told.kind) for told in page.told(DeviceStateEvent)} == {
            tuple(name.split("/")) for name in TOPICS.states
        }
        page.peer.send('{"type":"device.switch","device":"living_room/lock","change":{"locked":false}}')
        assert await page.until(DeviceSwitchedEvent) == DeviceSwitchedEvent(
            device="living_room/lock", at_ms=page.told(DeviceSwitchedEvent)[0].at_ms
        )
        assert page.told(DeviceStateEvent)[-1].state == {"locked": False}
        assert house.state("living_room/lock") == {"locked": False}


@pytest.mark.parametrize(
    ("device", "change", "words"),
    [
        ("kitchen/oven", '{"mode":"fan"}', "the oven is off"),
        ("kitchen/oven", '{"on":true}', "required property"),
        ("$SYS/broker", '{"on":true}', "is not a control topic"),
        ("+/light", '{"on":true}', "is not a control topic"),
    ],
)
async def test_a_switch_that_cannot_be_is_told_with_the_reason(
    house: House, device: str, change: str, words: str
) -> None:
    async with call(house.broker) as page:
        await page.until(DeviceStateEvent, len(TOPICS.states))
        page.peer.send(f'{{"type":"device.switch","device":"{device}","change":{change}}}')
        assert words in (await page.until(DeviceSwitchedEvent)).problem


async def test_the_model_switches_a_light_and_is_asked_to_confirm_a_lock(house: House) -> None:
    light = {"topic": "home/kitchen/light/set", "payload": {"brightness_percent": 50}}
    lock = {"topic": "home/kitchen/lock/set", "payload": {"locked": False}}
    steps = ({"call_tool": "publish", "arguments": light}, {"call_tool": "publish_confirmed", "arguments": lock})
    async with call(house.broker, *steps) as page:
        await page.until(ToolEvent, 4)
        ended = {tool.name: tool for tool in page.told(ToolEvent) if tool.status != "started"}
    assert ended["publish"].result["reported"]["kitchen/light"]["brightness_percent"] == 50
    assert ended["publish_confirmed"].status == "confirming"
    assert house.state("kitchen/lock") == {"locked": True}


async def test_without_a_broker_every_device_is_away_and_the_model_is_told() -> None:
    light = {"topic": "home/kitchen/light/set", "payload": {"on": True}}
    async with call(Broker(port=1), {"call_tool": "publish", "arguments": light}) as page:
        await page.until(ToolEvent, 2)
        await page.until(DeviceStateEvent, len(TOPICS.states))
    assert not any(told.online for told in page.told(DeviceStateEvent))
    assert "nothing will be done later" in page.told(ToolEvent)[-1].result["error"]
