"""Cuts a text into passages that a search can return. No I/O.

A passage stands under its headings, and begins with them, so that it can be understood (and found) alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

#: Longest prose of a passage, in characters: with its headings it fits into what the model reads at once.
MAX_CHARACTERS = 1000
#: Longest passage with the code that its prose is about, which comes along and is not searched.
_MAX_WITH_CODE = 2500

_HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*#*")
_CODE = re.compile(r"^[ \t]*(```|~~~).*?(^[ \t]*\1[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_FENCE = re.compile(r"\s*(```|~~~)")
_TABLE_RULE = re.compile(r"\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?")
_LINE_MATTERS = re.compile(r"\s*([|*+-]|\d+[.)]|```|~~~| {4})")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A part of a document.

    Parameters
    ----------
    headings : tuple of str
        What it stands under, outermost first, without marks.
    body : str
        Never blank.
    """

    headings: tuple[str, ...] = ()
    body: str

    @property
    def text(self) -> str:
        """The headings as Markdown, and the body."""
        lines = [f"{'#' * level} {heading}" for level, heading in enumerate(self.headings, 1)]
        return "\n".join([*lines, *([""] if lines else []), self.body])

    @property
    def search_text(self) -> str:
        """What is searched: headings below the document's title, and prose; code only where there is no prose."""
        prose = _CODE.sub("", self.body).strip() or self.body
        return "\n".join([": ".join(self.headings[1:] or self.headings), prose]).strip()


def cut_text(text: str) -> list[Passage]:
    """Cut plain text at empty lines, as many paragraphs in a passage as it takes."""
    return [Passage(body=body) for body in _packed(_blocks(text.splitlines()))]


def cut_markdown(text: str) -> list[Passage]:
    """Cut Markdown at its headings, and what is long between them at empty lines, table rows or sentences."""
    passages = []
    for headings, lines in _sections(text.splitlines()):
        passages += [Passage(headings=headings, body=body) for body in _packed(_blocks(lines))]
    return passages


def _sections(lines: Sequence[str]) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Give what stands under each heading; a ``#`` inside a code block is none."""
    trail: list[tuple[int, str]] = []
    body: list[str] = []
    fence: str | None = None
    for line in lines:
        mark = _FENCE.match(line)
        if mark and fence in (None, mark[1]):
            fence = mark[1] if fence is None else None
        heading = _HEADING.fullmatch(line) if fence is None else None
        if heading is None:
            body.append(line)
            continue
        yield tuple(title for _, title in trail), body
        level, body = len(heading[1]), []
        trail = [(above, title) for above, title in trail if above < level] + [(level, heading[2])]
    yield tuple(title for _, title in trail), body


def _blocks(lines: Sequence[str]) -> Iterator[str]:
    """Give paragraphs, each short enough; a code block stays together across its empty lines."""
    block: list[str] = []
    fence: str | None = None
    for line in [*lines, ""]:
        mark = _FENCE.match(line)
        if mark and fence in (None, mark[1]):
            fence = mark[1] if fence is None else None
        if line.strip() or fence is not None:
            block.append(line.rstrip())
        elif block:
            yield from _short_enough(block)
            block = []
    if block:  # a code block that nobody closed
        yield from _short_enough(block)


def _short_enough(lines: list[str]) -> Iterator[str]:
    """Cut what is too long: a table, list or code at its lines (a table's header over each part), else at sentences."""
    whole = "\n".join(lines)
    if len(whole) <= (_MAX_WITH_CODE if _FENCE.match(whole) else MAX_CHARACTERS):
        yield whole
        return
    if not any(_LINE_MATTERS.match(line) for line in lines):
        yield from _packed(_pieces(" ".join(lines)), " ")
        return
    is_table = len(lines) > 2 and _TABLE_RULE.fullmatch(lines[1].strip())
    header = lines[:2] if is_table else []
    rows = (
        line[at : at + MAX_CHARACTERS] for line in lines[len(header) :] for at in range(0, len(line), MAX_CHARACTERS)
    )
    for part in _packed(rows, "\n"):
        yield "\n".join([*header, part])


def _pieces(text: str) -> Iterator[str]:
    """Give sentences, and of one that is too long as much at a time as fits."""
    for sentence in _SENTENCE_END.split(text):
        for start in range(0, len(sentence), MAX_CHARACTERS):
            yield sentence[start : start + MAX_CHARACTERS]


def _packed(parts: Iterable[str], between: str = "\n\n") -> Iterator[str]:
    """Join neighbours up to the longest that a passage may be; code stays with the prose before it."""
    joined = ""
    for part in parts:
        longest = _MAX_WITH_CODE if _FENCE.match(part) else MAX_CHARACTERS
        if joined and len(joined) + len(between) + len(part) > longest:
            yield joined
            joined = ""
        joined = f"{joined}{between}{part}" if joined else part
    if joined.strip():
        yield joined
