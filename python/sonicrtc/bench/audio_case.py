"""20 ms blocks of 48 kHz stereo to 16 kHz mono, as float32 and int16: `Uplink` beside its peers.

Every candidate gives both outputs for every block. A peer that is not installed is named, not skipped in silence.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sonicrtc._core import isa
from sonicrtc.audio import Uplink, VadConfig
from sonicrtc.bench.harness import Ratio, interleave, microseconds, ratio

BLOCK_FRAMES = 960
OURS = "sonicrtc Uplink"
_TEST_BLOCKS = 100
_LEAST_CORRELATION = 0.99
_MAX_LAG = 1600  # soxr is up to 37 ms late

type Stereo = NDArray[np.int16]
type Outputs = tuple[NDArray[np.float32], NDArray[np.int16]]
type Convert = Callable[[Stereo], Outputs]


class BenchError(AssertionError):
    """A candidate gave a wrong answer; its speed means nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One candidate: time per block, how many times our time that is, and how well it agrees with us."""

    name: str
    us_per_block: float
    ratio: Ratio
    correlation: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioReport:
    """What :func:`run` found."""

    rows: tuple[Row, ...]
    missing: tuple[str, ...]
    isa: str

    def lines(self) -> Iterator[str]:
        """Yield the report as a table."""
        yield f"48 kHz stereo -> 16 kHz float32 and int16, per 20 ms block, kernels: {self.isa}"
        yield f"{'':34}{'us':>9}  {'x ours':>7}  {'95 % interval':>15}  {'correlation':>11}"
        for row in self.rows:
            interval = f"{row.ratio.low:.2f} .. {row.ratio.high:.2f}"
            numbers = f"{row.us_per_block:9.2f}  {row.ratio.median:7.2f}  {interval:>15}  {row.correlation:11.5f}"
            yield f"{row.name:34}{numbers}"
        for name in self.missing:
            yield f"not measured, not installed: {name}"


def _mono(block: Stereo) -> NDArray[np.int16]:
    return ((block[:, 0].astype(np.int32) + block[:, 1]) >> 1).astype(np.int16)


def _uplink(quality: Any = "default", vad: VadConfig | None = None) -> Convert:
    uplink = Uplink(quality=quality, vad=vad)
    out = uplink.block(BLOCK_FRAMES)

    def convert(block: Stereo) -> Outputs:
        uplink.push(block, out=out)
        return out.f32, out.s16

    return convert


def _soxr() -> Convert:
    soxr = importlib.import_module("soxr")
    stream = soxr.ResampleStream(48000, 16000, 1, dtype="int16", quality="HQ")

    def convert(block: Stereo) -> Outputs:
        s16 = stream.resample_chunk(_mono(block))
        return s16.astype(np.float32) * np.float32(1 / 32768), s16

    return convert


def _pyav() -> Convert:
    av = importlib.import_module("av")
    resampler = av.AudioResampler(format="s16", layout="mono", rate=16000)

    def convert(block: Stereo) -> Outputs:
        frame = av.AudioFrame(format="s16", layout="stereo", samples=BLOCK_FRAMES)
        frame.planes[0].update(block)
        frame.sample_rate = 48000
        s16 = np.concatenate([f.to_ndarray()[0] for f in resampler.resample(frame)])
        return s16.astype(np.float32) * np.float32(1 / 32768), s16

    return convert


def _scipy() -> Convert:
    signal = importlib.import_module("scipy.signal")

    def convert(block: Stereo) -> Outputs:
        f32 = signal.resample(_mono(block).astype(np.float32), BLOCK_FRAMES // 3).astype(np.float32)
        s16 = np.clip(np.rint(f32), -32768, 32767).astype(np.int16)
        return f32 * np.float32(1 / 32768), s16

    return convert


_CANDIDATES: dict[str, tuple[str | None, Callable[[], Convert]]] = {
    OURS: (None, _uplink),
    f"{OURS}, quality hq": (None, lambda: _uplink("hq")),
    f"{OURS}, webrtcvad": (None, lambda: _uplink(vad=VadConfig(gate="off"))),
    "soxr HQ": ("soxr", _soxr),
    "PyAV AudioResampler": ("av", _pyav),
    "scipy.signal.resample, by block": ("scipy", _scipy),
}


def _test_signal() -> Stereo:
    """Two seconds of noise, another one in each channel.

    Below 2 kHz, where delays that differ by a fraction of a frame still correlate.
    """
    frames = _TEST_BLOCKS * BLOCK_FRAMES
    spectrum = np.fft.rfft(np.random.default_rng(5).normal(0, 1, (frames, 2)), axis=0)
    spectrum[int(2000 / 48000 * frames) :] = 0
    noise = np.fft.irfft(spectrum, frames, axis=0)
    return np.ascontiguousarray(np.rint(noise / np.abs(noise).max() * 20000).astype(np.int16))


def _blocks(signal: Stereo) -> list[Stereo]:
    return [signal[i : i + BLOCK_FRAMES] for i in range(0, len(signal), BLOCK_FRAMES)]


def _answer(convert: Convert, signal: Stereo) -> NDArray[np.float64]:
    """Convert all of `signal` and check that both outputs are the same audio."""
    parts = [(f32.copy(), s16.copy()) for f32, s16 in map(convert, _blocks(signal))]
    f32 = np.concatenate([part[0] for part in parts]).astype(np.float64)
    s16 = np.concatenate([part[1] for part in parts]) / 32768
    if np.abs(f32 - s16).max() > 1 / 32768:
        raise BenchError("float32 and int16 differ by more than one step")
    return f32


def _correlation(answer: NDArray[np.float64], reference: NDArray[np.float64]) -> float:
    """Return the correlation of both at the best lag."""
    frames = min(answer.size, reference.size)
    a, b = answer[:frames], reference[:frames]
    size = 2 * frames
    products = np.fft.irfft(np.fft.rfft(a, size) * np.conj(np.fft.rfft(b, size)), size)
    lags = np.concatenate([np.arange(_MAX_LAG), np.arange(-_MAX_LAG, 0)])
    lag = int(lags[np.argmax(products[lags])])
    a, b = (a[lag:], b[: frames - lag]) if lag >= 0 else (a[:lag], b[-lag:])
    power = float(np.dot(a, a) * np.dot(b, b))
    return float(np.dot(a, b)) / power**0.5 if power > 0 else 0.0


def run(*, rounds: int = 30) -> AudioReport:
    """Measure all candidates that are installed.

    Parameters
    ----------
    rounds : int
        Samples per candidate.

    Returns
    -------
    AudioReport
        Rows in the order of the table; the first is ours.

    Raises
    ------
    BenchError
        A candidate's output is not the signal.
    """
    made: dict[str, Convert] = {}
    missing: list[str] = []
    for name, (package, make) in _CANDIDATES.items():
        if package is not None and importlib.util.find_spec(package) is None:
            missing.append(f"{name} (pip install {package})")
        else:
            made[name] = make()
    signal = _test_signal()
    answers = {name: _answer(convert, signal) for name, convert in made.items()}
    correlations = {name: _correlation(answer, answers[OURS]) for name, answer in answers.items()}
    for name, value in correlations.items():
        if value < _LEAST_CORRELATION:
            raise BenchError(f"{name}: expected a correlation of at least {_LEAST_CORRELATION}, got {value:.4f}")
    block = _blocks(signal)[7].copy()
    times = interleave({name: _bind(convert, block) for name, convert in made.items()}, rounds=rounds)
    rows = [
        Row(
            name=name,
            us_per_block=microseconds(times[name]),
            ratio=ratio(times[name], times[OURS]),
            correlation=correlations[name],
        )
        for name in made
    ]
    return AudioReport(rows=tuple(rows), missing=tuple(missing), isa=isa())


def _bind(convert: Convert, block: Stereo) -> Callable[[], object]:
    return lambda: convert(block)
