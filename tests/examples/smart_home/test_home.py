"""Commands and reports through real brokers, and what becomes of a command when something is amiss."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from aiomqtt import Client
from examples.smart_home.broker import Broker
from examples.smart_home.document import Refused
from examples.smart_home.home import Unreachable
from tests.examples.smart_home.houses import TOPICS, House, connected, inhabited, until_online

from sonicrtc.demo.children import local_service
from sonicrtc.local.iot import BrokerName, local_iot
from sonicrtc.local.state import LocalState

pytestmark = pytest.mark.checkout
ROOT = Path(__file__).parents[3]


@asynccontextmanager
async def listening(broker: Broker, topic: str) -> AsyncIterator[Client]:
    """Be another client, which hears one topic."""
    async with broker.client("listener") as client:
        await client.subscribe(topic, qos=1)
        yield client


async def heard(client: Client) -> dict[str, Any]:
    async with asyncio.timeout(30):
        message = await anext(client.messages)
    assert isinstance(message.payload, bytes)
    found: dict[str, Any] = json.loads(message.payload)
    return found


@contextmanager
def frozen() -> Iterator[None]:
    """Stop the broker, and let it go on afterwards."""
    os.kill(child(), signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(child(), signal.SIGCONT)


def child() -> int:
    """Return this process's only child, the broker."""
    (number,) = Path("/proc/thread-self/children").read_text("ascii").split()
    return int(number)


async def test_a_command_returns_what_the_device_reports(broker: Broker) -> None:
    async with inhabited(broker) as house:
        result = await house.home.publish("home/kitchen/light/set", {"brightness_percent": 50})
        assert result == {
            "reported": {"kitchen/light": {"on": True, "brightness_percent": 50, "color_temperature_kelvin": 2700}}
        }
        assert (await house.home.states("kitchen/light"))["kitchen/light"]["brightness_percent"] == 50


async def test_a_scene_is_answered_by_every_device(house: House) -> None:
    house.devices["kitchen/lock"].state.obey({"locked": False})
    house.devices["bedroom/light"].state.obey({"on": True})
    result = await house.home.publish("home/all/scene/set", {"scene": "good_night"}, confirmed=True)
    assert set(result["reported"]) == set(TOPICS.states)
    assert result["reported"]["kitchen/lock"] == {"locked": True}
    assert result["reported"]["bedroom/light"]["on"] is False


async def test_the_last_states_are_there_for_who_comes_later(broker: Broker) -> None:
    async with inhabited(broker) as house:
        await house.home.publish("home/living_room/lock/set", {"locked": False}, confirmed=True)
        async with connected(broker) as later:
            states = await later.states()
    assert states["living_room/lock"] == {"locked": False, "online": True}
    assert len(states) == 6


async def test_what_the_device_cannot_do_now_is_refused_in_its_words(house: House) -> None:
    with pytest.raises(Refused, match="kitchen/oven refused: the oven is off"):
        await house.home.publish("home/kitchen/oven/set", {"mode": "fan"}, confirmed=True)


@pytest.mark.parametrize("topic", ["$SYS/broker/uptime", "home/+/light/set", "home/kitchen/light/state"])
async def test_no_other_topic_reaches_the_broker(house: House, topic: str) -> None:
    async with listening(house.broker, "home/#") as client:
        with pytest.raises(Refused, match="allowed are"):
            await house.home.publish(topic, {"on": True})
        await client.publish("home/mark", "{}", qos=1)
        async with asyncio.timeout(30):
            while (message := await anext(client.messages)).retain:
                pass
        assert str(message.topic) == "home/mark"  # and nothing came before it


@pytest.mark.parametrize(
    "payload", [b"", b"on", b"[1]", b"\xff\xfe", b"[" * 4000, b'{"on": 1}', b'{"locked": true}', b'{"on": true}' * 999]
)
async def test_a_device_answers_a_bad_payload_on_its_error_topic(house: House, payload: bytes) -> None:
    async with listening(house.broker, "home/bedroom/light/error") as client:
        await client.publish("home/bedroom/light/set", payload, qos=1)
        assert "expected" in (error := (await heard(client))["error"]) or "allowed is" in error
    assert house.state("bedroom/light")["on"] is False


async def test_a_report_that_breaks_its_schema_is_not_believed(house: House) -> None:
    async with house.broker.client("liar") as client:
        for report in (b'{"on": "maybe"}', b"\x00", b'{"id": [1]}'):
            await client.publish("home/bedroom/light/state", report, qos=1)
        await house.home.publish("home/bedroom/light/set", {"on": True})
    assert (await house.home.states("bedroom/light"))["bedroom/light"]["on"] is True


async def test_a_slow_device_is_waited_for(mosquitto: Broker) -> None:
    async with inhabited(mosquitto, slow={"kitchen/oven": 0.5}) as house:
        result = await house.home.publish(
            "home/kitchen/oven/set", {"on": True, "temperature_celsius": 180}, confirmed=True
        )
    assert result["reported"]["kitchen/oven"]["on"] is True


async def test_a_device_that_is_too_slow_does_not_act_after_the_user_was_told(mosquitto: Broker) -> None:
    async with inhabited(mosquitto, wait_s=0.2, slow={"kitchen/oven": 1.0}) as house:
        async with listening(mosquitto, "home/kitchen/oven/error") as client:
            with pytest.raises(Refused, match=r"no report from kitchen/oven in 0\.2 s.*will not be later"):
                await house.home.publish(
                    "home/kitchen/oven/set", {"on": True, "temperature_celsius": 180}, confirmed=True
                )
            assert "too late" in (await heard(client))["error"]
        assert house.state("kitchen/oven")["on"] is False


async def test_a_command_to_many_says_who_did_not_answer(mosquitto: Broker) -> None:
    async with inhabited(mosquitto, wait_s=0.5, slow={"bedroom/light": 5.0}) as house:
        result = await house.home.publish("home/all/light/set", {"on": True})
    assert set(result["reported"]) == {"living_room/light", "kitchen/light"}
    assert result["silent"] == ["bedroom/light"]


async def test_nothing_is_sent_to_a_device_that_is_away(house: House) -> None:
    async with listening(house.broker, "home/kitchen/oven/set") as client:
        await client.publish("home/kitchen/oven/online", '{"online": false}', qos=1, retain=True)
        await until_online(house.home, False, "kitchen/oven")
        with pytest.raises(Refused, match=r"the device is away\. Nothing was sent"):
            await house.home.publish("home/kitchen/oven/set", {"on": False}, confirmed=True)
        result = await house.home.publish("home/all/scene/set", {"scene": "everything_off"})
    assert result["refused"] == {"kitchen/oven": "away, nothing was sent"}


async def test_a_device_is_not_there_before_it_says_so(broker: Broker) -> None:
    async with connected(broker) as home, broker.client("half a device") as client:
        await client.publish("home/kitchen/lock/state", json.dumps({"locked": True}), qos=1, retain=True)
        assert (await home.states("kitchen/lock"))["kitchen/lock"] == {"locked": True, "online": False}
        await client.publish("home/kitchen/lock/online", json.dumps({"online": True}), qos=1, retain=True)
        await until_online(home, True, "kitchen/lock")


async def test_a_device_that_ends_suddenly_is_away_by_its_last_will(broker: Broker) -> None:
    files = {f"MQTT_{name.upper()}": str(value) for name, value in asdict(broker).items() if value is not None}
    async with connected(broker) as home:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "examples.smart_home.devices", "--reaction", "0", cwd=ROOT, env=os.environ | files
        )
        await until_online(home, True, *TOPICS.states)
        process.kill()
        await process.wait()
        await until_online(home, False, *TOPICS.states)
        with pytest.raises(Refused, match="the device is away"):
            await home.publish("home/kitchen/light/set", {"on": True})


async def test_a_device_that_is_stopped_says_that_it_leaves(broker: Broker) -> None:
    async with connected(broker) as home:
        async with inhabited(broker):
            await until_online(home, True, *TOPICS.states)
        await until_online(home, False, *TOPICS.states)


async def test_a_lock_is_not_turned_without_a_confirmation(house: House) -> None:
    with pytest.raises(Refused, match="this needs a confirmation"):
        await house.home.publish("home/kitchen/lock/set", {"locked": False})
    assert house.state("kitchen/lock") == {"locked": True}


async def test_a_broker_that_is_down_is_said_at_once_and_the_command_never_comes(tmp_path: Path) -> None:
    with LocalState.open(tmp_path) as state:
        async with local_iot(state, broker="mosquitto") as variables:
            broker = Broker.load(variables)
        async with connected(broker) as home:
            with pytest.raises(
                Unreachable, match=r"cannot be reached.*nothing was sent, and nothing will be done later"
            ):
                await home.publish("home/kitchen/light/set", {"on": True})
            with pytest.raises(Unreachable, match="cannot be reached"):
                await home.states()
            async with local_iot(state, broker="mosquitto", port=broker.port), inhabited(broker) as house:
                result = await home.publish("home/kitchen/light/set", {"brightness_percent": 7})
                assert result["reported"]["kitchen/light"]["brightness_percent"] == 7
                assert (await house.home.states("kitchen/light"))["kitchen/light"]["brightness_percent"] == 7


@pytest.mark.parametrize("name", ["mosquitto", "amqtt"])
async def test_a_broker_that_wants_a_certificate_is_not_reached_without_one(tmp_path: Path, name: BrokerName) -> None:
    with LocalState.open(tmp_path) as state:
        async with local_iot(state, broker=name, mtls=True) as variables:
            anonymous = Broker.load(
                {k: v for k, v in variables.items() if k not in ("MQTT_CERT_FILE", "MQTT_KEY_FILE")}
            )
            async with connected(anonymous) as home:
                with pytest.raises(Unreachable, match="cannot be reached"):
                    await home.states()


async def test_devices_and_connection_come_back_when_the_broker_does(tmp_path: Path) -> None:
    with LocalState.open(tmp_path) as state:
        async with local_iot(state, broker="mosquitto") as variables:
            broker = Broker.load(variables)
        async with local_iot(state, broker="mosquitto", port=broker.port), inhabited(broker) as house:
            await house.home.publish("home/kitchen/light/set", {"on": True})


async def test_a_broker_that_hangs_is_said_and_its_command_is_not_obeyed_late(mosquitto: Broker) -> None:
    async with inhabited(mosquitto, wait_s=0.3) as house, listening(mosquitto, "home/kitchen/lock/error") as client:
        with frozen(), pytest.raises(Unreachable, match="did not acknowledge the command; it is not known"):
            await house.home.publish("home/kitchen/lock/set", {"locked": False}, confirmed=True)
        assert "too late" in (await heard(client))["error"]
        assert house.state("kitchen/lock")["locked"] is True


async def test_a_broker_that_is_lost_meanwhile_is_said() -> None:
    async with local_service("iot", "--broker", "mosquitto", environment=os.environ) as service:
        broker = Broker.load(await service.ready())
        async with inhabited(broker, slow={"kitchen/oven": 60.0}, wait_s=60.0) as house, asyncio.TaskGroup() as tasks:
            async with listening(broker, "home/kitchen/oven/set") as client:
                sent = tasks.create_task(failure(house))
                await heard(client)
            await service.stop()
            assert "was lost before the devices reported" in await sent


async def failure(house: House) -> str:
    with pytest.raises(Unreachable) as error:
        await house.home.publish("home/kitchen/oven/set", {"on": False}, confirmed=True)
    return str(error.value)


async def test_a_command_that_was_retained_by_somebody_is_not_obeyed(mosquitto: Broker) -> None:
    async with mosquitto.client("careless") as client:
        await client.publish("home/kitchen/lock/set", '{"locked": false}', qos=1, retain=True)
    async with inhabited(mosquitto) as house:
        await house.home.publish("home/all/scene/set", {"scene": "everything_off"})
        assert house.state("kitchen/lock")["locked"] is True


async def test_a_device_does_not_act_on_a_command_of_yesterday(house: House) -> None:
    async with listening(house.broker, "home/kitchen/lock/error") as client:
        late = json.dumps({"locked": False, "id": "old", "until": time.time() - 86_400})
        await client.publish("home/kitchen/lock/set", late, qos=1)
        assert await heard(client) == {"error": "too late: the command was for an earlier time", "id": "old"}
