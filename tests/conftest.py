"""What holds for every test: nothing is left behind."""

from __future__ import annotations

import asyncio
import gc
import inspect
import threading
from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import settings

# The same examples every time, and no deadline: a busy machine must not fail a test.
settings.register_profile("house", deadline=None, derandomize=True)
settings.load_profile("house")

pytest_plugins = ["pytester"]


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a task or a thread; an unclosed socket or file warns, and warnings are errors."""
    is_async = inspect.iscoroutinefunction(getattr(request.node, "obj", None))
    if is_async:
        request.getfixturevalue("no_task_left_behind")
    before = set(threading.enumerate())
    yield
    if is_async:
        gc.collect()
    left = [t.name for t in threading.enumerate() if t not in before and not t.name.startswith("asyncio_")]
    assert not left, f"threads left behind: {left}"


@pytest.fixture
async def no_task_left_behind() -> AsyncIterator[None]:
    yield
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"tasks left behind: {left}"
