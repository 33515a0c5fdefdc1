"""An installed wheel, used: ``python smoke.py RECORDING KERNELS``. Needs numpy, sonicrtc and nothing else.

Runs on every machine that a wheel is for, so it checks laws and not the bits of one machine.
"""

from __future__ import annotations

import platform
import random
import sys
import wave
from collections.abc import Callable

import numpy as np

import sonicrtc
from sonicrtc._core import isa
from sonicrtc.audio import Playout, Resampler, Uplink, VadConfig


def error_of(kind: type[Exception], call: Callable[[], object]) -> str:
    try:
        call()
    except kind as error:
        return str(error)
    raise AssertionError(f"expected {kind.__name__}")


def cuts(frames: int, seed: int) -> list[slice]:
    """Block borders of any length, 0 included, that cover `frames`."""
    generator = random.Random(seed)
    ends = sorted([*(generator.randrange(frames + 1) for _ in range(frames // 700)), frames])
    return [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]


def check_uplink(speech: np.ndarray) -> None:
    microphone = np.repeat(Resampler(16000, 48000).push(speech)[:, np.newaxis], 2, axis=1)
    whole = Uplink(48000, 2, vad=VadConfig()).push(microphone)
    assert whole.frames == -(-len(microphone) // 3)
    assert whole.onset >= 0, "webrtcvad heard no speech"
    assert len(whole.preroll) > 0
    assert -60 < whole.level_dbfs < 0
    uplink = Uplink(48000, 2, vad=VadConfig())
    blocks = [uplink.push(microphone[cut]) for cut in cuts(len(microphone), 1)]
    assert sum(block.onset >= 0 for block in blocks) >= 1
    assert np.array_equal(np.concatenate([block.s16 for block in blocks]), whole.s16)
    assert np.array_equal(np.concatenate([block.f32 for block in blocks]), whole.f32)
    plain = Uplink(48000, 2).push(microphone).s16.astype(float)[: len(speech)]
    delayed = np.correlate(plain[1000:9000], speech[1000:9000].astype(float), "same")
    assert abs(int(delayed.argmax()) - 4000) < 100, "the output is not the input"


def check_resampler(speech: np.ndarray) -> None:
    for rate in (8000, 24000, 44100, 48000):
        resampler = Resampler(16000, rate)
        whole = resampler.push(speech)
        assert len(whole) == -(-len(speech) * rate // 16000)
        resampler.reset()
        assert np.array_equal(np.concatenate([resampler.push(speech[cut]) for cut in cuts(len(speech), rate)]), whole)


def check_playout(speech: np.ndarray) -> None:
    playout = Playout(16000, 48000, 1000)
    assert playout.push(speech[:20000]) == 16000
    assert playout.dropped_frames == 4000
    assert len(playout.pull(960)) == 960
    assert playout.played_ms >= 20
    assert playout.flush() > 900
    assert not playout.pull(4800)[480:].any()


def check_errors() -> None:
    rates = "input_rate_hz: expected 8000, 16000, 24000, 44100 or 48000, got 11025"
    assert error_of(ValueError, lambda: Resampler(11025, 48000)) == rates
    assert "100 to 3600000, got 1" in error_of(ValueError, lambda: Playout(24000, 48000, 1))
    assert "int16" in error_of(TypeError, lambda: Uplink(48000, 2).push(np.zeros(960, np.float32)))


def main() -> None:
    with wave.open(sys.argv[1]) as file:
        assert (file.getframerate(), file.getnchannels()) == (16000, 1)
        speech = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    assert isa() == sys.argv[2], f"expected the kernels for {sys.argv[2]}, got {isa()}"
    check_uplink(speech)
    check_resampler(speech)
    check_playout(speech)
    check_errors()
    print(f"ok: sonicrtc {sonicrtc.__version__} ({isa()}), Python {platform.python_version()}, {platform.machine()}")


if __name__ == "__main__":
    main()
