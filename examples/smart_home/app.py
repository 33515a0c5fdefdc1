"""The smart home by voice: sonicrtc demo --app examples/smart_home

The agent knows topics.md, publishes what is asked for, and says what the devices report. The page shows the devices and
has a switch for each; its switches come through this server, so that no browser needs to know the broker.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from sonicrtc import Agent
from sonicrtc.errors import ToolError
from sonicrtc.events import DeviceStateEvent
from sonicrtc.tasks import beside

from .broker import Broker
from .devices import simulate
from .document import DOCUMENT, Refused, Topics
from .home import Home, Unreachable

_INSTRUCTIONS = """You look after a smart home by voice. You are brief: one short sentence as a rule.
The document below says which devices there are, and which topics and payloads they take. Act with publish; what needs a
confirmation goes by publish_confirmed. Say what happened from the state that the device reports, never from what you
asked for. Ask back when a room, a door or a value is missing. Do nothing for speech that is not a command to you.

"""
#: How long a simulated device takes to act, in s.
_REACTION_S = 0.2

topics = Topics.read()
home = Home(topics)
agent = Agent(
    instructions=_INSTRUCTIONS + DOCUMENT.read_text("utf-8"),
    greeting="Hello! What may I do in the house?",
)


@agent.tool
async def publish(topic: str, payload: dict[str, Any]) -> dict[str, Any]:
    """Send a command to a device of the house, and return the state that it reports then.

    Parameters
    ----------
    topic : str
        A control topic of the document, e.g. home/kitchen/light/set.
    payload : dict
        What the topic takes, e.g. {"brightness_percent": 50}.
    """
    return await _told(home.publish(topic, payload))


@agent.tool(confirm=True)
async def publish_confirmed(topic: str, payload: dict[str, Any]) -> dict[str, Any]:
    """Send a command that needs the user's confirmation: locks, oven, good night.

    Parameters
    ----------
    topic : str
        A control topic of the document, e.g. home/kitchen/lock/set.
    payload : dict
        What the topic takes, e.g. {"locked": true}.
    """
    return await _told(home.publish(topic, payload, confirmed=True))


@agent.tool
async def get_state(device: str | None = None) -> dict[str, Any]:
    """Tell what the devices of the house last reported.

    Parameters
    ----------
    device : str, optional
        Room and device, e.g. kitchen/oven; all devices without it.
    """
    return await _told(home.states(device))


async def _told[T](doing: Awaitable[T]) -> T:
    """Give the text of what is refused, or cannot be reached, to whoever asked."""
    try:
        return await doing
    except (Refused, Unreachable) as exc:
        raise ToolError(str(exc)) from exc


class Panel:
    """The devices for the page."""

    async def states(self) -> AsyncIterator[DeviceStateEvent]:
        """Yield each device, then whatever changes."""
        shown: dict[str, dict[str, Any]] = {}
        while True:
            news = home.news
            for device, state in home.snapshot().items():
                if shown.get(device) != state:
                    shown[device] = state
                    room, _, kind = device.partition("/")
                    known = {name: value for name, value in state.items() if name != "online"}
                    yield DeviceStateEvent(device=device, room=room, kind=kind, online=state["online"], state=known)
            await news.wait()

    async def switch(self, device: str, change: Mapping[str, Any]) -> None:
        """Do what a hand on the page's switch wants: it needs no confirmation."""
        await _told(home.publish(f"home/{device}/set", dict(change), confirmed=True))


agent.devices = Panel()


@agent.lifespan
@asynccontextmanager
async def connected() -> AsyncIterator[None]:
    """Stay connected to the broker that the environment names, or the file in SMART_HOME_CONFIG."""
    file = os.environ.get("SMART_HOME_CONFIG")
    async with beside(home.run(Broker.load(os.environ, Path(file) if file else None))):
        yield


@asynccontextmanager
async def demo(local: Callable[..., AbstractAsyncContextManager[Mapping[str, str]]]) -> AsyncIterator[None]:
    """Run what ``sonicrtc demo`` needs on this machine: a broker, and simulated devices."""
    async with local("iot", "--mtls") as variables:
        os.environ.update(variables)
        async with beside(simulate(topics, Broker.load(variables), {"": _REACTION_S})):
            yield
