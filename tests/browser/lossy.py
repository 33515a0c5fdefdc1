"""``sonicrtc`` behind a network that loses a seeded share of a caller's packets; writes what came and was made of it.

Run as ``python -m tests.browser.lossy SHARE FILE serve --loopback ...``.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

from aiortc import rtp

from sonicrtc.audio import opus_has_fec
from sonicrtc.cli import main
from sonicrtc.rtc.inbound import InboundPackets
from sonicrtc.rtc.packets import ReceiverHook
from sonicrtc.rtc.redundancy import Block, split


def lose(share: float, has_fec: list[bool], copies: list[int]) -> None:
    """Drop packets before they are counted, as a network does; tell of each that came if it has FEC, and copies."""
    draw, handle = random.Random(1), ReceiverHook._handle

    async def lossy(self: ReceiverHook, packet: rtp.RtpPacket, arrival_time_ms: int) -> None:
        if draw.random() >= share:
            is_red = packet.payload_type == 63  # Chromium's number
            *before, own = split(packet.payload) if is_red else (Block(packet.payload_type, 0, packet.payload),)
            has_fec.append(opus_has_fec(own.payload))
            copies.append(len(before))
            await handle(self, packet, arrival_time_ms)

    setattr(ReceiverHook, "_handle", lossy)  # noqa: B010 - mypy


def watch(lines: list[InboundPackets]) -> None:
    """Remember every way in."""
    run = InboundPackets.run

    async def watched(self: InboundPackets) -> None:
        lines.append(self)
        await run(self)

    setattr(InboundPackets, "run", watched)  # noqa: B010 - mypy


if __name__ == "__main__":
    seen: list[bool] = []
    ways: list[InboundPackets] = []
    copied: list[int] = []
    lose(float(sys.argv[1]), seen, copied)
    watch(ways)
    try:
        status = main(sys.argv[3:])
    finally:
        (losses,) = (way.losses for way in ways)
        found = {"has_fec": seen, "copies": copied, "lost": losses.packets, "restored_ms": losses.restored_ms}
        Path(sys.argv[2]).write_text(json.dumps(found | {"made_up_ms": losses.made_up_ms}), "utf-8")
    sys.exit(status)
