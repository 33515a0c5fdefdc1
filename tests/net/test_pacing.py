"""When packets leave, on a virtual clock, and what is left out of a voice with pauses."""

from __future__ import annotations

import asyncio

import pytest
from tests.virtual_time import VirtualTime, on_virtual_time

from sonicrtc.rtc.pacing import Pace, Spurts


def now_s() -> float:
    return asyncio.get_running_loop().time()


def stall(seconds: float) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTime)
    loop.now_s += seconds


async def packet(pace: Pace) -> float:
    """Send one when it is due and return when that was."""
    await pace.due()
    pace.sent()
    return now_s()


@on_virtual_time
async def test_a_packet_leaves_every_20_ms_and_the_pace_never_drifts() -> None:
    pace, start_s = Pace(), now_s()
    for number in range(2000):
        await packet(pace)
        stall(0.003 * (number % 5))  # work that takes up to 12 of the 20 ms
    assert now_s() - start_s == pytest.approx(1999 * 0.02, abs=0.013)
    assert pace.stalls == 0


@on_virtual_time
async def test_after_a_stall_of_up_to_400_ms_all_packets_that_are_due_leave_at_once() -> None:
    pace, start_s = Pace(), await packet(Pace())
    await packet(pace)
    stall(0.39)
    assert [await packet(pace) - start_s for _ in range(20)] == pytest.approx([0.39] * 19 + [0.4])
    assert pace.packets == 21


@on_virtual_time
async def test_after_a_longer_stall_the_schedule_begins_anew_and_nothing_is_rushed_or_left_out() -> None:
    pace, start_s = Pace(), now_s()
    await packet(pace)
    stall(1.0)
    assert [await packet(pace) - start_s for _ in range(3)] == pytest.approx([1.0, 1.02, 1.04])
    assert pace.packets == 4


@on_virtual_time
async def test_a_timer_that_comes_late_is_counted_once() -> None:
    pace = Pace()
    for late_s in (0.0, 0.015, 0.1, 0.03, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0):
        asyncio.get_running_loop().call_later(0.001, stall, late_s)
        await packet(pace)
    assert (pace.stalls, round(pace.longest_stall_s, 3)) == (1, 0.081)


def sent(*blocks: str) -> str:
    """Return what becomes of 20 ms each of sound (#) and silence (.): S a begin, s sound, m a mark, - nothing."""
    spurts, parts = Spurts(), ""
    for block in "".join(blocks):
        part = spurts.take(silent=block == ".")
        parts += {"sound": "S" if spurts.begins else "s", "mark": "m", "nothing": "-"}[part]
    return parts


def test_sound_is_sent_and_200_ms_of_the_silence_behind_it() -> None:
    assert sent("###", "." * 12) == "Sss" + "s" * 10 + "m-"


def test_a_pause_is_marked_every_400_ms_and_the_next_sound_begins_a_spurt() -> None:
    assert sent("#", "." * 60, "##") == "S" + "s" * 10 + 2 * ("m" + "-" * 19) + "m" + "-" * 9 + "Ss"


def test_a_short_silence_is_no_pause() -> None:
    assert sent("#", "." * 10, "#") == "S" + "s" * 11


def test_an_agent_that_says_nothing_is_there_all_the_same() -> None:
    assert sent("." * 32) == "S" + "s" * 9 + "m" + "-" * 19 + "m-"
