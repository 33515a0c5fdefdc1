"""A frozen piece of work by which times of different machines and years compare.

The time of a candidate over the time of this, both taken in turns, has no unit: a machine twice as fast does both
in half the time. Nothing here may change: whoever needs another reference gives it another
:data:`VERSION`, and numbers of different versions are never compared.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

type Floats = NDArray[np.float64]

VERSION = "1"

_TAPS, _HOP, _OUTPUTS, _FRAMES = 120, 48, 16, 960
_HISTORY = _TAPS - 1
_SIZE = 2048
_CHECKSUM = 9.615235689883297


class Reference:
    """20 ms of 48 kHz to 16 kHz in float64, twice: by a product of matrices and by the FFT.

    The product has 57 thousand multiplications, too few for a BLAS to start threads.
    """

    def __init__(self) -> None:
        step = np.arange(_TAPS) - (_TAPS - 1) / 2
        self._taps: Floats = np.sinc(step / 3) / 3 * np.hanning(_TAPS)
        self._signal = _noise(_HISTORY + _FRAMES)
        self._bank: Floats = np.zeros((_OUTPUTS, _HISTORY + _HOP))
        for row in range(_OUTPUTS):
            self._bank[row, 3 * row : 3 * row + _TAPS] = self._taps[::-1]
        self._spectrum = np.fft.rfft(self._taps, _SIZE)

    def by_product(self) -> Floats:
        """Return 320 outputs by a product of matrices."""
        windows = np.lib.stride_tricks.sliding_window_view(self._signal, _HISTORY + _HOP)[::_HOP]
        return (np.ascontiguousarray(windows) @ self._bank.T).reshape(-1)

    def by_fft(self) -> Floats:
        """Return the same 320 outputs by the FFT."""
        product = np.fft.irfft(np.fft.rfft(self._signal, _SIZE) * self._spectrum, _SIZE)
        return product[_HISTORY : _HISTORY + _FRAMES : 3]

    def work(self, _: object = None) -> None:
        """Do the whole of it once: what is timed."""
        self.by_product()
        self.by_fft()

    def check(self) -> None:
        """Raise AssertionError unless both ways agree and the answer is the one of this version."""
        product, fft = self.by_product(), self.by_fft()
        error = float(np.abs(product - fft).max())
        total = float(np.dot(product, product))
        if error > 1e-12 or abs(total - _CHECKSUM) > 1e-9:
            raise AssertionError(f"reference {VERSION}: expected {_CHECKSUM} both ways, got {total}, {error:.1e} apart")


def _noise(frames: int) -> Floats:
    """Return noise in [-0.5, 0.5) that depends on no library's generator."""
    state, values = 1, np.empty(frames)
    for i in range(frames):
        state = (1_103_515_245 * state + 12_345) % 2**31
        values[i] = state / 2**31 - 0.5
    return values
