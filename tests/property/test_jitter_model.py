"""AudioReceiver against a model of it made of lists, whatever the network does to a stream."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.property.jitter_model import RATE_HZ, Heard, Model, Packet, arrivals, shifted
from tests.scripted_opus import scripted_opus, scripted_packet

from sonicrtc.audio import AudioReceiver

FATES = st.sampled_from(["in time"] * 12 + ["lost", "late", "very late", "twice"])


@st.composite
def streams(draw: st.DrawFn, *, pauses: bool = True, losses: bool = True) -> list[Packet]:
    """What a sender says, and what becomes of it: sizes, pauses, loss, jitter, reordering and copies of any sort."""
    lengths = draw(st.sampled_from([[20], [60], [10, 20, 40, 60]]))
    jitter_ms = draw(st.sampled_from([0, 3, 30, 90]))
    packets: list[Packet] = []
    start_ms = 0
    for number in range(draw(st.integers(1, 60))):
        length_ms = draw(st.sampled_from(lengths))
        fate = draw(FATES) if losses else "in time"
        late_ms = {"late": draw(st.integers(0, 100)), "very late": 300}.get(fate, 0)
        at_ms = start_ms + 50 + draw(st.integers(0, jitter_ms)) + late_ms
        mark = pauses and draw(st.integers(0, 9)) == 0
        copies = {"lost": 0, "twice": 2}.get(fate, 1)
        fec = draw(st.booleans()) and (not packets or packets[-1].length_ms == length_ms)
        packets.append(
            Packet(
                number=number, start_ms=start_ms, length_ms=length_ms, fec=fec, mark=mark, at_ms=at_ms, copies=copies
            )
        )
        start_ms += length_ms + (draw(st.sampled_from([0, 40, 360])) if mark else 0)
    return packets


def receiver(**chosen: Any) -> AudioReceiver:
    return AudioReceiver(scripted_opus(), rate_hz=RATE_HZ, interpolate=False, **chosen)


def play(packets: list[Packet], one: Heard, until_ms: float = 5_000) -> Heard:
    """Let everything come, with a timer that is on time."""
    for packet in arrivals(packets):
        run_timer(one, packet.at_ms)
        one.push(packet)
    run_timer(one, max((p.at_ms for p in packets), default=0) + until_ms)
    return one


def run_timer(one: Heard, until_ms: float) -> None:
    """Call `advance` whenever it is due; what is due when a packet comes is due after it."""
    while one.due_ms < until_ms - 0.25:
        one.advance(one.due_ms)


@given(packets=streams())
@settings(max_examples=300, deadline=None)
def test_what_is_heard_and_when_is_what_the_model_says(packets: list[Packet]) -> None:
    one, model = Heard(receiver()), Model()
    for packet in arrivals(packets):
        while model.due_ms < packet.at_ms:
            at_ms = model.due_ms
            assert math.isclose(one.due_ms, at_ms, abs_tol=1e-3)
            model.advance(at_ms)
            one.advance(at_ms)
            assert one.units == model.heard
        one.push(packet)
        model.push(packet)
        assert one.units == model.heard


@given(packets=streams(pauses=False))
@settings(max_examples=200, deadline=None)
def test_without_pauses_every_unit_stands_where_the_sender_spoke_it(packets: list[Packet]) -> None:
    one = play(packets, Heard(receiver()))
    came = list(arrivals(packets))
    spoken = {ms: p.number for p in packets for ms in range(p.start_ms, p.start_ms + p.length_ms, 10)}
    for position, (kind, number) in enumerate(one.units):
        where = spoken.get(came[0].start_ms + 10 * position)
        assert where == number or kind in {"plc", "comfort"}


@given(packets=streams())
@settings(max_examples=200, deadline=None)
def test_every_packet_that_does_not_come_behind_its_successors_is_heard_whole_and_once(packets: list[Packet]) -> None:
    one, in_time = Heard(receiver()), set()
    for packet in arrivals(packets):
        run_timer(one, packet.at_ms)
        before = one.receiver.stats
        one.push(packet)
        after = one.receiver.stats
        if (after.late, after.duplicates) == (before.late, before.duplicates) and not packet.mark:
            in_time.add(packet)
    run_timer(one, 60_000)
    heard = [number for kind, number in one.units if kind == "real"]
    assert heard == [p.number for p in sorted(in_time, key=lambda p: p.number) for _ in range(p.length_ms // 10)]


@given(packets=streams(), sequence=st.integers(0, 2**16 - 1), timestamp=st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_the_same_is_heard_wherever_the_numbers_wrap(packets: list[Packet], sequence: int, timestamp: int) -> None:
    plain = play(packets, Heard(receiver()))
    for first, begin in ((sequence, timestamp), (2**16 - 3, 2**32 - 2000)):
        assert play(packets, Heard(receiver(), sequence=first, timestamp=begin)).units == plain.units


@given(packets=streams(), playout_clock=st.booleans())
@settings(max_examples=100, deadline=None)
def test_the_same_is_heard_when_every_packet_comes_again_and_again(packets: list[Packet], playout_clock: bool) -> None:
    once, thrice = Heard(receiver(playout_clock=playout_clock)), Heard(receiver(playout_clock=playout_clock))
    for count, packet in enumerate(arrivals(packets)):
        for one in (once, thrice):
            run_timer(one, packet.at_ms)
            one.push(packet)
        for old in list(arrivals(packets))[: count + 1][-3:]:
            thrice.push(replace(old, at_ms=packet.at_ms))
    assert once.units == thrice.units
    assert once.receiver.stats.hold_ms == thrice.receiver.stats.hold_ms


@given(packets=streams(pauses=False, losses=False), ppm=st.integers(-1000, 1000))
@settings(max_examples=100, deadline=None)
def test_drift_of_the_clocks_changes_nothing(packets: list[Packet], ppm: int) -> None:
    in_order = sorted(p.at_ms for p in packets)
    packets = [replace(p, at_ms=at_ms) for p, at_ms in zip(packets, in_order, strict=True)]
    one = play(shifted(packets, 1 + ppm * 1e-6), Heard(receiver()), until_ms=0)
    assert one.units == [("real", p.number) for p in packets for _ in range(p.length_ms // 10)]


@given(packets=streams())
@settings(max_examples=100, deadline=None)
def test_with_a_playout_clock_blocks_come_evenly_and_each_packet_once_and_in_order(packets: list[Packet]) -> None:
    one = play(packets, Heard(receiver(playout_clock=True)), until_ms=1000)
    came = [p.at_ms for p in arrivals(packets)]
    if came:
        assert len(one.units) // 2 == (max(p.at_ms for p in packets) + 999 - came[0]) // 20 + 1
    numbers = [number for kind, number in one.units if kind == "real"]
    assert numbers == sorted(numbers)
    assert all(numbers.count(p.number) <= p.length_ms // 10 for p in packets)


NUMBERS = st.integers(0, 3) | st.integers(0, 2**16 - 1)
TIMES = st.integers(0, 3).map(lambda n: 960 * n) | st.integers(0, 2**32 - 1)
CLOCK = st.floats(0, 10) | st.floats()
PUSHES = st.tuples(st.binary(max_size=6) | st.binary(max_size=2000), NUMBERS, TIMES, CLOCK, st.booleans())


@given(events=st.lists(PUSHES | CLOCK, max_size=60), playout_clock=st.booleans())
@settings(max_examples=300, deadline=None)
def test_after_any_nonsense_a_good_stream_is_heard(events: list[Any], playout_clock: bool) -> None:
    one = receiver(playout_clock=playout_clock)
    for event in events:
        frames = one.push(*event) if isinstance(event, tuple) else one.advance(event)
        assert frames == one.audio.size == sum(count for _, count in one.kinds) <= 1.12 * RATE_HZ
    stats = one.stats
    assert stats.received + stats.duplicates == sum(isinstance(e, tuple) for e in events)
    assert stats.late + stats.undecodable + stats.dropped <= stats.received
    heard = []
    for number in range(9000, 9300):  # the clock of nonsense, or its delay, may have to be found anew first
        one.push(scripted_packet(number), number, 960 * number, 0.02 * number)
        heard += one.audio.tolist()
    assert 9200 in heard
