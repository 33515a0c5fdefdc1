"""The unmodified AWS SDK as the client of the tests, and events as a client sends them."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aws_sdk_bedrock_runtime.client import AsyncBedrockRuntimeClient
from aws_sdk_bedrock_runtime.config import AsyncBedrockRuntimeConfig
from aws_sdk_bedrock_runtime.models import (
    BidirectionalInputPayloadPart,
    InvokeModelWithBidirectionalStreamInputChunk,
    InvokeModelWithBidirectionalStreamOperationInput,
)
from awscrt import io as crt_io
from smithy_http.aio.crt import AWSCRTHTTPClient

from sonicrtc.credentials import AwsKeys
from sonicrtc.local.sonic import Brain, EchoBrain, LocalSonic, Scenario, ScriptedBrain
from sonicrtc.local.state import LocalState

MODEL_ID = "amazon.nova-2-sonic-v1:0"
PROMPT = "prompt-1"
AUDIO = "audio-1"
TEXT_PLAIN = {"mediaType": "text/plain"}
AUDIO_INPUT = {
    "mediaType": "audio/lpcm",
    "sampleRateHertz": 16000,
    "sampleSizeBits": 16,
    "channelCount": 1,
    "audioType": "SPEECH",
    "encoding": "base64",
}


class _PrivateCaTransport(AWSCRTHTTPClient):
    """The SDK's transport that trusts one more authority, and can end what the SDK leaves behind.

    When the service ends a stream first, the SDK's task that sends the request's body stays, and
    so does the generator that reads the response.
    """

    def __init__(self, ca_file: Path) -> None:
        super().__init__()
        options = crt_io.TlsContextOptions()
        options.override_default_trust_store_from_path(None, str(ca_file))
        self._tls_ctx = crt_io.ClientTlsContext(options)
        self._bodies: list[Any] = []
        self._writers: list[asyncio.Task[None]] = []
        self._generators: list[Any] = []

    async def send(self, request: Any, **options: Any) -> Any:
        response: Any = await super().send(request, **options)
        chunks = response.chunks

        def kept() -> Any:
            self._generators.append(chunks())
            return self._generators[-1]

        response.chunks = kept
        self._bodies.append(request.body)
        self._writers.append(response._stream._writer)
        return response

    def _create_body_generator(self, body: Any) -> Any:
        self._generators.append(super()._create_body_generator(body))
        return self._generators[-1]

    async def end(self) -> None:
        """Leave no task and no half-read generator behind."""
        for body in self._bodies:
            await body.close(flush=False)
        if self._writers:
            await asyncio.wait(self._writers, timeout=10)
        for writer in self._writers:
            writer.exception()  # retrieved: the service ended first, and that is what the test wants
        for generator in self._generators:
            await generator.aclose()


class Talk:
    """One open stream of the SDK, with the deadlines that it lacks."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self._output: Any = None

    async def send(self, *events: dict[str, Any]) -> None:
        """Send ``{name: body}`` events."""
        for event in events:
            part = BidirectionalInputPayloadPart(bytes_=json.dumps({"event": event}).encode())
            await self.stream.input_stream.send(InvokeModelWithBidirectionalStreamInputChunk(value=part))

    async def receive(self) -> tuple[str, dict[str, Any]] | None:
        """Return the next event's name and body, or None at the end."""
        if self._output is None:
            _, self._output = await asyncio.wait_for(self.stream.await_output(), 10)
        event = await asyncio.wait_for(self._output.receive(), 10)
        if event is None:
            return None
        ((name, body),) = json.loads(event.value.bytes_)["event"].items()
        return name, body

    async def until(self, name: str) -> dict[str, Any]:
        """Skip events up to the next one of this name."""
        while True:
            event = await self.receive()
            assert event is not None, f"the stream ended before {name}"
            if event[0] == name:
                return event[1]

    async def rest(self) -> list[tuple[str, dict[str, Any]]]:
        """Return every event up to the end."""
        events = []
        while (event := await self.receive()) is not None:
            events.append(event)
        return events

    async def close_input(self) -> None:
        await self.stream.input_stream.close()


@asynccontextmanager
async def client(endpoint: str, ca_file: Path, keys: AwsKeys, *, region: str = "us-east-1") -> AsyncIterator[Any]:
    """Yield an SDK client of the service."""
    transport = _PrivateCaTransport(ca_file)
    config = await AsyncBedrockRuntimeConfig.resolve(
        region=region,
        endpoint_uri=endpoint,
        transport=transport,
        aws_access_key_id=keys.access_key_id,
        aws_secret_access_key=keys.secret_access_key,
    )
    made = AsyncBedrockRuntimeClient(config=config)
    try:
        yield made
    finally:
        await transport.end()
        await made.close()


@asynccontextmanager
async def serving(
    state: LocalState, brain: Callable[[], Brain] = EchoBrain, **options: Any
) -> AsyncIterator[tuple[LocalSonic, Any]]:
    """Yield a service and a client of it; opened and closed sessions must agree in the end."""
    async with (
        LocalSonic(state=state, brain=brain, **options) as sonic,
        client(sonic.endpoint, state.ca_file, state.keys) as made,
    ):
        yield sonic, made
    assert sonic.sessions.opened == sonic.sessions.closed


def scripted(*steps: dict[str, Any]) -> Callable[[], Brain]:
    """Make brains that play these steps."""
    scenario = Scenario.parse(list(steps))
    return lambda: ScriptedBrain(scenario)


async def talk(made: Any, model_id: str = MODEL_ID) -> Talk:
    """Open a stream."""
    operation = InvokeModelWithBidirectionalStreamOperationInput(model_id=model_id)
    return Talk(await made.invoke_model_with_bidirectional_stream(operation))


# -- events ---------------------------------------------------------------------------------------


def session_start(**more: Any) -> dict[str, Any]:
    body = {
        "inferenceConfiguration": {"maxTokens": 1024, "topP": 0.9, "temperature": 0.7},
        "turnDetectionConfiguration": {"endpointingSensitivity": "HIGH"},
    }
    return {"sessionStart": body | more}


def prompt_start(*, rate_hz: int = 24000, tools: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "promptName": PROMPT,
        "textOutputConfiguration": TEXT_PLAIN,
        "audioOutputConfiguration": AUDIO_INPUT | {"sampleRateHertz": rate_hz, "voiceId": "matthew"},
        "toolUseOutputConfiguration": {"mediaType": "application/json"},
    }
    if tools:
        body["toolConfiguration"] = {"tools": [tool(name) for name in tools]}
    return {"promptStart": body | more}


def tool(name: str) -> dict[str, Any]:
    schema = json.dumps({"type": "object", "properties": {}})
    return {"toolSpec": {"name": name, "description": "A tool.", "inputSchema": {"json": schema}}}


def content_start(name: str, role: str, *, kind: str = "TEXT", interactive: bool = False) -> dict[str, Any]:
    body: dict[str, Any] = {
        "promptName": PROMPT, "contentName": name, "type": kind, "interactive": interactive, "role": role,
    }  # fmt: skip
    if kind == "TEXT":
        body["textInputConfiguration"] = TEXT_PLAIN
    if kind == "AUDIO":
        body["audioInputConfiguration"] = AUDIO_INPUT
    return {"contentStart": body}


def text_input(name: str, text: str) -> dict[str, Any]:
    return {"textInput": {"promptName": PROMPT, "contentName": name, "content": text}}


def content_end(name: str) -> dict[str, Any]:
    return {"contentEnd": {"promptName": PROMPT, "contentName": name}}


def text(name: str, role: str, content: str, *, interactive: bool = False) -> tuple[dict[str, Any], ...]:
    """A whole TEXT block."""
    return content_start(name, role, interactive=interactive), text_input(name, content), content_end(name)


def audio_start() -> dict[str, Any]:
    return content_start(AUDIO, "USER", kind="AUDIO", interactive=True)


def audio(pcm: bytes) -> dict[str, Any]:
    return {"audioInput": {"promptName": PROMPT, "contentName": AUDIO, "content": base64.b64encode(pcm).decode()}}


def tool_result(name: str, tool_use_id: str, content: str) -> tuple[dict[str, Any], ...]:
    """A whole TOOL block."""
    start = content_start(name, "TOOL", kind="TOOL")
    start["contentStart"]["toolResultInputConfiguration"] = {
        "toolUseId": tool_use_id, "type": "TEXT", "textInputConfiguration": TEXT_PLAIN,
    }  # fmt: skip
    result = {"toolResult": {"promptName": PROMPT, "contentName": name, "content": content}}
    return start, result, content_end(name)


def prompt_end() -> dict[str, Any]:
    return {"promptEnd": {"promptName": PROMPT}}


def session_end() -> dict[str, Any]:
    return {"sessionEnd": {}}


def opening(**prompt: Any) -> tuple[dict[str, Any], ...]:
    """Everything up to the open audio block."""
    return session_start(), prompt_start(**prompt), *text("system", "SYSTEM", "Be brief."), audio_start()


def closing() -> tuple[dict[str, Any], ...]:
    """The orderly end."""
    return content_end(AUDIO), prompt_end(), session_end()
