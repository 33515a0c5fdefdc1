"""The passages of a folder and how to find them; an index never changes, another one takes its place."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sonicrtc.local.knowledge_base.embedding import Vector
from sonicrtc.local.knowledge_base.filters import matches

#: How much the share of the question's words weighs; the rest is the likeness of meanings.
_OF_WORDS = 0.2

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One passage: the file that it is of, its text, what of it is searched, and the metadata that filters see."""

    name: str
    text: str
    search_text: str
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An entry and how near it is to the question, 0 to 1."""

    entry: Entry
    score: float


class Index:
    """Entries and how to find them.

    The score of a passage is that of its meaning (the cosine to the question) and, to a fifth, that of its words: the
    share of the question's words that are in it, rare ones counting more. What is compared, and the fifth, was found
    on the half of the questions in ``benchmarks/home`` that is there for development.

    Parameters
    ----------
    entries : sequence of Entry
    vectors : sequence of arrays
        Unit vector of the search text of each entry.
    files : int
        How many files they are of.
    """

    def __init__(self, entries: Sequence[Entry] = (), vectors: Sequence[Vector] = (), files: int = 0) -> None:
        self.entries = tuple(entries)
        self.files = files
        self._vectors = np.array(vectors, np.float32)
        self._words = [_words(entry.search_text) for entry in entries]
        counts = Counter(word for words in self._words for word in words)
        # As BM25 weighs them.
        self._weights = {word: math.log(1 + (len(entries) - n + 0.5) / (n + 0.5)) for word, n in counts.items()}

    def __len__(self) -> int:
        return len(self.entries)

    def __str__(self) -> str:
        return f"indexed {_count(self.files, 'file')}, {_count(len(self), 'passage')}"

    def nearest(
        self,
        text: str,
        vector: Vector,
        *,
        limit: int,
        condition: Mapping[str, Any] | None = None,
        use_words: bool = True,
    ) -> list[Found]:
        """Return the entries nearest to a question, nearest first.

        Parameters
        ----------
        text, vector : str, array
            The question and its unit vector.
        limit : int
            How many entries at most.
        condition : mapping, optional
            Filter on metadata.
        use_words : bool
            False compares meanings only.
        """
        rows = [i for i, entry in enumerate(self.entries) if condition is None or matches(condition, entry.metadata)]
        if not rows:
            return []
        scores = self._vectors[rows] @ vector
        if use_words:
            scores = (1 - _OF_WORDS) * scores + _OF_WORDS * self._shares(text, rows)
        best = np.argsort(-scores, kind="stable")[:limit]
        return [Found(entry=self.entries[rows[i]], score=round(float(scores[i].clip(0, 1)), 6)) for i in best]

    def _shares(self, text: str, rows: Sequence[int]) -> Vector:
        weights = {word: self._weights[word] for word in _words(text) if word in self._weights}
        total = sum(weights.values()) or 1.0
        shares = [sum(weight for word, weight in weights.items() if word in self._words[i]) / total for i in rows]
        return np.array(shares, np.float32)


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.casefold()))


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
