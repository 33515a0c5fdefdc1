"""RFC 2198: what is in a redundant packet, by bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonicrtc.rtc.redundancy import Block, join, split

#: One copy, 20 ms earlier: its header is F=1, 111, then 14 bits of time and 10 of length.
PACKET = bytes([0x80 | 111, 960 * 4 >> 8, (960 * 4 & 0xFF) | 0, 3, 111]) + b"old" + b"newer"


def test_a_packet_holds_what_went_before_it() -> None:
    blocks = split(PACKET)
    assert blocks == (Block(111, 960, b"old"), Block(111, 0, b"newer"))
    assert join(blocks) == PACKET


def test_a_packet_may_hold_nothing_but_its_own() -> None:
    assert split(b"\x6fown") == (Block(111, 0, b"own"),)
    assert split(b"\x6f") == (Block(111, 0, b""),)


@pytest.mark.parametrize("payload", [b"", PACKET[:1], PACKET[:3], PACKET[:4], PACKET[:7], b"\xef\x00\x00\x02\x6fx"])
def test_a_packet_that_is_cut_short_is_refused(payload: bytes) -> None:
    with pytest.raises(ValueError, match="redundant audio"):
        split(payload)


@given(st.binary(max_size=60))
def test_any_bytes_are_split_into_what_they_hold_or_refused(payload: bytes) -> None:
    try:
        blocks = split(payload)
    except ValueError:
        return
    assert join(blocks) == payload


@pytest.mark.parametrize("before", [Block(111, 0, bytes(1024)), Block(111, 16_384, b""), Block(111, -1, b"")])
def test_what_does_not_fit_the_header_is_refused(before: Block) -> None:
    with pytest.raises(ValueError, match="1024 bytes"):
        join((before, Block(111, 0, b"")))
