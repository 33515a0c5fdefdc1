"""This package's candidates, by its public interface only: an older build runs those that it can."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from sonicrtc.audio import Playout, Resampler, Uplink, VadConfig
from sonicrtc.bench.candidates import DOWNLINK, FRAME, UPLINK, Candidate, Entry

FRAMES = UPLINK.frames
PULLED = DOWNLINK.output_hz // 50


def uplink(quality: Any = "default", vad: VadConfig | None = None) -> Candidate:
    """Outputs that are there beforehand; a caller keeps their arrays."""
    made = Uplink(quality=quality, vad=vad)
    push, out = made.push, made.block(FRAMES)
    return Candidate(call=lambda block: push(block, out=out), read=lambda block: (block.f32, block.s16))


def uplink_fresh() -> Candidate:
    """Outputs that are made for each block."""
    push = Uplink().push

    def call(block: Any) -> Any:
        made = push(block)
        return made.f32, made.s16

    return Candidate(call=call)


def uplink_frame() -> Candidate:
    """From the decoder's frame: its plane is a buffer, which may be longer than the audio in it."""
    made = Uplink()
    push, out = made.push, made.block(FRAMES)
    return Candidate(
        call=lambda frame: push(frame.planes[0], frame.samples, out),
        read=lambda block: (block.f32, block.s16),
        feed=av_frames,
    )


def resampler() -> Candidate:
    """The conversion alone, into an array that is there beforehand."""
    push_into, out = Resampler(DOWNLINK.input_hz, DOWNLINK.output_hz).push_into, np.zeros(PULLED, np.int16)
    return Candidate(call=lambda block: push_into(block, out), read=lambda frames: (out[:frames],))


def playout() -> Candidate:
    """The whole way from the model to the listener: queue, clock, fades and conversion."""
    made, out = Playout(DOWNLINK.input_hz, DOWNLINK.output_hz), np.zeros(PULLED, np.int16)
    push, pull = made.push, made.pull

    def call(chunk: Any) -> Any:
        push(chunk)
        return pull(PULLED, out)

    return Candidate(call=call, read=lambda pulled: (pulled,))


def av_frames(blocks: Sequence[Any]) -> Sequence[Any]:
    """Return `blocks` as frames of a decoder."""
    av = importlib.import_module("av")
    frames = []
    for block in blocks:
        frame = av.AudioFrame(format="s16", layout="stereo", samples=len(block))
        frame.planes[0].update(block)
        frame.sample_rate = UPLINK.input_hz
        frames.append(frame)
    return frames


OURS = (
    Entry(key="uplink", label="Uplink.push(block, out=)", work=UPLINK, make=uplink),
    Entry(key="uplink_fresh", label="Uplink.push(block), fresh outputs", work=UPLINK, make=uplink_fresh),
    Entry(key="uplink_hq", label="Uplink, quality hq", work=UPLINK, make=lambda: uplink("hq")),
    Entry(
        key="uplink_low_latency", label="Uplink, quality low_latency", work=UPLINK, make=lambda: uplink("low_latency")
    ),
    Entry(
        key="uplink_webrtcvad", label="Uplink with webrtcvad, gate off", work=UPLINK,
        make=lambda: uplink(vad=VadConfig(detector="webrtcvad", gate="off")),
    ),
    Entry(
        key="uplink_frame", label="Uplink.push(frame.planes[0], out=)", work=FRAME, make=uplink_frame,
        needs=("av",),
    ),
    Entry(key="resampler", label="Resampler.push_into(block, out)", work=DOWNLINK, make=resampler),
    Entry(key="playout", label="Playout.push and pull", work=DOWNLINK, make=playout),
)  # fmt: skip
