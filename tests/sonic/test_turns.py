from __future__ import annotations

from sonicrtc.sonic.turns import Turns


def test_what_is_said_until_the_end_of_a_turn_is_one_turn() -> None:
    turns = Turns()
    assert [turns.promise(), turns.speak(), turns.promise(), turns.speak()] == [1, 1, 1, 1]
    assert turns.end(1)
    assert not turns.end(1)
    assert turns.speak() == 2


def test_promised_speech_is_its_own_turns_even_after_an_interruption() -> None:
    turns = Turns()
    turns.promise()
    turns.interrupt(1)
    turns.end(1)
    assert turns.speak() == 1
    assert turns.speak() == 2


def test_what_the_user_says_cancels_what_was_promised() -> None:
    turns = Turns()
    turns.promise()
    turns.end(1)
    turns.user_speaks()
    assert turns.speak() == 2


def test_the_next_turn_owes_nothing_that_the_one_before_promised() -> None:
    turns = Turns()
    turns.promise()
    turns.end(1)
    turns.promise()
    turns.speak()
    turns.end(2)
    assert turns.speak() == 3


def test_the_user_ends_a_turn_whose_speech_is_over() -> None:
    turns = Turns()
    turns.speak()
    turns.fall_silent(1, for_good=False)
    assert not turns.user_speaks()
    turns.fall_silent(1, for_good=True)
    assert turns.user_speaks()
    assert not turns.user_speaks()


def test_the_end_of_an_older_turns_speech_says_nothing_of_the_new_one() -> None:
    turns = Turns()
    turns.speak()
    turns.end(1)
    turns.speak()
    turns.fall_silent(1, for_good=True)
    assert not turns.user_speaks()


def test_a_new_turns_speech_is_not_over_because_the_last_ones_was() -> None:
    turns = Turns()
    turns.speak()
    turns.fall_silent(1, for_good=True)
    turns.end(1)
    turns.speak()
    assert not turns.user_speaks()


def test_an_interruption_is_news_once_and_only_of_the_newest_turn() -> None:
    turns = Turns()
    turns.speak()
    turns.end(1)
    turns.speak()
    assert not turns.interrupt(1)
    assert not turns.is_silenced(2)
    assert turns.interrupt(2)
    assert not turns.interrupt(2)


def test_silence_is_not_taken_back() -> None:
    turns = Turns()
    turns.speak()
    turns.end(1)
    turns.speak()
    turns.interrupt(2)
    turns.interrupt(1)
    assert turns.is_silenced(2)
