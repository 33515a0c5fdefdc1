"""The control plane of Kinesis Video Streams: channels, endpoints, ICE servers, presigned URLs.

boto3 does the talking, in a thread. Keys and addresses are handed to it explicitly and nothing is
read from the environment, profiles or instance metadata.
"""

from __future__ import annotations

import asyncio
import functools
import os
import random
import time
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from sonicrtc.config import SignalingConfig
from sonicrtc.credentials import AwsKeys, CredentialsProvider
from sonicrtc.errors import MissingExtraError, SignalingDeniedError, SignalingError

Role = Literal["MASTER", "VIEWER"]

#: Life of a presigned signaling URL; the service takes at most 299 s.
PRESIGNED_S = 299

# Together below 5 s: a wrong address must be an error before a person gives up.
_CONNECT_TIMEOUT_S = 2.0
_READ_TIMEOUT_S = 2.0
_CALL_DEADLINE_S = 4.0

_DENIED = frozenset(
    {
        "AccessDeniedException", "ExpiredTokenException", "IncompleteSignature", "IncompleteSignatureException",
        "InvalidClientTokenId", "InvalidSignatureException", "MissingAuthenticationToken",
        "MissingAuthenticationTokenException", "NotAuthorizedException", "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)  # fmt: skip
_RETRYABLE = frozenset(
    {"ClientLimitExceededException", "LimitExceededException", "ResourceInUseException", "ThrottlingException",
     "TooManyRequestsException"}
)  # fmt: skip

_ACTIVATION_DEADLINE_S = 20.0
_ACTIVATION_POLL_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Where one role of one channel connects to."""

    wss: str
    https: str


class ControlPlane:
    """Asynchronous face of the boto3 clients of one region.

    Parameters
    ----------
    config : SignalingConfig
        Region, endpoint override and certificate authority.
    credentials : CredentialsProvider
        Asked before every call and every signature.
    """

    def __init__(self, config: SignalingConfig, credentials: CredentialsProvider) -> None:
        self._config = config
        self._credentials = credentials
        self._clients: dict[tuple[str, str | None], Any] = {}
        self._clients_keys: AwsKeys | None = None

    async def channel_arn(self, name: str) -> str:
        """Return the ARN of the channel `name`, which is created when it does not exist.

        Raises
        ------
        SignalingError, CredentialsError
            It cannot be described or created.
        """
        info = await self._describe(name)
        if info is None:
            await self._create(name)
        if info is None or info["ChannelStatus"] != "ACTIVE":
            info = await self._await_active(name)
        return str(info["ChannelARN"])

    async def _describe(self, name: str) -> dict[str, Any] | None:
        try:
            reply = await self._call("kinesisvideo", "describe_signaling_channel", ChannelName=name)
        except SignalingError as exc:
            if _error_code(exc.__cause__) == "ResourceNotFoundException":
                return None
            raise
        info: dict[str, Any] = reply["ChannelInfo"]
        return info

    async def _create(self, name: str) -> None:
        try:
            await self._call(
                "kinesisvideo", "create_signaling_channel", ChannelName=name, ChannelType="SINGLE_MASTER"
            )  # fmt: skip
        except SignalingError as exc:
            # Somebody else has just created it, which is as good.
            if _error_code(exc.__cause__) != "ResourceInUseException":
                raise

    async def _await_active(self, name: str) -> dict[str, Any]:
        """Wait until a new channel can be used; the service has no other way than to ask again."""
        deadline = time.monotonic() + _ACTIVATION_DEADLINE_S
        while True:
            info = await self._describe(name)
            if info is not None and info["ChannelStatus"] == "ACTIVE":
                return info
            if time.monotonic() > deadline:
                status = "missing" if info is None else info["ChannelStatus"]
                raise SignalingError(f"channel {name!r}: expected ACTIVE, still {status}", retryable=True)
            await asyncio.sleep(_ACTIVATION_POLL_S * (0.5 + random.random()))

    async def endpoints(self, arn: str, role: Role) -> Endpoints:
        """Return the addresses that a master or a viewer of the channel uses."""
        reply = await self._call(
            "kinesisvideo",
            "get_signaling_channel_endpoint",
            ChannelARN=arn,
            SingleMasterChannelEndpointConfiguration={"Protocols": ["WSS", "HTTPS"], "Role": role},
        )
        found = {item["Protocol"]: item["ResourceEndpoint"] for item in reply["ResourceEndpointList"]}
        if not {"WSS", "HTTPS"} <= found.keys():
            raise SignalingError(f"expected a WSS and an HTTPS endpoint, got {', '.join(found) or 'none'}")
        return Endpoints(wss=found["WSS"], https=found["HTTPS"])

    async def ice_servers(self, arn: str, https_endpoint: str, client_id: str | None = None) -> list[dict[str, Any]]:
        """Return STUN and TURN servers as ``RTCIceServer`` dictionaries.

        TURN comes from the service, with credentials that last 300 s. STUN is not in its list: it
        is added for AWS and left out for an endpoint of one's own.
        """
        extra = {"ClientId": client_id} if client_id else {}
        reply = await self._call(
            "kinesis-video-signaling", "get_ice_server_config", https_endpoint, ChannelARN=arn, Service="TURN", **extra
        )
        turn = [
            {"urls": list(item["Uris"]), "username": item.get("Username", ""), "credential": item.get("Password", "")}
            for item in reply.get("IceServerList", [])
            if item.get("Uris")
        ]
        return [*self._stun(), *turn]

    def _stun(self) -> list[dict[str, Any]]:
        if self._config.endpoint is not None:
            return []
        domain = "amazonaws.com.cn" if self._config.region.startswith("cn-") else "amazonaws.com"
        return [{"urls": [f"stun:stun.kinesisvideo.{self._config.region}.{domain}:443"]}]

    async def presign(self, wss_endpoint: str, arn: str, client_id: str | None = None) -> str:
        """Return a signaling URL that is good for :data:`PRESIGNED_S` from now; treat it as a secret.

        Parameters
        ----------
        wss_endpoint : str
            The role's ``wss://`` (or, on this machine, ``ws://``) address.
        arn : str
            Channel.
        client_id : str, optional
            A viewer's id; a master has none.
        """
        keys = await self._credentials.frozen()
        return presign(keys, self._config.region, wss_endpoint, arn, client_id)

    def close(self) -> None:
        """Close the connections that are kept for later calls."""
        clients = list(self._clients.values())
        self._clients.clear()
        for client in clients:
            client.close()

    async def _call(
        self, service: str, operation: str, endpoint: str | None = None, **parameters: object
    ) -> dict[str, Any]:
        keys = await self._credentials.frozen()
        # Loading boto3 and its models is slow on a busy machine and is no fault of the service.
        client = await asyncio.to_thread(self._client, service, endpoint or self._config.endpoint, keys)
        try:
            async with asyncio.timeout(_CALL_DEADLINE_S):
                return await asyncio.to_thread(_call_blocking, client, operation, parameters)
        except TimeoutError as exc:
            raise SignalingError(
                f"{operation}: no reply from {client.meta.endpoint_url} within {_CALL_DEADLINE_S:g} s", retryable=True
            ) from exc

    def _client(self, service: str, endpoint: str | None, keys: AwsKeys) -> Any:
        if keys != self._clients_keys:
            self.close()
            self._clients_keys = keys
        client = self._clients.get((service, endpoint))
        if client is None:
            client = self._clients[service, endpoint] = _make_client(self._config, service, endpoint, keys)
        return client


def presign(keys: AwsKeys, region: str, wss_endpoint: str, arn: str, client_id: str | None = None) -> str:
    """Sign a signaling URL by Signature Version 4 in the query (developer guide, ``ConnectAsMaster``)."""
    from botocore.auth import SigV4QueryAuth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    parameters = {"X-Amz-ChannelARN": arn}
    if client_id is not None:
        parameters["X-Amz-ClientId"] = client_id
    scheme, _, rest = wss_endpoint.partition("://")
    if scheme not in ("ws", "wss") or not urlsplit(wss_endpoint).hostname:
        raise SignalingError(f"expected a ws:// or wss:// endpoint, got {wss_endpoint!r}")
    # botocore knows the default ports of http and https only; the Host header must be the client's.
    request = AWSRequest("GET", f"http{scheme[2:]}://{rest}", params=parameters)
    credentials = Credentials(keys.access_key_id, keys.secret_access_key, keys.session_token)
    SigV4QueryAuth(credentials, "kinesisvideo", region, PRESIGNED_S).add_auth(request)
    return f"ws{request.prepare().url.removeprefix('http')}"


def _make_client(config: SignalingConfig, service: str, endpoint: str | None, keys: AwsKeys) -> Any:
    try:
        import boto3
        import botocore.session
        from botocore.config import Config
    except ModuleNotFoundError as exc:
        raise MissingExtraError("signaling needs the extra: pip install 'sonicrtc[server]'") from exc

    core = botocore.session.Session()
    core.register_component("data_loader", _models())
    store = core.get_component("config_store")
    for name, (_, _, default, _) in core.session_var_map.items():
        store.set_config_variable(name, default)
    for name in ("config_file", "credentials_file"):
        store.set_config_variable(name, os.devnull)
    store.set_config_variable("ignore_configured_endpoint_urls", True)
    store.set_config_variable("region", config.region)
    session = boto3.Session(
        botocore_session=core,
        aws_access_key_id=keys.access_key_id,
        aws_secret_access_key=keys.secret_access_key,
        aws_session_token=keys.session_token,
        region_name=config.region,
    )
    return session.client(
        service,  # type: ignore[call-overload]  # the names are ours, two of them
        endpoint_url=endpoint,
        verify=str(config.ca_file) if config.ca_file else True,
        config=Config(
            connect_timeout=_CONNECT_TIMEOUT_S,
            read_timeout=_READ_TIMEOUT_S,
            retries={"total_max_attempts": 1, "mode": "standard"},
            # A proxy is the way to AWS from some networks, never to an address of one's own.
            proxies={} if config.endpoint else None,
        ),
    )


@functools.cache
def _models() -> Any:
    """Return the service models, which take longer to read than everything else about a client."""
    from botocore.loaders import create_loader

    return create_loader()


def _call_blocking(client: Any, operation: str, parameters: dict[str, object]) -> dict[str, Any]:
    import botocore.exceptions

    try:
        reply: dict[str, Any] = getattr(client, operation)(**parameters)
    except botocore.exceptions.ClientError as exc:
        raise _translate(exc, operation) from exc
    except botocore.exceptions.BotoCoreError as exc:
        raise SignalingError(
            f"{operation}: cannot reach Kinesis Video Streams at {client.meta.endpoint_url} ({type(exc).__name__});"
            " is the address right and the service running?",
            retryable=True,
        ) from exc
    return reply


def _translate(exc: Any, operation: str) -> SignalingError:
    code = _error_code(exc) or "unknown error"
    status = exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _DENIED:
        # The service's own text quotes the canonical request, session token and all.
        return SignalingDeniedError(f"{operation}: Kinesis Video Streams refuses these credentials ({code})")
    detail = str(exc.response.get("Error", {}).get("Message", ""))[:200]
    return SignalingError(f"{operation}: {code}: {detail}", retryable=code in _RETRYABLE or status >= 500)


def _error_code(exc: BaseException | None) -> str | None:
    response = getattr(exc, "response", None)
    return response.get("Error", {}).get("Code") if isinstance(response, dict) else None
