from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiortc import RTCRtpReceiver
from aiortc.mediastreams import MediaStreamError
from tests.virtual_time import VirtualTime, on_virtual_time

from sonicrtc.bench.media.impairment import Impairment
from sonicrtc.bench.media.session import LightCall, PacketTrack, asks_for_fec, is_media, private
from sonicrtc.bench.media.tapes import Tape
from sonicrtc.errors import MissingExtraError

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


def test_an_offer_asks_for_fec_as_chromiums_does_and_only_once() -> None:
    sdp = "m=audio 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 opus/48000/2\r\na=sendrecv\r\n"
    asked = asks_for_fec(sdp)
    assert "a=rtpmap:96 opus/48000/2\r\na=fmtp:96 minptime=10;useinbandfec=1\r\na=sendrecv" in asked
    assert asks_for_fec(asked) == asked


def test_a_private_part_that_is_not_there_is_named() -> None:
    with pytest.raises(MissingExtraError, match=r"RTCRtpReceiver\._not_there"):
        private(RTCRtpReceiver, "_not_there")
    with pytest.raises(MissingExtraError, match=r"RTCRtpReceiver\._handle_rtp_packet"):
        private(RTCRtpReceiver, "_handle_rtp_packet", ("self", "packet"))
