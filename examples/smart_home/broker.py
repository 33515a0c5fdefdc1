"""Where the broker is: any MQTT broker, or AWS IoT Core. One file of settings, or the environment, serves all."""

from __future__ import annotations

import ssl
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from socket import IPPROTO_TCP, TCP_NODELAY
from typing import Any

from aiomqtt import Client, ProtocolVersion, Will
from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

_PROTOCOLS = {"5": ProtocolVersion.V5, "3.1.1": ProtocolVersion.V311}
_TLS_PORT = 8883
#: AWS IoT Core: MQTT with client certificates on the port of HTTPS.
_ALPN_PORT, _ALPN = 443, "x-amzn-mqtt-ca"
#: What a setting's text becomes; the others are files.
_KINDS: dict[str, Callable[[Any], Any]] = {"host": str, "port": int, "protocol": str}
_TIMEOUT_S = 5.0
_KEEPALIVE_S = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """A broker's address, and how to prove who we are.

    Parameters
    ----------
    host : str
        Name or address; for AWS IoT Core ``<id>-ats.iot.<region>.amazonaws.com``.
    port : int
        1883 without TLS; 8883 with; 443 for AWS IoT Core where 8883 is closed.
    protocol : {"5", "3.1.1"}
        Version of MQTT. amqtt knows 3.1.1 only.
    ca_file, cert_file, key_file : Path, optional
        PEM files: the authority of the broker's certificate instead of the system's, and our own certificate and key.
        Any of these, or the ports 8883 and 443, means TLS.
    """

    host: str = "127.0.0.1"
    port: int = 1883
    protocol: str = "5"
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    def __post_init__(self) -> None:
        if self.protocol not in _PROTOCOLS:
            raise ValueError(f"protocol: expected {' or '.join(_PROTOCOLS)}, got {self.protocol!r}")
        if not 0 < self.port <= 65_535:
            raise ValueError(f"port: expected 1 to 65535, got {self.port}")
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file: expected both or none")
        for file in (self.ca_file, self.cert_file, self.key_file):
            if file is not None and not file.is_file():
                raise ValueError(f"there is no file {file}")
        self._tls()  # a wrong certificate is found now, and not when a light is to be switched

    @classmethod
    def load(cls, environment: Mapping[str, str], path: Path | None = None) -> Broker:
        """Read ``[broker]`` of a TOML file; what the environment says (``MQTT_HOST`` and so on) goes first.

        Raises
        ------
        ValueError
            A setting is unknown or not allowed.
        """
        table: dict[str, Any] = {}
        if path is not None:
            table = tomllib.loads(path.read_text("utf-8")).get("broker", {})
            table = {name: path.parent / value if name.endswith("_file") else value for name, value in table.items()}
        known = {field.name for field in fields(cls)}
        table |= {name: value for name in known if (value := environment.get(f"MQTT_{name.upper()}"))}
        if unknown := table.keys() - known:
            raise ValueError(f"[broker]: unknown {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}")
        return cls(**{name: _KINDS.get(name, Path)(value) for name, value in table.items()})

    def client(self, name: str, *, will: Will | None = None) -> Client:
        """Return a connection to be entered; it never connects again by itself, and the broker keeps nothing for it."""
        is_5 = self.protocol == "5"
        return Client(
            self.host,
            self.port,
            identifier=name,
            protocol=_PROTOCOLS[self.protocol],
            clean_session=None if is_5 else True,
            clean_start=True if is_5 else MQTT_CLEAN_START_FIRST_ONLY,  # paho wants this where it means nothing
            tls_context=self._tls(),
            timeout=_TIMEOUT_S,
            keepalive=_KEEPALIVE_S,
            will=will,
            socket_options=[(IPPROTO_TCP, TCP_NODELAY, 1)],
        )

    def expiring(self, seconds: float) -> Properties | None:
        """Return what lets the broker throw a message away that it could not deliver in `seconds`."""
        if self.protocol != "5":
            return None
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.MessageExpiryInterval = max(1, round(seconds))
        return properties

    def _tls(self) -> ssl.SSLContext | None:
        if self.ca_file is None and self.cert_file is None and self.port not in (_TLS_PORT, _ALPN_PORT):
            return None
        context = ssl.create_default_context(cafile=self.ca_file)
        if self.cert_file is not None and self.key_file is not None:
            context.load_cert_chain(self.cert_file, self.key_file)
        if self.port == _ALPN_PORT:
            context.set_alpn_protocols([_ALPN])
        return context
