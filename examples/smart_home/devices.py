"""Simulated devices: they hold state, obey their control topics and report over MQTT, as real ones would.

python -m examples.smart_home.devices --config aws.toml --reaction kitchen/oven=3
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from aiomqtt import Client, MqttError, Will

from .broker import Broker
from .document import MAX_PAYLOAD_BYTES, Refused, Topics

_log = logging.getLogger(__name__)
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0


class Device(Protocol):
    """What every device does; a scene reaches each of them."""

    kind: ClassVar[str]

    def obey(self, command: Mapping[str, Any]) -> None:
        """Do what a command says that its schema allows; Refused when that is not possible now."""

    def scene(self, name: str) -> None:
        """Do this device's part of a scene."""


@dataclass(slots=True)
class Light:
    """A dimmable white light; while it is off it keeps its brightness for the next time."""

    kind: ClassVar[str] = "light"
    on: bool = False
    brightness_percent: int = 80
    color_temperature_kelvin: int = 2700

    def obey(self, command: Mapping[str, Any]) -> None:
        brightness = command.get("brightness_percent")
        self.on = bool(command.get("on", self.on if brightness is None else brightness > 0))
        self.brightness_percent = int(brightness or self.brightness_percent)
        self.color_temperature_kelvin = int(command.get("color_temperature_kelvin", self.color_temperature_kelvin))

    def scene(self, name: str) -> None:
        self.on = False


@dataclass(slots=True)
class Lock:
    """A door's lock."""

    kind: ClassVar[str] = "lock"
    locked: bool = True

    def obey(self, command: Mapping[str, Any]) -> None:
        self.locked = command["locked"]

    def scene(self, name: str) -> None:
        self.locked = self.locked or name == "good_night"


@dataclass(slots=True)
class Oven:
    """An oven; off, it takes no temperature and no mode."""

    kind: ClassVar[str] = "oven"
    on: bool = False
    temperature_celsius: int = 180
    mode: str = "top_bottom"

    def obey(self, command: Mapping[str, Any]) -> None:
        if not command.get("on", self.on) and command.keys() != {"on"}:
            raise Refused("the oven is off: switch it on with a temperature")
        self.on = command.get("on", self.on)
        self.temperature_celsius = int(command.get("temperature_celsius", self.temperature_celsius))
        self.mode = command.get("mode", self.mode)

    def scene(self, name: str) -> None:
        self.on = False


KINDS: dict[str, type[Light | Lock | Oven]] = {kind.kind: kind for kind in (Light, Lock, Oven)}


class Simulator:
    """One device at the broker, with a connection and a last will of its own.

    Parameters
    ----------
    name : str
        Room and device, e.g. ``"kitchen/oven"``.
    reaction_s : float
        How long it takes from a command to acting on it, in s.
    """

    def __init__(self, name: str, topics: Topics, broker: Broker, *, reaction_s: float = 0.0) -> None:
        self.name = name
        self.state = KINDS[name.rpartition("/")[2]]()
        self._controls = {c.topic: c for c in topics.controls.values() if name in c.devices}
        self._broker = broker
        self._reaction_s = reaction_s

    async def run(self) -> None:
        """Obey and report until cancelled; connect again when the connection breaks."""
        pause_s = _FIRST_PAUSE_S
        while True:
            will = Will(f"home/{self.name}/online", '{"online": false}', qos=1, retain=True)
            try:
                async with self._broker.client(f"smart-home-{self.name.replace('/', '-')}", will=will) as client:
                    pause_s = _FIRST_PAUSE_S
                    try:
                        await client.subscribe([(topic, 1) for topic in self._controls])
                        await self.report(client)
                        await self._say(client, "online", {"online": True}, retain=True)
                        async for message in client.messages:
                            if not message.retain:  # a command is for now; nobody should retain one
                                await self._command(client, str(message.topic), message.payload)
                    finally:  # the will is for a sudden end only
                        with suppress(MqttError):
                            await self._say(client, "online", {"online": False}, retain=True)
            except MqttError:
                _log.warning("%s has no broker", self.name)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def report(self, client: Client, **answer: str) -> None:
        """Publish the whole state."""
        await self._say(client, "state", asdict(self.state) | answer, retain=True)

    async def _say(self, client: Client, kind: str, payload: Mapping[str, Any], *, retain: bool = False) -> None:
        await client.publish(f"home/{self.name}/{kind}", json.dumps(payload), qos=1, retain=retain)

    async def _command(self, client: Client, topic: str, payload: object) -> None:
        answer: dict[str, str] = {}
        try:
            command = _read(payload)
            if isinstance(command.get("id"), str):
                answer["id"] = command.pop("id")[:64]
            until = command.pop("until", None)
            self._controls[topic].check(command)
            await asyncio.sleep(self._reaction_s)
            if isinstance(until, int | float) and time.time() > until:
                raise Refused("too late: the command was for an earlier time")
            if scene := command.get("scene"):
                self.state.scene(scene)
            else:
                self.state.obey(command)
        except Refused as exc:
            await self._say(client, "error", {"error": str(exc), **answer})
        else:
            await self.report(client, **answer)


def _read(payload: object) -> dict[str, Any]:
    if not isinstance(payload, bytes) or len(payload) > MAX_PAYLOAD_BYTES:
        raise Refused(f"expected a payload of at most {MAX_PAYLOAD_BYTES} bytes")
    try:
        command = json.loads(payload)
    except (ValueError, RecursionError) as exc:
        raise Refused("expected a JSON object in UTF-8") from exc
    if not isinstance(command, dict):
        raise Refused("expected a JSON object in UTF-8")
    return command


async def simulate(topics: Topics, broker: Broker, reaction_s: Mapping[str, float]) -> None:
    """Run every device of the document; `reaction_s` by device, ``""`` for all others."""
    async with asyncio.TaskGroup() as tasks:
        for name in topics.states:
            device = Simulator(name, topics, broker, reaction_s=reaction_s.get(name, reaction_s.get("", 0.0)))
            tasks.create_task(device.run())


def _reaction(text: str) -> tuple[str, float]:
    device, _, seconds = text.rpartition("=")
    return device, float(seconds)


def main() -> int:
    """Run until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, metavar="FILE", help="TOML with a table [broker]")
    parser.add_argument("--reaction", action="append", type=_reaction, default=[], metavar="[DEVICE=]SECONDS",
                        help="how long devices take to act (default 0.2)")  # fmt: skip
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        broker = Broker.load(os.environ, options.config)
    except (ValueError, OSError) as exc:
        print(exc, file=sys.stderr)
        return 1
    with suppress(KeyboardInterrupt):
        asyncio.run(simulate(Topics.read(), broker, {"": 0.2, **dict(options.reaction)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
