"""Sample-rate conversion by any ratio of whole numbers, in numpy.

The native core is not used here: the local services stand beside the product, and the voice's
22.05 kHz is not one of its rates.
"""

from __future__ import annotations

from math import ceil, gcd

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

_ZERO_CROSSINGS = 16
_KAISER_BETA = 8.0
#: Fraction of the lower Nyquist frequency that passes.
_PASS = 0.94


class Resampler:
    """Streaming polyphase resampler with a windowed-sinc kernel.

    Parameters
    ----------
    input_rate_hz, output_rate_hz : int
        Any two rates; equal rates pass the samples through.
    """

    def __init__(self, input_rate_hz: int, output_rate_hz: int) -> None:
        common = gcd(input_rate_hz, output_rate_hz)
        self._up, self._down = output_rate_hz // common, input_rate_hz // common
        scale = max(1.0, self._down / self._up) / _PASS
        half = ceil(_ZERO_CROSSINGS * scale)
        self._half = half
        # taps[phase, k] weighs input sample floor(t) - half + 1 + k for an output at time t.
        offsets = np.arange(-half + 1, half + 1)[None, :] - np.arange(self._up)[:, None] / self._up
        window = np.i0(_KAISER_BETA * np.sqrt(np.clip(1 - (offsets / half) ** 2, 0, None))) / np.i0(_KAISER_BETA)
        taps = np.sinc(offsets / scale) * window
        self._taps = (taps / taps.sum(axis=1, keepdims=True)).astype(np.float32)
        self._buffer = np.zeros(half - 1, np.float32)
        self._next = 0  # time of the next output from the buffer's first whole sample, in 1/up input samples

    def push(self, samples: Floats) -> Floats:
        """Return all output that `samples` make possible; any length may be given."""
        if self._up == self._down:
            return samples
        self._buffer = np.concatenate([self._buffer, samples])
        windows = self._buffer.size - 2 * self._half + 1
        count = max(0, -(-(windows * self._up - self._next) // self._down))
        output = np.empty(count, np.float32)
        if count:
            view = np.lib.stride_tricks.sliding_window_view(self._buffer, 2 * self._half)
            times = self._next + np.arange(count) * self._down
            for first in range(min(count, self._up)):
                # Outputs `up` apart share one phase; their windows are `down` apart.
                base, phase = divmod(int(times[first]), self._up)
                rows = view[base :: self._down][: ceil((count - first) / self._up)]
                output[first :: self._up] = rows @ self._taps[phase]
            self._next += count * self._down
        used = min(self._next // self._up, max(windows, 0))
        self._buffer = self._buffer[used:].copy()
        self._next -= used * self._up
        return output

    def flush(self) -> Floats:
        """Return the output that still waits for input after the last sample."""
        if self._up == self._down:
            return np.zeros(0, np.float32)
        return self.push(np.zeros(self._half, np.float32))


def resample(samples: Floats, input_rate_hz: int, output_rate_hz: int) -> Floats:
    """Resample a whole recording; the result starts and ends with it."""
    resampler = Resampler(input_rate_hz, output_rate_hz)
    return np.concatenate([resampler.push(samples), resampler.flush()])
