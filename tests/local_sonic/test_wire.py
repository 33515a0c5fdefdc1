"""What no SDK would send, and what it would not show: the bare wire."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from smithy_aws_event_stream.events import EventMessage
from tests.local_sonic.raw import PATH, RawStream, raw_stream
from tests.local_sonic.sdk import opening, scripted

from sonicrtc.local.sonic import EchoBrain, Emitter, Fault, LocalSonic, SessionSetup
from sonicrtc.local.sonic.brain import BrainInput
from sonicrtc.local.sonic.eventstream import decode, encode
from sonicrtc.local.state import LocalState


async def refusal(state: LocalState, path: str = PATH, **request: str) -> tuple[str, str]:
    async with LocalSonic(state=state, brain=EchoBrain) as sonic, raw_stream(sonic, state) as stream:
        stream.request(path, **request)
        await stream.finish()
        assert sonic.sessions.opened == 0
        return stream.error()


async def test_another_path_is_an_unknown_operation(state: LocalState) -> None:
    assert await refusal(state, "/model/x/converse") == ("404", "UnknownOperationException")
    assert await refusal(state, method="GET") == ("404", "UnknownOperationException")


async def test_another_content_type_is_refused(state: LocalState) -> None:
    assert await refusal(state, content_type="application/json") == ("415", "ValidationException")


async def test_a_request_without_a_signature_is_refused(state: LocalState) -> None:
    assert await refusal(state, authorization="") == ("403", "MissingAuthenticationTokenException")


async def test_a_request_that_does_not_sign_its_events_is_refused(state: LocalState) -> None:
    assert await refusal(state, x_amz_content_sha256="UNSIGNED-PAYLOAD") == ("403", "InvalidSignatureException")


def chunk(event: object) -> bytes:
    inner = base64.b64encode(json.dumps({"event": event}).encode()).decode()
    return json.dumps({"bytes": inner}).encode()


async def failure(stream: RawStream) -> tuple[str, str]:
    """Read to the end; return type and text of the last message."""
    await stream.finish()
    last = stream.messages()[-1]
    kind = last.headers.get(":exception-type") or last.headers[":error-code"]
    text = last.headers.get(":error-message") or json.loads(last.payload)["message"]
    return str(kind), str(text)


@pytest.mark.parametrize(
    ("payload", "options"),
    [
        (b"no json", {}),
        (b"[]", {}),
        (b'{"bytes": 3}', {}),
        (b'{"bytes": "no base64!"}', {}),
        (b"[" * 10_000, {}),
        (chunk({}), {"kind": "other"}),
        (chunk({}), {"message_type": "exception"}),
        (b'{"bytes": "bm8ganNvbg=="}', {}),
    ],
)
async def test_a_chunk_that_cannot_be_parsed_is_a_validation_exception(
    state: LocalState, payload: bytes, options: dict[str, str]
) -> None:
    async with LocalSonic(state=state, brain=EchoBrain) as sonic, raw_stream(sonic, state) as stream:
        stream.request()
        await stream.send_event(payload, **options)
        kind, text = await failure(stream)
    assert kind == "validationException"
    assert "Unable to parse input chunk" in text


async def test_bytes_that_are_no_message_are_a_validation_exception(state: LocalState) -> None:
    async with LocalSonic(state=state, brain=EchoBrain) as sonic, raw_stream(sonic, state) as stream:
        stream.request()
        stream.send(b"GET / HTTP/1.1\r\n\r\n")
        kind, text = await failure(stream)
    assert kind == "validationException"
    assert "prelude checksum" in text


async def test_a_request_that_ends_inside_a_message_is_a_validation_exception(state: LocalState) -> None:
    async with LocalSonic(state=state, brain=EchoBrain) as sonic, raw_stream(sonic, state) as stream:
        stream.request()
        stream.send(encode({}, b"cut")[:10], end=True)
        assert (await failure(stream))[0] == "validationException"


async def test_an_event_without_a_signature_is_an_error(state: LocalState) -> None:
    async with LocalSonic(state=state, brain=EchoBrain) as sonic, raw_stream(sonic, state) as stream:
        stream.request()
        stream.send(encode({":message-type": "event", ":event-type": "chunk"}, chunk({})))
        assert (await failure(stream))[0] == "InvalidSignatureException"


async def test_a_changed_event_is_an_error(state: LocalState) -> None:
    async with LocalSonic(state=state, brain=EchoBrain) as sonic, raw_stream(sonic, state) as stream:
        stream.request()
        outer = await stream.sign(_chunk_message(chunk({"sessionEnd": {}})))
        stream.send(_with_payload(outer, chunk({"sessionStart": {}})))
        assert (await failure(stream))[0] == "InvalidSignatureException"


async def test_a_client_that_goes_away_closes_its_session(state: LocalState) -> None:
    async with LocalSonic(state=state, brain=EchoBrain) as sonic, raw_stream(sonic, state) as stream:
        stream.request()
        while not stream.headers:
            await stream.pump()
        assert sonic.sessions.active == 1
    assert (sonic.sessions.opened, sonic.sessions.closed) == (1, 1)


async def test_a_brain_waits_for_a_client_that_does_not_read(state: LocalState) -> None:
    class Talker:
        said = 0

        async def run(self, setup: SessionSetup, inputs: AsyncIterator[BrainInput], emit: Emitter) -> None:
            await emit.speculative("a long story")
            for _ in range(100):
                await emit.audio(bytes(4800))
                self.said += 1

    talker = Talker()
    async with LocalSonic(state=state, brain=lambda: talker) as sonic, raw_stream(sonic, state) as stream:
        stream.request()
        for event in opening():
            await stream.send_event(chunk(event))
        while len(stream.body) < 65_535:  # all that a window gives that nobody opens
            await stream.pump()
        assert talker.said < 30
        stream.grant(1 << 21)
        while talker.said < 100:
            await stream.pump()


async def test_the_service_stops_though_a_client_does_not_read(state: LocalState) -> None:
    brain = scripted({"say": "a long story", "audio_ms": 10_000}, {"exception": "throttlingException"})
    async with AsyncExitStack() as client:
        async with LocalSonic(state=state, brain=brain) as sonic:
            stream = await client.enter_async_context(raw_stream(sonic, state))
            stream.request()
            for event in opening():
                await stream.send_event(chunk(event))
            while len(stream.body) < 65_535:
                await stream.pump()
        assert (sonic.sessions.opened, sonic.sessions.closed) == (1, 1)


async def test_a_client_without_http2_is_turned_away(state: LocalState) -> None:
    context = ssl.create_default_context(cafile=str(state.ca_file))
    async with LocalSonic(state=state, brain=EchoBrain) as sonic:
        port = int(sonic.endpoint.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()
        await writer.wait_closed()


async def test_bytes_that_are_no_http2_close_the_connection(state: LocalState) -> None:
    async with LocalSonic(state=state, brain=EchoBrain) as sonic, raw_stream(sonic, state) as stream:
        stream.writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await asyncio.wait_for(stream.reader.read(), 10)
        assert stream.reader.at_eof()


def _chunk_message(payload: bytes) -> EventMessage:
    headers: Any = {":message-type": "event", ":event-type": "chunk", ":content-type": "application/json"}
    return EventMessage(headers=headers, payload=payload)


def _with_payload(outer: bytes, payload: bytes) -> bytes:
    """The same outer headers, so the same signature, around another inner message."""
    message = decode(outer)
    return encode(message.headers, bytes(_chunk_message(payload).encode()))


async def test_data_and_goodbye_in_one_breath_end_a_starved_stream_quietly(
    state: LocalState, caplog: pytest.LogCaptureFixture
) -> None:
    async with LocalSonic(state=state, brain=EchoBrain) as sonic, raw_stream(sonic, state) as stream:
        sonic.faults.next(Fault(fault="starve"))
        stream.request()
        await stream.ping()
        stream.conn.send_data(1, b"bye")
        stream.conn.close_connection()
        stream.write_out()
        assert await stream.closed()
    assert not caplog.records
