"""When a reply has finished, by events and seconds alone."""

from __future__ import annotations

from typing import Literal

import pytest
from msgspec.structs import replace

from sonicrtc.caller.conversation import SETTLE_INCOMPLETE_S, SETTLE_S, Conversation
from sonicrtc.events import (
    AppEvent,
    EndedEvent,
    ErrorEvent,
    InterruptedEvent,
    SessionEvent,
    SpeakingEvent,
    TranscriptEvent,
)

PAUSE_S = 1.75
SESSION = SessionEvent(
    call_id="c", mode="sonic", model_id="m", voice="v", endpointing="MEDIUM", endpoint_ms=int(1000 * PAUSE_S)
)


def talk(timeout_s: float = 30.0) -> Conversation:
    conversation = Conversation(timeout_s=timeout_s)
    conversation.take(SESSION, 0.0)
    return conversation


def said(
    role: Literal["user", "assistant"], text: str, stage: Literal["speculative", "final"] = "final", turn: int = 1
) -> TranscriptEvent:
    return TranscriptEvent(role=role, stage=stage, text=text, turn=turn)


def test_nothing_ends_while_the_caller_speaks() -> None:
    conversation = talk()
    conversation.take(said("assistant", "Hello."), 1.0)
    assert conversation.deadline_s() is None
    assert conversation.outcome(1000.0) is None


def test_a_reply_is_finished_when_its_text_is_final_and_it_is_quiet() -> None:
    conversation = talk()
    conversation.speech_ended(10.0)
    conversation.take(said("user", "Hi"), 12.0)
    conversation.take(said("assistant", "Hello.", "speculative"), 12.1)
    conversation.take(SpeakingEvent(role="assistant", active=True), 12.2)
    conversation.take(said("assistant", "Hello."), 12.3)
    conversation.sound_came(14.0)
    conversation.take(SpeakingEvent(role="assistant", active=False), 14.1)
    assert conversation.outcome(14.1 + SETTLE_S - 0.1) is None
    assert conversation.outcome(14.1 + SETTLE_S) == "finished"


def test_an_answer_to_the_first_half_does_not_end_a_call_whose_second_half_is_not_judged_yet() -> None:
    conversation = talk()
    conversation.take(said("assistant", "To the first."), 9.9)
    conversation.speech_ended(10.0)
    assert conversation.deadline_s() == 10.0 + PAUSE_S + SETTLE_S


def test_what_was_understood_last_waits_for_its_answer() -> None:
    conversation = talk(timeout_s=20.0)
    conversation.take(said("assistant", "To the first."), 9.0)
    conversation.speech_ended(10.0)
    conversation.take(said("user", "the second"), 12.0)
    assert conversation.outcome(31.9) is None
    assert conversation.outcome(32.0) == "no_reply"


def test_no_reply_is_told_after_the_timeout() -> None:
    conversation = talk(timeout_s=5.0)
    conversation.speech_ended(10.0)
    assert conversation.deadline_s() == 15.0
    assert conversation.outcome(14.9) is None
    outcome = conversation.outcome(15.0)
    assert outcome == "no_reply"
    assert conversation.failure(outcome) == "no reply within 5 s"


def test_other_messages_do_not_extend_the_wait() -> None:
    conversation = talk(timeout_s=5.0)
    conversation.speech_ended(10.0)
    conversation.take(AppEvent(kind="weather"), 14.0)
    assert conversation.deadline_s() == 15.0


def test_an_echo_without_text_is_finished_after_a_longer_quiet() -> None:
    conversation = talk()
    conversation.speech_ended(10.0)
    conversation.sound_came(12.0)
    assert conversation.deadline_s() == 12.0 + SETTLE_INCOMPLETE_S
    assert conversation.outcome(12.0 + SETTLE_INCOMPLETE_S) == "finished"


def test_sound_from_before_the_end_of_speech_is_no_reply() -> None:
    conversation = talk(timeout_s=5.0)
    conversation.sound_came(9.0)
    conversation.speech_ended(10.0)
    assert conversation.outcome(15.0) == "no_reply"


def test_an_interrupted_turn_is_complete_and_keeps_what_was_going_to_be_said() -> None:
    conversation = talk()
    conversation.take(said("assistant", "One. Two.", "speculative"), 1.0)
    conversation.take(said("assistant", "One. Two.", "speculative", turn=2), 2.0)
    conversation.take(InterruptedEvent(turn=2, played_ms=100.0), 3.0)
    conversation.take(said("assistant", "One.", turn=1), 3.0)
    conversation.speech_ended(3.0)
    assert conversation.assistant_text() == "One. Two. One."
    assert conversation.deadline_s() == 3.0 + PAUSE_S + SETTLE_S


def test_final_texts_are_joined_and_speculative_ones_left_out() -> None:
    conversation = talk()
    for event in (
        said("user", "A."),
        said("assistant", "x", "speculative"),
        said("assistant", "X."),
        said("user", "B.", turn=2),
    ):
        conversation.take(event, 1.0)
    assert (conversation.user_text(), conversation.assistant_text()) == ("A. B.", "X.")


def test_the_callers_words_that_are_told_again_take_the_place_of_the_first() -> None:
    conversation = talk()
    for text, turn in (("A.", 1), ("B", 2), ("B. C.", 2)):
        conversation.take(said("user", text, turn=turn), 1.0)
    assert conversation.user_text() == "A. B. C."


def test_an_agent_that_speaks_first_is_listened_to_until_it_is_silent() -> None:
    conversation = Conversation(greeting_s=20.0)
    assert conversation.floor_s is None
    conversation.take(replace(SESSION, greets=True), 1.0)
    conversation.take(SpeakingEvent(role="assistant", active=True), 2.0)
    assert conversation.floor_s == 21.0
    conversation.take(SpeakingEvent(role="assistant", active=False), 5.0)
    assert conversation.floor_s == 5.0


def test_a_greeting_is_no_reply() -> None:
    conversation = talk(timeout_s=30.0)
    conversation.take(said("assistant", "Hello!", "speculative"), 1.0)
    conversation.take(said("assistant", "Hello!"), 1.1)
    conversation.speech_began()
    conversation.take(InterruptedEvent(turn=1, played_ms=700.0), 2.5)
    conversation.speech_ended(5.0)
    assert conversation.outcome(34.9) is None
    assert conversation.outcome(35.0) == "no_reply"
    conversation.take(said("assistant", "It is three.", turn=2), 36.0)
    assert conversation.outcome(36.0 + SETTLE_S) == "finished"


@pytest.mark.parametrize(("greets", "greeting_s"), [(False, 20.0), (True, 0.0)])
def test_otherwise_the_caller_speaks_at_once(greets: bool, greeting_s: float) -> None:
    conversation = Conversation(greeting_s=greeting_s)
    conversation.take(replace(SESSION, greets=greets), 1.0)
    assert conversation.floor_s == 1.0


def test_the_servers_end_is_told_with_its_error() -> None:
    conversation = talk()
    conversation.take(ErrorEvent(code="sonic", message="the model is not there"), 1.0)
    conversation.take(EndedEvent(reason="error"), 1.0)
    assert conversation.outcome(1.0) == "ended"
    assert conversation.failure("ended") == "the server ended the call (error): the model is not there"


def test_a_finished_call_has_no_failure() -> None:
    assert talk().failure("finished") is None
    assert talk().failure("hung_up") is None
    assert talk().failure("lost") == "the connection was lost"
