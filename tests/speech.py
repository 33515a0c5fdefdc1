"""Human speech for the tests, and how well it was understood."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sonicrtc.bench.media.figures import word_errors
from sonicrtc.local.sonic.speech.text import spoken_words

#: The LibriVox sentences of Debian's package pocketsphinx-testdata.
LIBRIVOX = Path("/usr/share/pocketsphinx/test/data/librivox")


def transcripts(directory: Path = LIBRIVOX) -> dict[str, str]:
    """Return the sentences of the recordings by file name."""
    lines = (directory / "transcription").read_text("utf-8").splitlines()
    matches = [re.fullmatch(r"<s> (.*) </s> \((.*)\)", line.strip()) for line in lines]
    return {f"{m[2]}.wav": m[1] for m in matches if m}


def word_error_rate(reference: str, heard: str) -> float:
    """Return the word errors over the number of words in `reference`."""
    expected = spoken_words(reference)
    return word_errors(expected, spoken_words(heard)) / len(expected)


def clock_words(text: str) -> str:
    """Return the words of `text` as they sound; the recogniser also writes times as ``3.21``."""
    return " ".join(spoken_words(re.sub(r"(\d{1,2}) ?\. ?(\d\d)", r"\1:\2", text)))


def clear_afternoon() -> dict[str, str]:
    """Return the environment of a place where it is 3:20 PM now.

    The recogniser, which checks the voice, understands every minute of the half hour after that, and
    one in five of the day's others not at all ("8:18" is "a Tay T").
    """
    now = datetime.now(UTC)
    shift = (timedelta(hours=15, minutes=20) - timedelta(hours=now.hour, minutes=now.minute)) % timedelta(days=1)
    hours, minutes = divmod(shift.seconds // 60, 60)
    return {"TZ": f"TST-{hours}:{minutes:02d}"}  # POSIX: what lies east of Greenwich is negative
