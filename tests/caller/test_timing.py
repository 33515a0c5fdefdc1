"""The timings, on recordings that were made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from sonicrtc.caller.timing import Tape, end_of_speech_s, first_sound_s, is_loud, response_time

BLOCK = 960
LOUD = 104  # -49.95 dBFS
QUIET = 103  # -50.05 dBFS


def block(*loud_frames: int, level: int = LOUD) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    samples = np.zeros(BLOCK, np.int16)
    samples[list(loud_frames)] = level
    return samples


def test_sound_begins_above_minus_50_dbfs_on_either_side() -> None:
    assert is_loud(block(3))
    assert is_loud(block(3, level=-LOUD))
    assert is_loud(block(3, level=-32768))
    assert not is_loud(block(3, level=QUIET))
    assert not is_loud(block(3, level=-QUIET))
    assert not is_loud(np.zeros(0, np.int16))


def test_a_sent_block_was_spoken_before_it_was_handed_over() -> None:
    sent = Tape()
    sent.append_sent(block(0, 479), now_s=1.02)
    sent.append_sent(block(), now_s=1.04)
    assert end_of_speech_s(sent) == pytest.approx(1.00 + 479 / 48_000)


def test_silence_has_no_end_of_speech() -> None:
    sent = Tape()
    sent.append_sent(block(5, level=QUIET), now_s=1.0)
    assert end_of_speech_s(sent) is None
    assert end_of_speech_s(Tape()) is None


def test_a_received_block_is_heard_from_when_it_came() -> None:
    received = Tape()
    received.append_received(block(), now_s=5.00)
    received.append_received(block(96), now_s=5.02)
    assert first_sound_s(received, after_s=0.0) == pytest.approx(5.022)


def test_sound_that_came_before_the_end_of_speech_does_not_count() -> None:
    received = Tape()
    received.append_received(block(0, 480), now_s=1.000)
    received.append_received(block(48), now_s=3.000)
    assert first_sound_s(received, after_s=1.005) == pytest.approx(1.010)
    assert first_sound_s(received, after_s=1.011) == pytest.approx(3.001)
    assert first_sound_s(received, after_s=3.002) is None


def test_the_response_is_what_lies_beyond_the_models_pause() -> None:
    received = Tape()
    received.append_received(block(0), now_s=12.05)
    measured = response_time(10.0, received, endpoint_ms=1750)
    assert measured.first_audio_ms == 2050.0
    assert measured.response_ms == 300.0


@pytest.mark.parametrize("spoken_s", [None, 99.0])
def test_without_speech_or_answer_there_is_no_figure(spoken_s: float | None) -> None:
    received = Tape()
    received.append_received(block(0), now_s=12.0)
    measured = response_time(spoken_s, received, endpoint_ms=1750)
    assert (measured.first_audio_ms, measured.response_ms) == (None, None)


def test_a_recording_is_its_blocks_in_order() -> None:
    tape = Tape()
    tape.append_received(np.array([1, 2], np.int16), now_s=0)
    tape.append_received(np.array([3], np.int16), now_s=1)
    assert tape.samples().tolist() == [1, 2, 3]
    assert len(Tape().samples()) == 0
