"""WAV files in and out of a call: always 48 kHz mono int16 inside."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sonicrtc.audio import Resampler
from sonicrtc.errors import AudioFormatError

Samples = NDArray[np.int16]

#: Rate of everything between the caller and its peer connection.
CALL_RATE_HZ = 48_000

_RATES_HZ = (8_000, 16_000, 24_000, 44_100, 48_000)
_LONGEST_S = 3600


def read_wav(path: Path) -> Samples:
    """Return what a WAV file holds, mixed to mono, at 48 kHz.

    Parameters
    ----------
    path : Path
        PCM, 16 bits, 1 or 2 channels, 8, 16, 24, 44.1 or 48 kHz, at most an hour.

    Returns
    -------
    ndarray, shape (frames,), int16

    Raises
    ------
    AudioFormatError
        It is something else, empty, or cannot be read.
    """
    try:
        with wave.open(str(path), "rb") as file:
            _check(path, file.getsampwidth() == 2, "16-bit samples", f"{8 * file.getsampwidth()}-bit")
            _check(path, file.getnchannels() in (1, 2), "1 or 2 channels", file.getnchannels())
            rates = ", ".join(map(str, _RATES_HZ))
            _check(path, file.getframerate() in _RATES_HZ, f"{rates} Hz", f"{file.getframerate()} Hz")
            _check(path, file.getnframes() <= _LONGEST_S * file.getframerate(), "at most an hour", "more")
            data = file.readframes(file.getnframes())
            rate_hz, channels = file.getframerate(), file.getnchannels()
    except OSError as exc:
        raise AudioFormatError(f"cannot read {path}: {exc.strerror or exc}") from exc
    except (wave.Error, EOFError) as exc:
        raise AudioFormatError(f"{path} is not a PCM WAV file: {exc or 'it ends too early'}") from exc
    frame_bytes = 2 * channels
    frames = np.frombuffer(data[: len(data) // frame_bytes * frame_bytes], "<i2").reshape(-1, channels)
    _check(path, len(frames) > 0, "some audio", "an empty file")
    mono = (frames.astype(np.int32).sum(axis=1) // channels).astype(np.int16)
    return resample(mono, rate_hz)


def resample(samples: Samples, rate_hz: int) -> Samples:
    """Return `samples` of `rate_hz` at 48 kHz: as long, and not late."""
    if rate_hz == CALL_RATE_HZ:
        return samples
    resampler = Resampler(input_rate_hz=rate_hz, output_rate_hz=CALL_RATE_HZ)
    converted = np.concatenate((resampler.push(samples), resampler.flush()))
    late = round(resampler.delay_frames)
    return converted[late : late + -(-samples.size * CALL_RATE_HZ // rate_hz)]


def write_wav(path: Path, samples: Samples) -> None:
    """Write 48 kHz mono `samples`, shape ``(frames,)``, as a WAV file.

    Raises
    ------
    AudioFormatError
        The file cannot be written.
    """
    try:
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(CALL_RATE_HZ)
            file.writeframes(samples.astype("<i2").tobytes())
    except OSError as exc:
        raise AudioFormatError(f"cannot write {path}: {exc.strerror or exc}") from exc


def _check(path: Path, condition: bool, expected: str, got: object) -> None:
    if not condition:
        raise AudioFormatError(f"{path}: expected {expected}, got {got}")
