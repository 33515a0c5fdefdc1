"""What another stream is told of the conversation: what the user said, and what the user heard."""

from __future__ import annotations

from typing import Any

from sonicrtc.sonic.history import OPENING, History, Message


def conversation(*said: tuple[str, str]) -> History:
    history = History()
    for role, text in said:
        (history.user if role == "USER" else history.spoken)(text)
    return history


def told(history: History, **options: Any) -> list[tuple[str, str]]:
    limits = {"message_bytes": 1000, "total_bytes": 10_000} | options
    return [(message.role, message.text) for message in history.messages(**limits)]


def test_neighbours_of_one_role_are_one_message() -> None:
    history = conversation(("USER", "hello"), ("ASSISTANT", "Hi."), ("ASSISTANT", " How are you? "), ("USER", "fine"))
    assert told(history) == [("USER", "hello"), ("ASSISTANT", "Hi. How are you?"), ("USER", "fine")]


def test_blank_texts_leave_no_trace() -> None:
    assert list(conversation(("USER", "  "), ("ASSISTANT", ""))) == []


def test_a_sentence_that_is_told_twice_is_kept_once_as_it_was_spoken() -> None:
    history = conversation(("USER", "hello"))
    history.announced("It is five.")
    history.audio(100)
    history.announced("Good night.")
    history.spoken("It is 5.")
    assert told(history) == [("USER", "hello"), ("ASSISTANT", "It is 5. Good night.")]


def test_what_was_thrown_away_unheard_is_cut_off_to_the_word() -> None:
    history = conversation(("USER", "count"))
    for sentence in ("One two three four.", "Five six seven eight."):
        history.announced(sentence)
        history.audio(1000)
        history.spoken(sentence)
    history.flushed(500)
    assert told(history)[1] == ("ASSISTANT", "One two three four. Five six")
    history.flushed(1100)
    assert told(history)[1] == ("ASSISTANT", "One two")


def test_a_sentence_that_was_announced_and_never_heard_is_not_part_of_the_conversation() -> None:
    history = conversation(("USER", "hello"))
    history.announced("Heard.")
    history.audio(100)
    history.announced("Not begun.")
    history.flushed(0)
    assert told(history)[1] == ("ASSISTANT", "Heard.")


def test_of_an_answer_that_broke_off_the_announced_rest_was_not_said() -> None:
    history = conversation(("USER", "hello"))
    for sentence, frames in (("All of it.", 24_000), ("The half of this sentence.", 24_000), ("Nothing.", 0)):
        history.announced(sentence)
        history.audio(frames)
    history.spoken("All of it.")
    history.broke_off()
    assert told(history)[1] == ("ASSISTANT", "All of it. The half of")


def test_final_words_of_what_was_cut_off_are_not_believed() -> None:
    history = conversation(("USER", "hello"))
    history.announced("A long story.")
    history.audio(100)
    history.flushed(100)
    history.spoken("A long story.")
    assert told(history) == [("USER", "hello")]
    history.announced("Yes?")
    history.spoken("Yes?")
    assert told(history)[-1] == ("ASSISTANT", "Yes?")


def test_what_is_flushed_after_the_users_words_is_cut_before_them() -> None:
    history = conversation(("USER", "count"))
    history.announced("One two three four.")
    history.audio(1000)
    history.user("stop")
    history.flushed(500)
    assert told(history) == [("USER", "count"), ("ASSISTANT", "One two"), ("USER", "stop")]


def test_audio_without_an_announcement_belongs_to_nothing() -> None:
    history = conversation(("USER", "hello"))
    history.audio(100)
    assert told(history) == [("USER", "hello")]


def test_words_of_the_user_that_are_told_again_take_the_place_of_all_that_is_unanswered() -> None:
    history = conversation(("USER", "hello"))
    history.answered()
    history.user("turn of")
    history.user("the light")
    history.user("turn off the light", again=True)
    assert told(history) == [("USER", "hello turn off the light")]
    history.answered()
    history.user("thanks", again=True)
    assert told(history) == [("USER", "hello turn off the light thanks")]


def test_what_is_unanswered_can_be_left_out_but_not_what_was_typed_before() -> None:
    history = conversation(("ASSISTANT", "Hi."))
    history.typed("my name is Ada")
    history.user("what time is it")
    assert history.unanswered_text == "what time is it"
    assert told(history, without_unanswered=True)[1:] == [("ASSISTANT", "Hi."), ("USER", "my name is Ada")]
    history.answered()
    assert history.unanswered_text == ""
    assert told(history, without_unanswered=True)[-1] == ("USER", "my name is Ada what time is it")


def test_a_conversation_that_the_assistant_began_begins_with_a_word_for_the_user() -> None:
    assert told(conversation(("ASSISTANT", "Welcome."))) == [("USER", OPENING), ("ASSISTANT", "Welcome.")]


def test_the_oldest_messages_go_when_there_are_too_many_bytes() -> None:
    history = History([Message("USER", "ä" * 40), Message("ASSISTANT", "b" * 40), Message("USER", "c" * 40)])
    assert told(history, total_bytes=80 + len(OPENING)) == [
        ("USER", OPENING),
        ("ASSISTANT", "b" * 40),
        ("USER", "c" * 40),
    ]


def test_a_message_that_is_too_long_loses_its_beginning() -> None:
    history = History([Message("USER", "eins zwei drei vier"), Message("ASSISTANT", "ö" * 30)])
    first, second = (text for _, text in told(history, message_bytes=14))
    assert first == "… drei vier"
    assert second == "ö" * 5
    assert told(history, message_bytes=100)[0] == ("USER", "eins zwei drei vier")


def test_what_is_too_old_to_be_repeated_is_forgotten() -> None:
    history = conversation(*(("USER", str(n)) for n in range(10)), ("ASSISTANT", "x" * 200))
    history.forget(2 * 64 + 200)
    assert told(history) == [("USER", "7 8 9"), ("ASSISTANT", "x" * 200)]


def test_a_day_of_talk_takes_no_more_memory_than_an_hour() -> None:
    history = History()
    for _ in range(10_000):
        history.user("hm")
        history.announced("Yes.")
        history.forget(64 * 100)
    assert len(list(history)) <= 101


def test_forgetting_leaves_all_that_would_be_repeated() -> None:
    history = conversation(("USER", "a" * 500), ("ASSISTANT", "b" * 500), ("USER", "c" * 20))
    before = told(history, total_bytes=1100)
    history.forget(2 * 1100)
    assert told(history, total_bytes=1100) == before != []
