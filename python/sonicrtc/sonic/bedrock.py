"""Amazon Bedrock's bidirectional stream through the unmodified AWS SDK; its errors become ours here.

Deadlines are not set here: see :mod:`sonicrtc.sonic.session`.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from sonicrtc.config import SonicConfig
from sonicrtc.credentials import AwsKeys
from sonicrtc.errors import (
    CredentialsError,
    MissingExtraError,
    SonicClosedError,
    SonicError,
    SonicExpiredError,
    SonicModelError,
    SonicProtocolError,
    SonicThrottledError,
)
from sonicrtc.sonic.transport import HardenedTransport, prepare_tls

try:
    from aws_sdk_bedrock_runtime import models
    from aws_sdk_bedrock_runtime.client import AsyncBedrockRuntimeClient
    from aws_sdk_bedrock_runtime.config import AsyncBedrockRuntimeConfig
    from awscrt.exceptions import AwsCrtError
    from smithy_aws_core.identity import AWSCredentialsIdentity, StaticCredentialsResolver
    from smithy_aws_event_stream.exceptions import EventError, UnmodeledEventError
    from smithy_core.exceptions import CallError, SmithyError
except ImportError as exc:
    raise MissingExtraError(f"the model's stream needs the extra: pip install 'sonicrtc[server]' ({exc})") from exc

# --- errors ---------------------------------------------------------------------------------------

_BAD_KEYS = {
    "UnrecognizedClientException",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "InvalidClientTokenId",
    "InvalidClientTokenIdException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
}
_OLD_KEYS = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}

_BY_NAME: dict[str, tuple[type[SonicError], bool]] = {
    "AccessDeniedException": (SonicModelError, False),
    "ResourceNotFoundException": (SonicModelError, False),
    "ModelNotReadyException": (SonicModelError, True),
    "ModelErrorException": (SonicModelError, True),
    "ModelTimeoutException": (SonicModelError, True),
    "ModelStreamErrorException": (SonicModelError, True),
    "ThrottlingException": (SonicThrottledError, True),
    "ServiceQuotaExceededException": (SonicThrottledError, True),
    "InternalServerException": (SonicClosedError, True),
    "ServiceUnavailableException": (SonicClosedError, True),
}

# The service says ValidationException for different things, and only its text tells which.
_VALIDATION_TEXTS: tuple[tuple[str, type[SonicError], bool], ...] = (
    ("system instability detected", SonicClosedError, True),
    ("rst_stream closed stream", SonicClosedError, True),
    ("timed out waiting for", SonicExpiredError, True),
    ("model identifier", SonicModelError, False),
    ("model id", SonicModelError, False),
    ("modelid", SonicModelError, False),
)

_ADVICE = {
    "AccessDeniedException": "allow bedrock:InvokeModel and enable access to the model in the Bedrock console",
    "ResourceNotFoundException": "check the model id and that the region offers it",
}


def classify_validation(message: str) -> tuple[type[SonicError], bool]:
    """Return what a ValidationException really is, and whether trying again may help."""
    lowered = message.lower()
    for text, kind, retryable in _VALIDATION_TEXTS:
        if text in lowered:
            return kind, retryable
    return SonicProtocolError, False


def translate(exc: BaseException, *, error_type: str = "", where: str = "the service") -> SonicError | CredentialsError:
    """Return our error for what the SDK raised; the caller raises it ``from`` the original.

    Parameters
    ----------
    error_type : str
        Value of ``x-amzn-errortype`` when the service refused the request.
    where : str
        Host and port, for the message.
    """
    name = type(exc).__name__ if isinstance(exc, CallError) and type(exc) is not CallError else error_type
    said = _short(getattr(exc, "message", "") or str(exc))
    if name in _BAD_KEYS:
        return CredentialsError(f"the service at {where} refused the AWS credentials ({name}); check key and secret")
    if name in _OLD_KEYS:
        return SonicExpiredError(f"the AWS credentials expired ({name})")
    if name == "ValidationException":
        kind, retryable = classify_validation(said)
        return kind(f"the service refused what it was sent ({name}): {said}", retryable=retryable)
    if name in _BY_NAME:
        kind, retryable = _BY_NAME[name]
        advice = f"; {_ADVICE[name]}" if name in _ADVICE else ""
        return kind(f"the model cannot be used ({name}): {said}{advice}", retryable=retryable)
    if name:
        return SonicError(f"the service at {where} failed ({name}): {said}")
    return _translate_transport(exc, said, where)


def _translate_transport(exc: BaseException, said: str, where: str) -> SonicError:
    if isinstance(exc, UnmodeledEventError):
        return SonicModelError(f"the service reported {exc.code}: {_short(exc.message)}", retryable=True)
    if isinstance(exc, KeyError):
        return SonicError(f"the service reported an error of a kind that the SDK does not know: {said}")
    if isinstance(exc, EventError):
        return SonicClosedError(f"the stream from {where} was damaged: {said}")
    native = _native_cause(exc)
    if native is None:
        return SonicClosedError(f"the stream to {where} failed: {said}")
    if native.name == "AWS_IO_SOCKET_CONNECTION_REFUSED":
        return SonicClosedError(f"nothing listens at {where}; start the service or correct the endpoint")
    if native.name.startswith("AWS_IO_DNS"):
        return SonicClosedError(f"the address {where} cannot be resolved; check the endpoint, region and network")
    if native.name.startswith("AWS_IO_TLS"):
        return SonicClosedError(
            f"no TLS connection to {where} ({native.name}); a private authority is given as ca_file", retryable=False
        )
    return SonicClosedError(f"the connection to {where} was lost ({native.name})")


def _native_cause(exc: BaseException | None) -> AwsCrtError | None:
    for _ in range(8):
        if exc is None or isinstance(exc, AwsCrtError):
            return exc
        exc = exc.__cause__
    return None


def _short(text: str, limit: int = 300) -> str:
    return text if len(text) <= limit else text[:limit] + "…"


# --- the stream -----------------------------------------------------------------------------------


class _NoFiles:
    """Stands for the AWS configuration files, which the SDK is not to read: our settings are complete."""

    async def read_file(self, path: str) -> str | None:
        return "[default]\n"


class BedrockStream:
    """One bidirectional stream of event payloads (JSON bytes), opened with one fixed set of keys."""

    def __init__(
        self, client: AsyncBedrockRuntimeClient, duplex: Any, transport: HardenedTransport, where: str
    ) -> None:
        self._client = client
        self._duplex = duplex
        self._transport = transport
        self._receiver: Any = None
        self._awaited = False
        self.where = where

    @classmethod
    async def open(cls, config: SonicConfig, keys: AwsKeys) -> BedrockStream:
        """Begin a request; connecting goes on behind it, see :meth:`accepted`.

        Parameters
        ----------
        config : SonicConfig
            Model, region, and optionally endpoint and authority.
        keys : AwsKeys
            Used for the whole stream: the signature of each event depends on the one before, so keys must not change.
        """
        transport = HardenedTransport(await asyncio.to_thread(prepare_tls, config.ca_file))
        identity = AWSCredentialsIdentity(
            access_key_id=keys.access_key_id,
            secret_access_key=keys.secret_access_key,
            session_token=keys.session_token,
        )
        # Everything that the SDK would look up in the environment or in files is given here.
        settings = await AsyncBedrockRuntimeConfig.resolve(
            profile="default",
            fs=_NoFiles(),
            region=config.region,
            endpoint_uri=config.endpoint,
            retry_mode="standard",
            max_attempts=1,
            sdk_ua_app_id=None,
            transport=transport,
            aws_credentials_identity_resolver=StaticCredentialsResolver(identity),
        )
        client = AsyncBedrockRuntimeClient(config=settings)
        operation = models.InvokeModelWithBidirectionalStreamOperationInput(model_id=config.model_id)
        duplex = await client.invoke_model_with_bidirectional_stream(operation)
        host = config.endpoint or f"https://bedrock-runtime.{config.region}.amazonaws.com"
        return cls(client, duplex, transport, host.removeprefix("https://"))

    async def accepted(self) -> str:
        """Wait until the service accepted the request and return the request's id.

        Raises
        ------
        CredentialsError, SonicError
            It did not, or could not be reached.
        """
        self._awaited = True
        try:
            output, self._receiver = await self._duplex.await_output()
        except (SmithyError, OSError) as exc:
            raise self._translated(exc) from exc
        return output.response_metadata.request_id or ""

    async def send(self, data: bytes) -> None:
        """Sign and send one event; waits while the network does not take it."""
        part = models.BidirectionalInputPayloadPart(bytes_=data)
        try:
            await self._duplex.input_stream.send(models.InvokeModelWithBidirectionalStreamInputChunk(value=part))
        except (SmithyError, OSError) as exc:
            raise self._translated(exc) from exc

    async def receive(self) -> bytes | None:
        """Return the next event, None when the service ended the stream."""
        try:
            while (event := await self._receiver.receive()) is not None:
                if isinstance(event, models.InvokeModelWithBidirectionalStreamOutputChunk):
                    data: bytes | None = event.value.bytes_
                    if data:
                        return data
        except (SmithyError, OSError, KeyError) as exc:
            raise self._translated(exc) from exc
        return None

    async def end_input(self) -> None:
        """Say that nothing more will be sent, and wait until all of it was taken."""
        try:
            await self._duplex.input_stream.close()
        except (SmithyError, OSError) as exc:
            raise self._translated(exc) from exc

    async def close(self) -> None:
        """Give back everything, whether or not the stream ended by itself."""
        await self._transport.close()
        await self._client.close()
        if not self._awaited:
            self._awaited = True
            with contextlib.suppress(SmithyError, OSError):
                await self._duplex.await_output()

    def _translated(self, exc: BaseException) -> SonicError | CredentialsError:
        return translate(exc, error_type=self._transport.error_type, where=self.where)
