"""What the filters do to tones and impulses, measured from outside."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]
Convert = Callable[[NDArray[np.int16]], Samples]
#: -6 dBFS, so that no overshoot clips.
AMPLITUDE = 16384
_TONE_S = 0.1


def tone(hz: float, rate_hz: int, seconds: float = _TONE_S) -> NDArray[np.int16]:
    """A sine, with the dither that keeps its rounding errors from gathering in lines."""
    n = np.arange(int(rate_hz * seconds))
    rng = np.random.default_rng(round(hz * 10))
    dither = rng.random(n.size) - rng.random(n.size)
    return np.round(AMPLITUDE * np.sin(2 * np.pi * hz * n / rate_hz) + dither).astype(np.int16)


def line_db(output: Samples, hz: float, rate_hz: int) -> float:
    """Level of the line at `hz` in the settled second half, relative to the tone that was put in."""
    settled = output[output.size // 2 :]
    window = np.blackman(settled.size)
    turn = np.exp(-2j * np.pi * hz * np.arange(settled.size) / rate_hz)
    level = 2 * abs(np.vdot(turn.conj(), settled * window)) / window.sum()
    return float(20 * np.log10(level / (AMPLITUDE / 32768) + 1e-12))


def gains_db(convert: Convert, hz: NDArray[np.floating], into: int, out: int) -> NDArray[np.float64]:
    """How loud each tone comes out, where it stands."""
    return np.array([line_db(convert(tone(f, into)), f, out) for f in hz])


def aliases_db(convert: Convert, hz: NDArray[np.floating], into: int, out: int) -> NDArray[np.float64]:
    """How loud each tone above half the output rate comes out, at the frequency to which it folds."""
    return np.array([line_db(convert(tone(f, into)), abs((f + out / 2) % out - out / 2), out) for f in hz])


def images_db(convert: Convert, hz: NDArray[np.floating], into: int, out: int) -> NDArray[np.float64]:
    """How loud the first image of each tone is, mirrored at half the input rate."""
    return np.array([line_db(convert(tone(f, into)), into - f, out) for f in hz])


def impulse_response(convert: Callable[[], Convert], down: int, length: int) -> Samples:
    """All taps of a decimator by `down`: an output sees every `down`-th, so the impulse comes at as many times."""
    taps = np.zeros(down * length)
    for shift in range(down):
        signal = np.zeros(down * length, np.int16)
        signal[shift] = 32767
        response = convert()(signal) * (32768 / 32767)
        at = np.arange(response.size) * down - shift
        taps[at[at >= 0]] = response[at >= 0]
    return taps


def group_delay(taps: Samples, hz: NDArray[np.float64], rate_hz: int) -> NDArray[np.float64]:
    """In samples at `rate_hz`."""
    n = np.arange(taps.size)
    turn = np.exp(-2j * np.pi * np.outer(hz / rate_hz, n))
    return np.asarray((turn @ (n * taps) / (turn @ taps)).real)


def signal_to_noise_db(output: Samples, hz: float, rate_hz: int) -> float:
    """A sine of `hz` against all that is not it, over one settled second."""
    second = output[200 : 200 + rate_hz]
    n = np.arange(second.size)
    basis = np.stack([np.cos(2 * np.pi * hz * n / rate_hz), np.sin(2 * np.pi * hz * n / rate_hz)])
    signal = (basis @ second * 2 / second.size) @ basis
    return float(10 * np.log10(np.mean(signal**2) / np.mean((second - signal) ** 2)))
