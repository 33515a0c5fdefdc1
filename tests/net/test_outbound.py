"""What is sent of a voice, by an encoder that tells what it was given."""

from __future__ import annotations

import logging
from collections.abc import Buffer

import numpy as np
import pytest
from tests.net.peers import Int16

from sonicrtc.rtc.adaptation import Report
from sonicrtc.rtc.outbound import OutboundPackets, ReadyPacket


class Plain:
    """An encoder whose packets are a TOC of 20 ms of SILK, code 1, and the number of the block."""

    def __init__(self) -> None:
        self.bitrate = 32_000
        self.expected_loss_percent = 0
        self.blocks: list[Int16] = []

    def encode(self, pcm: Buffer) -> bytes:
        self.blocks.append(np.frombuffer(pcm, np.int16))
        return bytes([0x49, len(self.blocks)])


class Voice:
    """Says 20 ms of sound for each #, and silence for everything else."""

    def __init__(self, script: str) -> None:
        self._script = list(script)

    def __call__(self, frames: int) -> Int16:
        return np.full(frames, self._script.pop(0) == "#", np.int16)


def outbound(script: str, *, pauses: bool = True) -> tuple[OutboundPackets, Plain]:
    encoder = Plain()
    return OutboundPackets(Voice(script), encoder, frames=480, pauses=pauses), encoder


def sent(packets: OutboundPackets, count: int) -> list[ReadyPacket | None]:
    found = []
    for _ in range(count):
        found.append(packets.next())
        packets.pace.sent()
    return found


def test_sound_is_coded_and_the_first_packet_of_a_spurt_says_so() -> None:
    packets, encoder = outbound("##")
    assert sent(packets, 2) == [ReadyPacket(b"\x49\x01", True), ReadyPacket(b"\x49\x02", False)]
    assert [len(block) for block in encoder.blocks] == [480, 480]


def test_the_mark_of_a_pause_is_the_coders_own_first_byte_without_a_frame() -> None:
    packets, encoder = outbound("#" + 40 * ".")
    found = sent(packets, 41)
    assert [packet for packet in found[11:] if packet] == 2 * [ReadyPacket(b"\x48", False)]
    assert len(encoder.blocks) == 11


def test_a_microphone_is_coded_all_the_time() -> None:
    packets, encoder = outbound(100 * ".", pauses=False)
    found = sent(packets, 100)
    assert len(encoder.blocks) == 100
    assert [packet.begins for packet in found if packet] == [True] + 99 * [False]


def test_reports_set_the_encoder_and_each_change_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    packets, encoder = outbound("")
    with caplog.at_level(logging.INFO, "sonicrtc"):
        packets.reported(Report(lost=0.2, highest_sequence=50, round_trip_s=0.042))
        packets.reported(Report(lost=0.1, highest_sequence=100))
    assert (encoder.bitrate, encoder.expected_loss_percent) == (32_000, 10)
    assert caplog.messages == ["encoding adapted: 32000 bit/s, FEC for 10 % (lost 10.0 %, round trip 42 ms)"]
