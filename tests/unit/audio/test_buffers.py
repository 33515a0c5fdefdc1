"""What a block may be, and what is said when it is not: the specification of the arguments."""

from __future__ import annotations

import array
from collections.abc import Buffer
from typing import Any

import numpy as np
import pytest

from sonicrtc.audio import Block, Playout, Resampler, Uplink

STEREO = np.arange(-960, 960, dtype=np.int16).reshape(960, 2)


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(STEREO, id="(frames, 2)"),
        pytest.param(STEREO.reshape(-1), id="flat"),
        pytest.param(STEREO.tobytes(), id="bytes"),
        pytest.param(bytearray(STEREO.tobytes()), id="bytearray"),
        pytest.param(memoryview(STEREO), id="memoryview"),
        pytest.param(STEREO.view(np.uint8).reshape(-1), id="flat uint8"),
        pytest.param(array.array("h", STEREO.reshape(-1).tolist()), id="array.array"),
    ],
)
def test_every_int16_buffer_gives_the_same_audio(block: Buffer) -> None:
    assert np.array_equal(Uplink().push(block).s16, Uplink().push(STEREO).s16)


def test_the_plane_of_a_decoded_frame_is_a_buffer() -> None:
    av = pytest.importorskip("av")
    frame = av.AudioFrame.from_ndarray(STEREO.reshape(1, -1), format="s16", layout="stereo")
    block = Uplink().push(frame.planes[0], frames=960)
    assert np.array_equal(block.s16, Uplink().push(STEREO).s16)


def test_frames_says_how_much_of_a_longer_buffer_is_audio() -> None:
    padded = STEREO.tobytes() + b"\x7f" * 19201
    assert np.array_equal(Uplink().push(padded, frames=960).s16, Uplink().push(STEREO).s16)


@pytest.mark.parametrize("frames", [np.int64(480), np.uint8(200), True])
def test_frames_may_be_any_integer(frames: Any) -> None:
    assert Uplink().push(STEREO, frames=frames).frames == -(-int(frames) // 3)


def test_mono_may_have_a_channel_axis_or_none() -> None:
    mono = STEREO[:, 0].copy()
    flat, column = (Uplink(channels=1).push(b).s16 for b in (mono, mono.reshape(-1, 1)))
    assert np.array_equal(flat, column)


@pytest.mark.parametrize(
    ("block", "error", "message"),
    [
        ([1, 2], TypeError, r"block: expected a C-contiguous int16 buffer, got list"),
        (None, TypeError, r"block: expected a C-contiguous int16 buffer, got NoneType"),
        ("ab", TypeError, r"block: expected a C-contiguous int16 buffer, got str"),
        (STEREO.astype(np.float32), TypeError, r"expected int16 \(format 'h'\) or flat bytes, got format 'f'"),
        (STEREO.astype(">i2"), TypeError, r"got format '>h' of shape \(960, 2\)"),
        (STEREO.astype(np.uint16), TypeError, r"got format 'H'"),
        (STEREO.view(np.uint8), TypeError, r"flat bytes, got format 'B' of shape \(960, 4\)"),
        (STEREO[:, ::-1], ValueError, r"numpy.ndarray of shape \(960, 2\) that is not C-contiguous; pass a copy"),
        (STEREO.T, ValueError, r"of shape \(2, 960\) that is not C-contiguous"),
        (STEREO.reshape(2, 960), ValueError, r"expected shape \(frames, 2\) or flat, got \(2, 960\)"),
        (STEREO.reshape(1, -1), ValueError, r"expected shape \(frames, 2\) or flat, got \(1, 1920\)"),
        (STEREO.reshape(30, 32, 2), ValueError, r"got \(30, 32, 2\)"),
        (b"abc", ValueError, r"expected whole frames of 2 int16 channel\(s\), got 3 bytes"),
        (b"abcdef", ValueError, r"expected whole frames of 2 int16 channel\(s\), got 6 bytes"),
        (memoryview(b"abcdefgh")[1:5], ValueError, r"expected an int16 buffer at an even address"),
    ],
)
def test_what_is_no_audio_is_refused_in_words(block: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Uplink().push(block)


@pytest.mark.parametrize(
    ("frames", "error", "message"),
    [
        (961, ValueError, r"block: expected at least 961 frames of 2 channel\(s\), got 3840 bytes"),
        (-1, ValueError, r"frames: expected 0 or more, got -1"),
        (9.0, TypeError, r"frames: expected an int or None, got float"),
        (1 << 80, OverflowError, r"cannot fit"),
    ],
)
def test_a_wrong_count_is_refused_in_words(frames: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Uplink().push(STEREO, frames=frames)


@pytest.mark.parametrize(
    ("arguments", "keywords", "message"),
    [
        ((), {}, r"push\(\) missing required argument 'block'"),
        ((b"", 0, None, 1), {}, r"push\(\) takes at most 3 arguments, got 4"),
        ((b"",), {"block": b""}, r"push\(\) got multiple values for argument 'block'"),
        ((b"",), {"length": 3}, r"push\(\) got an unexpected keyword argument 'length'"),
    ],
)
def test_push_binds_arguments_like_python(arguments: tuple[Any, ...], keywords: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        Uplink().push(*arguments, **keywords)


def test_an_error_leaves_the_signal_as_it_was() -> None:
    uplink, reference = Uplink(), Uplink()
    uplink.push(STEREO)
    reference.push(STEREO)
    with pytest.raises(ValueError, match="expected shape"):
        uplink.push(STEREO.reshape(2, 960))
    assert np.array_equal(uplink.push(STEREO).s16, reference.push(STEREO).s16)


def test_other_classes_check_the_same_way() -> None:
    with pytest.raises(ValueError, match=r"chunk: expected whole frames of 1 int16 channel\(s\), got 1 bytes"):
        Playout().push(b"a")
    with pytest.raises(TypeError, match=r"block: expected int16 \(format 'h'\)"):
        Resampler(8000, 16000).push(np.zeros(3))


@pytest.mark.parametrize(
    ("out", "error", "message"),
    [
        (bytes(1920), ValueError, r"out: expected a writable int16 buffer, got read-only bytes"),
        (np.zeros(959, np.int16), ValueError, r"out: expected at least 960 frames of 1 channel\(s\), got 1918 bytes"),
        (np.zeros(960, np.float32), TypeError, r"out: expected int16 \(format 'h'\)"),
        (np.zeros(1920, np.int16)[::2], ValueError, r"not C-contiguous"),
    ],
)
def test_pull_into_the_wrong_buffer_is_refused_in_words(out: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Playout().pull(960, out=out)


@pytest.mark.parametrize(
    ("frames", "error", "message"),
    [
        (-1, ValueError, r"frames: expected 0 or more, got -1"),
        (1.0, TypeError, r"frames: expected an int, got float"),
        (None, TypeError, r"frames: expected an int, got NoneType"),
        (1 << 80, OverflowError, r"cannot fit"),
    ],
)
def test_pulling_no_count_is_refused_in_words(frames: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Playout().pull(frames)


@pytest.mark.parametrize(
    ("out", "error", "message"),
    [
        (b"", ValueError, r"out: expected a writable int16 buffer, got read-only bytes"),
        (np.zeros(1919, np.int16), ValueError, r"out: expected room for 1920 frames, got 1919"),
        (np.zeros((960, 2), np.int16), ValueError, r"out: expected shape \(frames, 1\) or flat, got \(960, 2\)"),
        (np.zeros(1920), TypeError, r"out: expected int16 \(format 'h'\)"),
    ],
)
def test_converting_into_the_wrong_buffer_is_refused_and_changes_nothing(
    out: Any, error: type[Exception], message: str
) -> None:
    resampler = Resampler(24000, 48000)
    with pytest.raises(error, match=message):
        resampler.push_into(STEREO[:, 0].copy(), out)
    assert np.array_equal(resampler.push(STEREO[:, 1].copy()), Resampler(24000, 48000).push(STEREO[:, 1].copy()))


def test_converting_a_buffer_into_itself_is_refused() -> None:
    memory = np.zeros(3000, np.int16)
    with pytest.raises(ValueError, match="out: expected memory apart from that of block"):
        Resampler(24000, 48000).push_into(memory[1900:2900], memory[:2000])
    assert Resampler(24000, 48000).push_into(memory[2000:], memory[:2000]) == 2000


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Uplink(channels=3), r"channels: expected 1 or 2, got 3"),
        (lambda: Uplink(downmix="side"), r"downmix: expected 'mean', 'left' or 'right', got 'side'"),  # type: ignore[arg-type]
        (lambda: Uplink(quality="best"), r"quality: expected 'default', 'hq' or 'low_latency', got 'best'"),  # type: ignore[arg-type]
        (lambda: Uplink(22050), r"input_rate_hz: expected 8000, 16000, 24000, 44100 or 48000, got 22050"),
        (lambda: Resampler(8000, 0), r"output_rate_hz: expected 8000, .* got 0"),
        (lambda: Playout(capacity_ms=99), r"capacity_ms: expected 100 to 3600000, got 99"),
        (lambda: Playout().pull(-1), r"frames: expected 0 or more, got -1"),
        (lambda: Resampler().output_frames(-1), r"frames: expected 0 or more, got -1"),
        (lambda: Resampler().output_frames(2**41), r"frames: expected at most 2\*\*40, got 2199023255552"),
        (lambda: Uplink().block(-1), r"max_frames: expected 0 or more, got -1"),
    ],
)
def test_a_setting_out_of_range_is_refused_in_words(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("isa", ["avx1024", "neon"])
def test_an_unknown_instruction_set_is_refused_in_words(monkeypatch: pytest.MonkeyPatch, isa: str) -> None:
    monkeypatch.setenv("SONICRTC_ISA", isa)
    with pytest.raises(ValueError, match=rf"SONICRTC_ISA: expected one of baseline.* on this machine, got {isa}"):
        Uplink()


@pytest.mark.parametrize("made", [Uplink, Playout, Resampler])
def test_an_object_without_its_init_is_refused(made: Any) -> None:
    with pytest.raises(TypeError, match=r"__init__\(\) was not called"):
        made.__new__(made).push(b"")
    with pytest.raises(TypeError, match=r"out: expected a Block from Uplink.block\(\)"):
        Uplink().push(b"", out=Block.__new__(Block))
