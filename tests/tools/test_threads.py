"""Threads for functions that are not async, real ones."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from tests.tools.stage import Stage

from sonicrtc.errors import ToolError
from sonicrtc.tools.threads import ThreadPool, in_thread


@pytest.fixture
def held() -> Iterator[threading.Event]:
    """What the functions of a test wait for; set at its end."""
    event = threading.Event()
    yield event
    event.set()


async def test_a_function_returns_from_a_thread_of_its_own() -> None:
    pool = ThreadPool(2)
    thread = await pool.run(threading.current_thread)
    assert thread is not threading.main_thread()
    assert thread.daemon
    assert not thread.is_alive()
    assert pool.running == 0


async def test_an_exception_comes_out_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError):
        await ThreadPool(1).run(lambda: 1 / 0)


@pytest.mark.parametrize("ends", [sys.exit, lambda: next(iter(()))], ids=["exit", "stop iteration"])
async def test_what_would_end_a_thread_or_a_coroutine_is_an_error_of_the_function(ends: object) -> None:
    with pytest.raises(RuntimeError, match=r"SystemExit|StopIteration"):
        await ThreadPool(1).run(ends)  # type: ignore[arg-type]


async def test_context_variables_are_those_of_the_caller() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
    variable.set("here")
    assert await ThreadPool(1).run(variable.get) == "here"


async def test_no_more_functions_run_than_allowed_and_all_of_them_do(held: threading.Event) -> None:
    pool, lock, running, most = ThreadPool(2), threading.Lock(), 0, 0

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        held.wait()
        with lock:
            running -= 1

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        tasks = [group.create_task(pool.run(work)) for _ in range(5)]
        asyncio.get_running_loop().call_soon(held.set)
    assert all(task.done() for task in tasks)
    assert most <= 2
    assert pool.running == 0


async def give_up(pool: ThreadPool, held: threading.Event) -> None:
    """Run what does not return, and stop waiting for it."""
    started = threading.Event()

    def stuck() -> None:
        started.set()
        held.wait()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(pool.run(stuck))
        await asyncio.to_thread(started.wait)
        task.cancel()


async def test_a_function_that_nobody_waits_for_keeps_its_thread_until_it_returns(held: threading.Event) -> None:
    pool = ThreadPool(2)
    await give_up(pool, held)
    assert pool.running == 1
    assert await pool.run(lambda: "the other thread") == "the other thread"
    held.set()
    await pool.close(10)
    assert pool.running == 0


async def test_when_all_threads_are_held_the_next_function_is_refused(held: threading.Event) -> None:
    pool = ThreadPool(1)
    await give_up(pool, held)
    with pytest.raises(ToolError, match=r"every thread for tools \(1\) is held"):
        await pool.run(lambda: None)
    held.set()
    await pool.close(10)
    assert await pool.run(lambda: "again") == "again"


async def test_who_waits_for_a_thread_is_told_when_the_last_one_is_given_up(held: threading.Event) -> None:
    pool, started = ThreadPool(1), threading.Event()

    def stuck() -> None:
        started.set()
        held.wait()

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        first = group.create_task(pool.run(stuck))
        await asyncio.to_thread(started.wait)
        waits = group.create_task(refused(pool))
        await asyncio.sleep(0)
        assert not waits.done()
        first.cancel()
        assert "is held" in await waits
    held.set()
    await pool.close(10)


async def refused(pool: ThreadPool) -> str:
    with pytest.raises(ToolError) as caught:
        await pool.run(lambda: None)
    return str(caught.value)


async def test_closing_waits_no_longer_than_allowed_and_says_what_is_left(
    held: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    pool = ThreadPool(1)
    await give_up(pool, held)
    with caplog.at_level(logging.WARNING):
        await pool.close(0.01)
    assert [record.threads for record in caplog.records] == [1]  # type: ignore[attr-defined]
    held.set()
    await pool.close(10)


def test_a_function_that_outlives_its_loop_just_ends(held: threading.Event) -> None:
    async def leave() -> threading.Thread:
        pool = ThreadPool(1)
        await give_up(pool, held)
        return next(thread for thread in threading.enumerate() if thread.name == "sonicrtc tool")

    thread = asyncio.run(leave())
    held.set()
    thread.join(10)
    assert not thread.is_alive()


NEVER_RETURNS = """
import asyncio, threading
from sonicrtc.tools.threads import ThreadPool, in_thread

async def main():
    pool = ThreadPool(1)
    try:
        async with asyncio.timeout(0.01):
            await pool.run(threading.Event().wait)
    except TimeoutError:
        print(pool.running)

asyncio.run(main())
"""


def test_a_function_that_never_returns_does_not_keep_the_process_alive() -> None:
    done = subprocess.run([sys.executable, "-c", NEVER_RETURNS], capture_output=True, text=True, timeout=30, check=True)
    assert (done.stdout, done.stderr) == ("1\n", "")


async def test_an_async_tool_has_the_threads_of_its_call() -> None:
    async def dig() -> str:
        """Dig."""
        return await in_thread(lambda: threading.current_thread().name)

    stage = Stage(dig)
    assert await stage.call() == {"result": "sonicrtc tool"}
    assert stage.threads.running == 0
    assert await in_thread(threading.current_thread) is not threading.main_thread()
