"""A whole house for a test: a real broker, the simulated devices, and a connection to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any

from examples.smart_home.broker import Broker
from examples.smart_home.devices import Simulator
from examples.smart_home.document import Topics
from examples.smart_home.home import Home

TOPICS = Topics.read()


@dataclass
class House:
    broker: Broker
    home: Home
    devices: dict[str, Simulator]

    def state(self, name: str) -> dict[str, Any]:
        """Return the state that a device has, whatever it reported."""
        return asdict(self.devices[name].state)


@asynccontextmanager
async def connected(broker: Broker, *, wait_s: float = 5.0) -> AsyncIterator[Home]:
    """Run a connection to the devices without any device."""
    home = Home(TOPICS, wait_s=wait_s)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(home.run(broker))
        yield home
        running.cancel()


async def until_online(home: Home, online: bool, *devices: str) -> None:
    """Wait until all these devices are there, or away."""
    async with asyncio.timeout(30):
        while True:
            news, states = home.news, await home.states()
            if all(states[name]["online"] is online for name in devices):
                return
            await news.wait()


@asynccontextmanager
async def inhabited(
    broker: Broker, *, wait_s: float = 5.0, slow: Mapping[str, float] | None = None
) -> AsyncIterator[House]:
    """Run devices and a connection to them; `slow` is the reaction time of some, in s."""
    devices = {name: Simulator(name, TOPICS, broker, reaction_s=(slow or {}).get(name, 0.0)) for name in TOPICS.states}
    async with connected(broker, wait_s=wait_s) as home, asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(device.run()) for device in devices.values()]
        await until_online(home, True, *devices)
        yield House(broker, home, devices)
        for task in running:
            task.cancel()
