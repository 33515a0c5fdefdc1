from __future__ import annotations

import asyncio
import struct
from typing import Any

import pytest
from aiortc import RTCRtpReceiver
from aiortc.mediastreams import MediaStreamError
from aiortc.rtp import RtpPacket
from tests.virtual_time import VirtualTime, on_virtual_time

from sonicrtc.bench.media.impairment import Impairment
from sonicrtc.bench.media.session import (
    LightCall,
    PacketTrack,
    Repeat,
    as_chromium_offers,
    is_media,
    prefers_redundancy,
    private,
)
from sonicrtc.bench.media.tapes import Tape
from sonicrtc.errors import MissingExtraError
from sonicrtc.rtc.redundancy import Block, split

TAPE = Tape(packets=(b"a", b"b", b"c"))
MEDIA = bytes([128]) + bytes(20)


class FakeIce:
    """What aiortc's transport has that is used: it notes what goes out, and what comes in."""

    def __init__(self) -> None:
        self.out: list[tuple[bytes, float]] = []
        self.into: list[tuple[bytes, float]] = []
        self._connection = self

    async def _send(self, data: bytes) -> None:
        self.out.append((data, asyncio.get_running_loop().time()))

    def data_received(self, data: bytes, component: int) -> None:
        self.into.append((data, asyncio.get_running_loop().time()))


@on_virtual_time
async def test_packets_are_sent_on_an_absolute_schedule() -> None:
    track = PacketTrack(TAPE)
    sent = []
    for _ in range(4):
        packet = await track.recv()
        sent.append((bytes(packet), packet.pts))
    assert sent == [(b"a", 0), (b"b", 960), (b"c", 1920), (b"a", 2880)]
    assert [at - track.began_s for at in track.sent_s] == pytest.approx([0, 0.02, 0.04, 0.06])


@on_virtual_time
async def test_after_a_stall_all_that_is_overdue_goes_out_at_once() -> None:
    track, loop = PacketTrack(TAPE), asyncio.get_running_loop()
    assert isinstance(loop, VirtualTime)
    await track.recv()
    loop.now_s += 0.05
    for _ in range(3):
        await track.recv()
    assert [at - track.began_s for at in track.sent_s] == pytest.approx([0, 0.05, 0.05, 0.06])


def test_a_tape_that_is_not_repeated_ends_with_its_last_packet() -> None:
    assert [PacketTrack(TAPE, repeats=False).place(n) for n in range(5)] == [0, 1, 2, 2, 2]
    assert [PacketTrack(TAPE, start=2).place(n) for n in range(4)] == [2, 0, 1, 2]


async def test_a_stopped_track_sends_nothing() -> None:
    track = PacketTrack(TAPE)
    track.stop()
    with pytest.raises(MediaStreamError):
        await track.recv()


@on_virtual_time
async def test_media_is_delayed_both_ways_and_handshakes_are_not() -> None:
    ice: Any = FakeIce()
    loop = asyncio.get_running_loop()
    LightCall(TAPE, up=Impairment(delay_ms=30), down=Impairment(delay_ms=50))._impair(ice, loop)
    began_s = loop.time()
    for data in (MEDIA, b"\x16handshake"):
        await ice._send(data)
        ice.data_received(data, 1)
    await asyncio.sleep(0.1)
    assert [(data, round(at - began_s, 3)) for data, at in ice.out] == [(b"\x16handshake", 0), (MEDIA, 0.03)]
    assert [(data, round(at - began_s, 3)) for data, at in ice.into] == [(b"\x16handshake", 0), (MEDIA, 0.05)]


@on_virtual_time
async def test_lost_packets_do_not_arrive_and_are_counted() -> None:
    ice: Any = FakeIce()
    call = LightCall(TAPE, up=Impairment(loss=0.5), seed=3)
    call._impair(ice, asyncio.get_running_loop())
    for _ in range(100):
        await ice._send(MEDIA)
    packets, lost = call.lost_up
    assert packets == 100
    assert len(ice.out) == 100 - lost
    assert 30 < lost < 70


@on_virtual_time
async def test_reports_do_not_change_which_packets_of_media_are_lost() -> None:
    arrived = []
    for with_reports in (False, True):
        ice: Any = FakeIce()
        LightCall(TAPE, up=Impairment(loss=0.3), seed=3)._impair(ice, asyncio.get_running_loop())
        for n in range(100):
            await ice._send(bytes([128, 96, n]))
            if with_reports:
                await ice._send(bytes([128, 200, n]))
        arrived.append([data[2] for data, _ in ice.out if data[1] == 96])
    assert arrived[0] == arrived[1]
    assert len(arrived[0]) < 90


def test_media_is_told_from_handshakes_by_its_first_byte() -> None:
    assert is_media(MEDIA)
    assert not any(map(is_media, (b"", b"\x00\x00", b"\x16\x00", b"\xc8\x00")))


def test_an_offer_says_of_audio_what_chromiums_says() -> None:
    offer = as_chromium_offers("m=audio 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 opus/48000/2\r\na=sendrecv\r\n")
    assert offer.splitlines() == [
        "m=audio 9 UDP/TLS/RTP/SAVPF 96 63",
        "a=rtpmap:96 opus/48000/2",
        "a=fmtp:96 minptime=10;useinbandfec=1",
        "a=rtpmap:63 red/48000/2",
        "a=fmtp:63 96/96",
        "a=sendrecv",
    ]
    assert not prefers_redundancy(offer)
    assert prefers_redundancy(offer.replace("96 63", "63 96"))
    assert not prefers_redundancy("m=audio 9 UDP/TLS/RTP/SAVPF 63 96\r\na=rtpmap:96 opus/48000/2\r\n")


@pytest.mark.parametrize("extension", [b"", b"\xbe\xde\x00\x01\x10\x30\x00\x00"])
def test_a_redundant_packet_has_its_header_and_the_payload_before(extension: bytes) -> None:
    repeat = Repeat()

    def packet(number: int, payload: bytes) -> bytes:
        first = 0x90 if extension else 0x80
        return struct.pack("!BBHLL", first, 0x80 | 96, number, 960 * number, 7) + extension + payload

    first, second = repeat(packet(0, b"one")), repeat(packet(1, b"two"))
    parsed = RtpPacket.parse(second)
    assert (parsed.payload_type, parsed.marker, parsed.sequence_number, parsed.timestamp) == (63, 1, 1, 960)
    assert split(RtpPacket.parse(first).payload) == (Block(96, 0, b"one"),)
    assert split(parsed.payload) == (Block(96, 960, b"one"), Block(96, 0, b"two"))


def test_a_private_part_that_is_not_there_is_named() -> None:
    with pytest.raises(MissingExtraError, match=r"RTCRtpReceiver\._not_there"):
        private(RTCRtpReceiver, "_not_there")
    with pytest.raises(MissingExtraError, match=r"RTCRtpReceiver\._handle_rtp_packet"):
        private(RTCRtpReceiver, "_handle_rtp_packet", ("self", "packet"))
