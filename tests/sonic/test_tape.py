"""The user's last seconds: what stays on the tape, and what of it is unanswered."""

from __future__ import annotations

import itertools

import pytest

from sonicrtc.sonic.tape import Piece, Tape

CHUNK = 320  # 20 ms
MS = 16


def record(tape: Tape, ms: int, *, voiced: bool = False, silent: bool = False) -> None:
    for _ in range(ms // 20):
        tape.append((b"\0\0" if silent else b"\1\0") * CHUNK, voiced=voiced)


def replayed(tape: Tape) -> list[Piece]:
    pieces, position = [], tape.replay_from()
    while (piece := tape.next(position)) is not None:
        pieces.append(piece)
        position = piece.end
    return pieces


def test_nothing_is_to_be_repeated_while_nobody_spoke() -> None:
    tape = Tape()
    record(tape, 1000)
    assert (tape.unanswered_from, replayed(tape), tape.unheard_ms) == (None, [], 0)
    assert tape.holds_unanswered()


def test_what_was_said_is_repeated_with_a_little_before_it_and_all_after() -> None:
    tape = Tape()
    record(tape, 1000)
    record(tape, 500, voiced=True)
    record(tape, 200)
    pieces = replayed(tape)
    assert (pieces[0].start, pieces[-1].end) == (700 * MS, 1700 * MS)
    assert all(a.end == b.start for a, b in itertools.pairwise(pieces))
    assert tape.unheard_ms == 500


def test_what_the_model_put_into_words_stays_until_it_answers() -> None:
    tape = Tape()
    record(tape, 400, voiced=True)
    record(tape, 1000)
    tape.heard(tape.end)
    assert tape.is_waiting
    assert (tape.unanswered_from, tape.unheard_ms) == (0, 0)
    tape.answered()
    assert (tape.unanswered_from, tape.is_waiting) == (None, False)


def test_what_was_said_too_lately_to_be_meant_is_not_taken_for_heard() -> None:
    tape = Tape()
    record(tape, 400, voiced=True)
    record(tape, 1000)
    record(tape, 200, voiced=True)
    tape.heard(tape.end)
    tape.answered()
    assert tape.unanswered_from == 1400 * MS


@pytest.mark.parametrize(("pause_ms", "is_waiting"), [(100, False), (300, True)])
def test_where_a_word_ends_is_not_taken_too_exactly(pause_ms: int, is_waiting: bool) -> None:
    tape = Tape()
    record(tape, 400, voiced=True)
    record(tape, pause_ms)
    tape.heard(tape.end)
    assert tape.is_waiting is is_waiting
    assert (tape.unheard_ms == 0) is is_waiting


def test_only_what_was_sent_can_have_been_heard() -> None:
    tape = Tape()
    record(tape, 400, voiced=True)
    record(tape, 1000)
    tape.heard(300 * MS)
    assert tape.unanswered_from == 0
    assert not tape.is_waiting


def test_two_utterances_without_an_answer_are_repeated_from_the_first_on() -> None:
    tape = Tape()
    for _ in range(2):
        record(tape, 400, voiced=True)
        record(tape, 1000)
        tape.heard(tape.end)
    assert tape.unanswered_from == 0


def test_the_tape_is_bounded_and_counts_the_voice_that_it_loses() -> None:
    tape = Tape(limit_ms=1000)
    record(tape, 1600, voiced=True)
    assert (tape.start, tape.end) == (600 * MS, 1600 * MS)
    assert tape.lost_frames == 600 * MS
    assert not tape.holds_unanswered()
    assert replayed(tape)[0].start == 600 * MS


def test_voice_that_was_answered_is_not_lost_when_it_leaves() -> None:
    tape = Tape(limit_ms=1000)
    record(tape, 400, voiced=True)
    record(tape, 500)
    tape.heard(tape.end)
    tape.answered()
    record(tape, 2000)
    assert tape.lost_frames == 0


def test_a_long_silence_takes_no_room() -> None:
    tape = Tape(limit_ms=4000)
    record(tape, 1000, voiced=True)
    record(tape, 60_000, silent=True)
    assert tape.holds_unanswered()
    assert tape.end == 61_000 * MS
    assert replayed(tape)[-1].end == 3500 * MS


@pytest.mark.parametrize(("pause_ms", "runs"), [(200, 1), (400, 2)])
def test_a_short_pause_belongs_to_an_utterance(pause_ms: int, runs: int) -> None:
    tape = Tape()
    record(tape, 400, voiced=True)
    record(tape, pause_ms)
    record(tape, 400, voiced=True)
    assert tape.unheard_ms == 800 + (pause_ms if runs == 1 else 0)
