"""Redundant audio (RFC 2198): a packet that also holds what went before it. No I/O."""

from __future__ import annotations

from dataclasses import dataclass

_MORE = 0x80


@dataclass(frozen=True, slots=True)
class Block:
    """What stood in one packet.

    Parameters
    ----------
    payload_type : int
        Of the codec, 0 to 127.
    earlier : int
        How much before the packet's own timestamp it begins, in units of the RTP clock, 0 to 16383.
    payload : bytes
        For the codec; may be empty.
    """

    payload_type: int
    earlier: int
    payload: bytes


def split(payload: bytes) -> tuple[Block, ...]:
    """Return the blocks of a redundant payload, at least one, the packet's own last.

    Raises
    ------
    ValueError
        It ends in its headers, or is shorter than they say.
    """
    headers: list[tuple[int, int, int]] = []
    at = 0
    while payload[at : at + 1] and payload[at] & _MORE:
        header = int.from_bytes(payload[at : at + 4], "big")
        headers.append((header >> 24 & 0x7F, header >> 10 & 0x3FFF, header & 0x3FF))
        at += 4
    begin = at + 1
    if begin + sum(length for _, _, length in headers) > len(payload):
        raise ValueError(f"redundant audio: expected what {len(headers) + 1} headers say, got {len(payload)} bytes")
    blocks = []
    for payload_type, earlier, length in headers:
        blocks.append(Block(payload_type, earlier, payload[begin : begin + length]))
        begin += length
    return (*blocks, Block(payload[at], 0, payload[begin:]))


def join(blocks: tuple[Block, ...]) -> bytes:
    """Return `blocks`, the packet's own last, as one payload.

    Raises
    ------
    ValueError
        One that is not the last is 1024 bytes or longer, or too early.
    """
    *before, own = blocks
    if any(len(block.payload) > 0x3FF or not 0 <= block.earlier <= 0x3FFF for block in before):
        raise ValueError("redundant audio: expected less than 1024 bytes and at most 16383 units of time before")
    headers = b"".join(
        ((_MORE | block.payload_type) << 24 | block.earlier << 10 | len(block.payload)).to_bytes(4, "big")
        for block in before
    )
    return headers + bytes([own.payload_type]) + b"".join(block.payload for block in blocks)
