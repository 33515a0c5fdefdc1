"""The house, as its broker shows it: what the devices report, and commands whose answers are waited for."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from aiomqtt import Client, MqttError

from .broker import Broker
from .document import Control, Refused, Topics, device_of

_log = logging.getLogger(__name__)
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0
_CONNECT_S = 6.0
#: How long after `until` a report may still be on its way.
_ON_ITS_WAY_S = 0.5
#: Retained states come right after the subscription; nothing says which is the last.
_RETAINED_S = 2.0
_MAX_TEXT = 200
_ASK_FIRST = (
    "this needs a confirmation: ask the user whether you shall do it, naming the device and what will happen, and after"
    " a yes call publish_confirmed with the same topic and payload"
)

State = Mapping[str, Any]


class Unreachable(ConnectionError):
    """The broker cannot be reached, or was lost; the text says what that means for the command."""


@dataclass(slots=True)
class _Waiting:
    """A command on its way: who is to answer, and what they said."""

    devices: set[str]
    reported: dict[str, State] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def silent(self) -> set[str]:
        return self.devices - self.reported.keys() - self.refused.keys()


class Home:
    """A connection to the devices' broker that is made again when it breaks; :meth:`run` keeps it.

    Nothing is kept for later: a command that cannot be sent now fails now.

    Parameters
    ----------
    topics : Topics
        The document.
    wait_s : float
        How long a device may take to report, in s.
    name : str
        Client identifier at the broker, a random one unless told otherwise.
    """

    def __init__(self, topics: Topics, *, wait_s: float = 5.0, name: str = "") -> None:
        self.topics = topics
        self._broker = Broker()
        self._wait_s = wait_s
        self._name = name or f"smart-home-agent-{secrets.token_hex(4)}"
        self._client: Client | None = None
        self._why = "not connected yet"
        self._attempts = 0
        self._wanted = asyncio.Event()
        self._news = asyncio.Event()
        self._states: dict[str, State] = {}
        self._online: dict[str, bool] = {}
        self._waiting: dict[str, _Waiting] = {}

    # -- the connection -----------------------------------------------------------------------------

    async def run(self, broker: Broker) -> None:
        """Stay connected to `broker` until cancelled."""
        self._broker = broker
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                async with broker.client(self._name) as client:
                    await client.subscribe([(f"home/+/+/{kind}", 1) for kind in ("state", "error", "online")])
                    self._client = client
                    pause_s = _FIRST_PAUSE_S
                    self._tell()
                    async for message in client.messages:
                        self._heard(str(message.topic), message.payload)
            except MqttError as exc:
                self._down(str(exc))
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._wanted.wait()  # who needs the broker now does not wait for the pause to end
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _down(self, why: str) -> None:
        if self._client is not None:
            _log.warning("lost the broker")
        self._client = None
        self._why = why
        self._attempts += 1
        self._wanted.clear()
        self._states.clear()  # what is not known to be so now is not told
        self._online.clear()
        self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def _until(self, ready: Callable[[], bool], seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not ready():
                    await self._news.wait()

    async def _connection(self) -> Client:
        if self._client is None:
            attempts = self._attempts
            self._wanted.set()
            await self._until(lambda: self._client is not None or self._attempts > attempts, _CONNECT_S)
        if self._client is None:
            raise Unreachable(
                f"the MQTT broker at {self._broker.host}:{self._broker.port} cannot be reached ({self._why});"
                " nothing was sent, and nothing will be done later"
            )
        return self._client

    def _heard(self, topic: str, payload: object) -> None:
        device, kind = device_of(topic), topic.rpartition("/")[2]
        try:
            body = json.loads(payload) if isinstance(payload, bytes) else None
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict) or device not in self.topics.states:
            _log.warning("not what a device of the document reports: %r", topic[:_MAX_TEXT])
            return
        answer = body.pop("id", None)
        waiting = self._waiting.get(answer) if isinstance(answer, str) else None
        if kind == "online":
            self._online[device] = body.get("online") is True
        elif kind == "error" and waiting is not None:
            waiting.refused[device] = str(body.get("error", "no reason given"))[:_MAX_TEXT]
        elif kind == "state" and self.topics.states[device].is_valid(body):
            self._states[device] = body
            if waiting is not None:
                waiting.reported[device] = body
        self._tell()

    @property
    def news(self) -> asyncio.Event:
        """Is set when the next thing is heard: a report, an error, or the broker coming or going."""
        return self._news

    # -- what the tools do --------------------------------------------------------------------------

    async def states(self, device: str | None = None) -> dict[str, dict[str, Any]]:
        """Return what the devices last reported, with the member ``online``; of one device or of all.

        Raises
        ------
        Refused
            There is no such device.
        Unreachable
            There is no broker.
        """
        wanted = set(self.topics.states) if device is None else {self.topics.device(device)}
        await self._connection()
        await self._until(
            lambda: wanted <= self._states.keys() & self._online.keys() or self._client is None, _RETAINED_S
        )
        await self._connection()
        return {name: state for name, state in self.snapshot().items() if name in wanted}

    def snapshot(self) -> dict[str, dict[str, Any]]:
        """Return what is known now; without a broker every device is away."""
        return {
            name: {**self._states.get(name, {}), "online": self._online.get(name, False)} for name in self.topics.states
        }

    async def publish(self, topic: str, payload: object, *, confirmed: bool = False) -> dict[str, Any]:
        """Send a command and wait for the devices' reports.

        Parameters
        ----------
        topic, payload : str, object
            As the document has them; anything else is refused.
        confirmed : bool
            The user has said yes to it, which some commands need.

        Returns
        -------
        dict
            ``reported``: new state by device. Where it applies, also ``refused``: reason by device, and ``silent``:
            devices that did not answer in time, or are away.

        Raises
        ------
        Refused
            Topic or payload are not the document's, a confirmation is missing, or no device did it.
        Unreachable
            There is no broker, or it was lost before the devices reported.
        """
        control = self.topics.control(topic)
        command = control.check(payload)
        if control.asks_first(command) and not confirmed:
            raise Refused(_ASK_FIRST)
        client = await self._connection()
        present = {device for device in control.devices if self._online.get(device, True)}
        if not present:
            raise Refused(f"{', '.join(control.devices)} cannot be reached: the device is away. Nothing was sent")
        waiting = await self._sent(client, control, command, present)
        refused = waiting.refused | dict.fromkeys(set(control.devices) - present, "away, nothing was sent")
        if not waiting.reported:
            raise Refused(_nobody_did_it(refused, waiting.silent(), self._wait_s))
        result = {"reported": waiting.reported, "refused": refused, "silent": sorted(waiting.silent())}
        return {name: value for name, value in result.items() if value}

    async def _sent(self, client: Client, control: Control, command: State, devices: set[str]) -> _Waiting:
        name = secrets.token_hex(8)
        waiting = self._waiting[name] = _Waiting(devices)
        # The wall clock, because the devices read theirs.
        stamped = {**command, "id": name, "until": round(time.time() + self._wait_s, 3)}
        started_s = time.monotonic()
        try:
            async with asyncio.timeout(self._wait_s):
                expiry = self._broker.expiring(self._wait_s)
                await client.publish(control.topic, json.dumps(stamped), qos=1, properties=expiry)
            left_s = self._wait_s + _ON_ITS_WAY_S - (time.monotonic() - started_s)
            await self._until(lambda: not waiting.silent() or self._client is not client, left_s)
        except (MqttError, TimeoutError) as exc:
            raise Unreachable(_lost("did not acknowledge the command", self._wait_s)) from exc
        finally:
            del self._waiting[name]
        if waiting.silent() and self._client is not client:
            raise Unreachable(_lost("was lost before the devices reported", self._wait_s))
        return waiting


def _lost(what: str, seconds: float) -> str:
    return (
        f"the MQTT broker {what}; it is not known whether the devices acted, and after {seconds:g} s they will not:"
        " ask for the state before trying again"
    )


def _nobody_did_it(refused: Mapping[str, str], silent: set[str], seconds: float) -> str:
    parts = [f"{device} refused: {reason}" for device, reason in refused.items()]
    if silent:
        parts.append(
            f"no report from {', '.join(sorted(silent))} in {seconds:g} s: it is not known whether the command was"
            " obeyed, and it will not be later; ask the user before trying again"
        )
    return "; ".join(parts)
