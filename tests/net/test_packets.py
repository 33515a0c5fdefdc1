"""What is taken from inside of aiortc: that it is there, and that what aiortc reports stays right without it."""

from __future__ import annotations

import asyncio
import dataclasses
import re
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from aiortc import RTCRtpReceiver, RTCRtpSender, rtp
from tests.net.peers import Heard, Pair, Tone, connect, connected_pair, level_at, make_peer, media_of, silence

from sonicrtc.bench.media.session import as_chromium_offers, prefers_redundancy, repeat_packets
from sonicrtc.errors import MissingExtraError
from sonicrtc.rtc import packets
from sonicrtc.rtc.packets import ATTRIBUTES, FUNCTIONS
from sonicrtc.rtc.peer import Peer


def named(entries: tuple[tuple[Any, ...], ...]) -> list[Any]:
    return [pytest.param(*entry, id=f"{entry[0].__name__}.{entry[1]}") for entry in entries]


@pytest.mark.parametrize(("owner", "name", "parameters"), named(FUNCTIONS))
def test_a_function_that_is_missing_or_takes_something_else_is_named(
    owner: Any, name: str, parameters: tuple[str, ...]
) -> None:
    packets._require(owner, name, parameters)
    for other in ({}, {name: lambda other: None}, {name: 1}):
        with pytest.raises(MissingExtraError, match=name):
            packets._require(SimpleNamespace(__name__="other", **other), name, parameters)


@pytest.mark.parametrize(("owner", "name"), named(ATTRIBUTES))
def test_an_attribute_that_is_missing_is_named(owner: type, name: str) -> None:
    packets._require_attribute(owner, name)
    with pytest.raises(MissingExtraError, match=rf"{owner.__name__}\.{name}"):
        packets._require_attribute(type(owner.__name__, (), {"__init__": lambda self: None}), name)


@pytest.mark.parametrize("version", ["1.15.0", "1.17.0", "2.0.0", "1"])
def test_another_version_of_aiortc_is_refused_by_its_number(version: str) -> None:
    packets._require_version("1.16.3")
    with pytest.raises(MissingExtraError, match=rf"aiortc 1\.16 \(but {version}\)"):
        packets._require_version(version)


def receiver_of(peer: Peer) -> RTCRtpReceiver:
    return peer._pc.getTransceivers()[0].receiver


def sender_of(peer: Peer) -> RTCRtpSender:
    return peer._pc.getTransceivers()[0].sender


def losing(pair: Pair, every: int) -> list[rtp.RtpPacket]:
    """Drop every so many-th packet on the caller's way to the callee; return what is sent from now on."""
    transport = sender_of(pair.caller).transport
    send, sent = transport._send_rtp, list[rtp.RtpPacket]()

    async def send_rtp(data: bytes) -> None:
        if not rtp.is_rtcp(data):
            sent.append(rtp.RtpPacket.parse(data, vars(transport)["_rtp_header_extensions_map"]))
            if len(sent) % every == 0:
                return
        await send(data)

    vars(transport)["_send_rtp"] = send_rtp
    return sent


async def until_report(peer: Peer, wanted: int = 1) -> list[rtp.RtcpRrPacket]:
    """Wait for so many receiver reports about what `peer` sends."""
    reports: list[rtp.RtcpRrPacket] = []
    came = asyncio.Event()
    inside = vars(sender_of(peer))
    handle = inside["_handle_rtcp_packet"]

    async def handle_rtcp(packet: rtp.AnyRtcpPacket) -> None:
        await handle(packet)
        if isinstance(packet, rtp.RtcpRrPacket):
            reports.append(packet)
            came.set()

    inside["_handle_rtcp_packet"] = handle_rtcp
    async with asyncio.timeout(15):
        while len(reports) < wanted:
            came.clear()
            await came.wait()
    return reports


async def test_what_is_lost_is_counted_and_reported_to_the_sender() -> None:
    async with connected_pair(Tone(1000)) as pair:
        sent = losing(pair, every=5)
        *_, last = await until_report(pair.caller, 3)
        (report,) = last.reports
        assert 0.12 < report.fraction_lost / 256 < 0.28
        stats = await receiver_of(pair.callee).getStats()
        (inbound,) = [s for s in stats.values() if s.type == "inbound-rtp"]
        assert inbound.ssrc == sent[0].ssrc
        assert inbound.packetsLost == pytest.approx(len(sent) / 5, abs=2)
        (source,) = receiver_of(pair.callee).getSynchronizationSources()
        assert source.source == sent[0].ssrc


async def test_a_packet_that_was_lost_is_heard_from_the_next_ones_copy() -> None:
    async with connected_pair(Tone(1000), edit_offer=as_chromium_offers) as pair:
        assert prefers_redundancy(pair.callee._pc.localDescription.sdp)
        transport = sender_of(pair.caller).transport
        losing(pair, every=5)
        repeat_packets(transport)
        *_, last = await until_report(pair.caller, 3)
        assert 0.12 < last.reports[0].fraction_lost / 256 < 0.28
        stats = pair.callee.stats
        assert stats.packets_lost > 20
        assert stats.restored_ms == 20 * stats.packets_lost
        assert stats.made_up_ms == 0
        heard = await pair.at_callee.seconds(0.5)
        assert level_at(heard, 1000) > 10_000


@pytest.mark.parametrize("spoilt", [b"", b"\xff", b"\x80\x00\x00\x01"])
async def test_a_redundant_packet_that_cannot_be_read_is_counted_and_left_out(spoilt: bytes) -> None:
    async with connected_pair(edit_offer=as_chromium_offers) as pair:
        receiver = receiver_of(pair.callee)
        packet = rtp.RtpPacket(payload_type=63, ssrc=99, payload=spoilt)
        await receiver._handle_rtp_packet(packet, arrival_time_ms=0)
        assert 99 in [source.source for source in receiver.getSynchronizationSources()]
        assert not vars(pair.callee._line)["_inbound"]._heard_s.get(99)


async def test_an_offer_whose_host_only_the_other_side_can_look_up_is_answered() -> None:
    def hidden(sdp: str) -> str:
        return re.sub(r"c=IN IP4 \S+", "c=IN IP4 48b6f27f-50e1-4701-a082-c5d7812d31c8.local", as_chromium_offers(sdp))

    async with connected_pair(Tone(1000), edit_offer=hidden) as pair:
        assert prefers_redundancy(pair.callee._pc.localDescription.sdp)
        await pair.at_callee.seconds(0.1)


async def test_a_call_without_redundancy_is_answered_with_opus_alone() -> None:
    media = dataclasses.replace(media_of("packets"), redundancy=False)
    async with connected_pair(Tone(1000), edit_offer=as_chromium_offers, callee_media=media) as pair:
        assert not prefers_redundancy(pair.callee._pc.localDescription.sdp)
        await pair.at_callee.seconds(0.1)


async def test_a_pause_is_not_taken_for_loss_and_the_timestamps_go_on() -> None:
    async with connected_pair(callee_says=Tone(440)) as pair:
        vars(pair.callee._line)["_outbound"]._pull = silence
        *_, last = await until_report(pair.callee, 3)
        assert [report.fraction_lost for report in last.reports] == [0]
        (outbound,) = [s for s in (await sender_of(pair.callee).getStats()).values() if s.type == "outbound-rtp"]
        assert outbound.packetsSent < 60
        assert last.reports[0].packets_lost == 0


async def test_packets_are_numbered_in_a_row_and_only_the_first_is_marked() -> None:
    async with connected_pair(Tone(1000)) as pair:
        sent = losing(pair, every=1_000_000)
        await pair.at_callee.seconds(0.5)
    first = sent[0]
    assert [p.sequence_number - first.sequence_number for p in sent] == list(range(len(sent)))
    assert [p.timestamp - first.timestamp for p in sent] == [960 * n for n in range(len(sent))]
    assert {p.extensions.mid for p in sent} == {"0"}
    assert not any(p.marker for p in sent[1:])


@pytest.mark.parametrize("payload_type", [0, 63, 126])
async def test_what_was_not_negotiated_is_left_out(payload_type: int) -> None:
    async with connected_pair(Tone(1000)) as pair:
        await pair.at_callee.seconds(0.2)
        receiver = receiver_of(pair.callee)
        before = (await receiver.getStats()).copy()
        event = rtp.RtpPacket(payload_type=payload_type, ssrc=99, payload=b"\x01\x80\x00\xa0")
        await receiver._handle_rtp_packet(event, arrival_time_ms=0)
        assert 99 not in [s.source for s in receiver.getSynchronizationSources()]
        assert before


async def test_a_peer_with_more_sources_than_a_report_has_room_for_is_still_reported_to() -> None:
    async with connected_pair(Tone(1000)) as pair:
        await pair.at_callee.seconds(0.2)
        receiver = receiver_of(pair.callee)
        (number,) = vars(receiver)["_RTCRtpReceiver__codecs"]
        for ssrc in range(1, 100):
            packet = rtp.RtpPacket(payload_type=number, ssrc=ssrc, payload=b"\xfc")
            await receiver._handle_rtp_packet(packet, arrival_time_ms=0)
        (report,) = await until_report(pair.caller)
        assert len(report.reports) == 16


@pytest.mark.parametrize("side", ["hears", "speaks"])
async def test_what_the_call_raises_inside_of_aiortc_comes_out_of_run(side: str) -> None:
    def fail(*args: object) -> Any:
        raise ZeroDivisionError

    heard = Heard()
    caller, callee = make_peer(Heard(), Tone(1000)), make_peer(heard, fail if side == "speaks" else silence)
    if side == "hears":
        vars(callee._line)["_inbound"]._on_audio = fail
    await connect(caller, callee)
    with pytest.raises(ZeroDivisionError):
        await callee.run()
    await caller.close()
    await callee.close()


async def test_no_thread_belongs_to_a_connection() -> None:
    before = threading.active_count()
    async with connected_pair(Tone(1000), Tone(440)) as pair:
        await pair.at_callee.seconds(0.3)
        await pair.at_caller.seconds(0.3)
        assert threading.active_count() == before
