"""AudioReceiver from Python: what it takes, and what it says; its rules are tested in C++ and against a model."""

from __future__ import annotations

from threading import Thread
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.scripted_opus import scripted_mark, scripted_opus, scripted_packet

from sonicrtc.audio import AudioReceiver, OpusEncoder
from sonicrtc.rtc.opus import find_opus


@pytest.fixture
def receiver() -> AudioReceiver:
    return AudioReceiver(scripted_opus(), rate_hz=16_000)


def send(receiver: AudioReceiver, number: int, **chosen: Any) -> int:
    return receiver.push(scripted_packet(number, **chosen), number, 960 * number, 0.02 * number)


def test_a_packet_is_audio_at_once(receiver: AudioReceiver) -> None:
    assert send(receiver, 7) == 320
    assert receiver.audio.dtype == np.int16
    assert receiver.audio.tolist() == [7] * 320
    assert receiver.kinds == [("real", 320)]


def test_each_kind_of_audio_is_flagged_and_counted(receiver: AudioReceiver) -> None:
    send(receiver, 0)
    assert send(receiver, 3) == 3 * 320
    assert receiver.kinds == [("plc", 320), ("fec", 320), ("real", 320)]
    receiver.push(scripted_mark(), 4, 960 * 4, 0.08)
    receiver.advance(0.2)
    stats = receiver.stats
    assert (stats.received, stats.lost, stats.plc_frames, stats.fec_frames, stats.real_frames) == (3, 2, 320, 320, 640)
    assert stats.comfort_frames == 320 + receiver.audio.size > 320


def test_the_audio_is_a_view_of_memory_that_is_used_again(receiver: AudioReceiver) -> None:
    send(receiver, 1)
    first = receiver.audio
    send(receiver, 2)
    assert receiver.audio is first
    del receiver
    assert first.tolist() == [2] * 320


def test_nothing_is_due_until_a_packet_has_come(receiver: AudioReceiver) -> None:
    assert receiver.due_s is None
    assert receiver.advance(5.0) == 0
    send(receiver, 0)
    assert receiver.due_s == pytest.approx(0.5)
    assert receiver.advance(0.5) > 0


def test_the_delay_over_the_best_of_the_network_is_measured(receiver: AudioReceiver) -> None:
    for number in range(100):
        receiver.push(scripted_packet(number), number, 960 * number, 0.02 * number + (0.01 if number % 10 == 9 else 0))
    stats = receiver.stats
    assert stats.delay_mean_ms == pytest.approx(1.0)
    assert stats.delay_quantile_ms(0.5) == 0
    assert stats.delay_most_ms == pytest.approx(10)
    assert stats.delay_quantile_ms(0.99) == pytest.approx(10)
    assert (stats.hold_ms, stats.target_ms) == (0, 0)


def test_with_a_playout_clock_a_block_comes_every_20_ms() -> None:
    receiver = AudioReceiver(scripted_opus(), playout_clock=True)
    send(receiver, 0)
    for block in range(1, 10):
        assert receiver.due_s == pytest.approx(0.02 * block)
        assert receiver.advance(0.02 * block) == 320
    assert receiver.stats.underruns == 8
    assert receiver.stats.target_ms == 20


def test_reset_is_the_state_after_construction(receiver: AudioReceiver) -> None:
    send(receiver, 0)
    receiver.reset()
    assert (receiver.due_s, receiver.audio.size, receiver.stats.received) == (None, 0, 0)
    assert send(receiver, 500) == 320


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((None, 0, 0, 0.0), "payload: expected"),
        ((b"", -1, 0, 0.0), "sequence_number: expected 0 or more, got -1"),
        ((b"", 2**16, 0, 0.0), "sequence_number: expected 0 to 65535, got 65536"),
        ((b"", 0, 2**32, 0.0), "timestamp: expected 0 to 4294967295, got 4294967296"),
        ((b"", 0, 0, "now"), "at_s: expected a float, got str"),
        ((b"", 0, 0), "missing required argument 'at_s'"),
    ],
)
def test_what_is_no_packet_is_refused_in_words(receiver: AudioReceiver, arguments: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        receiver.push(*arguments)


def test_what_is_no_setting_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="rate_hz: expected 8000"):
        AudioReceiver(scripted_opus(), rate_hz=44_100)
    with pytest.raises(ValueError, match="q: expected 0 to 1"):
        AudioReceiver(scripted_opus()).stats.delay_quantile_ms(1.5)


def tone(packet: int) -> NDArray[np.int16]:
    """20 ms of a voice-like sound whose pitch and loudness change."""
    at = np.arange(320 * packet, 320 * (packet + 1)) / 16_000
    pulses = sum(np.sin(2 * np.pi * k * (120 * at + 10 * np.sin(5 * at))) / k for k in range(1, 20))
    return np.asarray(3000 * (1.2 + np.sin(9 * at)) * pulses, np.int16)


def test_a_lost_packet_of_a_real_codec_comes_back_from_the_next() -> None:
    library = find_opus()
    assert library
    encoder = OpusEncoder(library, rate_hz=16_000)
    encoder.expected_loss_percent = 10
    whole, lossy = AudioReceiver(library), AudioReceiver(library)
    heard: dict[AudioReceiver, list[int]] = {whole: [], lossy: []}
    for number in range(60):
        packet = encoder.encode(tone(number))
        for one in (whole, lossy):
            if one is whole or number != 50:
                one.push(packet, number, 960 * number, 0.02 * number)
                heard[one] += one.audio.tolist()
    assert lossy.stats.fec_frames == 320
    lost = slice(320 * 50, 320 * 51)
    assert np.corrcoef(heard[whole][lost], heard[lossy][lost])[0, 1] > 0.9


def test_many_receivers_share_a_library_in_many_threads() -> None:
    receivers = [AudioReceiver(scripted_opus()) for _ in range(4)]
    threads = [Thread(target=lambda one=one: [send(one, n) for n in range(500)]) for one in receivers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.stats.real_frames for one in receivers] == [500 * 320] * 4
