"""Sentences whose words are known, and how well they were understood."""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sonicrtc.bench.media.figures import word_errors
from sonicrtc.bench.media.tapes import Samples
from sonicrtc.caller.wav import read_wav, resample
from sonicrtc.errors import ConfigError

if TYPE_CHECKING:
    from sonicrtc.local.sonic.speech.recognizer import Recognizer

_RATE_HZ = 16_000
_AROUND_S = 0.3
_SEED = 1

#: Words that sound like nothing else, so that what is not understood was not heard.
SENTENCES = (
    "Please turn on the light in the kitchen.",
    "What will the weather be tomorrow morning in London?",
    "Set an alarm for seven thirty on Monday.",
    "I would like to book a table for four people.",
    "Could you tell me the latest news about football?",
    "My mother wants to visit us this evening.",
    "How long does it take to drive to the airport?",
    "Play some quiet music in the living room.",
    "Add milk, bread and butter to the shopping list.",
    "The window in the bedroom is still open.",
    "Please lower the temperature by two degrees.",
    "Where did I leave the keys of my car?",
    "Tell me something interesting about the ocean.",
    "Send a message to Peter that I will be late.",
    "Which train goes to Berlin before ten o'clock?",
    "I want to see a doctor this afternoon.",
    "Open the garage door and switch off the radio.",
    "How many people live in the city of Paris?",
    "Cancel my meeting with the new customer on Friday.",
    "It smells of smoke on the second floor.",
    "Can you translate this letter into French for me?",
    "The washing machine stopped after ten minutes.",
    "Show me the shortest way back to the hotel.",
    "Thank you, that is all for today.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """What is said, and its sound: 48 kHz mono."""

    text: str
    samples: Samples


def synthesized(texts: Sequence[str] = SENTENCES) -> tuple[Sentence, ...]:
    """Return `texts` as the local synthesizer speaks them (extra 'local'): in every run the same sound."""
    from sonicrtc.local.sonic.speech.synthesizer import load_engine, render

    with suppress(ModuleNotFoundError):  # another engine, which has nothing random, may be there instead
        importlib.import_module("onnxruntime").set_seed(_SEED)
    engine = load_engine()
    rendered = (np.frombuffer(render(engine, text, _RATE_HZ), "<i2") for text in texts)
    return tuple(
        Sentence(text=text, samples=resample(samples.astype(np.int16), _RATE_HZ))
        for text, samples in zip(texts, rendered, strict=True)
    )


def recorded(directory: Path) -> tuple[Sentence, ...]:
    """Return the WAV files of a directory whose file ``transcription`` has lines ``<s> words </s> (name)``.

    Raises
    ------
    ConfigError
        There is no such file.
    """
    try:
        lines = (directory / "transcription").read_text("utf-8").splitlines()
    except OSError as exc:
        raise ConfigError(f"speech: expected a file 'transcription' in {directory}: {exc.strerror}") from exc
    matches = [re.fullmatch(r"(?:<s>)?\s*(.*?)\s*(?:</s>)?\s*\((.*)\)", line.strip()) for line in lines]
    return tuple(Sentence(text=m[1], samples=read_wav(directory / f"{m[2]}.wav")) for m in matches if m)


def around(heard: Samples) -> Samples:
    """Return 16 kHz audio with a little quiet on both sides, as a recogniser likes it."""
    quiet = np.zeros(int(_AROUND_S * _RATE_HZ), np.int16)
    return np.concatenate((quiet, heard, quiet))


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """How many of the words that were said were not understood, or understood although nobody said them."""

    errors: int
    words: int

    @property
    def percent(self) -> float:
        """Word error rate."""
        return 100 * self.errors / max(1, self.words)


async def understood(
    recognizer: Recognizer, sentences: Sequence[Sentence], heard: Sequence[Samples]
) -> tuple[Words, tuple[str, ...]]:
    """Recognise what was `heard` of each sentence (16 kHz mono) and count the errors; also return the texts."""
    from sonicrtc.local.sonic.speech.text import spoken_words

    errors, words, texts = 0, 0, []
    for sentence, samples in zip(sentences, heard, strict=True):
        said = spoken_words(sentence.text)
        text = await recognizer.recognize(around(samples))
        errors += word_errors(said, spoken_words(text))
        words += len(said)
        texts.append(text)
    return Words(errors=errors, words=words), tuple(texts)
