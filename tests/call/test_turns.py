"""Who speaks, whose turn it is and where its time went; no clock, no sound."""

from __future__ import annotations

import pytest

from sonicrtc.events import ErrorEvent, InterruptedEvent, ServerEvent, SpeakingEvent, TimingEvent, TranscriptEvent
from sonicrtc.metrics import Loudness, MediaClock, Turns, Voice


def edges(role: str, levels: list[float], *, speech: bool = True) -> list[tuple[float, bool]]:
    """Feed 20 ms blocks; return when the user began and ended."""
    turns, found = Turns(), []
    for number, level in enumerate(levels):
        for event in turns.heard(level, speech, 20.0 * number):
            assert isinstance(event, SpeakingEvent)
            assert event.role == role
            found.append((20.0 * number, event.active))
    return found


def test_speech_begins_at_once_and_ends_after_half_a_second() -> None:
    assert edges("user", [-90.0] * 10 + [-20.0] * 50 + [-90.0] * 50) == [(200.0, True), (1680.0, False)]


def test_a_pause_between_words_does_not_end_it() -> None:
    assert edges("user", ([-20.0] * 10 + [-60.0] * 15) * 4 + [-60.0] * 30)[1:] == [(2180.0, False)]


def test_what_the_detector_calls_no_speech_is_none() -> None:
    assert edges("user", [-20.0] * 50, speech=False) == []


def test_a_quiet_room_is_no_speech() -> None:
    assert edges("user", [-58.0] * 50) == []


def test_noise_below_the_voice_does_not_keep_it_going() -> None:
    assert edges("user", [-20.0] * 50 + [-40.0] * 40)[-1] == (1480.0, False)


def test_loudness_forgets_an_old_peak() -> None:
    loudness = Loudness()
    assert loudness.is_loud(-10, 0)
    assert not loudness.is_loud(-40, 20)
    assert loudness.is_loud(-40, 6000)


def test_a_voice_stops_once() -> None:
    voice = Voice("assistant", pause_ms=300)
    assert voice.stop() == ()
    assert voice.hear(True, 0) == (SpeakingEvent(role="assistant", active=True),)
    assert voice.hear(True, 20) == ()
    assert voice.stop() == (SpeakingEvent(role="assistant", active=False),)
    assert voice.hear(False, 400) == ()


def spoken_turn(turns: Turns) -> list[ServerEvent]:
    events: list[ServerEvent] = [*turns.heard(-20, True, 100), *turns.user_text("hi", 2000)]
    events += turns.assistant_text("hello", "speculative")
    turns.received(0, 2300, whole=True)
    turns.received(500, 2350, whole=True)
    events += turns.played(0, 2310)
    events += turns.played(20, 2330)
    return events


def test_a_turn_is_timed_when_its_first_audio_is_played() -> None:
    assert spoken_turn(Turns())[-1] == TimingEvent(
        turn=1,
        user_speech_end_ms=100,
        user_text_ms=2000,
        first_audio_received_ms=2300,
        first_audio_played_ms=2330,
    )


def test_a_turn_without_audio_is_timed_when_the_next_begins_or_the_call_ends() -> None:
    turns = Turns()
    turns.user_text("one", 10)
    timings = [e for e in (*turns.user_text("two", 20), *turns.finish()) if isinstance(e, TimingEvent)]
    assert [(t.turn, t.user_text_ms, t.first_audio_played_ms) for t in timings] == [(1, 10, None), (2, 20, None)]
    assert turns.finish() == ()


def test_each_utterance_begins_a_turn_and_answers_belong_to_it() -> None:
    turns, said = Turns(), []
    for event in (
        *turns.user_text("one", 1),
        *turns.assistant_text("eins", "speculative"),
        *turns.assistant_text("eins", "final"),
        *turns.user_text("two", 2),
        *turns.assistant_text("zwei", "speculative"),
    ):
        if isinstance(event, TranscriptEvent):
            said.append((event.text, event.turn))
    assert said == [("one", 1), ("eins", 1), ("eins", 1), ("two", 2), ("zwei", 2)]


def test_words_that_are_told_again_belong_to_the_same_turn_and_leave_its_timing_alone() -> None:
    turns = Turns()
    turns.heard(-20, True, 100)
    turns.user_text("turn of", 2000)
    again = turns.user_text("turn off the light", 4000, again=True)
    assert again == (TranscriptEvent(role="user", stage="final", text="turn off the light", turn=1),)
    (timing,) = turns.finish()
    assert isinstance(timing, TimingEvent)
    assert (timing.turn, timing.user_speech_end_ms, timing.user_text_ms) == (1, 100, 2000)
    assert turns.user_text("thanks", 9000)[-1].turn == 2  # type: ignore[union-attr]


def test_the_first_words_open_turn_one_whoever_says_them() -> None:
    assert Turns().assistant_text("Welcome.", "speculative")[-1].turn == 1  # type: ignore[union-attr]


@pytest.mark.parametrize("echoed", [True, False])
def test_typing_begins_a_turn_with_the_answer_not_with_the_end_of_the_last_one(echoed: bool) -> None:
    turns = Turns()
    turns.user_text("one", 1)
    turns.typed()
    late = turns.assistant_text("eins", "final")
    typed = turns.user_text("two", 2) if echoed else ()
    answer = turns.assistant_text("zwei", "speculative")
    assert late[-1].turn == 1  # type: ignore[union-attr]
    assert answer[-1].turn == 2  # type: ignore[union-attr]
    assert not echoed or typed[-1].turn == 2  # type: ignore[union-attr]


def test_an_interruption_tells_what_was_heard_of_the_turn_and_ends_the_voice() -> None:
    turns = Turns()
    spoken_turn(turns)
    turns.user_text("again", 5000)
    turns.received(700, 5100, whole=True)
    turns.played(720, 5120)
    assert turns.interrupted(1500) == (
        InterruptedEvent(turn=2, played_ms=800),
        SpeakingEvent(role="assistant", active=False),
    )


def test_an_interruption_before_any_audio_heard_nothing() -> None:
    turns = Turns()
    turns.user_text("hi", 1)
    assert turns.interrupted(900) == (InterruptedEvent(turn=1, played_ms=0),)


def test_audio_that_did_not_fit_is_told_once_per_turn() -> None:
    turns, told = Turns(), list[ServerEvent]()
    for whole in (True, False, True, False):
        told += turns.received(0, 1, whole=whole)
    assert [type(event) for event in told] == [ErrorEvent]
    turns.user_text("go on", 2)
    assert turns.received(0, 3, whole=True) == ()
    assert turns.received(0, 3, whole=False) == tuple(told)


def test_the_assistant_speaks_while_its_audio_goes_on() -> None:
    turns, edges = Turns(), []
    for at_ms, position_ms in enumerate([0, 20, 40, 40, 60] + [60] * 20):
        edges += [(20 * at_ms, e.active) for e in turns.played(position_ms, 20 * at_ms)]  # type: ignore[union-attr]
    assert edges == [(20, True), (380, False)]


# -- when it was spoken -----------------------------------------------------------------------------


def ends(*pieces: tuple[float, float]) -> list[float]:
    """Return when pieces of such a length ended that came at such times, in ms."""
    clock = MediaClock()
    return [clock.end_of(length_ms, now_ms) for length_ms, now_ms in pieces]


def test_without_bursts_a_piece_ends_when_it_comes() -> None:
    assert ends(*((20, 20.0 * n) for n in range(50))) == pytest.approx([20.0 * n for n in range(50)])


def test_pieces_of_a_burst_ended_one_after_the_other() -> None:
    before, burst = [(20, 20.0 * n) for n in range(1, 11)], [(20, 540.0)] * 17
    assert ends(*before, *burst)[10:] == pytest.approx([220 + 20 * n for n in range(17)], abs=4)


def test_audio_that_was_left_out_is_not_waited_for() -> None:
    assert ends((20, 20), (20, 40), (20, 5000), (20, 5020))[2:] == [5000, 5020]


def test_a_burst_at_the_beginning_is_forgotten_once_pieces_come_faster() -> None:
    assert ends((20, 400), (20, 401), (20, 402), (20, 403), (20, 404))[-1] == 404


def test_clocks_that_differ_by_200_ppm_do_not_add_up() -> None:
    times = [20.004 * n for n in range(90_000)]
    assert ends(*((20, now) for now in times)) == pytest.approx(times, abs=1)
