"""Text and its spoken form."""

from __future__ import annotations

import pytest

from sonicrtc.local.sonic.speech.text import (
    number_words,
    ordinal_words,
    parse_number,
    sentences,
    spoken_words,
    verbalise,
    year_words,
)


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("It is 3:45 PM.", "It is three forty-five P M."),
        ("It is 9:05 a.m. Good morning.", "It is nine oh five A M. Good morning."),
        ("It is 12:00 PM.", "It is twelve P M."),
        ("At 15:45 or 9:00", "At fifteen forty-five or nine o'clock"),
        ("Today is Sunday, November 22, 2026.", "Today is Sunday, November twenty-second, twenty twenty-six."),
        ("2026-11-22", "November twenty-second, twenty twenty-six"),
        ("1,234 things", "one thousand two hundred thirty-four things"),
        ("-5°C and 3.25%", "minus five degrees Celsius and three point two five percent"),
        ("the 3rd and the 20th", "the third and the twentieth"),
        ("agent 007", "agent zero zero seven"),
        ("Mr. Dashwood & co", "mister Dashwood and co"),
        ("99:99 PM", "ninety-nine:ninety-nine PM"),
    ],
)
def test_numbers_times_and_dates_become_words(written: str, spoken: str) -> None:
    assert verbalise(written) == spoken


@pytest.mark.parametrize(
    ("year", "words"),
    [(1999, "nineteen ninety-nine"), (2005, "two thousand five"), (1900, "nineteen hundred"),
     (1907, "nineteen oh seven"), (2026, "twenty twenty-six")],
)  # fmt: skip
def test_years_are_said_as_years(year: int, words: str) -> None:
    assert year_words(year) == words


def test_ordinals() -> None:
    assert [ordinal_words(n) for n in (1, 12, 30, 31, 100)] == [
        "first", "twelfth", "thirtieth", "thirty-first", "one hundredth",
    ]  # fmt: skip


@pytest.mark.parametrize("number", [*range(130), 200, 345, 999])
def test_a_number_in_words_is_read_back(number: int) -> None:
    assert parse_number(number_words(number).replace("-", " ").split()) == number


@pytest.mark.parametrize(("words", "number"), [("30 please", 30), ("a hundred", 100), ("apples", None), ("", None)])
def test_numbers_are_read_at_the_start_only(words: str, number: int | None) -> None:
    assert parse_number(words.split()) == number


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("It is 3:45 PM.", "it is three forty five p M.."),
        ("It is 3:45 PM.", "It is 345 p.m."),
        ("It is 9:05 PM.", "It is nine o five PM"),
        ("Good bye, see you today!", "good-bye see you to-day"),
    ],
)
def test_two_spellings_of_the_same_sound_compare_equal(one: str, other: str) -> None:
    assert spoken_words(one) == spoken_words(other)


def test_different_times_do_not_compare_equal() -> None:
    assert spoken_words("It is 3:45 PM.") != spoken_words("It is 3:46 PM.")


def test_text_is_cut_into_sentences_but_not_at_abbreviated_times() -> None:
    assert sentences("Hello! It is 3:45 PM. Today is Sunday.") == ["Hello!", "It is 3:45 PM.", "Today is Sunday."]


def test_a_long_sentence_is_cut_and_loses_no_word() -> None:
    text = (
        "This sentence goes on, with many parts, " * 6
        + "and "
        + "one long part without any comma " * 10
        + "at its end."
    )
    pieces = sentences(text)
    assert " ".join(pieces).split() == text.split()
    assert max(len(piece) for piece in pieces) <= 180


def test_text_without_words_has_no_sentences() -> None:
    assert sentences(" ... ") == []
