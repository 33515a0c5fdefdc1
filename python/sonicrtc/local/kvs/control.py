"""The control plane: channels, their endpoints and ICE servers.

Operations, members and errors are those of the API references "Amazon Kinesis Video Streams"
(``CreateSignalingChannel`` and its siblings) and "Kinesis Video Signaling Channels"
(``GetIceServerConfig``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sonicrtc.local.kvs.channel import Channel, Limits, ServiceError, check_client_id, check_name

Parameters = Mapping[str, Any]

_ACCOUNT = "111122223333"
_TTL_S = range(5, 121)
_PROTOCOLS = {"WSS": "ws", "HTTPS": "http"}


class Control:
    """What the control plane knows.

    Parameters
    ----------
    region : str
        Part of every ARN.
    limits : Limits
        Quotas of new channels.
    activation_s : float
        How long a new channel stays ``CREATING``.
    clock : callable
        Seconds since the epoch.
    """

    def __init__(
        self,
        *,
        region: str,
        limits: Limits,
        ice_servers: Sequence[Parameters],
        activation_s: float,
        clock: Callable[[], float],
    ) -> None:
        self._region = region
        self._limits = limits
        self._activation_s = activation_s
        self._clock = clock
        self.ice_servers = list(ice_servers)
        self.channels: dict[str, Channel] = {}
        self._operations: dict[str, Callable[[Parameters, str], dict[str, Any]]] = {
            "/createSignalingChannel": self._create,
            "/describeSignalingChannel": self._describe,
            "/updateSignalingChannel": self._update,
            "/deleteSignalingChannel": self._delete,
            "/getSignalingChannelEndpoint": self._endpoint,
            "/v1/get-ice-server-config": self._ice_servers,
        }

    def call(self, path: str, parameters: Parameters, authority: str) -> dict[str, Any]:
        """Do one operation.

        Parameters
        ----------
        path : str
            Which.
        parameters : mapping
            Its JSON body.
        authority : str
            ``host:port`` under which the caller knows this service.

        Raises
        ------
        ServiceError
            As the API reference models it.
        """
        operation = self._operations.get(path)
        if operation is None:
            raise ServiceError("UnknownOperationException", f"no operation {path[:64]}", 404)
        return operation(parameters, authority)

    def by_arn(self, arn: object) -> Channel:
        """Return the channel, or raise ResourceNotFoundException."""
        if not isinstance(arn, str) or not arn:
            raise ServiceError("InvalidArgumentException", "ChannelARN is required")
        for channel in self.channels.values():
            if channel.arn == arn:
                return channel
        raise ServiceError("ResourceNotFoundException", "The channel does not exist.", 404)

    def _create(self, parameters: Parameters, _authority: str) -> dict[str, Any]:
        name = parameters.get("ChannelName")
        check_name(name, "ChannelName")
        assert isinstance(name, str)
        if parameters.get("ChannelType", "SINGLE_MASTER") != "SINGLE_MASTER":
            raise ServiceError("InvalidArgumentException", "ChannelType must be SINGLE_MASTER")
        if name in self.channels:
            raise ServiceError("ResourceInUseException", "A channel of this name exists.")
        now = self._clock()
        channel = Channel(
            name=name,
            arn=f"arn:aws:kinesisvideo:{self._region}:{_ACCOUNT}:channel/{name}/{int(now * 1000)}",
            created_at=now,
            limits=self._limits,
            message_ttl_s=_message_ttl(parameters, 60),
        )
        self.channels[name] = channel
        return {"ChannelARN": channel.arn}

    def _describe(self, parameters: Parameters, _authority: str) -> dict[str, Any]:
        name = parameters.get("ChannelName")
        if parameters.get("ChannelARN") is not None:
            channel = self.by_arn(parameters["ChannelARN"])
        else:
            check_name(name, "ChannelName or ChannelARN")
            found = self.channels.get(str(name))
            if found is None:
                raise ServiceError("ResourceNotFoundException", "The channel does not exist.", 404)
            channel = found
        info = {
            "ChannelName": channel.name,
            "ChannelARN": channel.arn,
            "ChannelType": "SINGLE_MASTER",
            "ChannelStatus": "ACTIVE" if self._is_active(channel) else "CREATING",
            "CreationTime": channel.created_at,
            "SingleMasterConfiguration": {"MessageTtlSeconds": channel.message_ttl_s},
            "Version": str(channel.version),
        }
        return {"ChannelInfo": info}

    def _update(self, parameters: Parameters, _authority: str) -> dict[str, Any]:
        channel = self.by_arn(parameters.get("ChannelARN"))
        _check_version(channel, parameters.get("CurrentVersion") or "")
        channel.message_ttl_s = _message_ttl(parameters, channel.message_ttl_s)
        channel.version += 1
        return {}

    def _delete(self, parameters: Parameters, _authority: str) -> dict[str, Any]:
        channel = self.by_arn(parameters.get("ChannelARN"))
        if parameters.get("CurrentVersion") is not None:
            _check_version(channel, parameters["CurrentVersion"])
        del self.channels[channel.name]
        for connection in channel.connections():
            connection.abort()
        return {}

    def _endpoint(self, parameters: Parameters, authority: str) -> dict[str, Any]:
        channel = self.by_arn(parameters.get("ChannelARN"))
        if not self._is_active(channel):
            raise ServiceError("ResourceInUseException", "The channel is not ACTIVE yet.")
        wanted = parameters.get("SingleMasterChannelEndpointConfiguration")
        if not isinstance(wanted, dict) or wanted.get("Role") not in ("MASTER", "VIEWER"):
            raise ServiceError("InvalidArgumentException", "Role must be MASTER or VIEWER")
        protocols = wanted.get("Protocols")
        if not isinstance(protocols, list) or not protocols or not set(map(str, protocols)) <= _PROTOCOLS.keys():
            raise ServiceError("InvalidArgumentException", "Protocols must be of WSS and HTTPS here")
        endpoints = [
            {"Protocol": protocol, "ResourceEndpoint": f"{_PROTOCOLS[protocol]}://{authority}"}
            for protocol in protocols
        ]
        return {"ResourceEndpointList": endpoints}

    def _ice_servers(self, parameters: Parameters, _authority: str) -> dict[str, Any]:
        self.by_arn(parameters.get("ChannelARN"))
        if parameters.get("Service", "TURN") != "TURN":
            raise ServiceError("InvalidArgumentException", "Service must be TURN")
        if parameters.get("ClientId") is not None:
            check_client_id(parameters["ClientId"])
        return {"IceServerList": [dict(server) for server in self.ice_servers]}

    def _is_active(self, channel: Channel) -> bool:
        return self._clock() >= channel.created_at + self._activation_s


def _message_ttl(parameters: Parameters, default: int) -> int:
    configuration = parameters.get("SingleMasterConfiguration") or {}
    ttl_s = configuration.get("MessageTtlSeconds", default) if isinstance(configuration, dict) else None
    if not isinstance(ttl_s, int) or ttl_s not in _TTL_S:
        raise ServiceError("InvalidArgumentException", "MessageTtlSeconds must be 5 to 120")
    return ttl_s


def _check_version(channel: Channel, version: object) -> None:
    if version != str(channel.version):
        raise ServiceError("VersionMismatchException", "CurrentVersion is not the version of the channel.")
