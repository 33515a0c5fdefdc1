"""A frozen piece of work by which times of different machines and years compare.

The time of a candidate over the time of this, both taken in turns, has no unit: a machine twice as fast does both
in half the time. Nothing here may change: whoever needs another reference gives it another
:data:`VERSION`, and numbers of different versions are never compared.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

VERSION = "1"

_TAPS, _HOP, _OUTPUTS, _FRAMES = 120, 48, 16, 960
_HISTORY = _TAPS - 1
_SEGMENT, _SIZE = 240, 512
_CHECKSUM = 9.615235689883297


class Reference:
    """20 ms of 48 kHz to 16 kHz in float64, twice: by a product of matrices and by the FFT.

    All arrays are made beforehand and begin on a cache line: where an allocator happens to put them, and whether it
    gives pages back to the system in between, changed the time by half from one process to the next. The
    product has 53 thousand multiplications, too few for a BLAS to start threads.
    """

    def __init__(self) -> None:
        segments = _FRAMES // _SEGMENT
        step = np.arange(_TAPS) - _HISTORY / 2
        taps = np.sinc(step / 3) / 3 * np.hanning(_TAPS)
        self._signal = _aligned((segments - 1) * _SEGMENT + _SIZE)
        self._signal[: _HISTORY + _FRAMES] = _noise(_HISTORY + _FRAMES)
        self._bank = _aligned((_HISTORY + _HOP, _OUTPUTS))
        for row in range(_OUTPUTS):
            self._bank[3 * row : 3 * row + _TAPS, row] = taps[::-1]
        self._windows = _aligned((_FRAMES // _HOP, _HISTORY + _HOP))
        self._product = _aligned((_FRAMES // _HOP, _OUTPUTS))
        self._response = np.fft.rfft(taps, _SIZE)
        self._segments = _aligned((segments, _SIZE))
        self._spectrum = _aligned((segments, _SIZE // 2 + 1), complex)
        self._filtered = _aligned((segments, _SIZE))
        view = np.lib.stride_tricks.sliding_window_view
        self._of_windows = view(self._signal[: _HISTORY + _FRAMES], _HISTORY + _HOP)[::_HOP]
        self._of_segments = view(self._signal, _SIZE)[::_SEGMENT]

    def by_product(self) -> NDArray[np.float64]:
        """Return 320 outputs by a product of matrices."""
        np.copyto(self._windows, self._of_windows)
        np.matmul(self._windows, self._bank, out=self._product)
        return self._product.reshape(-1)

    def by_fft(self) -> NDArray[np.float64]:
        """Return the same 320 outputs by the FFT, in overlapping segments."""
        np.copyto(self._segments, self._of_segments)
        np.fft.rfft(self._segments, out=self._spectrum)
        np.multiply(self._spectrum, self._response, out=self._spectrum)
        np.fft.irfft(self._spectrum, _SIZE, out=self._filtered)
        return self._filtered[:, _HISTORY : _HISTORY + _SEGMENT : 3]

    def work(self, _: object = None) -> None:
        """Do the whole of it once: what is timed."""
        self.by_product()
        self.by_fft()

    def check(self) -> None:
        """Raise AssertionError unless both ways agree and the answer is the one of this version."""
        product, fft = self.by_product(), self.by_fft().reshape(-1)
        error = float(np.abs(product - fft).max())
        total = float(np.dot(product, product))
        if error > 1e-12 or abs(total - _CHECKSUM) > 1e-9:
            raise AssertionError(f"reference {VERSION}: expected {_CHECKSUM} both ways, got {total}, {error:.1e} apart")


def _aligned(shape: int | tuple[int, ...], dtype: DTypeLike = float) -> NDArray[Any]:
    """Return zeros that begin on a cache line."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.zeros(size + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + size].view(dtype).reshape(shape)


def _noise(frames: int) -> NDArray[np.float64]:
    """Return noise in [-0.5, 0.5) that depends on no library's generator."""
    state, values = 1, np.empty(frames)
    for i in range(frames):
        state = (1_103_515_245 * state + 12_345) % 2**31
        values[i] = state / 2**31 - 0.5
    return values
