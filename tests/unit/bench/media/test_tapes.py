from __future__ import annotations

import numpy as np

from sonicrtc.bench.media import tapes
from sonicrtc.bench.media.figures import BURST_HZ, PITCHES_HZ, pitch_of
from sonicrtc.bench.media.tapes import FRAMES, LEAD, PAUSE, Decoder, Tape


def noise(seconds: float) -> tapes.Samples:
    return np.random.default_rng(1).integers(-3000, 3000, int(48_000 * seconds)).astype(np.int16)


def begins(tape: Tape, pitches: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return in which packets a mark begins, by decoding the tape."""
    decoder = Decoder()
    heard = [pitch_of(decoder.decode(packet), pitches) for packet in tape.packets]
    return [(n, hz) for n, hz in enumerate(heard) if hz is not None and (n == 0 or heard[n - 1] != hz)]


def test_speech_has_a_burst_every_2_s_that_begins_where_the_tape_says() -> None:
    tape = tapes.talking(noise(3), seconds=6)
    assert len(tape.packets) == 300
    assert begins(tape, (BURST_HZ,)) == list(tape.marks) == [(92, 1000), (192, 1000), (292, 1000)]


def test_marks_alone_begin_where_the_tape_says_and_repeat_after_1600_ms() -> None:
    tape = tapes.marks()
    assert len(tape.packets) == 80
    assert begins(tape, PITCHES_HZ) == list(tape.marks)


def test_utterances_have_pauses_and_known_places() -> None:
    tape = tapes.utterances([noise(1.001), noise(0.5)])
    assert tape.spoken == ((LEAD, LEAD + 51), (LEAD + 51 + PAUSE, LEAD + 51 + PAUSE + 25))
    assert len(tape.packets) == LEAD + 51 + PAUSE + 25 + PAUSE


def test_every_packet_is_20_ms_and_the_end_of_the_input_is_left_out() -> None:
    packets = tapes.encode(noise(0.11))
    decoder = Decoder()
    assert [len(decoder.decode(packet)) for packet in packets] == [FRAMES] * 5


def test_an_empty_payload_has_no_audio() -> None:
    assert len(Decoder().decode(b"")) == 0
