"""Threads: one object refuses the second, two objects do not know of each other, a batch lets others run."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from threading import Barrier, Event, Lock, Thread
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sonicrtc.audio import Playout, Resampler, Uplink, VadConfig

MINUTE = np.random.default_rng(7).integers(-20000, 20000, 24_000 * 60, dtype=np.int16)
ROOM = np.zeros(2 * MINUTE.size, np.int16)


def push_and_flush() -> Callable[[int], object]:
    playout = Playout()
    return lambda frames: (playout.push(MINUTE, frames=frames), playout.flush())


def pull() -> Callable[[int], object]:
    playout = Playout()
    return lambda frames: playout.pull(frames, out=ROOM)


def resample() -> Callable[[int], object]:
    resampler = Resampler()
    return lambda frames: resampler.push(MINUTE, frames=frames)


def resample_into() -> Callable[[int], object]:
    resampler = Resampler()
    return lambda frames: resampler.push_into(MINUTE, ROOM, frames=frames)


def uplink() -> Callable[[int], object]:
    use = Uplink(24_000, 1)
    block = use.block(MINUTE.size)
    return lambda frames: use.push(MINUTE, frames=frames, out=block)


def one_block() -> Callable[[int], object]:
    uplinks = [Uplink(24_000, 1) for _ in range(2)]
    block = uplinks[0].block(MINUTE.size)
    turn = itertools.cycle(uplinks)
    return lambda frames: next(turn).push(MINUTE, frames=frames, out=block)


every_use = pytest.mark.parametrize("make", [push_and_flush, pull, resample, resample_into, uplink, one_block])


def run_together(*work: Callable[[], object]) -> None:
    barrier = Barrier(len(work))
    threads = [Thread(target=lambda one=one: (barrier.wait(), one())) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@every_use
def test_an_object_refuses_a_second_thread(make: Callable[[], Callable[[int], object]]) -> None:
    use, refusals = make(), list[str]()

    def insist() -> None:
        for _ in range(1000):  # one overlap is enough; the first calls have it
            if refusals:
                return
            try:
                use(MINUTE.size)
            except RuntimeError as error:
                refusals.append(str(error))

    run_together(insist, insist)
    assert refusals
    assert all(text.endswith(": in use by another thread; give each thread its own") for text in refusals)
    use(480)  # and is in order again


def test_two_objects_in_two_threads_give_each_its_own_bits() -> None:
    results: dict[int, NDArray[np.int16]] = {}

    def play(seed: int) -> None:
        playout = Playout()
        playout.push(np.roll(MINUTE, seed))
        results[seed] = np.concatenate([playout.pull(960 * 200) for _ in range(16)])

    run_together(*(lambda seed=seed: play(seed) for seed in (1, 2)))
    for seed, result in results.items():
        expected = Resampler().push(np.roll(MINUTE, seed))
        assert np.array_equal(result[: expected.size], expected)


@pytest.fixture
def no_forced_switch() -> Iterator[None]:
    """A thread keeps the GIL until it gives it up."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    yield
    sys.setswitchinterval(before)


def another_ran_during(call: Callable[[], object]) -> bool:
    """Whether a thread that waits for nothing but the GIL got it before `call` returned."""
    go, ran = Lock(), Event()
    go.acquire()

    def run() -> None:
        go.acquire()
        ran.set()

    thread = Thread(target=run)
    thread.start()
    go.release()
    call()
    found = ran.is_set()
    thread.join()
    return found


@every_use
@pytest.mark.usefixtures("no_forced_switch")
def test_a_batch_lets_other_threads_run_and_a_block_does_not(make: Callable[[], Callable[[int], object]]) -> None:
    use = make()
    assert any(another_ran_during(lambda: use(MINUTE.size)) for _ in range(500))
    assert not any(another_ran_during(lambda: [use(480) for _ in range(50)]) for _ in range(20))


@pytest.mark.usefixtures("no_forced_switch")
@pytest.mark.parametrize(("detector", "lets_run"), [("energy", True), ("webrtcvad", False)])
def test_a_batch_keeps_the_gil_for_a_detector_that_needs_it(detector: Any, lets_run: bool) -> None:
    uplink = Uplink(24_000, 1, vad=VadConfig(detector=detector))
    tries = 500 if lets_run else 5
    assert any(another_ran_during(lambda: uplink.push(MINUTE)) for _ in range(tries)) == lets_run
