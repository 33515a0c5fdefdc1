"""Endpointing: where speech starts, pauses and ends, in samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.local_speech.sounds import RATE_HZ, Clip, Samples, in_noise, noise, silence, voice

from sonicrtc.local.sonic.speech.endpointing import (
    Endpointer,
    SpeechEnded,
    SpeechEvent,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    SpeechSustained,
)

#: -50 dBFS and -30 dBFS as sample values.
AUDIBLE, LOUD = 104, 1036


def judge(samples: Samples, *, pause_ms: int = 1500, chunk: int = 512) -> list[SpeechEvent]:
    endpointer = Endpointer(pause_ms)
    return [event for at in range(0, samples.size, chunk) for event in endpointer.push(samples[at : at + chunk])]


def only(events: list[SpeechEvent], kind: type[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def last_above(samples: Samples, level: int) -> int:
    return int(np.flatnonzero(np.abs(samples.astype(int)) > level)[-1])


def ms(samples: float) -> float:
    return samples * 1000 / RATE_HZ


def decided_at(samples: Samples, pause_ms: int) -> int:
    """Sample after which the end of the turn is known."""
    endpointer = Endpointer(pause_ms)
    for at in range(0, samples.size, 160):
        if only(list(endpointer.push(samples[at : at + 160])), SpeechEnded):
            return endpointer.position
    raise AssertionError("the turn did not end")


def test_speech_between_silences_starts_and_ends_within_40_ms_of_its_sound() -> None:
    events = judge(np.concatenate([silence(1), voice(2), silence(2)]))
    (ended,) = only(events, SpeechEnded)
    assert abs(ms(ended.start - RATE_HZ)) <= 40
    assert abs(ms(ended.end - 3 * RATE_HZ)) <= 40
    assert not ended.forced


@pytest.mark.parametrize("pause_ms", [1500, 1750, 2000])
def test_the_turn_ends_the_documented_pause_after_the_last_sound(pause_ms: int) -> None:
    sound = np.concatenate([silence(0.5), voice(1), silence(3)])
    assert abs(ms(decided_at(sound, pause_ms) - last_above(sound, AUDIBLE)) - pause_ms) <= 40


def test_a_shorter_pause_does_not_end_the_turn() -> None:
    events = judge(np.concatenate([silence(0.5), voice(1), silence(1.4), voice(1), silence(2)]))
    (ended,) = only(events, SpeechEnded)
    assert ms(ended.end - ended.start) == pytest.approx(3400, abs=60)
    assert len(only(events, SpeechPaused)) == 2
    assert len(only(events, SpeechResumed)) == 1


def test_events_come_in_order() -> None:
    events = judge(np.concatenate([silence(0.5), voice(1), silence(2)]))
    assert [type(event) for event in events] == [SpeechStarted, SpeechSustained, SpeechPaused, SpeechEnded]


def test_the_same_events_come_for_any_chunking() -> None:
    sound = np.concatenate([silence(0.3), voice(0.7), silence(0.6), voice(0.5), silence(2)])
    assert judge(sound, chunk=1) == judge(sound, chunk=512) == judge(sound, chunk=sound.size) == judge(sound, chunk=777)


def test_an_utterance_ends_after_15_seconds_and_the_next_begins() -> None:
    events = judge(np.concatenate([voice(20), silence(2)]))
    first, second = only(events, SpeechEnded)
    assert first.forced
    assert not second.forced
    assert ms(first.end - first.start) == pytest.approx(15_000, abs=200)
    assert ms(second.end) == pytest.approx(20_000, abs=60)


def test_a_click_is_no_speech() -> None:
    click = silence(2).copy()
    click[RATE_HZ : RATE_HZ + 300] = 12_000
    assert judge(click) == []


@pytest.mark.parametrize("colour", ["white", "pink"])
def test_steady_noise_alone_gives_no_turn(colour: str) -> None:
    sound = (noise(10 * RATE_HZ, colour, seed=7) * 800).astype(np.int16)
    assert only(judge(sound), SpeechEnded) == []


def test_digital_silence_does_not_pull_the_floor_down() -> None:
    room = (noise(2 * RATE_HZ, "pink", seed=1) * 300).astype(np.int16)
    endpointer = Endpointer(1500)
    list(endpointer.push(room))
    before = endpointer.floor_dbfs
    list(endpointer.push(silence(20)))
    assert endpointer.floor_dbfs == before
    assert only(list(endpointer.push(room)), SpeechStarted) == []


def test_the_utterance_holds_real_audio_from_before_its_onset() -> None:
    endpointer = Endpointer(1500)
    room = (noise(RATE_HZ, "white", seed=2) * 20).astype(np.int16)
    for event in endpointer.push(np.concatenate([room, voice(1), silence(1)])):
        if isinstance(event, SpeechPaused):
            utterance = endpointer.utterance()
            break
    assert np.any(utterance[: RATE_HZ // 4])
    assert ms(utterance.size) == pytest.approx(300 + 1000 + 300, abs=120)


def test_a_gate_that_sends_zeros_and_a_pre_roll_changes_the_end_by_no_more_than_100_ms(librivox: list[Clip]) -> None:
    clip = librivox[1].samples
    noisy = in_noise(np.concatenate([silence(1.5), clip, silence(4)]), clip, "pink", 10, seed=3)
    gated = noisy.copy()
    gated[: round(1.2 * RATE_HZ)] = 0
    (open_end,) = only(judge(noisy), SpeechEnded)
    (gated_end,) = only(judge(gated), SpeechEnded)
    assert abs(ms(gated_end.end - open_end.end)) <= 100


@pytest.mark.parametrize("index", range(5))
def test_human_speech_is_one_turn_that_ends_with_its_last_loud_sound(librivox: list[Clip], index: int) -> None:
    clip = librivox[index].samples
    sound = np.concatenate([silence(1), clip, silence(3)])
    (ended,) = only(judge(sound), SpeechEnded)
    assert -100 <= ms(ended.end - last_above(sound, LOUD)) <= 450
    assert ms(ended.end - last_above(sound, AUDIBLE)) <= 40


@pytest.mark.parametrize("colour", ["white", "pink"])
@pytest.mark.parametrize("index", range(5))
def test_noise_10_db_below_the_speech_neither_hides_nor_moves_its_end(
    librivox: list[Clip], index: int, colour: str
) -> None:
    clip = librivox[index].samples
    quiet = np.concatenate([silence(2), clip, silence(5)])
    noisy = in_noise(quiet, clip, colour, 10, seed=index)
    (ended,) = only(judge(noisy), SpeechEnded)
    # What is weaker than the noise cannot be heard: the end may come earlier, but no word is lost.
    assert -360 <= ms(ended.end - last_above(quiet, LOUD)) <= 100
    assert ms(ended.start - 2 * RATE_HZ) <= 400
