"""Real brokers: mosquitto and amqtt, each with and without client certificates."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from examples.smart_home.broker import Broker
from tests.examples.smart_home.houses import House, inhabited

from sonicrtc.local.iot import BrokerName, local_iot
from sonicrtc.local.state import LocalState

KINDS: list[tuple[BrokerName, bool]] = [("mosquitto", False), ("mosquitto", True), ("amqtt", False), ("amqtt", True)]


@pytest.fixture(params=KINDS, ids=lambda kind: f"{kind[0]}{'-mtls' if kind[1] else ''}")
async def broker(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Broker]:
    name, mtls = request.param
    with LocalState.open(tmp_path) as state:
        async with local_iot(state, mtls=mtls, broker=name) as variables:
            yield Broker.load(variables)


@pytest.fixture
async def mosquitto(tmp_path: Path) -> AsyncIterator[Broker]:
    with LocalState.open(tmp_path) as state:
        async with local_iot(state, broker="mosquitto") as variables:
            yield Broker.load(variables)


@pytest.fixture
async def house(mosquitto: Broker) -> AsyncIterator[House]:
    async with inhabited(mosquitto) as house:
        yield house
