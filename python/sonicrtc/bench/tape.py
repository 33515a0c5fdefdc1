"""The audio that candidates convert, and what came out of them: is it the same audio, and how late is it?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sonicrtc.errors import SonicRtcError

BLOCK_MS = 20
#: The band of a telephone: speech, and what every candidate passes.
BAND_HZ = (100, 3400)
_PEAK = 20_000
_WARM_BLOCKS = 10

type Samples = NDArray[np.int16]
type Outputs = tuple[NDArray[Any], ...]


# Not in sonicrtc.errors: this suite also runs beside older builds, which have no such name.
class BenchError(SonicRtcError):
    """A candidate gave a wrong answer; its speed means nothing."""

    code = "bench"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What several candidates do in their own ways, block by block of 20 ms.

    Parameters
    ----------
    key, title : str
        For programs and for people.
    input_hz, output_hz : int
        Rates.
    channels : int
        Of the input; the output has one.
    """

    key: str
    title: str
    input_hz: int
    output_hz: int
    channels: int

    @property
    def frames(self) -> int:
        """Frames of one block of input."""
        return self.input_hz * BLOCK_MS // 1000

    def tape(self) -> list[Samples]:
        """Return one second of input, block by block; it can be repeated without a seam."""
        if self.channels == 1:
            signal = _quantized(self._noise(self.input_hz, 0))
        else:
            signal = _quantized(np.stack([self._noise(self.input_hz, c) for c in range(self.channels)], axis=1))
        return [signal[i : i + self.frames].copy() for i in range(0, self.input_hz, self.frames)]

    def truth(self) -> NDArray[np.float64]:
        """Return the same second at the output rate, computed and not filtered, in [-1, 1)."""
        truth: NDArray[np.float64] = (
            np.mean([self._noise(self.output_hz, c) for c in range(self.channels)], axis=0) / 32768
        )
        return truth

    def _noise(self, rate_hz: int, channel: int) -> NDArray[np.float64]:
        """Return a sum of sines at whole Hz, another one for each channel: the same sound at any rate."""
        random = np.random.default_rng(5 + channel)
        lines = np.arange(BAND_HZ[0], BAND_HZ[1])
        spectrum = np.zeros(rate_hz // 2 + 1, complex)
        spectrum[lines] = np.exp(2j * np.pi * random.random(lines.size))
        noise: NDArray[np.float64] = np.fft.irfft(spectrum, rate_hz) * rate_hz * _PEAK / (8 * np.sqrt(lines.size))
        return noise


def _quantized(signal: NDArray[np.float64]) -> Samples:
    return np.ascontiguousarray(np.rint(signal).astype(np.int16))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came out, judged.

    Parameters
    ----------
    correlation : float
        With the truth, at the delay that was found.
    delay_ms : float
        Of the signal in the output: that of the filter, less what the candidate compensates by waiting.
    age_mean_ms, age_max_ms : float
        How old the newest output is once a block has gone in: the delay, and what is held back.
    """

    correlation: float
    delay_ms: float
    age_mean_ms: float
    age_max_ms: float


def judge(work: Work, convert: Callable[[Any], Outputs], blocks: Iterable[Any]) -> Answer:
    """Convert `blocks`, one second of :meth:`Work.tape`, twice over, and compare with the truth.

    Raises
    ------
    BenchError
        Too little came out, or two outputs differ by more than one step.
    """
    tape = list(blocks)
    parts = [_checked(convert(block)) for block in (*tape, *tape)]
    out = np.concatenate(parts)
    start = out.size - work.output_hz
    if start < 0.5 * work.output_hz:
        raise BenchError(f"expected nearly {2 * work.output_hz} samples of two seconds, got {out.size}")
    delay_s, correlation = _compare(out[start:], np.roll(work.truth(), -start), work.output_hz)
    fed_ms = BLOCK_MS * np.arange(1, len(parts) + 1)
    got_ms = np.cumsum([part.size for part in parts]) * 1000 / work.output_hz
    ages = (fed_ms - got_ms + 1000 * delay_s)[_WARM_BLOCKS:]
    return Answer(
        correlation=correlation,
        delay_ms=1000 * delay_s,
        age_mean_ms=float(ages.mean()),
        age_max_ms=float(ages.max()),
    )


def _checked(outputs: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
    """Return one block's audio; all outputs must be the same."""
    first, *others = [o.astype(np.float64) / (32768 if o.dtype == np.int16 else 1) for o in outputs]
    if any(other.shape != first.shape or np.abs(other - first).max(initial=0) > 1 / 32768 for other in others):
        raise BenchError("the outputs differ from each other by more than one step")
    return first


def _compare(out: NDArray[np.float64], truth: NDArray[np.float64], rate_hz: int) -> tuple[float, float]:
    """Return delay in s and correlation of two sounds that repeat every second.

    The delay is whole samples from the correlation's peak, and the rest from the slope of the phase, weighted
    by power: what an impulse shows, at a precision that no impulse has.
    """
    cross = np.fft.rfft(out) * np.conj(np.fft.rfft(truth))
    peak = int(np.argmax(np.fft.irfft(cross, rate_hz)))
    lag = peak - rate_hz if peak > rate_hz // 2 else peak
    turn = 2 * np.pi * np.arange(cross.size) / rate_hz
    rest = cross * np.exp(1j * turn * lag)
    weight = np.abs(cross)
    if weight.sum() == 0:
        return 0.0, 0.0
    lag_rest = -float(np.sum(weight * turn * np.angle(rest)) / np.sum(weight * turn**2))
    agreeing = float(np.fft.irfft(rest * np.exp(1j * turn * lag_rest), rate_hz)[0])
    power = float(np.sum(out**2) * np.sum(truth**2))
    return (lag + lag_rest) / rate_hz, agreeing / power**0.5
