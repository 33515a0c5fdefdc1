"""Speech for the tests: recorded, synthetic and noisy."""

from __future__ import annotations

import wave
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]

RATE_HZ = 16_000
CHUNK = 512


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE_HZ), np.int16)


def voice(seconds: float, *, dbfs: float = -20.0) -> Samples:
    """A vowel-like buzz with syllables, which webrtcvad takes for speech."""
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    pitch = 120 + 15 * np.sin(2 * np.pi * 2.5 * t)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE_HZ
    sound = np.zeros_like(t)
    for harmonic in range(1, 26):
        hz = 120.0 * harmonic
        gain = sum(np.exp(-(((hz - formant) / 180) ** 2)) for formant in (600, 1200, 2500)) + 0.05
        sound += gain * np.sin(harmonic * phase)
    sound *= np.abs(np.sin(np.pi * 4 * t + 0.5)) ** 2  # four syllables a second, with a gap between them
    sound *= 10 ** (dbfs / 20) / np.sqrt(np.mean(sound**2))
    return (sound.clip(-1, 1) * 32767).astype(np.int16)


def noise(samples: int, colour: str, seed: int) -> npt.NDArray[np.float64]:
    """White or pink noise of power 1."""
    white = np.random.default_rng(seed).normal(size=samples)
    if colour == "pink":
        spectrum = np.fft.rfft(white)
        hz = np.fft.rfftfreq(samples, 1 / RATE_HZ)
        white = np.fft.irfft(spectrum / np.sqrt(np.maximum(hz, 20)), samples)
    return np.asarray(white / np.sqrt(np.mean(white**2)))


def in_noise(padded: Samples, clip: Samples, colour: str, snr_db: float, seed: int) -> Samples:
    """Add noise to all of `padded`, `snr_db` below the power of `clip`."""
    rms = np.sqrt(np.mean(clip.astype(np.float64) ** 2))
    noisy = padded + noise(padded.size, colour, seed) * rms * 10 ** (-snr_db / 20)
    return np.asarray(noisy.round().clip(-32768, 32767), np.int16)


def read_wav(path: Path) -> Samples:
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


@dataclass(frozen=True)
class Clip:
    """One human utterance and its words."""

    name: str
    samples: Samples = field(repr=False)
    transcript: str
