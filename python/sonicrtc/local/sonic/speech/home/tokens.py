"""From text to tokens: numbers read, words found in the table, near misses repaired."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from sonicrtc.local.sonic.speech import phrases
from sonicrtc.local.sonic.speech.home import lexicon

_SMALL = {
    word: number
    for number, word in enumerate(
        re.findall(
            r"\w+",
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
            "seventeen eighteen nineteen",
        )
    )
}
_TENS = {
    word: 10 * number
    for number, word in enumerate(re.findall(r"\w+", "twenty thirty forty fifty sixty seventy eighty ninety"), 2)
} | {"fourty": 40}
_ADDRESSES = (
    (r"\bi'd\b", "i would"), (r"\bi'll\b", "i will"), (r"\blet's\b", "let us"), (r"\bcan't\b", "cannot"),
    (r"\bcan not\b", "cannot"), (r"\bwon't\b", "will not"), (r"\b(\w+)'ve\b", r"\1 have"),
    (r"\b(\w+)'ll\b", r"\1 will"),
    (r"\bdont\b", "do not"), (r"\bwe'd\b", "we would"), (r"\bit'd\b", "it would"), (r"\bisnt\b", "is not"),
    (r"\b(he|she|they|you)'d\b", r"\1 would"), (r"\bgimme\b", "give me"), (r"\bwanna\b", "want to"),
    (r"\bgotta\b", "have to"), (r"\blemme\b", "let me"), (r"\bim\b", "i am"), (r"\bthe lights'? is\b", "the light is"),
)  # fmt: skip
_UNITS = {"percent", "per", "degree", "kelvin", "hundred", "thousand", "point"}
#: "Would you mind locking ..."
_MIND = re.compile(r"\b(mind|how about|appreciate) (\w+)ing\b")
_DOUBLED = {"dimm": "dim", "sett": "set", "putt": "put", "shutt": "shut", "gett": "get", "mak": "make", "clos": "close",
            "rais": "raise", "giv": "give", "chang": "change", "increas": "increase", "bak": "bake"}  # fmt: skip
#: Far more than anybody says in one breath; the rest of a longer text is not looked at.
MAX_WORDS = 120
_PIECE = re.compile(r"\d+(?:[.,]\d+)?|[a-z][a-z']*|[,.;:?!%°\"“”…-]")


@dataclass(frozen=True, slots=True)
class Token:
    """A phrase of the table, a number (tag ``num``), a mark (tag ``mark``) or an unknown word (tag ``word``)."""

    tag: str
    value: str
    text: str

    @property
    def number(self) -> float:
        """The number of a token with tag ``num``."""
        return float(self.value)


def tokenise(text: str, *, repair: bool = False) -> list[Token]:
    """Return the tokens of `text`; with `repair`, unknown words are taken for the nearest word of the house."""
    pieces = _PIECE.findall(_normalised(text, misheard=repair))[:MAX_WORDS]
    if repair:
        pieces = list(map(_repaired, pieces))
    tokens: list[Token] = []
    at = 0
    while at < len(pieces):
        value, used = _number(pieces[at:])
        if used:
            tokens.append(Token("num", str(value), " ".join(pieces[at : at + used])))
            at += used
            continue
        token, used = _phrase(pieces, at)
        tokens.append(token)
        at += used
    return tokens


def _normalised(text: str, *, misheard: bool) -> str:
    text = text[: MAX_WORDS * 12].lower().replace("’", "'")
    for pattern, meant in _ADDRESSES:
        text = re.sub(pattern, meant, text)
    text = _MIND.sub(lambda found: f"{found[1]} {_DOUBLED.get(found[2], found[2])}", text)
    for pattern, meant in phrases.CONTRACTIONS:
        text = re.sub(pattern, meant, text)
    text = re.sub(r"(\d)\s*k\b", r"\1 kelvin", text)
    text = re.sub(r"(\d)\s*°?\s*([cf])\b", lambda m: m[1] + (" celsius" if m[2] == "c" else " fahrenheit"), text)
    text = text.replace("%", " percent ").replace("°", " degrees ").replace("–", "-").replace("—", ", ")
    text = re.sub(r"\s-+\s", ", ", text)
    text = re.sub(r"(?<=\w)-(?=\w)", " ", text)
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    for pattern, meant in (*lexicon.OFF, *(lexicon.MISHEARD if misheard else ())):
        text = re.sub(pattern, meant, text)
    return text


def _phrase(pieces: Sequence[str], at: int) -> tuple[Token, int]:
    for length in range(min(lexicon.LONGEST, len(pieces) - at), 0, -1):
        words = tuple(pieces[at : at + length])
        if found := lexicon.PHRASES.get(words):
            return Token(*found, " ".join(words)), length
    piece = pieces[at]
    if piece.endswith("ly") and len(piece) > 4:
        return Token("fill", "", piece), 1  # how it shall be done: slowly, gently
    return Token("word" if piece[0].isalpha() else "mark", piece, piece), 1


def _number(pieces: Sequence[str]) -> tuple[float, int]:
    """Read a number at the start of `pieces`; the second part says of how many it is made, 0 for none.

    "One eighty" is 180, as people say it of ovens.
    """
    if pieces[1:2] and pieces[1] in ("quarter", "quarters", "fourths"):
        return 0, 0
    if pieces[0] == "one" and not (pieces[1:2] and (pieces[1] in _UNITS or pieces[1] in _SMALL or pieces[1] in _TENS)):
        return 0, 0  # "the bedroom one"
    minus = pieces[0] in ("minus", "-") and len(pieces) > 1
    words = pieces[1:] if minus else pieces
    if words[0][0].isdigit():
        value, used = float(words[0].replace(",", ".")), 1
    else:
        value, used = _in_words(words)
    if used and (value or words[0] != "a"):
        if used < len(words) - 1 and words[used] == "point" and words[used + 1] in _SMALL:
            value, used = value + _SMALL[words[used + 1]] / 10, used + 2
        return (-value if minus else value), used + minus
    return 0, 0


def _in_words(words: Sequence[str]) -> tuple[float, int]:
    total, group, used = 0, -1, 0  # `group` is what stands before "hundred" or at the end; -1 for nothing yet
    for place, word in enumerate(words):
        after = words[place + 1] if place + 1 < len(words) else ""
        if word == "a" and after in ("hundred", "thousand") and group < 0:
            group = 1
            continue
        if word == "and" and (group >= 100 or (total and group <= 0)) and (after in _SMALL or after in _TENS):
            continue
        if word in _SMALL or word in _TENS:
            value = _SMALL.get(word, _TENS.get(word, 0))
            fits = (
                group < 0 or (group >= 100 and group % 100 == 0) or (group >= 20 and not group % 10 and 0 < value < 10)
            )
            if not fits and 0 < group < 10 and value >= 10:
                group, fits, value = group * 100, True, value  # "one eighty"
            elif not fits and 10 < group < 100 and value >= 10 and not total:
                group, fits = group * 100, True  # "twenty seven fifty"
            if not fits:
                break
            group = max(group, 0) + value
        elif word == "hundred" and 0 < group < 100:
            group *= 100
        elif word == "thousand" and group > 0:
            total, group = total + 1000 * group, -1
        else:
            break
        used = place + 1
    return total + max(group, 0), used


def _repaired(word: str) -> str:
    """Take an unknown word for the nearest one of the house, by its letters or its sound."""
    if len(word) < 4 or word in lexicon.WORDS or word in _SMALL or word in _TENS or word in ("hundred", "thousand"):
        return word
    close = difflib.get_close_matches(word, lexicon.REPAIRABLE, n=1, cutoff=0.8)
    sound = _sound(word)
    alike = [known for known in lexicon.REPAIRABLE if _sound(known) == sound] if len(sound) > 2 else []
    return next(iter((*close, *alike)), word)


def _sound(word: str) -> str:
    """Return the consonants of a word as they sound; an r that British English does not speak is left out."""
    word = re.sub(r"r(?![aeiouy])", "", re.sub(r"ck|q|c(?![eiy])", "k", word.replace("ph", "f").replace("gh", "")))
    word = word.translate(str.maketrans("vzcgd", "fssjt"))
    return word[:1] + re.sub(r"(.)\1+", r"\1", re.sub(r"[aeiouyhw]", "", word[1:]))
