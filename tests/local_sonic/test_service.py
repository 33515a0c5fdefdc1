"""The service with the unmodified AWS SDK as its client."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest
from aws_sdk_bedrock_runtime import models
from aws_sdk_bedrock_runtime.models import InvokeModelWithBidirectionalStreamOperationInput
from smithy_aws_core.identity import AWSCredentialsIdentity
from smithy_aws_event_stream.exceptions import UnmodeledEventError
from smithy_core.exceptions import CallError
from tests.local_sonic import sdk
from tests.local_sonic.sdk import Talk, audio, closing, opening, scripted, serving, talk

from sonicrtc.credentials import AwsKeys
from sonicrtc.local.sonic import Brain, EchoBrain, Fault, Limits, LocalSonic
from sonicrtc.local.sonic.shapes import flaw
from sonicrtc.local.state import LocalState

SILENCE = bytes(1024)


async def finish(conversation: Talk) -> list[tuple[str, dict[str, Any]]]:
    await conversation.send(*closing())
    await conversation.close_input()
    rest = await conversation.rest()
    await conversation.stream.close()
    return rest


async def fail(conversation: Talk) -> BaseException:
    """Read until the service's exception."""
    with pytest.raises(Exception) as caught:
        await conversation.rest()
    return caught.value


async def test_a_whole_echo_session_gives_the_audio_back(state: LocalState) -> None:
    tone = (8000 * np.sin(np.arange(16000) / 10)).astype("<i2").tobytes()
    async with serving(state) as (sonic, client):
        conversation = await talk(client)
        await conversation.send(*opening(rate_hz=16000))
        for start in range(0, len(tone), 1024):
            await conversation.send(audio(tone[start : start + 1024]))
        events = await finish(conversation)
        assert (sonic.sessions.opened, sonic.sessions.failed) == (1, 0)
    echoed = b"".join(base64.b64decode(body["content"]) for name, body in events if name == "audioOutput")
    assert echoed == tone
    assert events[0][0] == "completionStart"
    assert events[-1][0] == "completionEnd"
    assert [flaw("output", name, body) for name, body in events] == [None] * len(events)


async def test_many_sessions_at_once_share_the_service(state: LocalState) -> None:
    async with serving(state) as (sonic, client):
        conversations = [await talk(client) for _ in range(5)]
        for conversation in conversations:
            await conversation.send(*opening(), audio(SILENCE))
        for conversation in conversations:
            await conversation.until("audioOutput")
        assert sonic.sessions.active == 5
        for conversation in conversations:
            assert (await finish(conversation))[-1][0] == "completionEnd"


async def test_a_tool_round_trip_reaches_the_brain(state: LocalState) -> None:
    brain = scripted(
        {"call_tool": "clock", "arguments": {"zone": "UTC"}},
        {"wait_tool_result": True, "contains": "noon"},
        {"say": "It is noon.", "audio_ms": 100},
    )
    async with serving(state, brain) as (_, client):
        conversation = await talk(client)
        await conversation.send(*opening(tools=("clock",)))
        request = await conversation.until("toolUse")
        assert (request["toolName"], json.loads(request["content"])) == ("clock", {"zone": "UTC"})
        await conversation.send(*sdk.tool_result("tool-1", request["toolUseId"], '{"time": "noon"}'))
        assert (await conversation.until("textOutput"))["content"] == "It is noon."
        await finish(conversation)


async def test_text_typed_during_the_call_reaches_the_brain(state: LocalState) -> None:
    async with serving(state, scripted({"wait_text": True, "contains": "hello"}, {"user": "got it"})) as (_, client):
        conversation = await talk(client)
        await conversation.send(*opening(), *sdk.text("typed", "USER", "hello there", interactive=True))
        assert (await conversation.until("textOutput"))["content"] == "got it"
        await finish(conversation)


# -- refused before the stream --------------------------------------------------------------------


async def refused(state: LocalState, keys: AwsKeys | None = None, *, region: str = "us-east-1", **options: Any) -> Any:
    """Open a stream that must be refused, and return what the SDK raised."""
    model_id = options.pop("model_id", sdk.MODEL_ID)
    async with LocalSonic(state=state, brain=EchoBrain) as sonic:
        sonic.faults.always(options.pop("fault", Fault()))
        async with sdk.client(sonic.endpoint, state.ca_file, keys or state.keys, region=region) as client:
            conversation = await talk(client, model_id)
            with pytest.raises(Exception) as caught:
                await conversation.receive()
        assert sonic.sessions.opened == 0
    return caught.value


async def test_a_wrong_secret_is_refused(state: LocalState) -> None:
    keys = AwsKeys(access_key_id=state.keys.access_key_id, secret_access_key="wrong")
    error = await refused(state, keys)
    assert isinstance(error, CallError)
    assert "403" in str(error)
    assert "InvalidSignatureException" in str(error)


async def test_an_unknown_key_is_refused(state: LocalState) -> None:
    error = await refused(state, AwsKeys(access_key_id="AKIAUNKNOWN", secret_access_key="x"))
    assert "UnrecognizedClientException" in str(error)


async def test_a_signature_for_another_region_is_refused(state: LocalState) -> None:
    assert "InvalidSignatureException" in str(await refused(state, region="eu-north-1"))


@pytest.mark.parametrize(
    ("model_id", "error"),
    [
        ("amazon.nova-9-sonic", models.ResourceNotFoundException),
        ("amazon.nova-sonic-v1:0", models.ResourceNotFoundException),
        ("Not A Model", models.ValidationException),
    ],
)
async def test_a_model_that_is_not_there_is_refused(state: LocalState, model_id: str, error: type[Exception]) -> None:
    assert isinstance(await refused(state, model_id=model_id), error)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(403, "AccessDeniedException"), (429, "ThrottlingException"), (503, "ServiceUnavailableException")],
)
async def test_a_refusal_can_be_injected(state: LocalState, status: int, kind: str) -> None:
    error = await refused(state, fault=Fault(refuse=kind))
    assert isinstance(error, getattr(models, kind))


async def test_more_sessions_than_the_quota_are_throttled(state: LocalState) -> None:
    async with serving(state, max_sessions=1) as (_, client):
        first = await talk(client)
        await first.send(*opening(), audio(SILENCE))
        await first.until("audioOutput")
        assert isinstance(await fail(await talk(client)), models.ThrottlingException)
        await finish(first)


# -- refused in the stream ------------------------------------------------------------------------


async def test_a_violation_of_the_order_is_a_validation_exception(state: LocalState) -> None:
    async with serving(state) as (sonic, client):
        conversation = await talk(client)
        await conversation.send(sdk.prompt_start())
        error = await fail(conversation)
        assert sonic.sessions.failed == 1
    assert isinstance(error, models.ValidationException)
    assert "promptStart before sessionStart" in str(error)


class _Rotating:
    """Hands out another secret after the request was signed, which no stream survives."""

    def __init__(self, keys: AwsKeys) -> None:
        self._keys = keys
        self._asked = 0

    async def get_identity(self, *, properties: object) -> AWSCredentialsIdentity:
        self._asked += 1
        secret = self._keys.secret_access_key if self._asked <= 2 else "another"
        return AWSCredentialsIdentity(access_key_id=self._keys.access_key_id, secret_access_key=secret)


async def test_an_event_with_a_wrong_signature_ends_the_stream(state: LocalState) -> None:
    def rotate(config: Any) -> None:
        config.aws_credentials_identity_resolver = _Rotating(state.keys)

    async with serving(state) as (_, client):
        operation = InvokeModelWithBidirectionalStreamOperationInput(model_id=sdk.MODEL_ID)
        opened = await client.invoke_model_with_bidirectional_stream(operation, plugins=[rotate])
        conversation = Talk(opened)
        await conversation.send(*opening())
        error = await fail(conversation)
    assert isinstance(error, UnmodeledEventError)
    assert "InvalidSignatureException" in str(error)


async def test_a_session_without_audio_times_out(state: LocalState) -> None:
    async with serving(state, limits=Limits(idle_s=0.2)) as (_, client):
        conversation = await talk(client)
        await conversation.send(*opening(), audio(SILENCE))
        error = await fail(conversation)
    assert isinstance(error, models.ValidationException)
    assert "Timed out waiting for audio bytes or interactive content" in str(error)


async def test_a_session_that_lasts_too_long_is_ended(state: LocalState) -> None:
    async with serving(state, limits=Limits(session_s=0.2)) as (_, client):
        conversation = await talk(client)
        await conversation.send(*opening())
        assert isinstance(await fail(conversation), models.ModelTimeoutException)


# -- faults ---------------------------------------------------------------------------------------

EXCEPTIONS = {
    "validationException": models.ValidationException,
    "throttlingException": models.ThrottlingException,
    "modelStreamErrorException": models.ModelStreamErrorException,
    "modelTimeoutException": models.ModelTimeoutException,
    "internalServerException": models.InternalServerException,
    "serviceUnavailableException": models.ServiceUnavailableException,
}


@pytest.mark.parametrize("kind", EXCEPTIONS)
async def test_every_modelled_exception_can_be_scripted(state: LocalState, kind: str) -> None:
    async with serving(state, scripted({"exception": kind, "message": "as asked"})) as (_, client):
        conversation = await talk(client)
        await conversation.send(*opening())
        error = await fail(conversation)
    assert isinstance(error, EXCEPTIONS[kind])
    assert "as asked" in str(error)


async def test_a_brain_that_breaks_ends_its_own_session_only(state: LocalState) -> None:
    class Broken:
        async def run(self, setup: object, inputs: object, emit: object) -> None:
            raise ZeroDivisionError

    brains: list[Brain] = [EchoBrain(), Broken()]
    async with serving(state, brains.pop) as (_, client):
        broken = await talk(client)
        await broken.send(*opening())
        assert isinstance(await fail(broken), models.InternalServerException)
        whole = await talk(client)
        await whole.send(*opening(), audio(SILENCE))
        await whole.until("audioOutput")
        await finish(whole)


@pytest.mark.parametrize("how", ["close", "reset", "drop"])
async def test_a_stream_can_be_broken_off(state: LocalState, how: str) -> None:
    async with serving(state, scripted({"user": "hm"}, {"wait_audio_ms": 32}, {"fault": how})) as (sonic, client):
        conversation = await talk(client)
        await conversation.send(*opening())
        await conversation.until("textOutput")
        await conversation.send(audio(SILENCE))
        assert "completionEnd" not in [name for name, _ in await conversation.rest()]
    assert sonic.sessions.closed == 1


@pytest.mark.parametrize(("how", "error"), [("corrupt", "ChecksumMismatch"), ("truncate", "InvalidEventBytes")])
async def test_broken_bytes_can_be_sent(state: LocalState, how: str, error: str) -> None:
    async with serving(state, scripted({"fault": how})) as (_, client):
        conversation = await talk(client)
        await conversation.send(*opening())
        assert type(await fail(conversation)).__name__ == error


async def test_a_connection_can_be_announced_to_end(state: LocalState) -> None:
    async with serving(state, scripted({"user": "bye"}, {"fault": "goaway"})) as (_, client):
        first = await talk(client)
        await first.send(*opening())
        await first.until("textOutput")
        with pytest.raises(Exception, match="GOAWAY_RECEIVED"):
            await (await talk(client)).receive()
        assert (await finish(first))[-1][0] == "completionEnd"


async def test_stopping_the_service_ends_open_sessions(state: LocalState) -> None:
    async with LocalSonic(state=state, brain=EchoBrain) as sonic:
        opened = sdk.client(sonic.endpoint, state.ca_file, state.keys)
        client = await opened.__aenter__()
        conversation = await talk(client)
        await conversation.send(*opening(), audio(SILENCE))
        await conversation.until("audioOutput")
    assert sonic.sessions.opened == sonic.sessions.closed == 1
    assert await conversation.receive() is None
    await opened.__aexit__(None, None, None)
