"""Words: what was said, what was understood, what was heard."""

from __future__ import annotations

import re
from pathlib import Path

_TITLES = {"mr": "mister", "mrs": "missus", "dr": "doctor"}


def words(text: str) -> list[str]:
    """Return the words of `text` as they sound."""
    plain = re.findall(r"[a-z0-9']+", text.lower().replace("-", " "))
    return [_TITLES.get(word, word) for word in plain]


def word_error_rate(reference: str, heard: str) -> float:
    """Return the Levenshtein distance of the words over the number of the reference's words."""
    expected, got = words(reference), words(heard)
    row = list(range(len(got) + 1))
    for i, word in enumerate(expected, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(got, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
    return row[-1] / len(expected)


def transcripts(directory: Path) -> dict[str, str]:
    """Return the sentences of Debian's LibriVox clips by file name."""
    lines = (directory / "transcription").read_text().splitlines()
    matches = [re.fullmatch(r"<s> (.*) </s> \((.*)\)", line.strip()) for line in lines]
    return {f"{m[2]}.wav": m[1] for m in matches if m}
