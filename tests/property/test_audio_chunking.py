"""The first test of the audio core: cutting a signal in another way changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.golden.measure import impulse_response

from sonicrtc.audio import Playout, Resampler, Uplink, VadConfig

RATES = st.sampled_from([8000, 16000, 24000, 44100, 48000])
QUALITIES = st.sampled_from(["default", "hq", "low_latency"])
LENGTHS = st.lists(st.integers(0, 3000), min_size=1, max_size=12)
SEEDS = st.integers(0, 2**32 - 1)
Quality = Literal["default", "hq", "low_latency"]


def noise(seed: int, frames: int, channels: int = 1) -> NDArray[np.int16]:
    """Bursts of loud noise between quiet ones, so that a detector has something to decide."""
    rng = np.random.default_rng(seed)
    loudness = np.repeat(rng.choice([3, 300, 32768], frames // 2000 + 1), 2000)[:frames, None]
    return np.clip(rng.normal(0, 0.5, (frames, channels)) * loudness, -32768, 32767).astype(np.int16)


def cut(signal: NDArray[np.int16], lengths: Sequence[int]) -> Iterator[NDArray[np.int16]]:
    start = 0
    for length in lengths:
        yield signal[start : start + length]
        start += length


@given(seed=SEEDS, rate=RATES, channels=st.sampled_from([1, 2]), quality=QUALITIES, lengths=LENGTHS)
@settings(max_examples=60, deadline=None)
def test_uplink_output_is_bit_identical_for_any_chunking_of_the_input(
    seed: int, rate: int, channels: int, quality: Quality, lengths: list[int]
) -> None:
    signal = noise(seed, sum(lengths), channels)
    whole = Uplink(rate, channels, quality=quality).push(signal)
    uplink = Uplink(rate, channels, quality=quality)
    blocks = [uplink.push(part) for part in cut(signal, lengths)]
    assert np.array_equal(np.concatenate([b.s16 for b in blocks]), whole.s16)
    assert np.array_equal(np.concatenate([b.f32 for b in blocks]), whole.f32)


@given(seed=SEEDS, quality=QUALITIES, lengths=LENGTHS)
@settings(max_examples=60, deadline=None)
def test_uplink_computes_the_convolution_of_its_impulse_response(
    seed: int, quality: Quality, lengths: list[int]
) -> None:
    taps = impulse_response(lambda: lambda s: Uplink(48000, 1, quality=quality).push(s).f32.astype(float), 3, 100)
    signal = noise(seed, sum(lengths))
    uplink = Uplink(48000, 1, quality=quality)
    f32 = np.concatenate([uplink.push(part).f32 for part in cut(signal, lengths)])
    exact = np.convolve(signal[:, 0] / 32768, taps)[: len(signal) : 3] if len(signal) else np.zeros(0)
    assert f32.size == exact.size
    assert np.abs(f32 - np.clip(exact, -1, 32767 / 32768)).max(initial=0.0) < 1e-6


@given(
    seed=SEEDS,
    rate=st.sampled_from([16000, 48000]),
    frame_ms=st.sampled_from([10, 20, 30]),
    hangover_ms=st.sampled_from([0, 50]),
    detector=st.sampled_from(["webrtcvad", "energy"]),
    gate=st.sampled_from(["zeros", "off", "withhold"]),
    lengths=st.lists(st.integers(0, 3000), min_size=4, max_size=16),
)
@settings(max_examples=120, deadline=None)
def test_gated_output_is_bit_identical_for_any_chunking_of_the_input(
    seed: int, rate: int, lengths: list[int], **chosen: Any
) -> None:
    vad = VadConfig(mode=3, start_k=1, start_n=1, withhold_after_ms=20, **chosen)
    signal = noise(seed, sum(lengths))
    whole = Uplink(rate, 1, vad=vad).push(signal)
    uplink = Uplink(rate, 1, vad=vad)
    blocks = [uplink.push(part) for part in cut(signal, lengths)]
    assert np.array_equal(np.concatenate([b.s16 for b in blocks]), whole.s16)
    assert np.array_equal(np.concatenate([b.f32 for b in blocks]), whole.f32)
    assert blocks[-1].speech == whole.speech
    assert max((b.score for b in blocks if b.score is not None), default=None) == whole.score
    assert sum(b.withheld_frames for b in blocks) == whole.withheld_frames


@given(
    seed=SEEDS,
    seconds=st.integers(1, 2),
    block=st.integers(30, 480),
    detector=st.sampled_from(["webrtcvad", "energy"]),
    gate=st.sampled_from(["zeros", "withhold"]),
)
@settings(max_examples=40, deadline=None)
def test_onsets_and_prerolls_are_the_same_for_any_block_shorter_than_a_frame(
    seed: int, seconds: int, block: int, **chosen: Any
) -> None:
    vad = VadConfig(mode=3, frame_ms=10, hangover_ms=30, preroll_ms=100, withhold_after_ms=20, **chosen)

    def sent(length: int) -> NDArray[np.int16]:
        uplink = Uplink(48000, 1, vad=vad)
        signal = noise(seed, 48000 * seconds)
        parts = []
        for b in cut(signal, [length] * (signal.size // length) + [signal.size % length]):
            out = uplink.push(b)
            parts += [out.s16[: max(out.onset, 0)], out.preroll, out.s16[max(out.onset, 0) :]]
        return np.concatenate(parts)

    assert np.array_equal(sent(block), sent(479))


@given(seed=SEEDS, into=RATES, out=RATES, quality=QUALITIES, lengths=LENGTHS)
@settings(max_examples=80, deadline=None)
def test_resampler_output_is_bit_identical_for_any_chunking_of_the_input(
    seed: int, into: int, out: int, quality: Quality, lengths: list[int]
) -> None:
    signal = noise(seed, sum(lengths))
    resampler = Resampler(into, out, quality)
    parts = [*(resampler.push(part) for part in cut(signal, lengths)), resampler.flush()]
    whole = Resampler(into, out, quality)
    assert np.array_equal(np.concatenate(parts), np.concatenate([whole.push(signal), whole.flush()]))


@given(seed=SEEDS, into=RATES, out=RATES, pushes=LENGTHS, pulls=LENGTHS)
@settings(max_examples=80, deadline=None)
def test_playout_is_bit_identical_for_any_chunking_of_pushes_and_pulls(
    seed: int, into: int, out: int, pushes: list[int], pulls: list[int]
) -> None:
    signal = noise(seed, sum(pushes))
    whole, playout = Playout(into, out), Playout(into, out)
    whole.push(signal)
    for part in cut(signal, pushes):
        assert playout.push(part) == part.size
    parts = [playout.pull(frames) for frames in pulls]
    assert np.array_equal(np.concatenate(parts), whole.pull(sum(pulls)))


@given(seed=SEEDS, rate=RATES, gain_db=st.floats(-60, 0), pulls=LENGTHS)
@settings(max_examples=40, deadline=None)
def test_ducking_is_bit_identical_for_any_chunking_of_pulls(
    seed: int, rate: int, gain_db: float, pulls: list[int]
) -> None:
    signal = noise(seed, 20_000)
    whole, playout = Playout(24000, rate), Playout(24000, rate)
    for one in (whole, playout):
        one.push(signal)
        one.pull(100)
        one.duck(gain_db)
    assert np.array_equal(np.concatenate([playout.pull(n) for n in pulls]), whole.pull(sum(pulls)))
