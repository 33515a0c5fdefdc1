"""Whatever goes wrong on the way to the service ends in an error that says so, and never in a hang.

Each test's deadline (10 s) and the 5 s of the ones that must wait for a deadline of the session are stated by
the requirement: an error within 5 s.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.sonic.driving import Driven, driven
from tests.sonic.peer import Connection, Peer, event_frame, exception_frame

from sonicrtc.config import ContinuityConfig, SonicConfig
from sonicrtc.credentials import AwsKeys
from sonicrtc.errors import (
    ConfigError,
    CredentialsError,
    SonicClosedError,
    SonicError,
    SonicExpiredError,
    SonicModelError,
    SonicProtocolError,
    SonicRtcError,
    SonicThrottledError,
    SonicUnreachableError,
)
from sonicrtc.sonic.leg import Deadlines
from sonicrtc.sonic.protocol import SessionOpened, UserText

Authority = tuple[Path, Path]
NO_SECOND_TRY = ContinuityConfig(retry_for_s=0)
START_BYTES = 2000  # the session's first events are more than this


@asynccontextmanager
async def served(
    authority: Authority, behaviour: Callable[[Connection], Awaitable[None]]
) -> AsyncIterator[SonicConfig]:
    async with Peer(authority[1], behaviour) as peer:
        yield SonicConfig(endpoint=peer.endpoint, ca_file=authority[0])


async def failure(config: SonicConfig, **options: Any) -> SonicRtcError:
    """Run a session that must fail at the first failure, within 5 s, and give everything back."""
    options.setdefault("continuity", NO_SECOND_TRY)
    subject = Driven(config, **options)
    started = time.monotonic()
    with pytest.raises(SonicRtcError) as caught:
        await subject.run()
    assert time.monotonic() - started < 5
    assert subject.session.stats.opened == subject.session.stats.closed
    return caught.value


async def begin(connection: Connection) -> None:
    await connection.until(lambda c: c.body_bytes > START_BYTES)


REFUSALS = [
    (403, "UnrecognizedClientException", CredentialsError, False),
    (403, "InvalidSignatureException", CredentialsError, False),
    (403, "ExpiredTokenException", SonicExpiredError, True),
    (403, "AccessDeniedException:http://internal.amazon.com/", SonicModelError, False),
    (404, "ResourceNotFoundException", SonicModelError, False),
    (400, "ValidationException", SonicProtocolError, False),
    (429, "ThrottlingException", SonicThrottledError, True),
    (503, "ServiceUnavailableException", SonicClosedError, True),
    (418, "TeapotException", SonicError, False),
]


@pytest.mark.parametrize(("status", "name", "kind", "retryable"), REFUSALS)
async def test_a_refusal_has_the_error_of_its_meaning(
    authority: Authority, status: int, name: str, kind: type[SonicRtcError], retryable: bool
) -> None:
    async def refuse(connection: Connection) -> None:
        await connection.respond(status, name, b'{"message":"what the service says"}', end=True)

    async with served(authority, refuse) as config:
        error = await failure(config)
    assert type(error) is kind
    assert error.retryable is retryable
    assert name.partition(":")[0] in str(error)


async def test_an_unknown_model_is_told_from_other_bad_input(authority: Authority) -> None:
    async def refuse(connection: Connection) -> None:
        body = b'{"message":"The provided model identifier is invalid."}'
        await connection.respond(400, "ValidationException", body, end=True)

    async with served(authority, refuse) as config:
        error = await failure(config)
    assert isinstance(error, SonicModelError)
    assert "model identifier is invalid" in str(error)


STREAM_ERRORS = [
    ("validationException", "Invalid input request", SonicProtocolError, True),
    ("validationException", "System instability detected. Please retry your request.", SonicClosedError, True),
    ("validationException", "Timed out waiting for audio bytes less than 55 seconds", SonicExpiredError, True),
    ("throttlingException", "slow down", SonicThrottledError, True),
    ("modelStreamErrorException", "the model failed", SonicModelError, True),
    ("internalServerException", "oops", SonicClosedError, True),
    ("brandNewException", "from the future", SonicModelError, True),
]


@pytest.mark.parametrize(("member", "message", "kind", "retryable"), STREAM_ERRORS)
async def test_an_exception_in_the_stream_has_the_error_of_its_meaning(
    authority: Authority, member: str, message: str, kind: type[SonicRtcError], retryable: bool
) -> None:
    async def throw(connection: Connection) -> None:
        await connection.respond(body=exception_frame(member, message))

    async with served(authority, throw) as config:
        error = await failure(config)
    assert type(error) is kind
    assert error.retryable is retryable


async def test_loss_before_the_response_is_an_error(authority: Authority) -> None:
    async def drop(connection: Connection) -> None:
        await connection.drop()

    async with served(authority, drop) as config:
        error = await failure(config)
    assert isinstance(error, SonicClosedError)
    assert error.retryable


async def test_a_reset_before_the_response_is_an_error(authority: Authority) -> None:
    async def reset(connection: Connection) -> None:
        await begin(connection)
        await connection.reset()

    async with served(authority, reset) as config:
        assert isinstance(await failure(config), SonicClosedError)


@pytest.mark.parametrize("how", ["drop", "reset", "end", "half a frame"])
async def test_a_stream_that_breaks_in_the_middle_is_an_error_after_what_came(authority: Authority, how: str) -> None:
    heard = asyncio.Event()

    async def break_off(connection: Connection) -> None:
        await begin(connection)
        start = {"contentStart": {"contentId": "c", "type": "TEXT", "role": "USER"}}
        await connection.respond(body=event_frame(start))
        await connection.send(event_frame({"textOutput": {"contentId": "c", "content": "hello", "role": "USER"}}))
        await heard.wait()
        if how == "half a frame":
            await connection.send(event_frame({"completionEnd": {}})[:20])
        await {"drop": connection.drop, "reset": connection.reset}.get(how, connection.end)()

    async with served(authority, break_off) as config:
        subject = Driven(config, continuity=NO_SECOND_TRY)
        with pytest.RaisesGroup(SonicClosedError):
            async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
                tasks.create_task(subject.run())
                assert await subject.until(UserText) == UserText(text="hello")
                heard.set()
    assert subject.session.stats.opened == subject.session.stats.closed == 1


async def test_senders_are_let_go_when_the_stream_is_lost(authority: Authority) -> None:
    async def reset(connection: Connection) -> None:
        await begin(connection)
        await connection.respond()
        await connection.reset()

    async with served(authority, reset) as config:
        subject = Driven(config, continuity=NO_SECOND_TRY)
        for _ in range(40):  # more than the SDK holds back
            subject.session.send_text("still talking")
        with pytest.raises(SonicClosedError, match="lost"):
            async with asyncio.timeout(5):
                await subject.run()


async def test_a_service_that_is_not_there_is_named() -> None:
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    error = await failure(SonicConfig(endpoint=f"https://127.0.0.1:{port}"))
    assert isinstance(error, SonicUnreachableError)
    assert f"nothing listens at 127.0.0.1:{port}" in str(error)


async def test_a_host_that_does_not_exist_is_named() -> None:
    error = await failure(SonicConfig(endpoint="https://sonic.invalid"))
    assert isinstance(error, SonicUnreachableError)
    assert "sonic.invalid" in str(error)


async def test_a_server_that_accepts_and_never_answers_is_given_up() -> None:
    over = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        error = await failure(SonicConfig(endpoint=f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"))
        over.set()
    assert isinstance(error, SonicClosedError)
    assert "did not accept a session within" in str(error)


async def test_a_service_that_never_responds_is_given_up(authority: Authority) -> None:
    async with served(authority, begin) as config:
        error = await failure(config, deadlines=Deadlines(open_s=0.5))
    assert isinstance(error, SonicClosedError)
    assert "did not accept a session within 0.5 s" in str(error)


async def test_an_unknown_authority_is_an_error_that_points_to_it(authority: Authority) -> None:
    async with served(authority, begin) as config:
        error = await failure(SonicConfig(endpoint=config.endpoint), deadlines=Deadlines(open_s=1.0))
    assert isinstance(error, SonicClosedError)
    assert "ca_file" in str(error)


async def test_a_ca_file_that_is_missing_or_no_certificate_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the CA file"):
        await Driven(SonicConfig(endpoint="https://127.0.0.1:1", ca_file=tmp_path / "none.pem")).run()
    (tmp_path / "bad.pem").write_text("this is not PEM")
    with pytest.raises(ConfigError, match="is not a PEM certificate"):
        await Driven(SonicConfig(endpoint="https://127.0.0.1:1", ca_file=tmp_path / "bad.pem")).run()


async def test_a_service_that_stops_reading_is_given_up(authority: Authority) -> None:
    async def read_nothing_more(connection: Connection) -> None:
        await begin(connection)
        await connection.respond()
        await over.wait()

    over = asyncio.Event()
    async with served(authority, read_nothing_more) as config:
        subject = Driven(config, deadlines=Deadlines(send_s=0.3), continuity=NO_SECOND_TRY)
        subject.session.send_text("x" * 4_000_000)  # more than every buffer on the way
        with pytest.raises(SonicClosedError, match="stopped reading"):
            async with asyncio.timeout(5):
                await subject.run()
        over.set()
    assert subject.session.stats.opened == subject.session.stats.closed


async def test_closing_cuts_a_service_that_does_not_end_the_session(authority: Authority) -> None:
    async def never_end(connection: Connection) -> None:
        await begin(connection)
        await connection.respond()

    async with served(authority, never_end) as config, driven(config, deadlines=Deadlines(close_s=0.3)) as subject:
        await subject.until(SessionOpened)


@pytest.mark.parametrize("stage", ["connecting", "opened"])
async def test_cancelling_a_session_leaves_nothing(authority: Authority, stage: str) -> None:
    reached = asyncio.Event()

    async def behave(connection: Connection) -> None:
        await begin(connection)
        if stage == "opened":
            await connection.respond()
        else:
            reached.set()

    async with served(authority, behave) as config:
        subject = Driven(config)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(subject.run())
            await (subject.until(SessionOpened) if stage == "opened" else reached.wait())
            running.cancel()
        assert running.cancelled()
    assert subject.session.stats.opened == subject.session.stats.closed == 1


async def test_keys_that_never_come_are_a_credentials_error() -> None:
    class Never:
        async def frozen(self) -> AwsKeys:
            await asyncio.Event().wait()
            raise AssertionError

    error = await failure(SonicConfig(), credentials=Never(), deadlines=Deadlines(open_s=0.2))
    assert isinstance(error, CredentialsError)
