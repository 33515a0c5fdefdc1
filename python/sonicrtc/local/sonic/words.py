"""Numbered words: audio in which a test finds again what was said, and how often.

Word *n* (0 to 99) is a chord of two tones, one for its tens and one for its units, 120 ms long and
followed by 80 ms of silence. It survives resampling and Opus.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

__all__ = ["WORD_MS", "heard_words", "spoken_words"]

#: From the beginning of one word to that of the next.
WORD_MS = 200
_SOUND_MS = 120
_FRAME_MS = 10
_FADE_MS = 5
#: Below the Nyquist frequency of 8 kHz, and apart by more than the spectrum of half a word can tell.
_TENS_HZ = range(450, 1450, 100)
_UNITS_HZ = range(1600, 3400, 180)
_LEVEL = 8000.0
#: A frame quieter than this is a gap: -46 dBFS.
_GAP_RMS = 160.0


def spoken_words(numbers: Iterable[int], rate_hz: int) -> bytes:
    """Return the audio of numbered words.

    Parameters
    ----------
    numbers : iterable of int
        0 to 99, in the order in which they are said.
    rate_hz : int
        8000 or more.

    Returns
    -------
    bytes
        Mono, 16-bit little endian; `WORD_MS` for each word.
    """
    return b"".join(_word(number, rate_hz) for number in numbers)


def heard_words(pcm: bytes, rate_hz: int, *, least_ms: int = 40) -> list[int]:
    """Return the numbers of the words in some audio, in order.

    A word of which less than `least_ms` is left is not counted; one that was cut in two by silence
    is counted twice.

    Parameters
    ----------
    pcm : bytes
        Mono, 16-bit little endian.
    rate_hz : int
    least_ms : int
    """
    samples = np.frombuffer(pcm[: len(pcm) // 2 * 2], "<i2").astype(np.float64)
    frame = rate_hz * _FRAME_MS // 1000
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame)
    loud = np.sqrt(np.mean(frames**2, axis=1)) > _GAP_RMS if len(frames) else np.zeros(0, bool)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], loud, [False])).astype(np.int8)))
    spans = edges.reshape(-1, 2)
    return [
        _number(samples[begin * frame : end * frame], rate_hz)
        for begin, end in spans
        if (end - begin) * _FRAME_MS >= least_ms
    ]


def _word(number: int, rate_hz: int) -> bytes:
    if not 0 <= number <= 99:
        raise ValueError(f"expected numbers from 0 to 99, got {number}")
    frames = rate_hz * _SOUND_MS // 1000
    time_s = np.arange(frames) / rate_hz
    tens, units = divmod(number, 10)
    chord = np.sin(2 * np.pi * _TENS_HZ[tens] * time_s) + np.sin(2 * np.pi * _UNITS_HZ[units] * time_s)
    fade = np.minimum(1.0, np.minimum(np.arange(frames), np.arange(frames)[::-1]) / (rate_hz * _FADE_MS / 1000))
    silence = bytes(2 * (rate_hz * WORD_MS // 1000 - frames))
    sound: bytes = np.round(chord * fade * _LEVEL).astype("<i2").tobytes()
    return sound + silence


def _number(samples: npt.NDArray[np.float64], rate_hz: int) -> int:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), rate_hz))  # 1 Hz a bin
    tens, units = (int(np.argmax([_band(spectrum, tone) for tone in tones])) for tones in (_TENS_HZ, _UNITS_HZ))
    return 10 * tens + units


def _band(spectrum: npt.NDArray[np.float64], tone_hz: int) -> float:
    return float(spectrum[tone_hz - 20 : tone_hz + 21].sum())
