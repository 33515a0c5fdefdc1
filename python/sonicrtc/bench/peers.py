"""Other resamplers, each used as its own users use it.

Where a peer gives one of two outputs, or takes one of two channels, the rest comes from numpy in the least
work that is right, and that is part of its time: a caller needs both outputs.

soxr
    ``ResampleStream(..., dtype="int16", quality="HQ")``, its documented way to convert block by block. It takes
    the mean of both channels, for resampling two and averaging then costs more; float32 is made from its int16.
PyAV
    ``AudioFrame.from_ndarray`` of the block, ``AudioResampler(format="s16", layout="mono", rate=16000)``, which
    mixes down itself, and ``to_ndarray``, as its documentation shows. float32 is made from its int16.
scipy
    ``scipy.signal.resample(block, 320)`` on the int16 block, without state between blocks, as the AWS sample for
    Nova Sonic does; scipy computes in float64. int16 is rounded and clipped from that, as the sample's next step.
webrtcvad
    ``Vad(2).is_speech(frame, 16000)`` on 20 ms as bytes.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sonicrtc.bench.candidates import DETECTION, DOWNLINK, FRAME, UPLINK, Candidate, Entry
from sonicrtc.bench.ours import av_frames

_STEP = np.float32(1 / 32768)

type Int16 = NDArray[np.int16]


def _mono(block: Int16) -> Int16:
    return ((block[:, 0].astype(np.int32) + block[:, 1]) >> 1).astype(np.int16)


def _both(s16: Int16) -> tuple[NDArray[np.float32], Int16]:
    return s16.astype(np.float32) * _STEP, s16


def soxr_uplink() -> Candidate:
    """soxr HQ from an array."""
    convert = importlib.import_module("soxr").ResampleStream(48_000, 16_000, 1, dtype="int16", quality="HQ")
    return Candidate(call=lambda block: _both(convert.resample_chunk(_mono(block))))


def soxr_frame() -> Candidate:
    """soxr HQ from the decoder's frame, by its plane, which is its fastest way out."""
    convert = importlib.import_module("soxr").ResampleStream(48_000, 16_000, 1, dtype="int16", quality="HQ")

    def call(frame: Any) -> Any:
        block = np.frombuffer(frame.planes[0], np.int16, count=2 * frame.samples).reshape(-1, 2)
        return _both(convert.resample_chunk(_mono(block)))

    return Candidate(call=call, feed=av_frames)


def soxr_downlink() -> Candidate:
    """soxr HQ, 24 to 48 kHz."""
    convert = importlib.import_module("soxr").ResampleStream(24_000, 48_000, 1, dtype="int16", quality="HQ")
    return Candidate(call=convert.resample_chunk, read=lambda s16: (s16,))


def _pyav(rate_hz: int, out_hz: int, layout: str) -> Any:
    """Return a function from a block to int16."""
    av = importlib.import_module("av")
    resampler = av.AudioResampler(format="s16", layout="mono", rate=out_hz)

    def convert(block: Int16) -> Int16:
        frame = av.AudioFrame.from_ndarray(block.reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate = rate_hz
        made: list[Int16] = [f.to_ndarray()[0] for f in resampler.resample(frame)]
        return made[0] if len(made) == 1 else np.concatenate(made)

    return convert


def pyav_uplink() -> Candidate:
    """PyAV, which is FFmpeg's swresample."""
    convert = _pyav(48_000, 16_000, "stereo")
    return Candidate(call=lambda block: _both(convert(block)))


def pyav_downlink() -> Candidate:
    """PyAV, 24 to 48 kHz."""
    return Candidate(call=_pyav(24_000, 48_000, "mono"), read=lambda s16: (s16,))


def scipy_uplink() -> Candidate:
    """The AWS sample's way, block by block."""
    resample = importlib.import_module("scipy.signal").resample

    def call(block: Int16) -> Any:
        made = resample(_mono(block), len(block) // 3)
        return (made * (1 / 32768)).astype(np.float32), np.clip(np.rint(made), -32768, 32767).astype(np.int16)

    return Candidate(call=call)


def webrtcvad() -> Candidate:
    """One decision."""
    is_speech = importlib.import_module("webrtcvad").Vad(2).is_speech
    return Candidate(call=lambda frame: is_speech(frame, 16_000), feed=_as_bytes)


def _as_bytes(blocks: Sequence[Int16]) -> Sequence[bytes]:
    return [block.tobytes() for block in blocks]


PEERS = (
    Entry(key="soxr", label="soxr HQ", work=UPLINK, make=soxr_uplink, needs=("soxr",)),
    Entry(key="pyav", label="PyAV AudioResampler", work=UPLINK, make=pyav_uplink, needs=("av",)),
    Entry(key="scipy", label="scipy.signal.resample, by block", work=UPLINK, make=scipy_uplink, needs=("scipy",)),
    Entry(key="soxr_frame", label="soxr HQ from the frame", work=FRAME, make=soxr_frame, needs=("soxr", "av")),
    Entry(key="soxr_downlink", label="soxr HQ", work=DOWNLINK, make=soxr_downlink, needs=("soxr",)),
    Entry(key="pyav_downlink", label="PyAV AudioResampler", work=DOWNLINK, make=pyav_downlink, needs=("av",)),
    Entry(key="webrtcvad", label="webrtcvad.Vad.is_speech", work=DETECTION, make=webrtcvad, needs=("webrtcvad",)),
)
