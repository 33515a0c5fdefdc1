"""Amazon Bedrock's bidirectional stream through the unmodified AWS SDK; its errors become ours here.

Deadlines are not set here: see :mod:`sonicrtc.sonic.session`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

from sonicrtc.config import SonicConfig
from sonicrtc.credentials import AwsKeys
from sonicrtc.errors import CredentialsError, MissingExtraError, SonicClosedError, SonicError
from sonicrtc.sonic.failures import judge
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


def translate(exc: BaseException, *, error_type: str = "", where: str = "the service") -> SonicError | CredentialsError:
    """Return our error for what the SDK raised; the caller raises it ``from`` the original.

    Parameters
    ----------
    error_type : str
        Value of ``x-amzn-errortype`` when the service refused the request.
    where : str
        Host and port, for the message.
    """
    said = getattr(exc, "message", "") or str(exc)
    for name in _names(exc, error_type):
        if (error := judge(name, said, where=where)) is not None:
            return error
    if error_type:
        return SonicError(f"the service at {where} failed ({error_type}): {said[:300]}")
    return SonicClosedError(f"the stream to {where} failed: {said[:300]}")


def _names(exc: BaseException, error_type: str) -> Iterator[str]:
    """Yield what the failure may be called in the table, the most telling first."""
    if isinstance(exc, CallError) and type(exc) is not CallError:
        yield type(exc).__name__
    yield error_type
    if isinstance(exc, UnmodeledEventError):
        yield exc.code
        yield "UnmodeledError"
    if isinstance(exc, KeyError):  # how the SDK says that it does not know an exception's type
        yield str(exc).strip("'\"")
        yield "UnmodeledError"
    if isinstance(exc, EventError):
        yield "EventError"
    native = _native_cause(exc)
    if native is not None:
        yield str(native.name)


def _native_cause(exc: BaseException | None) -> AwsCrtError | None:
    for _ in range(8):
        if exc is None or isinstance(exc, AwsCrtError):
            return exc
        exc = exc.__cause__
    return None


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
