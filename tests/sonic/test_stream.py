"""The framer's time line and the outbox's bound."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.sonic.driving import EMPTY, FakeBlock

from sonicrtc.sonic.stream import CHUNK_FRAMES, AudioItem, Outbox, UplinkFramer

FRAMES = 320
PREROLL = 4800  # 300 ms


def speech(count: int = FRAMES, value: int = 7) -> NDArray[np.int16]:
    return np.full(count, value, np.int16)


def zeros(count: int = FRAMES) -> NDArray[np.int16]:
    return np.zeros(count, np.int16)


def closed() -> FakeBlock:
    return FakeBlock(zeros(), speech=False)


def opening(onset: int = 100, preroll: int = PREROLL) -> FakeBlock:
    samples = np.concatenate([zeros(onset), speech(FRAMES - onset)])
    return FakeBlock(samples, speech=True, preroll=speech(preroll, 3), onset=onset)


def samples_of(items: list[AudioItem]) -> NDArray[np.int16]:
    return np.frombuffer(b"".join(item.pcm for item in items), "<i2")


def framed(blocks: list[FakeBlock], framer: UplinkFramer | None = None) -> NDArray[np.int16]:
    framer = framer or UplinkFramer()
    items = [item for block in blocks for item in framer.push(block, captured_at_s=0.0)]
    return samples_of(items + framer.flush(captured_at_s=0.0))


def test_chunks_are_32_ms() -> None:
    framer = UplinkFramer()
    items = [item for _ in range(8) for item in framer.push(FakeBlock(speech()), captured_at_s=1.5)]
    assert [len(item.pcm) for item in items] == [2 * CHUNK_FRAMES] * 5
    assert items[0].duration_ms == 32
    assert items[0].captured_at_s == 1.5


@given(st.lists(st.integers(0, 2000), max_size=12))
def test_any_block_lengths_give_the_same_stream(lengths: list[int]) -> None:
    sound = np.arange(sum(lengths), dtype=np.int16)
    edges = np.cumsum([0, *lengths])
    blocks = [FakeBlock(sound[a:b]) for a, b in itertools.pairwise(edges)]
    assert (framed(blocks) == sound).all()


def test_the_preroll_goes_in_before_the_onset() -> None:
    stream = framed([closed(), opening(onset=100)])
    expected = np.concatenate([zeros(FRAMES + 100), speech(PREROLL, 3), speech(FRAMES - 100)])
    assert (stream == expected).all()


def test_as_many_zeros_are_left_out_after_the_closing() -> None:
    blocks = [closed(), opening(), FakeBlock(speech()), *[closed() for _ in range(30)]]
    framer = UplinkFramer()
    stream = framed(blocks, framer)
    assert len(stream) == len(blocks) * FRAMES
    assert framer.ahead_frames == 0


def test_zeros_are_left_out_from_where_the_gate_closed() -> None:
    last = FakeBlock(np.concatenate([speech(200), zeros(120)]), speech=False, offset=200)
    stream = framed([opening(0), last])
    assert len(stream) == PREROLL + FRAMES + 200
    assert stream.all()


def test_sound_is_never_left_out_though_the_gate_is_off() -> None:
    blocks = [opening(0), *[FakeBlock(speech(value=1), speech=False) for _ in range(30)]]
    assert len(framed(blocks)) == PREROLL + 31 * FRAMES


def test_only_chunks_with_preroll_are_marked_so() -> None:
    framer = UplinkFramer()
    items = framer.push(opening(0, preroll=1000), captured_at_s=0.0)
    items += [item for _ in range(4) for item in framer.push(FakeBlock(speech()), captured_at_s=0.0)]
    assert [item.is_preroll for item in items] == [True, True, False, False, False]


def test_a_block_may_be_used_again_at_once() -> None:
    block = FakeBlock(speech(512))
    (item,) = UplinkFramer().push(block, captured_at_s=0.0)
    block.s16[:] = 0
    assert samples_of([item])[0] == 7
    assert EMPTY.size == 0


# --- outbox ---------------------------------------------------------------------------------------


def chunk(number: int, *, is_preroll: bool = False, at_s: float | None = None) -> AudioItem:
    return AudioItem(bytes([number]) * 2 * CHUNK_FRAMES, 0.032 * number if at_s is None else at_s, is_preroll)


async def contents(outbox: Outbox) -> list[object]:
    outbox.end()
    items: list[object] = []
    while (item := await outbox.get()) is not None:
        items.append(item.pcm[0] if isinstance(item, AudioItem) else item)
    return items


async def test_a_full_outbox_drops_its_oldest_audio_and_counts_it() -> None:
    outbox = Outbox()
    for number in range(8):
        outbox.put_audio(chunk(number))
    assert outbox.audio_ms == 224
    assert outbox.dropped_ms == 32
    assert await contents(outbox) == [1, 2, 3, 4, 5, 6, 7]
    assert outbox.audio_ms == 0


async def test_what_comes_in_one_burst_is_kept_until_it_is_old() -> None:
    outbox = Outbox()
    for number in range(16):
        outbox.put_audio(chunk(number, at_s=1.0))
    outbox.put_audio(chunk(16, at_s=1.19))
    assert outbox.dropped_ms == 0
    outbox.put_audio(chunk(17, at_s=1.25))
    assert await contents(outbox) == [12, 13, 14, 15, 16, 17]


async def test_even_a_burst_has_an_end() -> None:
    outbox = Outbox(limit_ms=200, burst_limit_ms=1000)
    for _ in range(100):
        outbox.put_audio(chunk(1))
    assert outbox.audio_ms <= 1200
    assert outbox.audio_ms + outbox.dropped_ms == 3200


async def test_events_are_never_dropped_and_keep_their_place() -> None:
    outbox = Outbox()
    outbox.put_audio(chunk(0))
    outbox.put_events((b"text",))
    for number in range(1, 9):
        outbox.put_audio(chunk(number))
    assert await contents(outbox) == [(b"text",), 2, 3, 4, 5, 6, 7, 8]


async def test_preroll_is_exempt_from_the_bound() -> None:
    outbox = Outbox()
    for number in range(10):
        outbox.put_audio(chunk(number, is_preroll=True))
    for number in range(10, 18):
        outbox.put_audio(chunk(number))
    assert await contents(outbox) == [*range(10), *range(11, 18)]
    assert outbox.dropped_ms == 32


async def test_even_preroll_has_an_end() -> None:
    outbox = Outbox(limit_ms=200, burst_limit_ms=1000)
    for _ in range(100):
        outbox.put_audio(chunk(1, is_preroll=True))
    assert outbox.audio_ms <= 1200
    assert outbox.audio_ms + outbox.dropped_ms == 3200
