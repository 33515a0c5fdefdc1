"""Whatever is given as audio is taken or refused with TypeError or ValueError; what was there goes on as before."""

from __future__ import annotations

import array
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sonicrtc.audio import Playout, Resampler, Uplink, VadConfig

RATES = st.sampled_from([8000, 16000, 24000, 44100, 48000])
COUNTS = st.integers(-2, 200) | st.integers(-(2**63), 2**63 - 1)
FRAMES = st.none() | COUNTS | st.floats() | st.text(max_size=2)
STEPS = st.builds(slice, st.integers(0, 3), st.none(), st.sampled_from([-1, 1, 2]))


def shaped(draw: st.DrawFn) -> np.ndarray[Any, Any]:
    dtype = draw(st.just(np.dtype(np.int16)) | hnp.scalar_dtypes() | hnp.array_dtypes())
    made: np.ndarray[Any, Any] = draw(hnp.arrays(dtype, hnp.array_shapes(min_dims=0, min_side=0, max_side=9)))
    if made.ndim and draw(st.booleans()):
        made = made[draw(STEPS)]
    made.flags.writeable = draw(st.booleans())
    return made


NUMBERS = st.sampled_from("bBhHiIlLqQfd").flatmap(lambda code: st.binary(max_size=64).map(lambda b: whole(code, b)))


def whole(code: str, data: bytes) -> array.array[Any]:
    made = array.array(code)
    made.frombytes(data[: len(data) // made.itemsize * made.itemsize])
    return made


PLAIN = st.binary(max_size=800)
BUFFERS = (
    PLAIN
    | PLAIN.map(bytearray)
    | st.builds(lambda data, step: memoryview(data)[step], PLAIN.map(bytearray), STEPS)
    | NUMBERS
    | st.composite(shaped)()
    | hnp.arrays(np.int16, st.integers(0, 400))
)
ANYTHING = BUFFERS | st.none() | st.text(max_size=3) | st.integers() | st.lists(st.integers(), max_size=3)


def taken_or_refused(call: Callable[[], object]) -> None:
    try:
        call()
    except (TypeError, ValueError) as error:
        assert str(error)  # noqa: PT017


@given(block=ANYTHING, frames=FRAMES, rate=RATES, channels=st.sampled_from([1, 2]), vad=st.booleans())
@settings(max_examples=300)
def test_uplink_takes_or_refuses_any_block(block: Any, frames: Any, rate: int, channels: int, vad: bool) -> None:
    uplink = Uplink(rate, channels, vad=VadConfig() if vad else None)
    taken_or_refused(lambda: uplink.push(block, frames=frames))
    taken_or_refused(lambda: uplink.push(bytes(40), 10, block))
    assert uplink.push(bytes(rate // 50 * channels * 2)).frames in (320, 319)


@given(block=ANYTHING, out=ANYTHING, frames=FRAMES, into=RATES, to=RATES)
@settings(max_examples=300)
def test_resampler_takes_or_refuses_any_block_and_any_room(
    block: Any, out: Any, frames: Any, into: int, to: int
) -> None:
    resampler, reference = Resampler(into, to), Resampler(into, to)
    for one in (resampler, reference):
        taken_or_refused(lambda one=one: one.push(block, frames=frames))  # type: ignore[misc]
    taken_or_refused(lambda: resampler.output_frames(frames))
    before = resampler.output_frames(1000)
    taken_or_refused(lambda: resampler.push_into(block, bytes(100), frames=frames))  # bytes are read-only
    assert resampler.output_frames(1000) == before
    taken_or_refused(lambda: resampler.push_into(block, out, frames=frames))
    assert resampler.push(bytes(2000)).size in range(1000 * to // into - 1, 1000 * to // into + 3)


@given(chunk=ANYTHING, frames=FRAMES, into=RATES, to=RATES)
@settings(max_examples=300)
def test_playout_takes_or_refuses_any_chunk(chunk: Any, frames: Any, into: int, to: int) -> None:
    playout = Playout(into, to)
    taken_or_refused(lambda: playout.push(chunk, frames=frames))
    waiting = playout.buffered_frames
    assert playout.pull(to).size == to
    assert playout.played_frames == waiting


@given(out=BUFFERS, frames=FRAMES, to=RATES)
@settings(max_examples=300)
def test_playout_fills_or_refuses_any_room(out: Any, frames: Any, to: int) -> None:
    playout = Playout(24000, to)
    playout.push(np.full(1000, 9, np.int16))
    taken_or_refused(lambda: playout.pull(frames, out=out))
    assert playout.played_frames + playout.buffered_frames == 1000
