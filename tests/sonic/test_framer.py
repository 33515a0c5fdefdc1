"""What reaches the model behind a real gate, whose detector hears noise as speech and digital silence as none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sonicrtc.audio import Uplink, VadConfig
from sonicrtc.sonic.stream import AudioItem, UplinkFramer

BLOCK = 320
SECOND = 16_000
Samples = NDArray[np.int16]


def silence(frames: int) -> Samples:
    return np.zeros(frames, np.int16)


def sound(frames: int, seed: int = 0) -> Samples:
    """Noise without a zero, so that each of its samples can be found again."""
    noise = np.random.default_rng(seed).integers(1, 8000, frames)
    return (noise * (1 - 2 * (np.arange(frames) % 2))).astype(np.int16)


def framed(audio: Samples, **settings: Any) -> tuple[UplinkFramer, list[AudioItem]]:
    """Send `audio` in blocks of 20 ms, each captured when its first frame was."""
    uplink = Uplink(SECOND, channels=1, vad=VadConfig(detector="energy", **settings))
    framer = UplinkFramer()
    items: list[AudioItem] = []
    for start in range(0, audio.size, BLOCK):
        items += framer.push(uplink.push(audio[start : start + BLOCK]), captured_at_s=start / SECOND)
        assert framer.ahead_frames <= settings.get("preroll_ms", 300) * 16
    return framer, items


def sent(items: list[AudioItem]) -> Samples:
    return np.frombuffer(b"".join(item.pcm for item in items), "<i2")


def parts(lengths: list[int]) -> Iterator[Samples]:
    for number, length in enumerate(lengths):
        yield silence(length + BLOCK) if number % 2 == 0 else sound(length + 1600, seed=number)


@given(lengths=st.lists(st.integers(0, 12_000), max_size=10), gate=st.sampled_from(["zeros", "withhold"]))
def test_every_sample_of_speech_arrives_once_and_in_order(
    lengths: list[int], gate: Literal["zeros", "withhold"]
) -> None:
    audio = np.concatenate([*parts(lengths), silence(SECOND)])
    framer, items = framed(audio, hangover_ms=20, gate=gate, withhold_after_ms=100)
    stream = sent(items + framer.flush(captured_at_s=0.0))
    assert np.array_equal(stream[stream != 0], audio[audio != 0])


@given(lengths=st.lists(st.integers(0, 12_000), max_size=10))
def test_the_stream_is_as_long_as_the_audio_once_the_preroll_is_paid_for(lengths: list[int]) -> None:
    audio = np.concatenate([*parts(lengths), silence(SECOND)])
    framer, items = framed(audio, hangover_ms=20)
    assert sent(items + framer.flush(captured_at_s=0.0)).size == audio.size
    assert framer.ahead_frames == 0


def test_a_minute_of_withheld_silence_is_four_kilobytes() -> None:
    _, items = framed(silence(62 * SECOND + BLOCK), gate="withhold")
    assert sum(len(item.pcm) for item in items) == 2 * (2 * SECOND + 6 * 320)


def test_each_keepalive_leaves_with_the_next_block() -> None:
    _, items = framed(silence(62 * SECOND + BLOCK), gate="withhold")
    later = [item for item in items if item.captured_at_s > 2.1]
    assert [item.captured_at_s for item in later] == [12.0, 22.0, 32.0, 42.0, 52.0, 62.0]
    assert {item.duration_ms for item in later} == {20.0}


def test_the_preroll_is_whole_after_withheld_silence() -> None:
    audio = np.concatenate([silence(30 * SECOND), sound(SECOND)])
    framer, items = framed(audio, gate="withhold")
    stream = sent(items + framer.flush(captured_at_s=0.0))
    assert np.array_equal(stream[-SECOND - 4000 :], audio[-SECOND - 4000 :])
    assert framer.ahead_frames == 4800


def test_the_end_of_speech_does_not_wait_for_the_next_keepalive() -> None:
    audio = np.concatenate([silence(BLOCK), sound(SECOND + 77), silence(SECOND)])
    _, items = framed(audio, gate="withhold", hangover_ms=0, withhold_after_ms=0)
    assert np.count_nonzero(sent(items)) == SECOND + 77


def test_withheld_time_pays_for_the_preroll() -> None:
    audio = np.concatenate([silence(SECOND), sound(SECOND), silence(11 * SECOND)])
    framer, items = framed(audio, gate="withhold", hangover_ms=0, withhold_after_ms=0)
    assert framer.ahead_frames == 0
    assert sent(items[-1:]).size == 320  # so the keepalive was not left out
