"""Text as it is spoken: numbers, times and dates in words, sentences one by one."""

from __future__ import annotations

import re

_ONES: list[str] = re.findall(
    r"\w+",
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen",
)
_TENS: list[str] = ["", "ten", *re.findall(r"\w+", "twenty thirty forty fifty sixty seventy eighty ninety")]
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip
_MONTHS: list[str] = re.findall(
    r"\w+", "January February March April May June July August September October November December"
)
_SYMBOLS = {
    "°C": " degrees Celsius", "°F": " degrees Fahrenheit", "°": " degrees", "%": " percent", "&": " and ",
    "km/h": " kilometers per hour", "@": " at ", "+": " plus ", "=": " equals ",
}  # fmt: skip
_TITLES = {"mr.": "mister", "mrs.": "missus", "ms.": "miss", "dr.": "doctor", "st.": "saint", "vs.": "versus"}

_ISO_DATE = re.compile(r"\b(\d{4})-(\d\d)-(\d\d)\b")
_LONG_DATE = re.compile(rf"\b({'|'.join(_MONTHS)}) (\d{{1,2}})(?:st|nd|rd|th)?(?:,? (\d{{4}}))?\b")
_TIME = re.compile(r"\b(\d{1,2})(?::(\d\d))?(?::\d\d)? ?([AaPp])\.?[Mm]\b\.?(?=(\s+[A-Z]|\s*$)?)")
_CLOCK = re.compile(r"\b([01]?\d|2[0-3]):([0-5]\d)\b")
_ORDINAL = re.compile(r"\b(\d{1,4})(?:st|nd|rd|th)\b")
_NUMBER = re.compile(r"(?<![\w.])([-−]?)(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d+))?(?!\w)")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[\"'A-Z0-9])")

#: A sentence longer than this is spoken in pieces, so that its first audio need not wait for its end.
_LONG_CHARS = 90


def number_words(value: int) -> str:
    """Return a cardinal number in words, e.g. ``"forty-two"``."""
    if value < 0:
        return "minus " + number_words(-value)
    for size, name in ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred")):
        if value >= size:
            head, rest = divmod(value, size)
            return f"{number_words(head)} {name}" + (f" {number_words(rest)}" if rest else "")
    if value < 20:
        return _ONES[value]
    tens, ones = divmod(value, 10)
    return _TENS[tens] + (f"-{_ONES[ones]}" if ones else "")


def ordinal_words(value: int) -> str:
    """Return an ordinal number in words, e.g. ``"twenty-second"``."""
    words = number_words(value)
    start = max(words.rfind(" "), words.rfind("-")) + 1
    last = words[start:]
    if last in _ORDINALS:
        last = _ORDINALS[last]
    elif last.endswith("y"):
        last = last[:-1] + "ieth"
    else:
        last += "th"
    return words[:start] + last


def year_words(year: int) -> str:
    """Return a year as it is said, e.g. ``"twenty twenty-six"``."""
    century, rest = divmod(year, 100)
    if not 1000 <= year <= 2999 or (century % 10 == 0 and rest < 10):
        return number_words(year)
    if rest == 0:
        return f"{number_words(century)} hundred"
    return f"{number_words(century)} {'oh ' if rest < 10 else ''}{number_words(rest)}"


def clock_words(hour: int, minute: int, half: str = "") -> str:
    """Return a time of day in words; `half` is ``""``, ``"A"`` or ``"P"``."""
    words = [number_words(hour)]
    if minute:
        words.append(f"oh {number_words(minute)}" if minute < 10 else number_words(minute))
    elif not half:
        words.append("o'clock")
    if half:
        words += [half.upper(), "M"]
    return " ".join(words)


def verbalise(text: str) -> str:
    """Replace times, dates, numbers and symbols by words, for the synthesiser.

    Parameters
    ----------
    text : str
        As it stands in a transcript, e.g. ``"It is 3:45 PM."``.

    Returns
    -------
    str
        As it is said, e.g. ``"It is three forty-five P M."``.
    """
    text = _ISO_DATE.sub(_say_iso_date, text)
    text = _LONG_DATE.sub(_say_long_date, text)
    text = _TIME.sub(_say_time, text)
    text = _CLOCK.sub(lambda match: clock_words(int(match[1]), int(match[2])), text)
    text = _ORDINAL.sub(lambda match: ordinal_words(int(match[1])), text)
    for symbol, words in _SYMBOLS.items():
        text = text.replace(symbol, words)
    text = _NUMBER.sub(_say_number, text)
    return " ".join(_TITLES.get(word.lower(), word) for word in text.split())


def _say_iso_date(match: re.Match[str]) -> str:
    year, month, day = (int(group) for group in match.groups())
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return match[0]
    return f"{_MONTHS[month - 1]} {ordinal_words(day)}, {year_words(year)}"


def _say_long_date(match: re.Match[str]) -> str:
    year = f", {year_words(int(match[3]))}" if match[3] else ""
    return f"{match[1]} {ordinal_words(int(match[2]))}{year}"


def _say_time(match: re.Match[str]) -> str:
    hour, minute = int(match[1]), int(match[2] or 0)
    if hour > 12 or minute > 59:
        return match[0]
    ends_sentence = match[0].endswith(".") and match[4] is not None
    return clock_words(hour, minute, match[3]) + ("." if ends_sentence else "")


def _say_number(match: re.Match[str]) -> str:
    digits, fraction = match[2].replace(",", ""), match[3]
    if len(digits) > 12 or (len(digits) > 1 and digits.startswith("0")):
        words = " ".join(_ONES[int(digit)] for digit in digits)
    else:
        words = number_words(int(digits))
    if fraction:
        words += " point " + " ".join(_ONES[int(digit)] for digit in fraction)
    return ("minus " if match[1] else "") + words


def spoken_words(text: str) -> list[str]:
    """Return the words of `text` as they sound, for comparing two transcripts.

    ``"It's 3:45 p.m."`` and ``"it's three forty five PM"`` give the same list.
    """
    # "345 PM" is how a recogniser sometimes writes it.
    text = re.sub(r"\b(\d{1,2})(\d\d)( ?[AaPp]\.?[Mm]\b)", r"\1:\2\3", text)
    text = verbalise(text).lower().replace("’", "'")
    text = re.sub(r"\b([ap])\.? ?m\b\.?", r"\1 m", text.replace("o'clock", " "))
    text = re.sub(r"\b(?:to[- ]day|good[- ]bye|good[- ]night)\b", lambda match: re.sub(r"\W", "", match[0]), text)
    return ["oh" if word == "o" else word for word in re.findall(r"[a-z0-9']+", text.replace("-", " "))]


def parse_number(words: list[str]) -> int | None:
    """Read a number below a thousand at the start of `words`; None when there is none."""
    total: int | None = None
    for word in words[1:] if words[:2] == ["a", "hundred"] else words:
        if word.isdigit() and total is None:
            return int(word)
        if word in _ONES:
            value = _ONES.index(word)
            if total is not None and (value == 0 or total % 10 or (value > 9 and total % 100)):
                break
        elif word in _TENS[2:]:
            value = _TENS.index(word) * 10
            if total is not None and total % 100:
                break
        elif word == "hundred" and (total is None or total < 10):
            total = (total or 1) * 100
            continue
        elif word == "and" and total is not None and total >= 100:
            continue
        else:
            break
        total = (total or 0) + value
    return total


def sentences(text: str) -> list[str]:
    """Cut `text` into sentences, and a long sentence at its commas: each is spoken by itself."""
    pieces: list[str] = []
    for sentence in _SENTENCE_END.split(text.strip()):
        pieces += _cut(sentence) if len(sentence) > _LONG_CHARS else [sentence]
    return [piece for piece in pieces if re.search(r"\w", piece)]


def _cut(sentence: str) -> list[str]:
    pieces: list[str] = [""]
    for part in re.findall(r"[^,;:]+[,;:]?\s*", sentence):
        if pieces[-1] and len(pieces[-1]) + len(part) > _LONG_CHARS:
            pieces.append("")
        pieces[-1] += part
    return [shorter for piece in pieces for shorter in _cut_words(piece.strip())]


def _cut_words(piece: str) -> list[str]:
    """Cut what has no comma between two words."""
    pieces = [""]
    for word in piece.split():
        if pieces[-1] and len(pieces[-1]) + len(word) >= 2 * _LONG_CHARS:
            pieces.append("")
        pieces[-1] += f" {word}" if pieces[-1] else word
    return pieces
